"""When bars end and which session they belong to: zones, calendars and the interval of a panel.

In: stamps as written, and what the job says of them. Out: UTC instants and session days. Nothing else in this room
knows of zones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np

from backbus.data.readers.table import Codes, Stamps
from backbus.errors import DataError
from backbus.market.calendars import sessions_between
from backbus.market.panel import Ints, session_date
from backbus.market.timeframes import DAY_NS
from backbus.market.zones import to_wall

Blame = Callable[[int, str], DataError]
QUARTER_NS = 900 * 10**9
"""Zones are quarters of an hour apart."""


def as_dates(stamps: Stamps, timezone: str | None) -> Stamps:
    """``stamps`` as dates where all of them are a local midnight: daily bars that were written with a time.

    Adding 24 hours to such stamps would put the bars around a clock change into the wrong session.
    """
    if stamps.kind == "date":
        return stamps
    if stamps.values[0] % QUARTER_NS:  # no zone's midnight
        return stamps
    if stamps.kind == "local":
        wall = stamps.values
    elif timezone is not None:
        wall = to_wall(stamps.values[:1], timezone)
        if wall[0] % DAY_NS == 0:
            wall = to_wall(stamps.values, timezone)
    else:
        wall = stamps.values if stamps.wall is None else stamps.wall()
    if wall[0] % DAY_NS or (wall % DAY_NS).any():
        return stamps
    return Stamps("date", wall // DAY_NS)


class Faults(NamedTuple):
    """Stamps that are not one instant, because a clock is changed there: their rows."""

    rows: Ints
    timezone: str


def to_instants(stamps: Stamps, timezone: str | None, codes: Codes | None = None) -> tuple[Ints, Faults | None]:
    """Timestamps as UTC nanoseconds.

    An hour that a clock change skips is told as the first instant after it; one that is repeated as the first of the
    two, or the second where an asset's bars go back in time there. ``codes`` tells each bar's asset.
    """
    if stamps.kind == "instant" or timezone in (None, "UTC"):
        return stamps.values, None
    assert timezone is not None
    import pandas as pd

    index = pd.DatetimeIndex(stamps.values.view("M8[ns]"))
    aware = index.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
    lost = np.flatnonzero(np.asarray(aware.isna()))
    instants = np.array(aware.as_unit("ns").asi8, dtype=np.int64)
    if not len(lost):
        return instants, None
    second, last = np.ones(len(lost), dtype=bool), dict[int, tuple[int, bool]]()
    for place, row in enumerate(lost.tolist()):
        asset, wall = 0 if codes is None else int(codes[row]), int(stamps.values[row])
        before, again = last.get(asset, (wall - DAY_NS, False))
        again = wall - before < DAY_NS // 2 and (again or wall <= before)
        last[asset], second[place] = (wall, again), again
    instants[lost] = np.asarray(
        index[lost].tz_localize(timezone, ambiguous=~second, nonexistent="shift_forward").as_unit("ns").asi8
    )
    return instants, Faults(lost, timezone)


def session_ends(days: Ints, calendar: str | None, blame: Blame | None, field: str = "data.calendar") -> Ints:
    """UTC nanoseconds at which each day's session closes; without a calendar the end of the day, 24:00 UTC.

    A day that is no session is an error, or without ``blame`` ends as days do. ``field`` is what a JobError names.
    """
    if calendar is None or not len(days):
        return (days + 1) * DAY_NS
    sessions, _, closes = sessions_between(calendar, int(days.min()), int(days.max()), field=field)
    position = np.minimum(np.searchsorted(sessions, days), max(len(sessions) - 1, 0))
    known = sessions[position] == days if len(sessions) else np.zeros(len(days), dtype=bool)
    if not known.all():
        if blame is None:
            return np.where(known, closes[position], (days + 1) * DAY_NS)
        row = int(np.argmin(known))
        raise blame(
            row,
            f"{session_date(int(days[row]))} is not a session of {calendar}; correct the date, leave it out by"
            f" data.align = true, or name another calendar by {field}",
        )
    return closes[position]


def interval_of(steps: Ints) -> int | None:
    """The most common of the steps between bars (the smallest of several), or None where there are none."""
    if not len(steps):
        return None
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def whole_days(days: int) -> int:
    """Days between dates as an interval: months and years are not all of one length."""
    for low, high, length in ((28, 31, 30), (89, 92, 91), (365, 366, 365)):
        if low <= days <= high:
            return length
    return days


def common_interval(intervals: Sequence[int]) -> int | None:
    """The interval of most series; the smallest of several."""
    return interval_of(np.array(intervals, dtype=np.int64))


def span_text(interval_ns: int) -> str:
    """An interval as people say it."""
    if interval_ns == 0:
        return "no fixed interval"
    for name, size in (("day", DAY_NS), ("hour", 3_600 * 10**9), ("minute", 60 * 10**9), ("second", 10**9)):
        if interval_ns % size == 0:
            count = interval_ns // size
            return f"1 {name}" if count == 1 else f"{count} {name}s"
    return f"{interval_ns / 10**9:g} seconds"


def instant_of(moment: datetime, timezone: str | None) -> int:
    """UTC nanoseconds of a date and time; one without a zone is in ``timezone``, or UTC."""
    import zoneinfo

    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if timezone is None else zoneinfo.ZoneInfo(timezone))
    since: Any = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return int((since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000)


def day_of(day: date) -> int:
    """Days since 1970."""
    return (day - date(1970, 1, 1)).days
