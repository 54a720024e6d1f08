"""Every error that backbus raises on purpose.

::

    BackbusError
    ├── UsageError            what was typed cannot be understood            (exit status 2)
    │   └── JobError          a job is wrong; names every setting that is
    │       ├── RunNotFound   no run, or more than one, has this name
    │       └── TooManyPoints a sweep has more points than are let pass
    ├── DataError             a price file is wrong; names file, line, column, symbol
    ├── StrategyError         a strategy cannot be loaded, or raised; carries its traceback
    ├── ProtocolError         a message cannot be read: dropped, counted, logged
    ├── StreamGap             records of a stream are missing: ends the attempt
    ├── Mispredicted          a member said something else than another had worked out: ends the attempt
    ├── StackError            the stack cannot be reached, started or stopped
    └── JobFailed             the job ended without a result; carries every attempt's reason

A message says what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self


class BackbusError(Exception):
    """Base of the tree; catching it catches everything that backbus raises on purpose."""

    exit_status = 1


class UsageError(BackbusError):
    """What was asked for cannot be understood or does not exist."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in a job."""

    setting: str | None
    """Its dotted path, as it is written after ``--set``; None where it is the job as a whole."""
    line: int | None
    """Of the job file, where it is known."""
    problem: str
    """What is wrong, and what to do."""
    place: str = ""
    """What the message begins with: the file and the line, or ``--set``."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.setting, self.problem) if part)


class JobError(UsageError):
    """A job is wrong, in one setting or in several: ``mistakes`` has all that are known. ``field`` is the dotted path
    of the first one, as it is written after ``--set``, and ``line`` its line in ``file``."""

    def __init__(self, message: str, *, field: str | None = None, file: str | None = None) -> None:
        self.file = file
        self._tell((Mistake(field, None, message, file or ""),))

    @classmethod
    def of(cls, mistakes: Iterable[Mistake], file: str | None) -> Self:
        """All of these, of which there is one at least."""
        error = cls("", file=file)
        error._tell(tuple(mistakes))
        return error

    def _tell(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        self.field, self.line = mistakes[0].setting, mistakes[0].line
        lines = list(map(str, mistakes))
        if len(lines) > 1:
            title = f"{len(lines)} mistakes" if self.file is None else f"{self.file}: {len(lines)} mistakes"
            lines = [f"{title}:", *(f"  {line}" for line in lines)]
        self.args = ("\n".join(lines),)


class RunNotFound(JobError):
    """No kept run has this name, or more than one."""


class TooManyPoints(JobError):
    """A sweep has more points than its job, or whoever asks for it, lets pass."""


class DataError(BackbusError):
    """Prices are wrong. Lines count from 1, the header included; a place that is not known is left out."""

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: str | None = None,
        symbol: str | None = None,
    ) -> None:
        self.file, self.line, self.column, self.symbol = file, line, column, symbol
        place = file or ""
        if line is not None:
            place += f":{line}"
        details = [f"column {column!r}" if column else "", f"symbol {symbol}" if symbol else ""]
        where = ", ".join(part for part in (place, *details) if part)
        super().__init__(f"{where}: {message}" if where else message)


class StrategyError(BackbusError):
    """A strategy cannot be loaded or raised while it ran; ``traceback`` shows the user's own lines."""

    def __init__(self, message: str, *, traceback: str | None = None) -> None:
        self.traceback = traceback
        super().__init__(message)


class ProtocolError(BackbusError):
    """A message that is not one of ours: counted and logged by whoever received it, never fatal."""


class StreamGap(BackbusError):
    """Records of a stream are missing, so that nothing after them can be trusted."""

    def __init__(self, stream: str, expected: int, found: int) -> None:
        self.stream, self.expected, self.found = stream, expected, found
        super().__init__(f"stream {stream}: expected record {expected}, the next one to arrive is {found}")


class Mispredicted(BackbusError):
    """A member said something else than another one had worked out: one of the two computes by other rules."""


class StackError(BackbusError):
    """The stack of services cannot be reached, started or stopped."""


class JobFailed(BackbusError):
    """A job ended without a result; the message has every attempt's reason."""


def no_symbol(symbol: object, symbols: Sequence[str]) -> str:
    """What to say of a symbol that is none of ``symbols``."""
    import difflib

    close = difflib.get_close_matches(str(symbol), symbols, n=1)
    some = ", ".join(symbols[:8]) + (f" and {len(symbols) - 8} more" if len(symbols) > 8 else "")
    return f"the data has no symbol {symbol!r}; " + (f"did you mean {close[0]!r}?" if close else f"it has {some}")


def lacks_memory(error: BaseException | None) -> bool:
    """Whether an error is one of memory, or comes of one."""
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__
    return error is not None
