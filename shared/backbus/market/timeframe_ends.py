"""When longer bars end, for strategies that read several timeframes: known beforehand, by clock or calendar.

A longer bar holds the rows that end after the one before it and not after it. It is complete with the first row that
ends as it does, or that belongs to a later one: no row before that can know it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from backbus.errors import JobError
from backbus.market.calendars import Sessions, sessions_between, union
from backbus.market.panel import Block, Ints, Layout, Source
from backbus.market.timeframes import DAY_NS, UNITS, Period, Timeframe, timeframe
from backbus.market.zones import from_wall, local_days, to_wall

FIELD = "data.timeframes"
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_AHEAD_DAYS, _YEARS_DAYS = 400, 3650
_MONDAY = 3  # 1970 began on a Thursday


class Framed:
    """A market whose blocks tell when the longer bars of some timeframes end."""

    def __init__(self, source: Source, timeframes: Sequence[str]) -> None:
        """Raises ``JobError`` for a timeframe that is not longer than the market's own bars, or not made of them."""
        layout = source.layout
        self.source = source
        self.layout = replace(layout, timeframes=tuple(timeframes))
        self.notes = source.notes
        self._frames = [timeframe(text) for text in timeframes]
        for frame in self._frames:
            check_longer(frame, layout.interval_ns, FIELD)
        self._sessions = calendar_of(*names) if (names := _names(layout)) else None
        self._several = len(layout.calendars) > 0

    def __len__(self) -> int:
        return len(self.source)

    def blocks(self, size: int) -> Iterator[Block]:
        """The source's blocks."""
        for block in self.source.blocks(size):
            yield replace(block, frames={frame.text: self._ends(frame, block.end) for frame in self._frames})

    def _ends(self, frame: Timeframe, ends: Ints) -> Ints:
        sessions = None if self._sessions is None else self._sessions.around(ends)
        if self._several and frame.period is None:  # a part of a day is cut by none of several closes
            sessions = None
        found = frame_ends(ends, frame, self.layout.timezone, sessions)
        found.flags.writeable = False
        return found


def _names(layout: Layout) -> tuple[str, ...]:
    """The calendars by whose sessions longer bars end: with the last of several."""
    if layout.calendars:
        return tuple(sorted({name for name in layout.calendars if name}))
    return () if layout.calendar is None else (layout.calendar,)


def framed(source: Source, timeframes: Sequence[str]) -> Source:
    """The market with longer bars, where any are asked for."""
    return Framed(source, timeframes) if timeframes else source


def check_longer(frame: Timeframe, interval: int, field: str) -> None:
    """Raise ``JobError`` where bars of ``frame`` cannot be made of bars of an interval."""
    if interval == 0:
        return
    if frame.period is None and (interval >= frame.span_ns or frame.span_ns % interval):
        raise JobError(
            f"bars of {frame.text} cannot be made of the data's, which are of {_told(interval)}: name a multiple",
            field=field,
        )
    days = {"d": 1, "w": 7, "mo": 28, "q": 89, "y": 365}
    if frame.period is not None and interval >= days[frame.period] * DAY_NS and interval > UNITS["d"] // 2:
        raise JobError(f"bars of {frame.text} are not longer than the data's own; name a longer one", field=field)


def _told(interval: int) -> str:
    unit = next((unit for unit in ("d", "h", "m", "s") if interval % UNITS[unit] == 0), None)
    return f"{interval / 1e9:g} s" if unit is None else f"{interval // UNITS[unit]}{unit}"


class Calendar:
    """The sessions of a calendar, or of several together, looked up as rows reach them."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._known: Sessions | None = None
        self._asked = (0, 0)
        """The first and last day that were asked for: a calendar may have fewer."""

    def around(self, ends: Ints) -> Sessions:
        """The sessions of these rows, and those of the year after them."""
        first, last = int(ends[0]) // DAY_NS - 10, int(ends[-1]) // DAY_NS + _AHEAD_DAYS
        known = self._known
        if known is None or first < self._asked[0] or last > self._asked[1]:
            if known is not None:
                first = min(first, self._asked[0])
            # Some years at once, so that small blocks do not ask again each time; not all calendars go so far.
            needed = (int(ends[0]) - 1) // DAY_NS, (int(ends[-1]) - 1) // DAY_NS
            self._asked = first, last + _YEARS_DAYS
            self._known = known = self._of(*self._asked, needed=needed)
        return known

    def _of(self, first: int, last: int, needed: tuple[int, int]) -> Sessions:
        if len(self._names) > 1:
            return union(self._names, first, last, field=FIELD, needed=needed)
        return sessions_between(self._names[0], first, last, field=FIELD, needed=needed)


@functools.lru_cache(maxsize=8)
def calendar_of(*names: str) -> Calendar:
    """A calendar that this process keeps, or several as one."""
    return Calendar(*names)


def frame_ends(ends: Ints, frame: Timeframe, timezone: str | None, sessions: Sessions | None) -> Ints:
    """[rows] the instant at which the longer bar ends that each row belongs to.

    Parts of a day count from midnight of the zone's clock, and end with the session where there is a calendar. A period
    ends with its last session, or without a calendar at midnight after its last day.
    """
    if frame.period is None:
        found = _part_ends(ends, frame.span_ns, timezone)
        return found if sessions is None else np.minimum(found, sessions.closes[_session_of(ends, sessions)])
    if sessions is None:
        return from_wall((_last_days(local_days(ends, timezone), frame.period) + 1) * DAY_NS, timezone)
    periods = _last_days(sessions.days, frame.period)
    last = np.searchsorted(periods, periods[_session_of(ends, sessions)], side="right") - 1
    closes: Ints = sessions.closes[last]
    return closes


def _session_of(ends: Ints, sessions: Sessions) -> Ints:
    """The first session that closes at the row's end or after it."""
    return np.searchsorted(sessions.closes, ends)


def _part_ends(ends: Ints, span: int, timezone: str | None) -> Ints:
    if timezone in (None, "UTC"):
        return -(-ends // span) * span
    assert timezone is not None
    wall = to_wall(ends - 1, timezone)
    bounds = (wall // span + 1) * span
    if span <= UNITS["h"]:
        return bounds - (wall - (ends - 1))
    known, place = np.unique(bounds, return_inverse=True)
    return from_wall(known, timezone)[place]


def _last_days(days: Ints, period: Period) -> Ints:
    """The last day of the period that each day is in."""
    if period == "d":
        return days
    if period == "w":
        return days + 6 - (days + _MONDAY) % 7
    count = _MONTHS[period]
    months = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    after = (months // count + 1) * count
    return after.astype("M8[M]").astype("M8[D]").astype(np.int64) - 1
