"""What is told of a strategy's own mistake: where in the data it happened, and the user's lines that led to it."""

from __future__ import annotations

import traceback
from pathlib import PurePath

from backbus.errors import StrategyError, lacks_memory

_OURS = PurePath(__file__).parent
_MACHINERY = "<frozen importlib"


def _users(filename: str) -> bool:
    path = PurePath(filename)
    if filename.startswith(_MACHINERY) or path.parent.name == "importlib":
        return False
    return _OURS not in path.parents or path.parent.name == "builtins"


def user_traceback(error: BaseException) -> str:
    """The error's traceback without our own frames."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _users(frame.filename)]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    return "".join([*lines, *traceback.format_exception_only(error)]).rstrip()


def _words_of(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # a user's own exception may fail at this, too
        return "it cannot say why: its __str__ raises"


def failure(strategy: object, error: Exception, place: str) -> StrategyError:
    """The error to raise in place of ``error``: what happened, at which place in the data."""
    told = str(error) if isinstance(error, StrategyError) else f"{type(error).__name__}: {_words_of(error)}"
    if lacks_memory(error):
        told += " (how much it may take: run.memory_mib on a stack, sweep.memory_mib in a sweep)"
    return StrategyError(f"{type(strategy).__name__} failed at {place}: {told}", traceback=user_traceback(error))
