"""What is told of a strategy's own mistake: where in the data it happened, and the user's lines that led to it."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from types import TracebackType

from backbus.errors import BackbusError, StrategyError, lacks_memory

RAISED = (Exception, SystemExit)
"""What users' code raises that is its own: an end of the process too, but no interruption from outside."""

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


def told_of(error: BaseException) -> str:
    """What was raised, in words."""
    try:
        if isinstance(error, SystemExit):
            return f"SystemExit({error.code!r}), which ends the process (raise an error in its place)"
        return f"{type(error).__name__}: {error}"
    except Exception:  # a user's own exception may fail at this, too
        return f"{type(error).__name__}: it cannot say why: its __str__ raises"


class users_code:  # noqa: N801  (a context manager: one of contextlib's costs five times as much, for each point)
    """Turn what users' code raises into StrategyError, which says that ``what`` failed; not errors of backbus, nor one
    of memory, which its process has to tell."""

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RAISED) and not isinstance(error, BackbusError | MemoryError):
            told = f"{self._what} failed: {told_of(error)}"
            raise StrategyError(told, traceback=user_traceback(error)) from error


def failure(strategy: object, error: BaseException, place: str) -> StrategyError:
    """The error to raise in place of ``error``: what happened, at which place in the data."""
    told = str(error) if isinstance(error, StrategyError) else told_of(error)
    if lacks_memory(error):
        told += " (how much it may take: run.memory_mib on a stack, sweep.memory_mib in a sweep)"
    return StrategyError(f"{type(strategy).__name__} failed at {place}: {told}", traceback=user_traceback(error))
