"""What is told of a strategy's own mistake: where in the data it happened, and the user's lines that led to it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath

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


@contextmanager
def users_code(what: str) -> Iterator[None]:
    """Turn what users' code raises into StrategyError, which says that ``what`` failed; not errors of backbus, nor one
    of memory, which its process has to tell."""
    try:
        yield
    except (BackbusError, MemoryError):
        raise
    except RAISED as error:
        raise StrategyError(f"{what} failed: {told_of(error)}", traceback=user_traceback(error)) from error


def failure(strategy: object, error: BaseException, place: str) -> StrategyError:
    """The error to raise in place of ``error``: what happened, at which place in the data."""
    told = str(error) if isinstance(error, StrategyError) else told_of(error)
    if lacks_memory(error):
        told += " (how much it may take: run.memory_mib on a stack, sweep.memory_mib in a sweep)"
    return StrategyError(f"{type(strategy).__name__} failed at {place}: {told}", traceback=user_traceback(error))
