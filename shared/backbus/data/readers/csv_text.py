"""The text of a CSV file: where its header is, what separates its fields, and columns of it through Arrow.

Lines are only looked at one by one where a file is already known to be wrong. Numbers are the nearest float64 to what
is written, whichever way a cell is read.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backbus.arrow_columns import numbers_of
from backbus.data.readers.asked import Asked
from backbus.data.readers.headers import names_columns
from backbus.data.readers.numbers import EMPTY, read_columns
from backbus.data.readers.shapes import Shape, shape_of
from backbus.data.readers.stacked import Stack, stack_of
from backbus.errors import DataError

SEPARATORS = ",;\t|"
LINE_BYTES = 1 << 20
"""No line of prices is longer."""
PREAMBLE_LINES = 5
"""So many lines that name no columns may come before the one that does."""
SHOWN = 60
"""So much of a line is shown."""

_INK = re.compile(rb"\S")
_WORDS = re.compile(r"[^\W\d_]{3}.*\s[^\W\d_]{3}")
"""A sentence, and no date or number."""


@dataclass(frozen=True, slots=True)
class Text:
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
    stack: Stack | None = None
    """What a header of several rows says."""
    lines_before: Callable[[], int] = int
    """How many lines of the file come before ``data``."""

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Lines with something in them after the header, and their numbers."""
        first = self.lines_before() + self.header_line + 1
        return ((number, line) for number, line in enumerate(bytes(self.data[self.body :]).splitlines(), first) if line)

    def fields(self, line: bytes) -> list[str]:
        """The fields of a line."""
        return next(csv.reader([line.decode("utf-8")], delimiter=self.separator), [])


def _without_mark(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf")


def open_text(name: str, data: bytes, asked: Asked) -> Text:
    """A file's text, its header found: the first of some lines that names columns, or none where bars begin at once."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError("is UTF-16 text; save it as UTF-8", file=name)
    data = _without_mark(data)
    if not _INK.search(data):
        raise DataError("is empty; it needs a line that names the columns, and bars", file=name)
    first: Text | None = None
    body = line = 0
    for _ in range(PREAMBLE_LINES):
        begin, body, line, cells, separator = _next_line(name, data, body, line)
        if not cells:
            break
        if first is None:
            shape = shape_of(name, cells)
            if (header := asked.header) is not None:
                return Text(name, data, begin, line - 1, separator, header, shape._replace(headers=header))
            if shape.headers is not None:
                return Text(name, data, begin, line - 1, separator, shape.headers, shape)
        stack = _stack(name, data, body, line, cells)
        if stack is not None:
            for _ in range(stack.lines - 1):
                _, body, line, _, _ = _next_line(name, data, body, line)
            return Text(name, data, body, line, separator, cells, shape, stack)
        found = Text(name, data, body, line, separator, cells, shape)
        first = first or found
        if names_columns(cells, asked.names):
            return found
    assert first is not None
    return first


def _stack(name: str, data: bytes, body: int, line: int, first: tuple[str, ...]) -> Stack | None:
    """The header that this line and those after it are, where it has several rows."""
    rows = [first]
    with contextlib.suppress(DataError):  # a line that cannot be read is none of a header
        for _ in range(2):
            _, body, line, cells, _ = _next_line(name, data, body, line)
            rows.append(cells)
    return stack_of(rows)


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
        text = data[body:end].strip(b" \r\n")  # a tab parts fields, of which the first may be empty
        text = text if text.strip() else b""
        body = min(end + (2 if data[end : end + 2] == b"\r\n" else 1), len(data))
    if b"\0" in text:
        raise DataError("is binary data, not CSV text", file=name, line=line)
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text; save it as UTF-8", file=name, line=line) from None
    separator = max(SEPARATORS, key=decoded.count)
    return begin, body, line, tuple(next(csv.reader([decoded], delimiter=separator), [])), separator


def not_parted(text: Text) -> DataError:
    """What is wrong with a file none of whose first lines has several fields."""
    return DataError(
        f"no column for date: the line is one field, {_short(text.headers[0])!r}; write the file anew, with a comma, a"
        f" semicolon, a tab or | between fields, and at most {PREAMBLE_LINES - 1} lines before the one that names the"
        " columns",
        file=text.name,
        line=text.header_line or 1,
    )


def without_footer(text: Text) -> tuple[Text, tuple[str, ...]]:
    """The text without last lines that are a sentence and no bar, as who made the file and when; and what they are."""
    notes: list[str] = []
    while len(text.headers) > 1:
        begin = max(text.body, len(text.data) - LINE_BYTES)
        tail = bytes(text.data[begin:]).rstrip()
        cut = max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1
        try:
            fields = text.fields(tail[cut:])
        except (UnicodeDecodeError, csv.Error):
            break
        if not cut or len(fields) != 1 or not _WORDS.search(fields[0]):
            break
        text = replace(text, data=text.data[: begin + cut])
        line = text.lines_before() + len(bytes(text.data).splitlines()) + 1
        notes.insert(0, f"{text.name}:{line}: {_short(fields[0])!r} is no bar, and was left out")
    return text, tuple(notes)


def _short(shown: str) -> str:
    shown = shown.strip()
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"


def columns_of(
    text: Text, roles: Mapping[str, int], of_numbers: Collection[str], asked: Asked
) -> tuple[dict[str, Any], dict[tuple[str, int], str]]:
    """Numbers as float64 arrays, the rest as text; and the text of each cell that should be a number and is not."""
    import pyarrow as pa

    numbers = [role for role in roles if role in of_numbers]
    try:
        table = _parse(text, roles, dict.fromkeys(numbers, pa.float64()), asked.decimal or ".")
    except pa.ArrowInvalid as error:
        _refuse_broken_lines(text)
        try:
            table = _parse(text, roles, {}, ".")
        except pa.ArrowInvalid:
            reason = str(error).splitlines()[0]
            raise DataError(f"cannot be read as CSV: {reason}", file=text.name) from None
    if table.num_rows == 0:
        raise DataError("has a header and no bars", file=text.name, line=text.header_line)
    cells: dict[str, Any] = {}
    unreadable: dict[tuple[str, int], str] = {}
    written: dict[str, list[str]] = {}
    for role, position in roles.items():
        column = table.column(f"c{position}")
        if role not in numbers:
            cells[role] = column
        elif pa.types.is_floating(column.type):
            cells[role] = np.asarray(numbers_of(column), dtype=np.float64)
        else:
            written[role] = column.to_pylist()
    return cells | read_columns(written, asked, unreadable), unreadable


def _parse(text: Text, roles: Mapping[str, int], types: Mapping[str, Any], decimal: str) -> Any:
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
            decimal_point=decimal,
            strings_can_be_null=False,
        ),
    )


def _refuse_broken_lines(text: Text) -> None:
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
                f"{found} field{'s' * (found != 1)} where the header has {columns}; mend the line, or take it out"
                " where it is no bar",
                file=text.name,
                line=number,
            )
