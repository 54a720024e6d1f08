"""What is told of a strategy's own mistake: where in the data it happened, and the user's lines that led to it."""

from __future__ import annotations

import traceback
from pathlib import PurePath

from backbus.errors import StrategyError

_OURS = str(PurePath(__file__).parent)


def failure(strategy: object, error: Exception, place: str) -> StrategyError:
    """The error to raise in place of ``error``; its traceback leaves out our own frames."""
    told = str(error) if isinstance(error, StrategyError) else f"{type(error).__name__}: {error}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_OURS) or "builtins" in PurePath(frame.filename).parts
    ]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    text = "".join([*lines, *traceback.format_exception_only(error)]).rstrip()
    return StrategyError(f"{type(strategy).__name__} failed at {place}: {told}", traceback=text)
