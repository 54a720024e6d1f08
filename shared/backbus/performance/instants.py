"""When a record was: at the begin of its row's bars where it is of the open, else at their end.

Bars of a length that is known begin so long before their end, and no earlier than the session that they are in, where a
calendar tells of it. Daily bars begin when their session opens, by the calendar. Where nothing tells when a bar began
(daily bars without one calendar for all assets, longer ones, bars of volume or of trades) its end stands in both
places.
"""

from __future__ import annotations

import numpy as np

from backbus.errors import JobError
from backbus.jit.arrays import read_only
from backbus.market.calendars import Sessions, sessions_between
from backbus.market.panel import Block, Ints, Layout
from backbus.market.ticks import OPEN_MATCH, PHASES
from backbus.market.timeframes import DAY_NS
from backbus.performance.trades import NO_TIME

DECADE = 3652
"""Days of a calendar that are asked for at a time: the library makes them anew each time."""


class Begins:
    """When the rows of a market begin."""

    __slots__ = ("_decades", "_layout")

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._decades: dict[int, Sessions | None] = {}

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
        for decade in np.unique(block.session // DECADE).tolist():
            known = self._decade(decade)
            if known is None or not len(known.days):
                continue
            at = np.minimum(np.searchsorted(known.days, block.session), len(known.days) - 1)
            found = (known.days[at] == block.session) & (known.opens[at] < block.end)
            opens[found] = known.opens[at][found]
        return read_only(opens)

    def _decade(self, decade: int) -> Sessions | None:
        if decade not in self._decades:
            assert self._layout.calendar is not None
            first = decade * DECADE
            try:
                found = sessions_between(
                    self._layout.calendar, first, first + DECADE - 1, field="data.calendar", needed=(first, first)
                )
            except JobError:
                found = None
            self._decades[decade] = found
        return self._decades[decade]


def instants(ticks: Ints, first_row: int, begin: Ints, end: Ints) -> Ints:
    """When records of these rows were; NaT for a row that is not among them."""
    if not len(end):
        return np.full(len(ticks), NO_TIME)
    rows = ticks // PHASES - first_row
    inside = (rows >= 0) & (rows < len(end))
    at = np.where(inside, rows, 0)
    found: Ints = np.where(ticks % PHASES <= OPEN_MATCH, begin[at], end[at])
    return found if inside.all() else np.where(inside, found, NO_TIME)
