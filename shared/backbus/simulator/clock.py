"""When the rows of a simulated market end, which session each belongs to, and where in its session it lies."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np

from backbus.errors import JobError
from backbus.job.simulator import SimulatorSettings
from backbus.market.calendars import bounds_of, sessions_between
from backbus.market.panel import Floats, Ints, Panel
from backbus.market.spacing import calendar_year, continuous_year, year_of
from backbus.market.timeframes import DAY_NS

FIELD = "simulator.calendar"


class Moments(NamedTuple):
    """[rows] each."""

    end: Ints
    session: Ints
    """Days since 1970."""


class Continuous:
    """A market that never closes."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._start, self._length = _day(settings.start) * DAY_NS, settings.interval_ns
        self.year = continuous_year(self._length)
        self.bars_per_year = settings.bars_per_year or self.year.sessions * self.year.bars

    def rows(self, first: int, stop: int) -> Moments:
        """The moments of some rows."""
        end = self._start + np.arange(first + 1, stop + 1, dtype=np.int64) * self._length
        return Moments(end, (end - 1) // DAY_NS)

    def positions(self, first: int, stop: int) -> Floats:
        """Where the middle of each bar lies in its session, from 0 to 1; ½ for bars of whole sessions."""
        begin = self._start + np.arange(first, stop, dtype=np.int64) * self._length
        return (begin % DAY_NS + self._length // 2) / DAY_NS


class OnCalendar:
    """A market with sessions: as many whole bars as fit into each."""

    def __init__(self, settings: SimulatorSettings, calendar: str) -> None:
        self._length, daily = settings.interval_ns, settings.interval_ns == DAY_NS
        first, rows = _day(settings.start), settings.rows
        counts = np.zeros(0, dtype=np.int64)
        # A guess at how long it takes until there are enough bars, and longer ones until there are.
        days = int(rows * 1.5) + 30 if daily else int(rows * self._length / DAY_NS * 6) + 30
        while True:
            sessions = sessions_between(calendar, first, first + days, field=FIELD, needed=(first, first))
            later = sessions.days >= first
            self._days, opens, closes = (each[later] for each in sessions)
            counts = np.ones(len(self._days), np.int64) if daily else (closes - opens) // self._length
            if counts.sum() >= rows:
                break
            if len(counts) and not counts.any():
                raise JobError(
                    f"no session of {calendar} is as long as a bar of {settings.interval}", field="simulator.interval"
                )
            if first + days > bounds_of(calendar, FIELD)[1]:
                sessions_between(calendar, first, first + days, field=FIELD)
            days *= 2
        self._daily, self._opens, self._closes = daily, opens, closes
        self._begins = np.concatenate(([0], np.cumsum(counts)))
        self._counts = counts
        self.year = calendar_year(calendar, float(np.median(counts)))
        self.bars_per_year = settings.bars_per_year or self.year.sessions * self.year.bars

    def rows(self, first: int, stop: int) -> Moments:
        """The moments of some rows."""
        row = np.arange(first, stop, dtype=np.int64)
        session = np.searchsorted(self._begins, row, side="right") - 1
        if self._daily:
            return Moments(self._closes[session], self._days[session])
        end = self._opens[session] + (row - self._begins[session] + 1) * self._length
        return Moments(end, self._days[session])

    def positions(self, first: int, stop: int) -> Floats:
        """Where the middle of each bar lies in its session."""
        row = np.arange(first, stop, dtype=np.int64)
        session = np.searchsorted(self._begins, row, side="right") - 1
        return (row - self._begins[session] + 0.5) / self._counts[session]


class OfHistory:
    """The rows of a panel."""

    def __init__(self, settings: SimulatorSettings, panel: Panel) -> None:
        self._block = panel.block
        self.year = year_of(panel.block.session, panel.layout)
        self.bars_per_year = settings.bars_per_year or bars_in_year(panel)

    def rows(self, first: int, stop: int) -> Moments:
        """The moments of some rows."""
        return Moments(self._block.end[first:stop], self._block.session[first:stop])

    def positions(self, first: int, stop: int) -> Floats:
        """The middle of the day: history has its own shape."""
        return np.full(stop - first, 0.5)


def bars_in_year(panel: Panel) -> float:
    """As many sessions as a panel has in a year, with as many bars as it has in one."""
    sessions = max(len(np.unique(panel.block.session)), 1)
    return year_of(panel.block.session, panel.layout).sessions * len(panel) / sessions


Clock = Continuous | OnCalendar | OfHistory


def clock_of(settings: SimulatorSettings) -> Clock:
    """The clock of a market that has its own."""
    return Continuous(settings) if settings.calendar is None else OnCalendar(settings, settings.calendar)


def shape(position: Floats, ends: float, *, squared: bool) -> Floats:
    """How much there is at each place of a session: a parabola, ``ends`` times as high at both ends as in the middle.

    Its mean over a session is 1; that of its square, with ``squared``.
    """
    bow = (2.0 * position - 1.0) ** 2
    rise = ends - 1.0
    mean = 1.0 + rise * 2.0 / 3.0 + rise * rise / 5.0 if squared else 1.0 + rise / 3.0
    return (1.0 + rise * bow) / (np.sqrt(mean) if squared else mean)


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days
