"""Every error that backbus raises on purpose.

::

    BackbusError
    ├── UsageError            what was typed cannot be understood            (exit status 2)
    │   └── JobError          a job file or a setting in it is wrong; names the field
    ├── DataError             a price file is wrong; names file, line, column, symbol
    ├── StrategyError         a strategy cannot be loaded, or raised; carries its traceback
    ├── ProtocolError         a message cannot be read: dropped, counted, logged
    ├── StreamGap             records of a stream are missing: ends the attempt
    ├── StackError            the stack cannot be reached, started or stopped
    └── JobFailed             the job ended without a result; carries every attempt's reason

A message says what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence


class BackbusError(Exception):
    """Base of the tree; catching it catches everything that backbus raises on purpose."""

    exit_status = 1


class UsageError(BackbusError):
    """What was asked for cannot be understood or does not exist."""

    exit_status = 2


class JobError(UsageError):
    """A job is wrong. ``field`` is the dotted path of the setting, as it is written after ``--set``."""

    def __init__(self, message: str, *, field: str | None = None, file: str | None = None) -> None:
        self.field = field
        self.file = file
        where = ": ".join(part for part in (file, field) if part)
        super().__init__(f"{where}: {message}" if where else message)


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
