"""Tables to rows: all bars in one set of columns, their stamps in one measure, and when they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backbus.data.panels.actions import whole_ratios
from backbus.data.panels.daily import Judged, judged, note_of_periods, on_last_sessions, period_ends
from backbus.data.panels.markets import FIELD, by_market
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
    stamps = _stamps(used, settings)
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
        table_column = _filled(count, index)
        codes = np.array([position.get(symbol, -1) for symbol in table.symbols], dtype=np.int32)
        asset = _filled(count, int(codes[0])) if table.codes is None else codes[table.codes]
        parts.append((table_column, np.arange(count, dtype=np.int64), asset))
    table_column, row, asset = (_joined(columns) for columns in zip(*parts, strict=True))
    when = _when(used, stamps, asset, symbols, settings)
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


def _filled(count: int, number: int) -> Codes:
    """So many of one number; zeros take no memory before they are looked at."""
    return np.full(count, number, dtype=np.int32) if number else np.zeros(count, dtype=np.int32)


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


def _when(
    tables: Sequence[Table], stamps: Sequence[Stamps], asset: Codes, symbols: tuple[str, ...], settings: DataSettings
) -> When:
    """Sessions where bars are of a day or more, instants otherwise."""
    if stamps[0].kind == "date":
        return When(_joined([each.values for each in stamps]), True, {})
    if not tables[0].ticks:
        found = _judged(stamps, asset, symbols, settings)
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


def _judged(stamps: Sequence[Stamps], asset: Codes, symbols: tuple[str, ...], settings: DataSettings) -> Judged | None:
    """Stamps as sessions, those of each market by its own calendar."""
    groups = list(by_market(symbols, asset, settings))
    zone, marks = settings.timezone, settings.dates.marks
    if not settings.calendars:
        return judged(stamps, asset, zone, settings.calendar, marks)
    edges = np.cumsum([0, *(len(each.values) for each in stamps)])
    days, odd = np.zeros(len(asset), dtype=np.int64), np.zeros(len(asset), dtype=np.bool_)
    found: list[Judged | None] = []
    for calendar, mask in groups:
        parts = [_some(one, mask[start:stop]) for one, start, stop in zip(stamps, edges, edges[1:], strict=False)]
        one = judged([part for part in parts if len(part.values)], asset[mask], zone, calendar, marks)
        found.append(one)
        if one is not None:
            days[mask], odd[mask] = one.days, one.odd
    known = [one for one in found if one is not None]
    if not known:
        return None
    if len(known) < len(found):
        raise JobError(
            "some markets have bars of a day, by their stamps, and others of a part of one: a panel has one interval",
            field=FIELD,
        )
    notes = tuple(dict.fromkeys(note for one in known for note in one.notes))
    return Judged(days, odd, known[0].why, "; ".join(dict.fromkeys(one.how for one in known)), notes)


def _some(stamps: Stamps, mask: Any) -> Stamps:
    wall = stamps.wall
    return Stamps(stamps.kind, stamps.values[mask], None if wall is None else lambda: wall()[mask], stamps.zone)


def _stamps(tables: Sequence[Table], settings: DataSettings) -> list[Stamps]:
    """Stamps at midnight as dates. Where a market that opens at midnight stands beside others, none are."""
    written = [table.stamps for table in tables]
    if settings.dates.marks == "end":
        return written
    found = [as_dates(each, settings.timezone) for each in written]
    mixed = len({each.kind for each in found}) > 1 and len({each.kind for each in written}) == 1
    return written if mixed and settings.calendars else found


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
    if rows.dates or settings.calendar is None or settings.timezone is not None or settings.calendars:
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


def notes_of_marks(rows: Rows, ends: Ints, interval_ns: int, settings: DataSettings) -> list[str]:
    """What is to be said of stamps that the calendar's opens and closes explain as the other side of their bars: those
    of ends are at closes and at no open, those of beginnings at opens and at no close."""
    if rows.dates or settings.calendar is None or settings.calendars or any(table.begins for table in rows.tables):
        return []
    marks = settings.dates.marks
    if marks == "begin":
        return []
    stamps = ends[:_LOOKED_AT] - (0 if marks == "end" else interval_ns)
    first, last = (int(stamps[at]) // DAY_NS for at in (0, -1))
    _, opens, closes = sessions_between(settings.calendar, first, last, field="data.calendar")
    begun = np.maximum(np.searchsorted(opens, stamps, side="right") - 1, 0)
    at_open, at_close = stamps == opens[begun], stamps == closes[begun]
    inside = (stamps >= opens[begun]) & (stamps <= closes[begun])
    ours, others = (at_open, at_close) if marks is None else (at_close, at_open)
    count, sessions = int(others.sum()), len(np.unique(begun))
    if ours.any() or 2 * count <= sessions or not inside.all():
        return []
    there = f"{count} of {sessions} sessions of {settings.calendar}"
    if marks is None:
        return [
            f"stamps were read as the beginnings of bars, and look like their ends: none is at an open, and {there}"
            ' have one at the close; set data.dates.marks = "end" or "begin" to say which'
        ]
    return [
        f"stamps were read as the ends of bars, and look like their beginnings: none is at a close, and {there} have"
        ' one at the open; bars would be known before they were traded: set data.dates.marks = "begin" unless ends'
        " are meant"
    ]


def ends_of(rows: Rows, interval_ns: int, settings: DataSettings) -> Ints:
    """Instants at which bars end, those of dates by their own market's calendar."""
    if rows.dates and settings.calendars:
        return session_ends_of(rows, settings)
    return bar_ends(rows.stamp, rows.dates, interval_ns, settings, rows.error)


def source_ends(rows: Rows, settings: DataSettings) -> tuple[Ints, int]:
    """When trades were, or when bars end of which longer ones are made, and their interval; 0 of trades."""
    if rows.ticks:
        return session_ends_of(rows, settings) if rows.dates else rows.stamp, 0
    interval_ns = interval_of_rows(rows)
    return ends_of(rows, interval_ns, settings), interval_ns


def session_ends_of(rows: Rows, settings: DataSettings) -> Ints:
    """When the sessions close that bars with dates are of. Days that are no session are left out where rows are
    aligned, and an error otherwise."""
    ends = np.empty(len(rows), dtype=np.int64)
    field = FIELD if settings.calendars else "data.calendar"
    for calendar, mask in by_market(rows.symbols, rows.asset, settings):
        place = np.arange(len(rows))[mask]

        def blame(row: int, message: str, place: Ints = place) -> DataError:
            return rows.error(int(place[row]), message)

        ends[mask] = session_ends(rows.stamp[mask], calendar, None if settings.align else blame, field)
    return ends


def periods_of(rows: Rows, interval_ns: int, begins: bool, settings: DataSettings) -> tuple[Rows, list[str]]:
    """``by_periods`` of bars with dates, by their own market's calendar."""
    if not settings.calendars:
        days, notes = by_periods(rows.stamp, interval_ns, begins, settings)
        return replace(rows, stamp=days), notes
    days, notes = rows.stamp.copy(), []
    for calendar, mask in by_market(rows.symbols, rows.asset, settings):
        own = settings.model_copy(update={"calendar": calendar})
        days[mask], said = by_periods(rows.stamp[mask], interval_ns, begins, own)
        notes += [note for note in said if note not in notes]
    return replace(rows, stamp=days), notes


def ticks_error(rows: Rows) -> JobError:
    """The error of a job that does not say what bars to make."""
    table = rows.tables[0]
    found = ", ".join(dict.fromkeys(table.headers.values()))
    return JobError(
        f"is missing: {table.name} has trades or quotes (found: {found}); say what bars to make of them,"
        ' such as "1m", "500 ticks" or "1e6 dollars"',
        field=BARS,
    )
