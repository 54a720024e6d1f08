"""Tables that have types already: Parquet and Arrow files, and frames that Arrow can look into, as tables of bars."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backbus.arrow_columns import numbers_of
from backbus.data.readers.asked import NOTHING_ASKED, Asked
from backbus.data.readers.counts import number_stamps
from backbus.data.readers.csv_file import read_symbols
from backbus.data.readers.headers import NUMBERS, STAMP, SYMBOL, TIME, extra_role, find_columns, find_extra, left_of
from backbus.data.readers.numbers import read_columns
from backbus.data.readers.shapes import in_whole_units, symbol_of
from backbus.data.readers.sides import of_quotes
from backbus.data.readers.stamps import parse_stamps
from backbus.data.readers.table import Codes, Stamps, Table, in_order, of_ticks
from backbus.errors import DataError
from backbus.market.panel import Floats, Ints

PARQUET, ARROW = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")


def read_parquet(
    name: str, path: Path, wanted: Collection[str] | None = None, asked: Asked = NOTHING_ASKED
) -> Table | None:
    """The bars of a Parquet file, or None where it holds one asset that is not ``wanted``. Raises ``DataError``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return table_of(name, symbol_of(name), file.schema_arrow.names, wanted, file.read, asked)
    except FileNotFoundError:
        raise DataError("no such file", file=name) from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot be read as Parquet: {_first_line(error)}", file=name) from None


def parquet_parts(name: str, path: Path, size: int, asked: Asked = NOTHING_ASKED) -> Iterator[tuple[Table, int]]:
    """The bars of a Parquet file, some row groups at a time, of about ``size`` bytes unpacked; and the part of the
    file's bytes that each is. Raises ``DataError``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            about, there = file.metadata, path.stat().st_size
            groups: list[int] = []
            first = 0
            for group in range(about.num_row_groups):
                groups.append(group)
                held = sum(about.row_group(one).total_byte_size for one in groups)
                if held < size and group + 1 < about.num_row_groups:
                    continue
                rows = sum(about.row_group(one).num_rows for one in groups)
                if rows:
                    read = functools.partial(file.read_row_groups, list(groups))
                    names = file.schema_arrow.names
                    table = table_of(name, symbol_of(name), names, None, read, asked, first_row=first)
                    assert table is not None
                    yield table, there * rows // about.num_rows
                first += rows
                groups.clear()
            if first == 0:
                raise DataError("has no rows", file=name)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot be read as Parquet: {_first_line(error)}", file=name) from None


def read_arrow(
    name: str, path: Path, wanted: Collection[str] | None = None, asked: Asked = NOTHING_ASKED
) -> Table | None:
    """The bars of an Arrow IPC file or stream, or None where it holds one asset that is not ``wanted``. Raises
    ``DataError``."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file:
            try:
                reader = pa.ipc.open_file(file)
            except pa.ArrowInvalid:
                file.seek(0)
                reader = pa.ipc.open_stream(file)
            return table_of(name, symbol_of(name), reader.schema.names, wanted, lambda names: reader.read_all(), asked)
    except FileNotFoundError:
        raise DataError("no such file", file=name) from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot be read as Arrow IPC: {_first_line(error)}", file=name) from None


def table_of(
    name: str,
    symbol: str,
    headers: Sequence[str],
    wanted: Collection[str] | None,
    read: Callable[[list[str]], Any],
    asked: Asked = NOTHING_ASKED,
    first_row: int = 0,
) -> Table | None:
    """The bars of an Arrow table whose columns are ``headers``; ``read`` gives it, at least the columns it is asked
    for. None where it holds one asset, ``symbol``, that is not ``wanted``. ``first_row`` is its first row's number in
    its file."""
    roles = find_columns(headers, name, None, asked.names, without_extremes=asked.without_extremes)
    if TIME in roles:
        raise DataError("give one date-and-time column, not two", file=name)
    if SYMBOL not in roles and wanted is not None and symbol not in wanted:
        return None
    roles = {role: position for role, position in roles.items() if role in (STAMP, SYMBOL, *NUMBERS)}
    more = {
        extra_role(name): position for name, position in find_extra(headers, asked.extra, name, asked.names).items()
    }
    roles |= more
    found = read(list(dict.fromkeys(headers[position] for position in roles.values())))
    if found.num_rows == 0:
        raise DataError("has no rows", file=name)

    def blame(row: int, message: str) -> DataError:
        return DataError(message, file=f"{name}, row {first_row + row}", column=headers[roles[STAMP]])

    columns = {role: found.column(headers[position]) for role, position in roles.items()}
    unreadable: dict[tuple[str, int], str] = {}
    numbers: dict[str, Floats] = {}
    written: dict[str, list[str]] = {}
    for role, column in columns.items():
        if (role in NUMBERS or role in more) and _is_text(column.type):
            written[role] = _texts(column).to_pylist()
        elif role in NUMBERS or role in more:
            numbers[role] = _numbers(name, headers[roles[role]], column)
    numbers = in_whole_units(headers, numbers | read_columns(written, asked, unreadable))
    symbols: tuple[str, ...] = (symbol,)
    codes: Codes | None = None
    if SYMBOL in columns:
        symbols, codes = read_symbols(_texts(columns[SYMBOL]), name)
    table = Table(
        name=name,
        stamps=_stamps(name, columns[STAMP], blame, asked.form),
        symbols=symbols,
        codes=codes,
        numbers=numbers,
        headers={role: headers[position] for role, position in roles.items()},
        left=left_of(headers, roles),
        unreadable=unreadable,
        first_row=first_row,
    )
    return in_order(of_ticks(of_quotes(table)))


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_dictionary)
    return any(is_kind(kind) for is_kind in kinds)


def _texts(column: Any) -> Any:
    """As text; what is missing is empty."""
    import pyarrow as pa

    try:
        return column.cast(pa.string()).fill_null("")
    except pa.ArrowNotImplementedError:  # pyarrow casts no dictionary of views, which polars writes for categories
        return pa.chunked_array([pa.array(["" if text is None else str(text) for text in column.to_pylist()])])


def _numbers(name: str, header: str, column: Any) -> Floats:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray(numbers_of(column.cast(pa.float64(), safe=False)), dtype=np.float64)
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    raise DataError(f"is of type {kind}, and must hold numbers", file=name, column=header)


def _stamps(name: str, column: Any, blame: Callable[[int, str], DataError], form: str | None) -> Stamps:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if column.null_count:
        raise blame(int(np.argmax(column.is_null().to_numpy())), "there is no date")
    if pa.types.is_date(kind):
        return Stamps("date", numbers_of(column.cast(pa.date32()).cast(pa.int32())).astype(np.int64))
    if pa.types.is_timestamp(kind):
        try:
            instants: Ints = numbers_of(column.cast(pa.timestamp("ns", kind.tz)).cast(pa.int64()))
        except pa.ArrowInvalid:
            raise blame(0, "there are times outside the years 1678 to 2261") from None
        if kind.tz is None:
            return Stamps("local", instants)

        def wall() -> Ints:
            clock = pc.local_timestamp(column.cast(pa.timestamp("ns", kind.tz)))
            return np.asarray(numbers_of(clock.cast(pa.int64())))

        return Stamps("instant", instants, None if kind.tz in ("UTC", "Etc/UTC", "+00:00") else wall)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        return number_stamps(column, blame, form)
    if _is_text(kind):
        return parse_stamps(_texts(column), blame, form)
    raise blame(0, f"is of type {kind}, and must hold dates or times")
