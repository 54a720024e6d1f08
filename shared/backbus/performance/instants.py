"""When a record was: at the begin of its row's bars where it is of the open, else at their end.

Bars of a length that is known begin so long before their end, and no earlier than the session that they are in, where a
calendar tells of it. Daily bars begin when their session opens, by the calendar. Where nothing tells when a bar began
(daily bars without one calendar for all assets, longer ones, bars of volume or of trades) its end stands in both
places.
"""

from __future__ import annotations

import contextlib

import numpy as np

from backbus.errors import JobError
from backbus.jit.arrays import read_only
from backbus.market.calendars import Sessions, bounds_of, sessions_between
from backbus.market.panel import Block, Ints, Layout
from backbus.market.ticks import OPEN_MATCH, PHASES
from backbus.market.timeframes import DAY_NS
from backbus.performance.trades import NO_TIME

_FIELD = "data.calendar"
AHEAD = 3652
"""Days of a calendar that are had beyond those that are asked for, where it has to be made: that takes long."""


class Begins:
    """When the rows of a market begin."""

    __slots__ = ("_first", "_known", "_last", "_layout")

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: Sessions | None = None
        self._first, self._last = 1, 0
        """Of which days these are the sessions."""

    def of(self, block: Block) -> Ints:
        """[rows] UTC nanoseconds since 1970; the end of rows whose begin is not known."""
        layout, end = self._layout, block.end
        if layout.interval_ns <= 0 or layout.interval_ns > DAY_NS:
            return end
        opens = end if layout.calendar is None else self._opens(block)
        if layout.interval_ns == DAY_NS:
            return opens
        begins = end - layout.interval_ns
        return read_only(np.where(opens < end, np.maximum(begins, opens), begins))

    def _opens(self, block: Block) -> Ints:
        """When the rows' sessions open; the rows' own end where the calendar does not say."""
        opens = block.end.copy()
        known = self._sessions(int(block.session.min()), int(block.session.max())) if len(block) else None
        if known is not None and len(known.days):
            at = np.minimum(np.searchsorted(known.days, block.session), len(known.days) - 1)
            found = (known.days[at] == block.session) & (known.opens[at] < block.end)
            opens[found] = known.opens[at][found]
        return read_only(opens)

    def _sessions(self, first: int, last: int) -> Sessions | None:
        """Those of some days, as far as the calendar has them."""
        if not self._first <= first <= last <= self._last:
            calendar = self._layout.calendar
            assert calendar is not None
            self._first, self._last, self._known = first, last, None
            with contextlib.suppress(JobError):
                earliest, latest = bounds_of(calendar, _FIELD)
                some = max(first, earliest)
                if some <= min(last, latest):
                    self._known = sessions_between(
                        calendar, first, last, field=_FIELD, needed=(some, some), ahead=AHEAD
                    )
                    self._last = max(last, int(self._known.days[-1]))
        return self._known


def instants(ticks: Ints, first_row: int, begin: Ints, end: Ints) -> Ints:
    """When records of these rows were; NaT for a row that is not among them."""
    if not len(end):
        return np.full(len(ticks), NO_TIME)
    rows = ticks // PHASES - first_row
    inside = (rows >= 0) & (rows < len(end))
    at = np.where(inside, rows, 0)
    found: Ints = np.where(ticks % PHASES <= OPEN_MATCH, begin[at], end[at])
    return found if inside.all() else np.where(inside, found, NO_TIME)
