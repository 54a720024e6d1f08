"""All bars of all sources in one flat set of columns, each bar remembering the table and row that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from backbus.data.panels.sessions import Faults
from backbus.data.readers.table import Codes, Table
from backbus.errors import DataError
from backbus.market.panel import Floats, Ints, instant_text, session_date


@dataclass(frozen=True, slots=True)
class Rows:
    """Bars as columns of equal length."""

    tables: Sequence[Table]
    symbols: tuple[str, ...]
    table: Codes
    row: Ints
    """Which table, and which of its rows."""
    asset: Codes
    """Index into ``symbols``."""
    stamp: Ints
    """Days since 1970 where ``dates``, otherwise UTC nanoseconds."""
    dates: bool
    numbers: Mapping[str, Floats]
    clock: Mapping[int, Faults] = field(default_factory=dict)
    """By table, the rows whose stamps were not one instant."""
    odd: Any = None
    """[bars] daily bars at a time unlike the others', or None."""
    unlike: str = ""
    """What they are unlike."""
    how: str = ""
    """Which session a stamp that had a time is of."""
    notes: tuple[str, ...] = ()
    """What is to be said of how all of them were read."""

    def __len__(self) -> int:
        return len(self.stamp)

    @property
    def ticks(self) -> bool:
        """Whether these are trades or quotes."""
        return self.tables[0].ticks

    def take(self, chosen: Any) -> Rows:
        """The bars that an index array, mask or slice chooses."""
        return replace(
            self,
            table=self.table[chosen],
            row=self.row[chosen],
            asset=self.asset[chosen],
            stamp=self.stamp[chosen],
            odd=None if self.odd is None else self.odd[chosen],
            numbers={role: column[chosen] for role, column in self.numbers.items()},
        )

    def source(self, at: int) -> tuple[Table, int]:
        """Table and row of a bar."""
        return self.tables[int(self.table[at])], int(self.row[at])

    def when(self, at: int) -> str:
        """A bar's date or time, as written for people."""
        return session_date(int(self.stamp[at])) if self.dates else instant_text(int(self.stamp[at]))

    def symbol(self, at: int) -> str:
        """A bar's asset."""
        return self.symbols[int(self.asset[at])]

    def place(self, at: int) -> str:
        """File and line of a bar."""
        table, row = self.source(at)
        return table.place(row)

    def error(self, at: int, message: str, column: str | None = None) -> DataError:
        """The error that names a bar."""
        table, row = self.source(at)
        return table.error(row, message, column=column, symbol=self.symbol(at))
