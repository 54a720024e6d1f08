"""Tables to a panel: stamps become ends and sessions, bars are inspected, adjusted, and laid out row by asset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from backbus.data.adjust import adjusted, unadjusted_jumps
from backbus.data.headers import ADJ_CLOSE, extra_role
from backbus.data.holes import Laid, carry, drop
from backbus.data.ranges import check_range, choose_symbols, chosen_rows
from backbus.data.repair import Inspection
from backbus.data.rows import Rows
from backbus.data.sessions import (
    as_dates,
    common_interval,
    interval_of,
    local_days,
    session_ends,
    span_text,
    to_instants,
    whole_days,
)
from backbus.data.table import KIND_NAMES, Stamps, Table
from backbus.errors import DataError, JobError
from backbus.market.panel import DAY_NS, FIELDS, PRICES, Block, Floats, Ints, Layout, Panel

if TYPE_CHECKING:
    from backbus.jobs import DataSettings

Array = TypeVar("Array", Floats, Ints)


def assemble(
    tables: Sequence[Table], settings: DataSettings, known: Iterable[str] = (), *, keep_adjusted: bool = False
) -> Panel:
    """One panel of all tables. ``known`` names assets that were left unread, for the sake of messages.

    ``keep_adjusted`` makes an adjusted close that all of them have a column of the panel.

    Raises ``DataError`` for what is wrong with the data, ``JobError`` for a setting that does not fit it.
    """
    check_range(settings)
    if settings.timezone is None:
        settings = settings.model_copy(update={"timezone": common_zone(tables)})
    symbols = choose_symbols({symbol for table in tables for symbol in table.symbols} | set(known), settings)
    rows = gather(tables, symbols, settings)
    notes: list[str] = []
    inspection = Inspection(rows, settings.repair)
    inspection.order()
    rows = inspection.rows
    interval_ns = _interval(rows)
    ends = bar_ends(rows.stamp, rows.dates, interval_ns, settings, rows.error)

    if len(symbols) == 1:
        row_ends, row_of = ends, np.arange(len(ends))
    else:
        row_ends, row_of = np.unique(ends, return_inverse=True)
    sessions = _sessions(rows, row_of, row_ends, settings)
    first, stop, warmup = chosen_rows(row_ends, sessions, interval_ns, settings)
    if (first, stop) != (0, len(row_ends)):
        kept = (row_of >= first) & (row_of < stop)
        inspection.rows = rows.take(kept)
        row_of = row_of[kept] - first
        row_ends, sessions = row_ends[first:stop], sessions[first:stop]

    inspection.prices(adjusting=settings.adjust == "adj_close")
    rows = inspection.rows
    notes += inspection.notes
    if settings.adjust == "adj_close":
        prices = {role: rows.numbers[role] for role in FIELDS}
        rows = replace(rows, numbers={**rows.numbers, **adjusted(prices, rows.numbers[ADJ_CLOSE])})
    elif ADJ_CLOSE in rows.numbers:
        notes += unadjusted_jumps(rows)
    empty = set(range(len(symbols))) - set(np.unique(rows.asset).tolist())
    notes += [f"{symbols[asset]}: has no bar in the rows that are used" for asset in sorted(empty)]

    def laid_out(role: str) -> Floats:
        return _lay_out(rows.numbers[role], row_of, rows, len(row_ends))

    fields = {role: laid_out(role) for role in FIELDS}
    extra = {name: laid_out(extra_role(name)) for name in settings.columns_of_files}
    if keep_adjusted and ADJ_CLOSE not in extra and all(ADJ_CLOSE in table.numbers for table in rows.tables):
        extra[ADJ_CLOSE] = laid_out(ADJ_CLOSE)
    laid = _settled(Laid(row_ends, sessions, warmup, fields, extra), settings, notes)
    names = (*settings.columns, *(name for name in laid.extra if keep_adjusted and name not in settings.columns))
    fields, extra = ({name: frozen(values) for name, values in each.items()} for each in (laid.fields, laid.extra))
    return Panel(
        Layout(symbols, len(laid.ends), laid.warmup, interval_ns, names),
        Block(0, frozen(laid.ends), frozen(laid.sessions), **fields, extra={name: extra[name] for name in names}),
        tuple(notes),
    )


def _settled(laid: Laid, settings: DataSettings, notes: list[str]) -> Laid:
    """Without holes, where the job wants none."""
    if settings.holes == "leave":
        return laid
    laid, count = (drop if settings.holes == "drop" else carry)(laid)
    if count:
        what = "rows with a hole were dropped" if settings.holes == "drop" else "holes were filled with the last close"
        notes.append(f"{count} {what}")
    return laid


def common_zone(tables: Sequence[Table]) -> str | None:
    """The clock of stamps without a zone, where the sources' shapes tell it."""
    zones = {table.zone: table.name for table in tables}
    if len(zones) > 1:
        (one, other), (first, second) = list(zones)[:2], list(zones.values())[:2]
        raise JobError(
            f"is missing: {first} is read by the clock of {one or 'UTC'}, {second} by that of {other or 'UTC'}",
            field="data.timezone",
        )
    return next(iter(zones), None)


def frozen(array: Array) -> Array:
    """The array, C-contiguous and read-only."""
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


def gather(tables: Sequence[Table], symbols: tuple[str, ...], settings: DataSettings) -> Rows:
    """All bars of the chosen assets, their stamps in one measure."""
    position = {symbol: index for index, symbol in enumerate(symbols)}
    used = [table for table in tables if any(symbol in position for symbol in table.symbols)]
    stamps = [_stamps(table, settings) for table in used]
    for table, stamp in zip(used, stamps, strict=True):
        if stamp.kind != stamps[0].kind:
            raise DataError(
                f"has {KIND_NAMES[stamp.kind]}, and {used[0].name} has {KIND_NAMES[stamps[0].kind]};"
                " a panel has one interval, and one way to say when",
                file=table.name,
            )
        if settings.adjust == "adj_close" and ADJ_CLOSE not in table.numbers:
            raise JobError(
                f"{table.name} has no adjusted close (found: {', '.join(table.headers.values())}); "
                'use data.adjust = "none"',
                field="data.adjust",
            )
        for (role, row), text in table.unreadable.items():
            if role in map(extra_role, settings.columns_of_files):
                raise table.error(row, f"{text!r} is not a number", column=role)
    dates = stamps[0].kind == "date"
    parts = []
    for index, (table, stamp) in enumerate(zip(used, stamps, strict=True)):
        count = len(table)
        values = stamp.values
        if not dates:
            values = to_instants(stamp, settings.timezone, table.error)
        table_column = np.full(count, index, dtype=np.int32)
        codes = np.array([position.get(symbol, -1) for symbol in table.symbols], dtype=np.int32)
        asset = np.full(count, codes[0], dtype=np.int32) if table.codes is None else codes[table.codes]
        parts.append((table_column, np.arange(count, dtype=np.int64), asset, values))
    table_column, row, asset, values = (_joined(columns) for columns in zip(*parts, strict=True))
    roles = [*PRICES, "volume", *([ADJ_CLOSE] if any(ADJ_CLOSE in table.numbers for table in used) else [])]
    roles += map(extra_role, settings.columns_of_files)
    numbers = {role: _joined([_number(table, role) for table in used]) for role in roles}
    rows = Rows(used, symbols, table_column, row, asset, values, dates, numbers)
    if (asset < 0).any():
        rows = rows.take(asset >= 0)
    return rows


def _stamps(table: Table, settings: DataSettings) -> Stamps:
    return as_dates(table.stamps, settings.timezone) if settings.stamps == "start" else table.stamps


def _joined(columns: Sequence[Any]) -> Any:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _number(table: Table, role: str) -> Floats:
    """A table's column; a volume that it does not have at all is zero, any other number is missing."""
    column = table.numbers.get(role)
    if role == "volume" and (column is None or (np.isnan(column).all() and not table.unreadable)):
        return np.zeros(len(table))
    return np.full(len(table), np.nan) if column is None else column


class Steps(NamedTuple):
    """How far apart the bars of one asset are, for whoever must find the interval of all of them."""

    bar: int
    """One of them, which messages name."""
    common: int
    smallest: int


def _interval(rows: Rows) -> int:
    """Nanoseconds of one bar: the same for all assets, or ``DataError`` naming two that differ."""
    starts = np.flatnonzero(np.r_[True, rows.asset[1:] != rows.asset[:-1]])
    stops = np.r_[starts[1:], len(rows)]
    found = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        steps = np.diff(rows.stamp[start:stop])
        step = interval_of(steps)
        if step is not None:
            found.append(Steps(start, step, int(steps.min())))
    return agreed_interval(found, rows.dates, rows.error, lambda bar: (rows.source(bar)[0].name, rows.symbol(bar)))


def agreed_interval(
    found: Sequence[Steps],
    dates: bool,
    blame: Callable[[int, str], DataError],
    source: Callable[[int], tuple[str, str]],
) -> int:
    """Nanoseconds of one bar. ``blame`` makes the error of a bar, ``source`` tells its file and asset.

    Each asset's is its most common step. An asset that seldom trades may step further, where some of its steps are
    the panel's interval.
    """
    if dates:
        found = [Steps(bar, whole_days(step) * DAY_NS, whole_days(least) * DAY_NS) for bar, step, least in found]
    interval_ns = common_interval([steps.common for steps in found])
    if interval_ns is None:
        if dates:
            return DAY_NS
        raise blame(0, "one bar does not tell its interval; timestamps need at least two bars of an asset")
    model = next(steps.bar for steps in found if steps.common == interval_ns)
    for steps in found:
        if interval_ns not in (steps.common, steps.smallest):
            (here, symbol), (other, another) = source(steps.bar), source(model)
            raise DataError(
                f"bars of {span_text(steps.common)}, and {other} ({another}) has bars of {span_text(interval_ns)};"
                " a panel has one interval",
                file=here,
                symbol=symbol,
            )
    return interval_ns


def bar_ends(
    stamps: Ints, dates: bool, interval_ns: int, settings: DataSettings, blame: Callable[[int, str], DataError]
) -> Ints:
    """Instants at which bars end; ``blame`` makes the error of one of them."""
    if dates:
        return session_ends(stamps, settings.calendar, blame)
    return stamps + interval_ns if settings.stamps == "start" else stamps


def _sessions(rows: Rows, row_of: Ints, row_ends: Ints, settings: DataSettings) -> Ints:
    if not rows.dates:
        return local_days(row_ends, settings.timezone)
    sessions = np.empty(len(row_ends), dtype=np.int64)
    sessions[row_of] = rows.stamp
    return sessions


def _lay_out(values: Floats, row_of: Ints, rows: Rows, count: int) -> Floats:
    """One field as [rows, assets], NaN where an asset has no bar."""
    if len(rows.symbols) == 1 and len(values) == count:
        return frozen(values.reshape(count, 1))
    field = np.full((count, len(rows.symbols)), np.nan)
    field[row_of, rows.asset] = values
    return frozen(field)
