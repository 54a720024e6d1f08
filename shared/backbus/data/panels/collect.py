"""Tables to rows: all bars in one set of columns, their stamps in one measure, and when they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backbus.data.panels.actions import whole_ratios
from backbus.data.panels.daily import Judged, judged, note_of_periods, on_last_sessions, period_ends
from backbus.data.panels.rows import Rows
from backbus.data.panels.sessions import (
    Faults,
    as_dates,
    common_interval,
    interval_of,
    session_ends,
    span_text,
    to_instants,
    whole_days,
)
from backbus.data.panels.taken import no_volume, refuse_adjusting
from backbus.data.readers.headers import ADJ_CLOSE, DIVIDEND, SPLIT, extra_role
from backbus.data.readers.numbers import why_unreadable
from backbus.data.readers.table import KIND_NAMES, Codes, Stamps, Table
from backbus.errors import DataError, JobError
from backbus.market.calendars import sessions_between, zone_of
from backbus.market.columns import PRICES
from backbus.market.panel import Floats, Ints
from backbus.market.timeframes import DAY_NS
from backbus.market.zones import from_wall

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

BARS = "data.bars"
_PERIOD_NS = 7 * DAY_NS
_LOOKED_AT = 20_000
"""So many bars tell by which clock they are."""


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


def gather(tables: Sequence[Table], symbols: tuple[str, ...], settings: DataSettings) -> Rows:
    """All bars of the chosen assets, their stamps in one measure."""
    position = {symbol: index for index, symbol in enumerate(symbols)}
    used = [table for table in tables if any(symbol in position for symbol in table.symbols)]
    stamps = [_stamps(table, settings) for table in used]
    wanted = {role_of(name, settings) for name in settings.columns_of_files} | {SPLIT, DIVIDEND}
    for table, stamp in zip(used, stamps, strict=True):
        if stamp.kind != stamps[0].kind:
            raise DataError(
                f"has {KIND_NAMES[stamp.kind]}, and {used[0].name} has {KIND_NAMES[stamps[0].kind]};"
                " a panel has one interval, and one way to say when",
                file=table.name,
            )
        refuse_adjusting(
            settings.adjust, table.numbers, table.name, (*table.headers.values(), *table.left), settings.names
        )
        for (role, row), text in table.unreadable.items():
            if role in wanted:
                raise table.error(row, f"{why_unreadable(text, role)}; {_ways_on(role)}", column=role)
    parts = []
    for index, table in enumerate(used):
        count = len(table)
        table_column = np.full(count, index, dtype=np.int32)
        codes = np.array([position.get(symbol, -1) for symbol in table.symbols], dtype=np.int32)
        asset = np.full(count, codes[0], dtype=np.int32) if table.codes is None else codes[table.codes]
        parts.append((table_column, np.arange(count, dtype=np.int64), asset))
    table_column, row, asset = (_joined(columns) for columns in zip(*parts, strict=True))
    when = _when(used, stamps, asset, settings)
    known = [role for role in (ADJ_CLOSE, SPLIT, DIVIDEND) if any(role in table.numbers for table in used)]
    roles = [*PRICES, "volume", *known]
    roles += [role for name in settings.columns_of_files if (role := role_of(name, settings)) not in roles]
    numbers = {role: _joined([_number(table, role) for table in used]) for role in roles}
    if SPLIT in numbers:
        numbers[SPLIT] = whole_ratios(numbers[SPLIT])
    rows = Rows(used, symbols, table_column, row, asset, when.stamps, when.dates, numbers, when.clock)
    rows = replace(rows, notes=tuple(note for table in used for note in table.notes))
    if when.judged is not None:
        rows = replace(
            rows,
            odd=when.judged.odd,
            unlike=when.judged.why,
            how=when.judged.how,
            notes=(*rows.notes, *when.judged.notes),
        )
    if (asset < 0).any():
        rows = rows.take(asset >= 0)
    return rows


def _ways_on(role: str) -> str:
    """How a job goes on without a column."""
    if role in (SPLIT, DIVIDEND):
        return f'correct it, or say by data.names.{role} = "" that there are none'
    return f"correct it, or leave {role.removeprefix('+')!r} out of data.columns"


def role_of(name: str, settings: DataSettings) -> str:
    """What a further column is called among a table's numbers."""
    return name if settings.adjust == "events" and name in (SPLIT, DIVIDEND) else extra_role(name)


class When(NamedTuple):
    """Stamps of all bars in one measure."""

    stamps: Ints
    dates: bool
    clock: Mapping[int, Faults]
    judged: Judged | None = None


def _when(tables: Sequence[Table], stamps: Sequence[Stamps], asset: Codes, settings: DataSettings) -> When:
    """Sessions where bars are of a day or more, instants otherwise."""
    if stamps[0].kind == "date":
        return When(_joined([each.values for each in stamps]), True, {})
    if not tables[0].ticks:
        found = judged(stamps, asset, settings.timezone, settings.calendar, settings.dates.marks)
        if found is not None:
            return When(found.days, True, {}, found)
    if settings.dates.marks == "session":
        raise JobError('is "session", and bars are of a part of a day; say "begin" or "end"', field="data.dates.marks")
    clock: dict[int, Faults] = {}
    parts = []
    for index, (table, stamp) in enumerate(zip(tables, stamps, strict=True)):
        values, faults = to_instants(stamp, settings.timezone, table.codes)
        parts.append(values)
        if faults is not None:
            clock[index] = faults
    return When(_joined(parts), False, clock)


def _stamps(table: Table, settings: DataSettings) -> Stamps:
    return table.stamps if settings.dates.marks == "end" else as_dates(table.stamps, settings.timezone)


def _joined(columns: Sequence[Any]) -> Any:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _number(table: Table, role: str) -> Floats:
    """A table's column; a volume that it does not have at all is zero, any other number is missing."""
    column = table.numbers.get(role)
    if role == "volume" and (column is None or no_volume(table) or (np.isnan(column).all() and not table.unreadable)):
        return np.zeros(len(table))
    return np.full(len(table), np.nan) if column is None else column


class Steps(NamedTuple):
    """How far apart the bars of one asset are, for whoever must find the interval of all of them."""

    bar: int
    """One of them, which messages name."""
    common: int
    smallest: int


def interval_of_rows(rows: Rows) -> int:
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
    if dates:  # days that are no session are left out where rows are aligned
        return session_ends(stamps, settings.calendar, None if settings.align else blame)
    return stamps if settings.dates.marks == "end" else stamps + interval_ns


def by_periods(days: Ints, interval_ns: int, begins: bool, settings: DataSettings) -> tuple[Ints, list[str]]:
    """Dates of bars of a week or more: their last days where the job or the source's shape (``begins``) says that they
    are dated by their first; and what is to be said where nobody tells."""
    if interval_ns < _PERIOD_NS:
        return days, []
    if settings.dates.marks == "begin" or begins:
        return period_ends(days, interval_ns, settings.calendar), []
    notes = note_of_periods(days, interval_ns) if settings.dates.marks is None else []
    if settings.dates.marks != "session" and settings.calendar is not None and not notes:
        days, notes = on_last_sessions(days, interval_ns, settings.calendar)
    return days, notes


def notes_of_clock(rows: Rows, ends: Ints, settings: DataSettings) -> list[str]:
    """What is to be said of times without a zone that the calendar's own clock explains, and UTC does not."""
    if rows.dates or settings.calendar is None or settings.timezone is not None:
        return []
    if not any(table.stamps.kind == "local" for table in rows.tables):
        return []
    some, zone = ends[:_LOOKED_AT], zone_of(settings.calendar)

    def inside(instants: Ints) -> float:
        first, last = (int(instants[at] - 1) // DAY_NS for at in (0, -1))
        found = sessions_between(str(settings.calendar), first, last, field="data.calendar")
        place = np.minimum(np.searchsorted(found.closes, instants), len(found.closes) - 1)
        return float(np.mean((instants > found.opens[place]) & (instants <= found.closes[place])))

    if inside(some) >= 0.5 or inside(from_wall(some, zone)) <= 0.9:
        return []
    return [
        f"times have no zone and were read by UTC, by which most bars lie outside the sessions of {settings.calendar};"
        f' by its own clock they lie inside: set data.timezone = "{zone}" unless UTC is meant'
    ]


def ends_of(rows: Rows, interval_ns: int, settings: DataSettings) -> Ints:
    """Instants at which rows end."""
    return bar_ends(rows.stamp, rows.dates, interval_ns, settings, rows.error)


def ticks_error(rows: Rows) -> JobError:
    """The error of a job that does not say what bars to make."""
    table = rows.tables[0]
    found = ", ".join(dict.fromkeys(table.headers.values()))
    return JobError(
        f"is missing: {table.name} has trades or quotes (found: {found}); say what bars to make of them,"
        ' such as "1m", "500 ticks" or "1e6 dollars"',
        field=BARS,
    )
