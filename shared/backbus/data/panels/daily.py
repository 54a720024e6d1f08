"""Bars of a day or more that were written with a time: which session each of them is, judged row by row.

Vendors stamp a daily bar at midnight of its day, by some zone's clock, at the open, at the close, or with the date of
its session and whatever time. What most rows show is how all are read; a row that does not fit is odd, and settled by
``data.repair.stamps``: one of a day that is not over, most of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.data.readers.table import Codes, Stamps
from backbus.market.calendars import Sessions, sessions_between, zone_of
from backbus.market.panel import Ints, session_date
from backbus.market.timeframes import DAY_NS
from backbus.market.zones import from_wall, to_wall

Mask = NDArray[np.bool_]
HOUR_NS = 3_600 * 10**9
DAILY_NS = 20 * HOUR_NS
"""Bars that are mostly at least so far apart are of a day or more: a clock that is changed moves one by an hour."""
_SUNDAY, _FRIDAY = 6, 4
_SAMPLE = 20_000
"""So many bars tell whether they are daily."""
_LEAST = 5
"""So many bars tell the days of the week on which a market is open."""


class Judged(NamedTuple):
    """Days since 1970, which of them do not fit, and what is to be said of all."""

    days: Ints
    odd: Mask
    why: str
    """What an odd row is unlike."""
    how: str
    """Which session a stamp is of."""
    notes: tuple[str, ...] = ()


class Clock(NamedTuple):
    """A wall clock's reading of all stamps."""

    name: str
    wall: Callable[[], Ints]


def _most(asset: Codes) -> Mask:
    """The bars of the asset that has most of them."""
    if len(asset) and asset[0] >= 0 and (asset == asset[0]).all():
        return np.ones(len(asset), dtype=np.bool_)
    used = asset[asset >= 0]
    return asset == np.argmax(np.bincount(used)) if len(used) else np.zeros(len(asset), dtype=np.bool_)


def is_daily(stamps: Ints, asset: Codes) -> bool:
    """Whether the asset with most bars has them a day or more apart, mostly."""
    most = _most(asset)
    mine = np.flatnonzero(most[:_SAMPLE] if most[:_SAMPLE].all() else most)[:_SAMPLE]
    some = stamps[mine]
    steps = np.diff(some)
    if (steps <= 0).any():
        steps = np.diff(np.unique(some))
    if not len(steps):
        return False
    values, counts = np.unique(
        np.where(steps >= DAILY_NS, (steps + DAY_NS // 2) // DAY_NS * DAY_NS, steps), return_counts=True
    )
    return int(values[np.argmax(counts)]) >= DAILY_NS


def judged(
    parts: Sequence[Stamps], asset: Codes, timezone: str | None, calendar: str | None, marks: str | None
) -> Judged | None:
    """Stamps of all tables, one after the other, as sessions; None where bars are of a part of a day, or their ends are
    said to be instants of their own."""
    values = np.concatenate([part.values for part in parts]) if len(parts) > 1 else parts[0].values
    daily = is_daily(values, asset)
    if marks == "end" and (not daily or calendar is None):
        return None
    clocks = list(_clocks(parts, timezone, calendar))
    if marks == "session":
        days = clocks[0].wall() // DAY_NS
        mine = _most(asset)
        if len(np.unique(days[mine])) < len(np.unique(values[mine])):
            return None
        return Judged(days, np.zeros(len(values), dtype=np.bool_), "", f"the day that they are on by {clocks[0].name}")
    if not daily:  # all at midnight are dates already
        return None
    for clock in clocks:
        wall = clock.wall()
        midnight = wall % DAY_NS == 0
        if 2 * int(np.count_nonzero(midnight)) > len(values) or (len(values) == 2 and midnight.any()):
            days = wall // DAY_NS - (1 if marks == "end" else 0)
            before = ", which ends the day before" if marks == "end" else ""
            return Judged(
                days, ~midnight, "the others are at midnight", f"the day that is at midnight by {clock.name}{before}"
            )
    local = parts[0].kind == "local"
    instants = from_wall(values, timezone) if local else values
    if calendar is not None:
        written = [clock.wall() % DAY_NS for clock in clocks]
        return _in_sessions(instants, asset, calendar, marks == "end", written)
    return _by_day(clocks[0], asset)


def _clocks(parts: Sequence[Stamps], timezone: str | None, calendar: str | None) -> Iterator[Clock]:
    """The clocks that may have written the stamps: the job's zone, the one that is written, UTC, the calendar's."""

    def each(of: Callable[[Stamps], Ints]) -> Callable[[], Ints]:
        return lambda: np.concatenate([of(part) for part in parts]) if len(parts) > 1 else of(parts[0])

    if parts[0].kind == "local":
        yield Clock(timezone or "UTC", each(lambda part: part.values))
        return
    if timezone is not None:
        yield Clock(timezone, each(lambda part: to_wall(part.values, timezone)))
        return
    name = "UTC" if all(part.wall is None for part in parts) else "its own zone"
    yield Clock(name, each(lambda part: part.values if part.wall is None else part.wall()))
    if calendar is not None:
        zone = zone_of(calendar)
        yield Clock(zone, each(lambda part: to_wall(part.values, zone)))


def _in_sessions(instants: Ints, asset: Codes, calendar: str, ends: bool, written: Sequence[Ints]) -> Judged:
    """Stamps at opens, at closes or within sessions. ``written`` are the times of the day by the clocks that may have
    written them: a time that stays the same by UTC is none that moves where the market's clock is changed."""
    first, last = int(instants.min()) // DAY_NS, int(instants.max()) // DAY_NS
    sessions = sessions_between(calendar, first, last, field="data.calendar")
    wall = to_wall(instants, zone_of(calendar))
    place = _place(instants, wall // DAY_NS, sessions, ends)
    there = place >= 0
    days = np.where(there, sessions.days[np.maximum(place, 0)], wall // DAY_NS)
    opens = np.where(there, instants - sessions.opens[np.maximum(place, 0)], 0)
    closes = np.where(there, sessions.closes[np.maximum(place, 0)] - instants, 0)
    odd = _unlike((*written, opens, closes, wall % DAY_NS), there, asset, instants)
    how = f"the session of {calendar} that they are in, that opens or closes with them, or of their day"
    return Judged(days, odd, "the others are at another time", how)


def _place(instants: Ints, days: Ints, sessions: Sessions, ends: bool) -> Ints:
    """The session that each instant is in, otherwise the one of its day, otherwise -1. A moment that ends one and
    begins another belongs to the one that it begins, or ends where stamps are ends."""
    if not len(sessions.days):
        return np.full(len(instants), -1, dtype=np.int64)
    begun = np.searchsorted(sessions.opens, instants, side="left" if ends else "right") - 1
    inside = (begun >= 0) & (instants <= sessions.closes[np.maximum(begun, 0)])
    of_day = np.minimum(np.searchsorted(sessions.days, days), len(sessions.days) - 1)
    return np.where(inside, begun, np.where(sessions.days[of_day] == days, of_day, -1))


def _unlike(measures: Sequence[Ints], there: Mask, asset: Codes, stamps: Ints) -> Mask:
    """The rows that stand at another time than most, where most stand at one."""
    best, at_it = 0, there
    for measure in measures:
        values, counts = np.unique(measure[there], return_counts=True)
        if len(counts) and int(counts.max()) > best:
            best, at_it = int(counts.max()), measure == values[np.argmax(counts)]
    if 2 * best <= int(np.count_nonzero(there)):
        return np.zeros(len(there), dtype=np.bool_)
    odd = there & ~at_it
    return odd & _alone(measures, odd, asset, stamps)


def _alone(measures: Sequence[Ints], odd: Mask, asset: Codes, stamps: Ints) -> Mask:
    """The odd rows at a time of the day that few share; more of one kind are a habit: of half days, of Fridays."""
    values, place, counts = np.unique(measures[-1], return_inverse=True, return_counts=True)
    del values
    return np.asarray((counts[place] < 2) | _last_of_asset(odd, asset, stamps))


def _last_of_asset(rows: Mask, asset: Codes, stamps: Ints) -> Mask:
    """Of some rows those that are the last one of their asset."""
    found = np.zeros(len(stamps), dtype=np.bool_)
    for row in np.flatnonzero(rows).tolist():
        found[row] = not bool((stamps[asset == asset[row]] > stamps[row]).any())
    return found


def period_ends(days: Ints, interval_ns: int, calendar: str | None) -> Ints:
    """The last day of the week, month, quarter or year that begins on each day; with a calendar its last session."""
    length = interval_ns // DAY_NS
    months = {30: 1, 91: 3, 365: 12}.get(length)
    if months is None:
        last = days + length - 1
    else:
        first = days.astype("M8[D]").astype("M8[M]")
        last = (first + months).astype("M8[D]").astype(np.int64) - 1
    if calendar is None or not len(days):
        return last
    earliest, latest = int(days.min()), int(last.max())
    found = sessions_between(calendar, earliest, latest, field="data.calendar", needed=(earliest, earliest)).days
    place = np.searchsorted(found, last, side="right") - 1
    within = (place >= 0) & (found[np.maximum(place, 0)] >= days)
    return np.where(within, found[np.maximum(place, 0)], last)


def on_last_sessions(days: Ints, interval_ns: int, calendar: str) -> tuple[Ints, list[str]]:
    """Dates of longer bars, those without a session moved to the last one that is in their bar; and what was moved."""
    earliest, latest = int(days.min()) - interval_ns // DAY_NS, int(days.max())
    found = sessions_between(calendar, earliest, latest, field="data.calendar", needed=(int(days.min()), latest)).days
    place = np.searchsorted(found, days, side="right") - 1
    last = np.where(place >= 0, found[np.maximum(place, 0)], days - interval_ns // DAY_NS)
    moved = (last != days) & (last > days - interval_ns // DAY_NS)
    if not moved.any():
        return days, []
    count = int(np.count_nonzero(moved))
    first = int(np.argmax(moved))
    told = f"{session_date(int(days[first]))} for one, which ends on {session_date(int(last[first]))}"
    return np.where(moved, last, days), [
        f"{'a bar' if count == 1 else f'{count} bars'} of {interval_ns // DAY_NS} days dated a day without a session of"
        f" {calendar}: {told}, the last session before"
    ]


def note_of_periods(days: Ints, interval_ns: int) -> list[str]:
    """What is to be said of longer bars that look as if they were dated by their first day."""
    length = interval_ns // DAY_NS
    if length == 7 and len(np.unique(days % 7)) == 1 and int(days[0] + 3) % 7 in (0, _SUNDAY):
        what = "the first day of its week"
    elif length in (30, 91, 365) and bool((days.astype("M8[D]") == days.astype("M8[D]").astype("M8[M]")).all()):
        what = "the first day of its month"
    else:
        return []
    first = session_date(int(days[0]))
    return [
        f"bars of {length} days are each dated {what} ({first} for one), and taken to end on it; where they begin on"
        ' it, set data.dates.marks = "begin", and where they do not, "session"'
    ]


def _by_day(clock: Clock, asset: Codes) -> Judged:
    """Stamps within a day that no calendar explains: each is of the day that it is on, by its clock; of the next one
    where a market opens on Sundays and never on Fridays, as the day's session begins the evening before."""
    wall = clock.wall()
    days, within = wall // DAY_NS, wall % DAY_NS
    week = (days + 3) % 7  # 1970-01-01 was a Thursday
    evening = len(days) >= _LEAST and bool((week == _SUNDAY).any()) and not bool((week == _FRIDAY).any())
    values, counts = np.unique(within, return_counts=True)
    usual = int(values[np.argmax(counts)])
    off = np.abs(within - usual)
    unlike = np.minimum(off, DAY_NS - off) > HOUR_NS
    odd = _last_of_asset(unlike, asset, wall) if 2 * int(np.count_nonzero(~unlike)) > len(wall) else unlike & False
    at = f"{usual // HOUR_NS:02d}:{usual % HOUR_NS // (60 * 10**9):02d}"
    first = session_date(int(days[0]))
    meant = "the session that begins that evening, of the day after" if evening else "the session of that day"
    note = (
        f"daily bars are stamped at {at} by {clock.name} ({first} for one): each was taken for {meant};"
        " data.calendar gives sessions their closes, data.dates.marks says otherwise"
    )
    how = f"{meant}, by {clock.name}"
    return Judged(days + (1 if evening else 0), odd, f"the others are at {at}", how, (note,))
