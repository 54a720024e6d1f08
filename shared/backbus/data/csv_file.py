"""A CSV file as a table: bytes in, columns out, and the line of whatever cannot be read.

Reading is vectorised; a file is looked at line by line only once something in it is known to be wrong. Numbers are the
nearest float64 to what is written, whichever way a cell is read.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from backbus.data.headers import NUMBERS, STAMP, SYMBOL, TIME, find_columns
from backbus.data.stamps import parse_stamps
from backbus.data.table import Codes, Table
from backbus.errors import DataError
from backbus.market.panel import Floats, Ints

SEPARATORS = ",;\t|"
EMPTY = ("", "-", "--", ".", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none")
"""What stands for "no value" in a number's cell."""

_INK = re.compile(rb"\S")


@dataclass(frozen=True, slots=True)
class _Text:
    """A file's bytes, past any byte order mark, and its header."""

    name: str
    data: bytes
    body: int
    """Offset of the first byte after the header line."""
    header_line: int
    separator: str
    headers: tuple[str, ...]

    def fields(self, line: bytes) -> list[str]:
        return next(csv.reader([line.decode("utf-8")], delimiter=self.separator), [])


def read_csv(name: str, path: Path, wanted: Collection[str] | None = None) -> Table | None:
    """The bars of one file, or None where it holds one asset and that is not ``wanted``.

    A file without a symbol column holds the asset that ``name`` ends in; ``path`` may be called anything. Raises
    ``DataError`` with file and line.
    """
    text = _open(name, path)
    symbol = PurePath(name).stem
    columns = find_columns(text.headers, name, text.header_line)
    if SYMBOL not in columns and wanted is not None and symbol not in wanted:
        return None
    roles = {role: position for role, position in columns.items() if role in (STAMP, TIME, SYMBOL, *NUMBERS)}
    cells, unreadable = _columns(text, roles)
    lines = functools.cache(lambda: _line_numbers(_open(name, path)))
    headers = {role: text.headers[position].strip() for role, position in roles.items()}

    def blame(row: int, message: str) -> DataError:
        return DataError(message, file=name, line=int(lines()[row]), column=headers[STAMP])

    stamps = cells.pop(STAMP)
    if TIME in cells:
        import pyarrow.compute as pc

        stamps = pc.binary_join_element_wise(stamps, cells.pop(TIME), " ")
    symbols, codes = _symbols(cells.pop(SYMBOL), name, lines) if SYMBOL in cells else ((symbol,), None)
    return Table(
        name=name,
        stamps=parse_stamps(stamps, blame),
        symbols=symbols,
        codes=codes,
        numbers=cells,
        headers=headers,
        lines=lines,
        unreadable=unreadable,
    )


def _open(name: str, path: Path) -> _Text:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError("no such file", file=name) from None
    except IsADirectoryError:
        raise DataError("is a folder; name its files, such as folder/*.csv", file=name) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=name) from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError("is UTF-16 text; save it as UTF-8", file=name)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not _INK.search(data):
        raise DataError("is empty; it needs a line that names the columns, and bars", file=name)
    body, header_line, header = 0, 0, b""
    while not header:
        ends = [end for end in (data.find(b"\n", body), data.find(b"\r", body)) if end >= 0]
        end = min(ends, default=len(data))
        header, header_line = data[body:end].strip(), header_line + 1
        body = end + (2 if data[end : end + 2] == b"\r\n" else 1)
    if b"\0" in header:
        raise DataError("is binary data, not CSV text", file=name)
    try:
        first = header.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text; save it as UTF-8", file=name, line=header_line) from None
    separator = max(SEPARATORS, key=first.count)
    headers = tuple(next(csv.reader([first], delimiter=separator), []))
    return _Text(name, data, min(body, len(data)), header_line, separator, headers)


def _columns(text: _Text, roles: Mapping[str, int]) -> tuple[dict[str, Any], dict[tuple[str, int], str]]:
    """Numbers as float64 arrays, the rest as text; and the text of each cell that should be a number and is not."""
    import pyarrow as pa

    numbers = [role for role in roles if role in NUMBERS]
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
            cells[role] = _numbers_one_by_one(column.to_pylist(), role, unreadable)
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
            include_columns=[f"c{position}" for position in roles.values()],
            column_types={f"c{position}": types.get(role, pa.string()) for role, position in roles.items()},
            null_values=list(EMPTY),
            strings_can_be_null=False,
        ),
    )


def _refuse_broken_lines(text: _Text) -> None:
    """Raise for the first line that is not UTF-8 or has another number of fields than the header."""
    columns = len(text.headers)
    for number, line in enumerate(text.data.splitlines(), start=1):
        if number <= text.header_line or not line:
            continue
        if b"\0" in line:
            raise DataError("is binary data, not CSV text", file=text.name, line=number)
        try:
            found = len(text.fields(line))
        except UnicodeDecodeError:
            raise DataError("is not UTF-8 text; save it as UTF-8", file=text.name, line=number) from None
        except csv.Error as error:
            raise DataError(f"cannot be read as CSV: {error}", file=text.name, line=number) from None
        if found != columns:
            raise DataError(
                f"{found} field{'s' * (found != 1)} where the header has {columns}", file=text.name, line=number
            )


def _numbers_one_by_one(cells: list[str], role: str, unreadable: dict[tuple[str, int], str]) -> Floats:
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        trimmed = cell.strip()
        if trimmed in EMPTY:
            continue
        try:
            if "_" in trimmed:
                raise ValueError
            values[row] = float(trimmed)
        except ValueError:
            unreadable[role, row] = cell
    return values


def _symbols(column: Any, name: str, lines: Callable[[], Ints]) -> tuple[tuple[str, ...], Codes]:
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pa.chunked_array(pc.utf8_trim_whitespace(column)).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    symbols = tuple(encoded.dictionary.to_pylist())
    codes = np.asarray(encoded.indices.to_numpy(), dtype=np.int32)
    if "" in symbols:
        row = int(np.argmax(codes == symbols.index("")))
        raise DataError("this row names no symbol", file=name, line=int(lines()[row]))
    return symbols, codes


def _line_numbers(text: _Text) -> Ints:
    lines = text.data.splitlines()
    return np.array(
        [number for number, line in enumerate(lines, start=1) if line and number > text.header_line], dtype=np.int64
    )
