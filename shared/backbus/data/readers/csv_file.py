"""CSV text as a table: bytes in, columns out, and the line of whatever cannot be read.

Reading is vectorised; a file is looked at line by line only once something in it is known to be wrong. Numbers are the
nearest float64 to what is written, whichever way a cell is read.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from backbus.arrow_columns import numbers_of
from backbus.data.readers.asked import NOTHING_ASKED, Asked
from backbus.data.readers.csv_text import Text, columns_of, not_parted, open_text, without_footer
from backbus.data.readers.forms import first_not_whole
from backbus.data.readers.headers import (
    ADJ_CLOSE,
    NUMBERS,
    STAMP,
    SYMBOL,
    TIME,
    extra_role,
    find_columns,
    find_extra,
    find_series,
    left_of,
)
from backbus.data.readers.plain import PLAIN_BYTES, Plain, Room, RoomFrom, read_plain
from backbus.data.readers.shapes import in_whole_units
from backbus.data.readers.sides import of_quotes
from backbus.data.readers.stacked import Cells, roles_of, stacked
from backbus.data.readers.stamps import parse_stamps
from backbus.data.readers.table import Codes, Stamps, Table, in_order, of_ticks
from backbus.errors import DataError
from backbus.market.columns import PRICES, QUOTES
from backbus.market.panel import Ints
from backbus.market.timeframes import DAY_NS

_SERIES = "series"
_NAMELESS = "(no name)"
_DAY_S = 86_400
_DAYS = ((r"\d{8}", "%Y%m%d"), (r"\d{4}-\d\d?-\d\d?", "%Y-%m-%d"), (r"\d{4}/\d\d?/\d\d?", "%Y/%m/%d"))
"""Forms of dates that stand beside times in digits."""
_HEAD_BYTES = 1 << 15
_POINTED = re.compile(rb"(?<=;)-?\d+\.\d+(?=[;\r\n])")
_COMMA = re.compile(rb"\d,\d")
_OF_THOUSANDS = re.compile(rb"-?[1-9]\d{0,2}\.\d{3}$")


class CsvFile:
    """A CSV file whose columns are known: read whole, or a part at a time."""

    def __init__(self, name: str, source: Callable[[], bytes], asked: Asked = NOTHING_ASKED) -> None:
        """``source`` gives the file's bytes, or as many of the first ones as hold its header. Raises ``DataError`` with
        file and line, or ``JobError``.
        """
        self._name, self._source, self._asked = name, source, asked
        self._first = open_text(name, source(), asked)
        self._shape, headers = self._first.shape, self._first.headers
        self._assets: dict[str, dict[str, int]] = {}
        """Columns of each asset, where the header names them."""
        self._plain = True
        """Whether all lines that were looked at were plain ones; no more are tried where one was not."""
        if self._first.stack is not None:
            self._assets = roles_of(self._first.stack, name, asked.names)
            self._more, self._roles, self._headers = {}, {STAMP: 0}, {STAMP: "Date"}
            return
        if self._shape.columns is None and len(headers) == 1:
            raise not_parted(self._first)
        columns = self._shape.columns or find_columns(
            headers, name, self._first.header_line or None, asked.names, without_extremes=asked.without_extremes
        )
        known = (STAMP, TIME, SYMBOL, *NUMBERS)
        self._more = {extra_role(one): at for one, at in find_extra(headers, asked.extra, name, asked.names).items()}
        self._roles = {role: at for role, at in columns.items() if role in known} | self._more
        if SYMBOL in self._roles and (series := find_series(headers)) is not None:
            self._roles[_SERIES] = series
        self._headers = {role: headers[position].strip() or _NAMELESS for role, position in self._roles.items()}

    @property
    def symbol(self) -> str | None:
        """The asset that all rows are of; None where a column names it."""
        return None if SYMBOL in self._roles or self._assets else self._shape.symbol

    @property
    def body(self) -> int:
        """Offset of the first bar."""
        return self._first.body

    def whole(self) -> Table:
        """All bars."""
        text, self._first = self._first, replace(self._first, data=b"")
        return self._table(text, lambda: open_text(self._name, self._source(), self._asked), PLAIN_BYTES)

    def room(self, size: int) -> Room | None:
        """Memory for the bars of so many bytes; None where the system does not promise as much."""
        try:
            return Room.of(size, len(self._first.headers), len(self._roles) - 1)
        except MemoryError:
            return None

    @property
    def plain(self) -> bool:
        """Whether what follows may be plain lines."""
        return self._plain and not self._assets

    def part(
        self,
        data: Callable[[], bytes | memoryview],
        lines_before: Callable[[], int],
        place: RoomFrom | None = None,
    ) -> Table:
        """The bars of some whole lines, and how many come before them. ``data`` may be asked again. ``place`` is where
        plain ones may go in the room of all."""
        first = replace(self._first, body=0, header_line=0, lines_before=lines_before)
        return self._table(replace(first, data=data()), lambda: replace(first, data=data()), 0, place)

    def _of_assets(self, text: Text, again: Callable[[], Text]) -> Table:
        """The table of a file whose header names assets and fields."""
        text, notes = without_footer(text)
        keys = {f"{symbol}\0{role}": at for symbol, roles in self._assets.items() for role, at in roles.items()}
        cells, unreadable = columns_of(text, {STAMP: 0, **keys}, set(keys), self._asked)
        lines = _lines_of(again)

        def blame(row: int, message: str) -> DataError:
            return DataError(message, file=self._name, line=int(lines()[row]), column=self._headers[STAMP])

        def pair(key: str) -> tuple[str, str]:
            symbol, _, role = key.partition("\0")
            return symbol, role

        stamps = parse_stamps(cells.pop(STAMP), blame, self._asked.form)
        numbers = {pair(key): values for key, values in cells.items()}
        wrong = {(pair(key), row): written for (key, row), written in unreadable.items()}
        stack = text.stack
        assert stack is not None
        headers = {role: stack.fields[at - 1] for roles in self._assets.values() for role, at in roles.items()}
        table = stacked(self._name, Cells(stamps, numbers, wrong, lines), self._headers | headers)
        return replace(table, notes=(*table.notes, *notes))

    def _table(self, text: Text, again: Callable[[], Text], plain_bytes: int, place: RoomFrom | None = None) -> Table:
        if self._assets:
            return self._of_assets(text, again)
        name, shape, headers, text_headers = self._name, self._shape, self._headers, text.headers
        of_numbers = {*NUMBERS, *self._more}
        text, notes = without_footer(text)
        plain: Plain | None = None
        if self._plain and shape.day is None and len(text.data) >= plain_bytes:
            plain = read_plain(text, self._roles, of_numbers, self._asked, place)
        if plain is None:
            self._plain = False
            cells, unreadable = columns_of(text, self._roles, of_numbers, self._asked)
        else:
            cells, unreadable = plain.numbers, {}
        notes += () if self._asked.decimal is not None else _notes_of_points(name, text)
        del text
        lines = _lines_of(again)

        def blame(row: int, message: str) -> DataError:
            return DataError(message, file=name, line=int(lines()[row]), column=headers[STAMP])

        stamps = cells.pop(STAMP, None)
        if TIME in cells:
            import pyarrow.compute as pc

            times = _padded(cells.pop(TIME), stamps[0].as_py(), self._asked.form, blame)
            stamps = pc.binary_join_element_wise(stamps, times, " ")
        if _SERIES in cells:
            cells[SYMBOL] = _with_series(cells[SYMBOL], cells.pop(_SERIES))
        symbols, codes = read_symbols(cells.pop(SYMBOL), name, lines) if SYMBOL in cells else ((shape.symbol,), None)
        if shape.units != 1.0:
            cells |= {role: cells[role] / shape.units for role in (*PRICES, *QUOTES, ADJ_CLOSE) if role in cells}
        cells = in_whole_units(text_headers, cells)
        if plain is not None:
            when = plain.stamps
        elif shape.day is not None:
            when = _of_day(stamps, shape.day, blame)
        else:
            when = parse_stamps(stamps, blame, self._asked.form)
        table = Table(
            name=name,
            stamps=when,
            symbols=symbols,
            codes=codes,
            numbers=cells,
            headers=headers,
            lines=lines,
            unreadable=unreadable,
            zone=when.zone or shape.zone,
            begins=shape.begins,
            notes=notes,
            left=left_of(text_headers, self._roles),
        )
        return in_order(of_ticks(of_quotes(table)))


def _lines_of(again: Callable[[], Text]) -> Callable[[], Ints]:
    """The line of each bar, looked for where one must be named."""
    return functools.cache(
        lambda: np.array([number for number, _ in without_footer(again())[0].lines()], dtype=np.int64)
    )


def read_csv(
    name: str,
    source: Callable[[], bytes],
    wanted: Collection[str] | None = None,
    asked: Asked = NOTHING_ASKED,
) -> Table | None:
    """The bars of one file, or None where it holds one asset and that is not ``wanted``. ``source`` gives its bytes,
    again where a line must be named. Raises as ``CsvFile`` does."""
    file = CsvFile(name, source, asked)
    if file.symbol is not None and wanted is not None and file.symbol not in wanted:
        return None
    return file.whole()


def _notes_of_points(name: str, text: Text) -> tuple[str, ...]:
    """What is to be said of numbers that a German would have written with a point between thousands."""
    if text.separator != ";":
        return ()
    head = bytes(text.data[text.body : text.body + _HEAD_BYTES])
    pointed = _POINTED.findall(head)
    if not pointed or _COMMA.search(head) or not all(_OF_THOUSANDS.match(each) for each in pointed):
        return ()
    shown = pointed[0].decode()
    return (
        f"{name}: its numbers have three digits after the point, as {shown}, which was taken for a decimal one; where"
        ' it stands between thousands, set data.decimal = ","',
    )


def _with_series(symbols: Any, series: Any) -> Any:
    """Symbols of the equity series as they are, others with their series behind a point: ``X.BE``."""
    import pyarrow.compute as pc

    symbols, series = pc.utf8_trim_whitespace(symbols), pc.utf8_trim_whitespace(series)
    plain = pc.or_(pc.equal(series, "EQ"), pc.equal(series, ""))
    return pc.if_else(plain, symbols, pc.binary_join_element_wise(symbols, series, "."))


def _padded(times: Any, date: str, form: str | None, blame: Callable[[int, str], DataError]) -> Any:
    """Times of the day, those in digits with the zeros before them that a number loses; ``date`` is the first one's.

    So few digits that they may be hours, minutes or seconds are refused. Five are seconds of the day where some of them
    are no time of the clock, and refused where all may be both.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    times = pc.utf8_trim_whitespace(times)
    longest = int(pc.max(pc.binary_length(times)).as_py())
    if longest > 6 or not pc.all(pc.utf8_is_digit(times)).as_py():
        return times
    if form is not None:
        return pc.utf8_lpad(times, 2 * sum(form.count(code) for code in ("%H", "%M", "%S")), "0")
    values: Ints = numbers_of(times.cast(pa.int64()))
    day = next((to for written, to in _DAYS if re.fullmatch(written, date.strip())), "the date's form and")
    says = f'say how by data.dates.form, as "{day} %H%M%S", whose zeros may be missing'
    if longest < 3 and values.any():
        row = int(np.argmax(values > 0))
        raise blame(row, f"the time {times[row].as_py()!r} may be hours, minutes or seconds; {says}")
    if longest == 5 and int(values.max()) < _DAY_S:
        if ((values % 100 > 59) | (values // 100 % 100 > 59)).any():
            clock = values // 3_600 * 10_000 + values // 60 % 60 * 100 + values % 60
            return pc.utf8_lpad(pa.chunked_array([pa.array(clock).cast(pa.string())]), 6, "0")
        row = int(np.argmax(values))
        first = times[row].as_py()
        raise blame(
            row, f"the time {first!r} may be {first[:-4]}:{first[-4:-2]}:{first[-2:]} or seconds of the day; {says}"
        )
    return pc.utf8_lpad(times, 4 if longest in (3, 4) else 6, "0")


def _of_day(texts: Any, day: int, blame: Callable[[int, str], DataError]) -> Stamps:
    """Milliseconds since a day's midnight on the wall."""
    import pyarrow as pa

    try:
        since: Ints = numbers_of(texts.cast(pa.int64()))
    except pa.ArrowInvalid:
        row = first_not_whole(texts.to_pylist())
        raise blame(row, f"{texts[row].as_py()!r} is no number of milliseconds since midnight") from None
    outside = (since < 0) | (since * 1_000_000 >= DAY_NS)
    if outside.any():
        row = int(np.argmax(outside))
        raise blame(row, f"{since[row]} ms is not within a day")
    return Stamps("local", day * DAY_NS + since * 1_000_000)


def read_symbols(column: Any, name: str, lines: Callable[[], Ints] | None = None) -> tuple[tuple[str, ...], Codes]:
    """The assets that a column of texts names, and which of them each row is of."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pa.chunked_array(pc.utf8_trim_whitespace(column)).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    symbols = tuple(encoded.dictionary.to_pylist())
    codes = np.asarray(numbers_of(encoded.indices), dtype=np.int32)
    if "" in symbols:
        row = int(np.argmax(codes == symbols.index("")))
        if lines is None:
            raise DataError("this row names no symbol", file=f"{name}, row {row}")
        raise DataError("this row names no symbol", file=name, line=int(lines()[row]))
    return symbols, codes
