"""Who was in a universe when: a table of spells (symbol, from, to), or of lists (date, members), as spells.

Days only. ``to`` is the last day in it, and empty where the spell goes on; a list holds from its date on until the day
before the next one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np

from backbus.data.readers.by_name import text_bytes
from backbus.data.readers.columnar import ARROW, PARQUET
from backbus.data.readers.csv_text import SEPARATORS
from backbus.data.readers.headers import is_date_name, is_symbol_name, plain
from backbus.data.readers.stamps import parse_stamps
from backbus.errors import DataError
from backbus.market.panel import Ints, session_date
from backbus.market.timeframes import DAY_NS

FOR_EVER = 1 << 40
"""The last day of a spell that goes on."""
_FROM = frozenset(["from", "start", "startdate", "fromdate", "datefrom", "since", "begin", "begindate", "firstday"])
_TO = frozenset(["to", "end", "enddate", "todate", "dateto", "until", "thru", "through", "lastday"])
_LIST = frozenset(["members", "tickers", "symbols", "constituents"])
_PARTS = re.compile(r"[,;|\s]+")
_NO_DATE = frozenset(["", "-", "--", "na", "n/a", "nan", "nat", "null", "none"])


class Spell(NamedTuple):
    """Days since 1970 from which and until which, both included, an asset is in it; and where that was told."""

    first: int
    last: int
    row: int


@dataclass(frozen=True, slots=True)
class Members:
    """A universe."""

    name: str
    spells: dict[str, tuple[Spell, ...]]
    """By symbol, in order of time; none overlaps another."""
    lists: int
    """How many lists they were told by; 0 where by spells."""

    def told(self) -> str:
        """How the table was read, as a sentence."""
        count = sum(map(len, self.spells.values()))
        first = session_date(min(spell.first for each in self.spells.values() for spell in each))
        if self.lists:
            return (
                f"{self.name}: {self.lists} lists of members from {first} on, {len(self.spells)} assets in all; each"
                " holds from its date until the day before the next"
            )
        return f"{self.name}: {count} spells of {len(self.spells)} members from {first} on, both days included"


class _Cells:
    """A table as texts, and where its rows are."""

    def __init__(self, name: str, headers: Sequence[str], rows: list[list[str]], lines: list[int] | None) -> None:
        self.name, self.headers, self.rows, self._lines = name, [header.strip() for header in headers], rows, lines

    def error(self, row: int, message: str, column: int, symbol: str | None = None) -> DataError:
        """The error that names a cell."""
        if self._lines is None:
            return DataError(message, file=f"{self.name}, row {row}", column=self.headers[column], symbol=symbol)
        return DataError(message, file=self.name, line=self._lines[row], column=self.headers[column], symbol=symbol)

    def place(self, row: int) -> str:
        """A row as people find it."""
        return f"row {row}" if self._lines is None else f"line {self._lines[row]}"

    def days(self, *columns: int) -> list[list[int]]:
        """Columns of dates, read in one form: all of them tell which. Where the second has none, the spell goes on."""
        there = [
            (row, column)
            for column in columns
            for row in range(len(self.rows))
            if self.rows[row][column].strip().lower() not in _NO_DATE
        ]
        found = [[FOR_EVER] * len(self.rows) for _ in columns]
        if there:
            days = self._parsed([self.rows[row][column].strip() for row, column in there], there)
            for (row, column), day in zip(there, days.tolist(), strict=True):
                found[columns.index(column)][row] = day
        if FOR_EVER in found[0]:
            row = found[0].index(FOR_EVER)
            raise self.error(row, "there is no date; say the first day on which it is in it", columns[0])
        return found

    def _parsed(self, texts: list[str], places: list[tuple[int, int]]) -> Ints:
        import pyarrow as pa

        def blame(at: int, message: str) -> DataError:
            row, column = places[at]
            said = message.split("; ", maxsplit=1)[0]
            return self.error(row, f"{said}; write all dates of the table as 2024-01-31", column)

        stamps = parse_stamps(pa.chunked_array([pa.array(texts, pa.string())]), blame)
        if stamps.kind == "date":
            return stamps.values
        wall = stamps.values if stamps.wall is None else stamps.wall()
        if (wall % DAY_NS).any():
            at = int(np.argmax(wall % DAY_NS != 0))
            raise self.error(places[at][0], f"{texts[at]!r} has a time; a universe is told by days", places[at][1])
        return wall // DAY_NS


def read_members(name: str, path: Path) -> Members:
    """The universe in a file: CSV, packed or not, Parquet or Arrow. Raises ``DataError`` with file, line and column."""
    suffix = PurePath(name).suffix.lower()
    cells = _of_arrow(name, path, suffix) if suffix in (*PARQUET, *ARROW) else _of_text(name, path)
    if not cells.rows:
        raise DataError("has no rows; a universe without a member lets nothing be traded", file=name)
    names = [plain(header) for header in cells.headers]
    symbol = next((at for at, header in enumerate(cells.headers) if is_symbol_name(header)), None)
    first, last, listed = (
        next((at for at, one in enumerate(names) if one in known), None) for known in (_FROM, _TO, _LIST)
    )
    when = next((at for at, header in enumerate(cells.headers) if is_date_name(header)), None)
    if symbol is not None and first is not None and last is not None:
        return Members(name, _of_spells(cells, symbol, first, last), 0)
    if when is not None and listed is not None and symbol is None:
        return Members(name, *_of_lists(cells, when, listed))
    raise DataError(
        f"has the columns {', '.join(cells.headers)}; a universe has symbol, from and to (the last day in it, empty"
        " where it still is), or date and members (all of that day on, in one cell)",
        file=name,
    )


def _of_spells(cells: _Cells, symbol: int, first: int, last: int) -> dict[str, tuple[Spell, ...]]:
    begins, ends = cells.days(first, last)
    found: dict[str, list[Spell]] = {}
    for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        name = cells.rows[row][symbol].strip()
        if not name:
            raise cells.error(row, "this row names no symbol", symbol)
        if end < begin:
            text = f"{session_date(end)} is before {session_date(begin)}, its first day; correct one of them"
            raise cells.error(row, text, last, name)
        found.setdefault(name, []).append(Spell(begin, end, row))
    for name, spells in found.items():
        spells.sort()
        for before, spell in pairwise(spells):
            if spell.first <= before.last:
                until = "and goes on" if before.last == FOR_EVER else f"to {session_date(before.last)}"
                at, other = sorted((before.row, spell.row))[::-1]
                text = (
                    f"this spell overlaps that of {cells.place(other)}: one is from {session_date(before.first)}"
                    f" {until}, the other from {session_date(spell.first)}; make them one, or end the first"
                    " before the second"
                )
                raise cells.error(at, text, first, name)
    return {name: tuple(spells) for name, spells in found.items()}


def _of_lists(cells: _Cells, when: int, listed: int) -> tuple[dict[str, tuple[Spell, ...]], int]:
    (days,) = cells.days(when)
    order = sorted(range(len(days)), key=days.__getitem__)
    found: dict[str, list[Spell]] = {}
    for place, row in enumerate(order):
        after = FOR_EVER + 1 if place + 1 == len(order) else days[order[place + 1]]
        if after == days[row]:
            at = max(row, order[place + 1])
            raise cells.error(at, f"a second list of {session_date(after)}; keep one of them", when)
        for name in dict.fromkeys(_listed(cells.rows[row][listed])):
            spells = found.setdefault(name, [])
            if spells and spells[-1].last == days[row] - 1:
                spells[-1] = spells[-1]._replace(last=after - 1)
            else:
                spells.append(Spell(days[row], after - 1, row))
    if not found:
        raise DataError("has no member in any list; it lets nothing be traded", file=cells.name)
    return {name: tuple(spells) for name, spells in found.items()}, len(order)


def _listed(text: str) -> Iterator[str]:
    for part in _PARTS.split(text.strip(" []()")):
        name = part.strip("'\"")
        if name:
            yield name


def _of_text(name: str, path: Path) -> _Cells:
    try:
        text = text_bytes(name, path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text; save it as UTF-8", file=name) from None
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    headers: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if not headers:
                headers = fields
                continue
            if len(fields) != len(headers):
                wrong = f"has {len(fields)} fields, and the header has {len(headers)}; a list of members needs quotes"
                raise DataError(wrong, file=name, line=reader.line_num)
            rows.append(fields)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"cannot be read as CSV: {error}", file=name, line=reader.line_num) from None
    if not headers:
        raise DataError("is empty; it needs a line that names the columns, and members", file=name)
    return _Cells(name, headers, rows, lines)


def _of_arrow(name: str, path: Path, suffix: str) -> _Cells:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import feather

    try:
        table: Any = pq.read_table(path) if suffix in PARQUET else feather.read_table(path)
    except FileNotFoundError:
        raise DataError("no such file", file=name) from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot be read: {str(error).splitlines()[0]}", file=name) from None
    columns = [[_cell(value) for value in table.column(at).to_pylist()] for at in range(table.num_columns)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return _Cells(name, table.column_names, rows, None)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if value.time() == datetime.min.time() else str(value)
    return value.isoformat() if isinstance(value, date) else str(value)
