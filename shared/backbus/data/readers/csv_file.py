"""CSV text as a table: bytes in, columns out, and the line of whatever cannot be read.

Reading is vectorised; a file is looked at line by line only once something in it is known to be wrong. Numbers are the
nearest float64 to what is written, whichever way a cell is read.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backbus.data.readers.headers import (
    ADJ_CLOSE,
    NUMBERS,
    STAMP,
    SYMBOL,
    TIME,
    extra_role,
    find_columns,
    find_extra,
    names_columns,
)
from backbus.data.readers.shapes import SIDES, Shape, mid_prices, shape_of
from backbus.data.readers.stamps import parse_stamps
from backbus.data.readers.table import Codes, Stamps, Table, in_order, of_ticks
from backbus.errors import DataError
from backbus.market.columns import PRICES
from backbus.market.panel import Floats, Ints
from backbus.market.timeframes import DAY_NS

SEPARATORS = ",;\t|"
EMPTY = ("", "-", "--", ".", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none")
"""What stands for "no value" in a number's cell."""

LINE_BYTES = 1 << 20
"""No line of prices is longer."""
PREAMBLE_LINES = 5
"""So many lines that name no columns may come before the one that does."""

_INK = re.compile(rb"\S")
_GROUPED = re.compile(r"-?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})$")
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_MONEY = "$€£¥"
_SIDES = tuple(f"{side}_{price}" for side in SIDES for price in PRICES)


@dataclass(frozen=True, slots=True)
class _Text:
    """A file's bytes, past any byte order mark, and its header."""

    name: str
    data: bytes | memoryview
    body: int
    """Offset of the first byte after the header line."""
    header_line: int
    """Its line, counted from 1; 0 where the first line is a bar already."""
    separator: str
    headers: tuple[str, ...]
    shape: Shape
    lines_before: Callable[[], int] = int
    """How many lines of the file come before ``data``."""

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Lines with something in them after the header, and their numbers."""
        first = self.lines_before() + self.header_line + 1
        return ((number, line) for number, line in enumerate(bytes(self.data[self.body :]).splitlines(), first) if line)

    def fields(self, line: bytes) -> list[str]:
        return next(csv.reader([line.decode("utf-8")], delimiter=self.separator), [])


class CsvFile:
    """A CSV file whose columns are known: read whole, or a part at a time."""

    def __init__(
        self, name: str, source: Callable[[], bytes], header: Sequence[str] | None = None, extra: Sequence[str] = ()
    ) -> None:
        """``source`` gives the file's bytes, or as many of the first ones as hold its header. ``header`` names the
        columns of files whose first line is a bar, ``extra`` further ones to read. Raises ``DataError`` with file and
        line, or ``JobError``.
        """
        self._name, self._source, self._header = name, source, header
        self._first = _open(name, source(), header)
        self._shape, headers = self._first.shape, self._first.headers
        columns = self._shape.columns or find_columns(headers, name, self._first.header_line or None)
        known = (STAMP, TIME, SYMBOL, *NUMBERS, *_SIDES)
        self._more = {extra_role(one): at for one, at in find_extra(headers, extra, name).items()}
        self._roles = {role: at for role, at in columns.items() if role in known} | self._more
        self._headers = {role: headers[position].strip() or role for role, position in self._roles.items()}

    @property
    def symbol(self) -> str | None:
        """The asset that all rows are of; None where a column names it."""
        return None if SYMBOL in self._roles else self._shape.symbol

    @property
    def body(self) -> int:
        """Offset of the first bar."""
        return self._first.body

    def whole(self) -> Table:
        """All bars."""
        text, self._first = self._first, replace(self._first, data=b"")
        return self._table(text, lambda: _open(self._name, self._source(), self._header))

    def part(self, data: Callable[[], bytes | memoryview], lines_before: Callable[[], int]) -> Table:
        """The bars of some whole lines, and how many come before them. ``data`` may be asked again."""
        first = replace(self._first, body=0, header_line=0, lines_before=lines_before)
        return self._table(replace(first, data=data()), lambda: replace(first, data=data()))

    def _table(self, text: _Text, again: Callable[[], _Text]) -> Table:
        name, shape, headers = self._name, self._shape, self._headers
        cells, unreadable = _columns(text, self._roles, {*NUMBERS, *_SIDES, *self._more})
        del text
        lines = functools.cache(lambda: np.array([number for number, _ in again().lines()], dtype=np.int64))

        def blame(row: int, message: str) -> DataError:
            return DataError(message, file=name, line=int(lines()[row]), column=headers[STAMP])

        stamps = cells.pop(STAMP)
        if TIME in cells:
            import pyarrow.compute as pc

            stamps = pc.binary_join_element_wise(stamps, cells.pop(TIME), " ")
        symbols, codes = read_symbols(cells.pop(SYMBOL), name, lines) if SYMBOL in cells else ((shape.symbol,), None)
        if shape.quotes:
            cells = {role: cells[role] for role in self._more} | mid_prices(cells)
        if shape.units != 1.0:
            cells |= {role: cells[role] / shape.units for role in (*PRICES, ADJ_CLOSE) if role in cells}
        table = Table(
            name=name,
            stamps=parse_stamps(stamps, blame) if shape.day is None else _of_day(stamps, shape.day, blame),
            symbols=symbols,
            codes=codes,
            numbers=cells,
            headers=headers,
            lines=lines,
            unreadable=unreadable,
            zone=shape.zone,
        )
        return in_order(of_ticks(table))


def read_csv(
    name: str,
    source: Callable[[], bytes],
    wanted: Collection[str] | None = None,
    header: Sequence[str] | None = None,
    extra: Sequence[str] = (),
) -> Table | None:
    """The bars of one file, or None where it holds one asset and that is not ``wanted``. ``source`` gives its bytes,
    again where a line must be named. Raises as ``CsvFile`` does."""
    file = CsvFile(name, source, header, extra)
    if file.symbol is not None and wanted is not None and file.symbol not in wanted:
        return None
    return file.whole()


def _of_day(texts: Any, day: int, blame: Callable[[int, str], DataError]) -> Stamps:
    """Milliseconds since a day's midnight on the wall."""
    import pyarrow as pa

    try:
        since: Ints = texts.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        row = next(row for row, cell in enumerate(texts.to_pylist()) if not cell.strip().isdigit())
        raise blame(row, f"{texts[row].as_py()!r} is no number of milliseconds since midnight") from None
    outside = (since < 0) | (since * 1_000_000 >= DAY_NS)
    if outside.any():
        row = int(np.argmax(outside))
        raise blame(row, f"{since[row]} ms is not within a day")
    return Stamps("local", day * DAY_NS + since * 1_000_000)


def _without_mark(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf")


def _open(name: str, data: bytes, header: Sequence[str] | None) -> _Text:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError("is UTF-16 text; save it as UTF-8", file=name)
    data = _without_mark(data)
    if not _INK.search(data):
        raise DataError("is empty; it needs a line that names the columns, and bars", file=name)
    first: _Text | None = None
    body = line = 0
    for _ in range(PREAMBLE_LINES):
        begin, body, line, cells, separator = _next_line(name, data, body, line)
        if not cells:
            break
        if first is None:
            shape = shape_of(name, cells)
            if header is not None:
                return _Text(
                    name, data, begin, line - 1, separator, tuple(header), shape._replace(headers=tuple(header))
                )
            if shape.headers is not None:
                return _Text(name, data, begin, line - 1, separator, shape.headers, shape)
        found = _Text(name, data, body, line, separator, cells, shape)
        first = first or found
        if names_columns(cells):
            return found
    assert first is not None
    return first


def _next_line(name: str, data: bytes, body: int, line: int) -> tuple[int, int, int, tuple[str, ...], str]:
    """The next line with something in it, from offset ``body`` on: where it begins and ends, its number, its fields
    and what separates them."""
    text = b""
    begin = body
    while not text and body < len(data):
        begin = body
        ends = [end for end in (data.find(b"\n", body), data.find(b"\r", body)) if end >= 0]
        end = min(ends, default=len(data))
        line += 1
        if end - body > LINE_BYTES:
            raise DataError(f"is longer than {LINE_BYTES >> 20} MiB, and no line of prices", file=name, line=line)
        text = data[body:end].strip()
        body = min(end + (2 if data[end : end + 2] == b"\r\n" else 1), len(data))
    if b"\0" in text:
        raise DataError("is binary data, not CSV text", file=name, line=line)
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text; save it as UTF-8", file=name, line=line) from None
    separator = max(SEPARATORS, key=decoded.count)
    return begin, body, line, tuple(next(csv.reader([decoded], delimiter=separator), [])), separator


def _columns(
    text: _Text, roles: Mapping[str, int], of_numbers: Collection[str]
) -> tuple[dict[str, Any], dict[tuple[str, int], str]]:
    """Numbers as float64 arrays, the rest as text; and the text of each cell that should be a number and is not."""
    import pyarrow as pa

    numbers = [role for role in roles if role in of_numbers]
    try:
        table = _parse(text, roles, dict.fromkeys(numbers, pa.float64()))
    except pa.ArrowInvalid as error:
        _refuse_broken_lines(text)
        try:
            table = _parse(text, roles, {})
        except pa.ArrowInvalid:
            reason = str(error).splitlines()[0]
            raise DataError(f"cannot be read as CSV: {reason}", file=text.name) from None
    if table.num_rows == 0:
        raise DataError("has a header and no bars", file=text.name, line=text.header_line)
    cells: dict[str, Any] = {}
    unreadable: dict[tuple[str, int], str] = {}
    for role, position in roles.items():
        column = table.column(f"c{position}")
        if role not in numbers:
            cells[role] = column
        elif pa.types.is_floating(column.type):
            cells[role] = np.asarray(column.to_numpy(), dtype=np.float64)
        else:
            cells[role] = read_numbers(column.to_pylist(), role, unreadable)
    return cells, unreadable


def _parse(text: _Text, roles: Mapping[str, int], types: Mapping[str, Any]) -> Any:
    import pyarrow as pa
    from pyarrow import csv as pa_csv

    if not _INK.search(text.data, text.body):
        raise DataError("has a header and no bars", file=text.name, line=text.header_line)
    return pa_csv.read_csv(
        pa.BufferReader(pa.py_buffer(text.data).slice(text.body)),
        read_options=pa_csv.ReadOptions(column_names=[f"c{index}" for index in range(len(text.headers))]),
        parse_options=pa_csv.ParseOptions(delimiter=text.separator),
        convert_options=pa_csv.ConvertOptions(
            include_columns=[f"c{position}" for position in dict.fromkeys(roles.values())],
            column_types={f"c{position}": types.get(role, pa.string()) for role, position in roles.items()},
            null_values=list(EMPTY),
            strings_can_be_null=False,
        ),
    )


def _refuse_broken_lines(text: _Text) -> None:
    """Raise for the first line that is not UTF-8 or has another number of fields than the header."""
    columns = len(text.headers)
    for number, line in text.lines():
        if len(line) > LINE_BYTES:
            raise DataError(
                f"is longer than {LINE_BYTES >> 20} MiB, and no line of prices", file=text.name, line=number
            )
        if b"\0" in line:
            raise DataError("is binary data, not CSV text", file=text.name, line=number)
        try:
            found = len(text.fields(line))
        except UnicodeDecodeError as error:
            place = line[: error.start].count(text.separator.encode())
            column = text.headers[place].strip() if place < columns else None
            raise DataError("is not UTF-8 text; save it as UTF-8", file=text.name, line=number, column=column) from None
        except csv.Error as error:
            raise DataError(f"cannot be read as CSV: {error}", file=text.name, line=number) from None
        if found != columns:
            raise DataError(
                f"{found} field{'s' * (found != 1)} where the header has {columns}", file=text.name, line=number
            )


def read_numbers(cells: list[str], role: str, unreadable: dict[tuple[str, int], str]) -> Floats:
    """Numbers, one by one; of a cell that is neither empty nor one the text goes to ``unreadable``."""
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        trimmed = cell.strip()
        if trimmed in EMPTY:
            continue
        try:
            values[row] = _number(trimmed)
        except ValueError:
            unreadable[role, row] = cell
    return values


def _number(text: str) -> float:
    """A number as sites write it: with a currency before it, thousands apart, or in thousands, millions, billions."""
    if "_" in text:
        raise ValueError
    text = text.lstrip(_MONEY)
    unit = _UNITS.get(text[-1:].upper(), 1.0)
    if unit != 1.0:
        text = text[:-1]
    if _GROUPED.match(text):
        text = text.replace(",", "")
    return float(text) * unit


def read_symbols(column: Any, name: str, lines: Callable[[], Ints] | None = None) -> tuple[tuple[str, ...], Codes]:
    """The assets that a column of texts names, and which of them each row is of."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pa.chunked_array(pc.utf8_trim_whitespace(column)).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    symbols = tuple(encoded.dictionary.to_pylist())
    codes = np.asarray(encoded.indices.to_numpy(), dtype=np.int32)
    if "" in symbols:
        row = int(np.argmax(codes == symbols.index("")))
        if lines is None:
            raise DataError("this row names no symbol", file=f"{name}, row {row}")
        raise DataError("this row names no symbol", file=name, line=int(lines()[row]))
    return symbols, codes
