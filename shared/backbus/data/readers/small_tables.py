"""A small table as texts, row by row: what members of a universe and rates by date are read from. CSV, packed or not,
Parquet or Arrow."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from backbus.data.readers.by_name import text_bytes
from backbus.data.readers.columnar import ARROW, PARQUET
from backbus.data.readers.csv_text import SEPARATORS
from backbus.data.readers.stamps import parse_stamps
from backbus.errors import DataError
from backbus.market.panel import Ints
from backbus.market.timeframes import DAY_NS

_NOTHING = frozenset(["", ".", "-", "--", "na", "n/a", "nan", "nat", "nd", "null", "none"])


_WAYS_OF_PRICES = re.compile(r"; | \(known forms")
"""Where an error of a stamp begins to say what settings of the data help: none of them rules such a table."""
NO_DAY = np.iinfo(np.int64).min


def says_nothing(text: str) -> bool:
    """Whether a cell is empty, as people and programs write that."""
    return text.strip().lower() in _NOTHING


class SmallTable:
    """A table as texts, and where its rows are."""

    def __init__(self, name: str, headers: Sequence[str], rows: list[list[str]], lines: list[int] | None) -> None:
        self.name, self.headers, self.rows, self._lines = name, [header.strip() for header in headers], rows, lines

    def error(self, row: int, message: str, column: int, symbol: str | None = None) -> DataError:
        """The error that names a cell."""
        if self._lines is None:
            return DataError(
                message, file=f"{self.name}, {self.place(row)}", column=self.headers[column], symbol=symbol
            )
        return DataError(message, file=self.name, line=self._lines[row], column=self.headers[column], symbol=symbol)

    def place(self, row: int) -> str:
        """A row as people find it."""
        return f"row {row}" if self._lines is None else f"line {self._lines[row]}"

    def column(self, at: int) -> list[str]:
        """The texts of a column."""
        return [row[at].strip() for row in self.rows]

    def days(self, *columns: int, first: str, missing: int = NO_DAY) -> list[list[int]]:
        """Columns of days since 1970, read in one form: all of them tell which. ``first`` is what the first one says,
        of which no cell may be empty; ``missing`` stands where one of the others is."""
        there = [(row, at) for at in columns for row, text in enumerate(self.column(at)) if not says_nothing(text)]
        found = [[missing] * len(self.rows) for _ in columns]
        if there:
            days = self._parsed([self.rows[row][column].strip() for row, column in there], there)
            for (row, column), day in zip(there, days.tolist(), strict=True):
                found[columns.index(column)][row] = day
        if missing in found[0]:
            raise self.error(found[0].index(missing), f"there is no date; say {first}", columns[0])
        return found

    def _parsed(self, texts: list[str], places: list[tuple[int, int]]) -> Ints:
        import pyarrow as pa

        def blame(at: int, message: str) -> DataError:
            row, column = places[at]
            said = _WAYS_OF_PRICES.split(message, maxsplit=1)[0]
            return self.error(row, f"{said}; write all dates of the table as 2024-01-31", column)

        stamps = parse_stamps(pa.chunked_array([pa.array(texts, pa.string())]), blame)
        if stamps.kind == "date":
            return stamps.values
        wall = stamps.values if stamps.wall is None else stamps.wall()
        if (wall % DAY_NS).any():
            at = int(np.argmax(wall % DAY_NS != 0))
            raise self.error(places[at][0], f"{texts[at]!r} has a time; this table is of days", places[at][1])
        return wall // DAY_NS


def read_small_table(name: str, path: Path, if_torn: str = "") -> SmallTable:
    """The table in a file; ``if_torn`` ends the error of a line with more or fewer fields than the header. Raises
    ``DataError`` with file and line."""
    suffix = PurePath(name).suffix.lower()
    if suffix in (*PARQUET, *ARROW):
        return _of_arrow(name, path, suffix)
    return _of_text(name, path, if_torn)


def _of_text(name: str, path: Path, if_torn: str) -> SmallTable:
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
                wrong = f"has {len(fields)} fields, and the header has {len(headers)}"
                raise DataError(wrong + if_torn, file=name, line=reader.line_num)
            rows.append(fields)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"cannot be read as CSV: {error}", file=name, line=reader.line_num) from None
    if not headers:
        raise DataError("is empty; it needs a line that names the columns, and rows", file=name)
    return SmallTable(name, headers, rows, lines)


def _of_arrow(name: str, path: Path, suffix: str) -> SmallTable:
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
    return SmallTable(name, table.column_names, rows, None)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if value.time() == datetime.min.time() else str(value)
    return value.isoformat() if isinstance(value, date) else str(value)
