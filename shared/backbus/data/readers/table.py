"""One source of bars as it was read: columns in the source's own order, and where each row stands in it.

A CSV file and a frame both become a table; everything after that (zones, repairs, adjustment) is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backbus.data.readers.headers import QUOTE
from backbus.errors import DataError
from backbus.market.columns import PRICES
from backbus.market.panel import Floats, Ints

Codes = NDArray[np.int32]
Kind = Literal["date", "local", "instant"]
KIND_NAMES: dict[Kind, str] = {
    "date": "dates without a time",
    "local": "timestamps without a zone",
    "instant": "timestamps with a zone",
}


@dataclass(frozen=True, slots=True)
class Stamps:
    """When the bars of a table are: [rows] int64."""

    kind: Kind
    values: Ints
    """``date``: days since 1970. ``local``: nanoseconds since 1970 on an unknown wall clock. ``instant``: UTC ns."""
    wall: Callable[[], Ints] | None = None
    """Nanoseconds of the wall clock that wrote an ``instant``, where it is another one than UTC's."""
    zone: str | None = None
    """The clock of ``local`` stamps, where they name it."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one file or frame, as columns of equal length."""

    name: str
    """As shown to the user."""
    stamps: Stamps
    symbols: tuple[str, ...]
    codes: Codes | None
    """[rows] index into ``symbols``; None where all rows are of the only one."""
    numbers: Mapping[str, Floats]
    """The four prices, and volume and adj_close where the source has them; NaN where a cell holds no number."""
    headers: Mapping[str, str]
    """What the source calls each column."""
    left: tuple[str, ...] = ()
    """The columns that were taken for nothing."""
    lines: Callable[[], Ints] | None = None
    """[rows] line of each row, counted from 1; asked only when something must be named. None for a frame."""
    unreadable: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """Text of the cells that are neither empty nor a number, by column and row."""

    zone: str | None = None
    """The clock of stamps without a zone, where the source's shape tells it."""
    first_row: int = 0
    """Number of the first row, where it is a part of what has no lines."""
    notes: tuple[str, ...] = ()
    """What is to be said of how it was read."""
    begins: bool = False
    """Whether its shape tells that a stamp is the beginning of its bar, however long that is."""
    ticks: bool = False
    """Whether the rows are trades or quotes, each a bar of its own."""
    quoted: bool = False
    """Whether prices are the middle of what is bid and asked."""

    def __len__(self) -> int:
        return len(self.stamps.values)

    def line(self, row: int) -> int | None:
        """Line of a row in its file."""
        return None if self.lines is None else int(self.lines()[row])

    def place(self, row: int) -> str:
        """File and line, or frame and row."""
        line = self.line(row)
        return f"{self.name}, row {self.first_row + row}" if line is None else f"{self.name}:{line}"

    def error(self, row: int, message: str, *, column: str | None = None, symbol: str | None = None) -> DataError:
        """The error that names this row; ``column`` is the column's role."""
        line = self.line(row)
        header = None if column is None else self.headers.get(column, column)
        return DataError(
            message, file=self.place(row) if line is None else self.name, line=line, column=header, symbol=symbol
        )


def of_ticks(table: Table) -> Table:
    """The table with the prices of bars where it has neither high nor low, or its rows are trades, or quotes: these are
    worth the middle of both sides, or the one that is there, and as much as the mean of their sizes."""
    numbers = dict(table.numbers)
    if "open" in numbers and "high" not in numbers:
        ends = numbers["open"], numbers["close"]
        both = f"{table.headers['open']} and {table.headers['close']}"
        extremes = {"high": np.maximum(*ends), "low": np.minimum(*ends)}
        return replace(table, numbers=numbers | extremes, headers={**table.headers, **dict.fromkeys(extremes, both)})
    if "open" in numbers:
        return table
    unreadable = dict(table.unreadable)
    headers = dict(table.headers)
    if "close" not in numbers:
        bid, ask = (np.where(numbers[side] > 0.0, numbers[side], np.nan) for side in QUOTE)
        price = np.where(np.isnan(bid), ask, np.where(np.isnan(ask), bid, 0.5 * (bid + ask)))
        for side in QUOTE:
            headers.setdefault("close", " and ".join(headers[each] for each in QUOTE))
            for role, row in [key for key in unreadable if key[0] == side]:
                unreadable["close", row] = unreadable.pop((role, row))
                price[row] = np.nan
        numbers["close"] = price
        sizes = [numbers[role] for role in ("bid_size", "ask_size") if role in numbers]
        if sizes:
            numbers["volume"] = np.add.reduce(sizes) / len(sizes)
    prices = dict.fromkeys(PRICES, numbers["close"])
    headers |= dict.fromkeys(PRICES, headers["close"])
    quoted = "close" not in table.numbers
    return replace(
        table, numbers={**numbers, **prices}, headers=headers, unreadable=unreadable, ticks=True, quoted=quoted
    )


def in_order(table: Table) -> Table:
    """The table from its last row to its first where the newest comes first, as on many sites."""
    values = table.stamps.values
    steps = np.diff(values)
    if not len(steps) or (steps > 0).any() or (not (steps < 0).all() and table.codes is None) or not (steps < 0).any():
        return table
    return chosen(table, slice(None, None, -1))


def chosen(table: Table, rows: Ints | slice) -> Table:
    """The rows of a table that these are, in their order. Of a frame's rows the numbers are lost."""
    lines, stamps = table.lines, table.stamps
    wall = stamps.wall
    place = {row: at for at, row in enumerate(np.arange(len(table))[rows].tolist())} if table.unreadable else {}
    return replace(
        table,
        stamps=replace(stamps, values=stamps.values[rows], wall=None if wall is None else lambda: wall()[rows]),
        codes=None if table.codes is None else table.codes[rows],
        numbers={role: column[rows] for role, column in table.numbers.items()},
        lines=None if lines is None else lambda: lines()[rows],
        unreadable={(role, place[row]): text for (role, row), text in table.unreadable.items() if row in place},
    )
