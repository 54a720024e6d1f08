"""What every event of a run has to keep: its stream's lookahead, order, credit. Checked as events are said."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backbus.streams.event import Event
from backbus.streams.topology import READERS, Kind
from backbus.transport.role import RunningHandler


class Invariants:
    """One attempt's. ``window`` is how many rows the source may be ahead of its slowest reader."""

    def __init__(self, window: int, handlers: Mapping[str, RunningHandler]) -> None:
        self._window, self._handlers = window, handlers
        self._through: dict[Kind, int] = {}
        self._end: dict[Kind, int] = {}
        self._rows: dict[str, int] = {}

    def check(self, event: Event) -> None:
        """Fail where ``event`` breaks what was said before it."""
        if event.kind is Kind.PROGRESS:
            assert event.end >= self._rows.get(event.source, 0), f"{event.source} takes PROGRESS back"
            assert event.end <= self._handlers[event.source].rows_done, f"{event.source} counts rows not worked off"
            self._rows[event.source] = event.end
            return
        lookahead = self._through.get(event.kind, 0)
        assert event.through >= lookahead, f"{event.kind} takes its lookahead back: {lookahead} to {event.through}"
        assert event.begin == self._end.get(event.kind, 0), f"{event.kind} does not begin where it ended"
        self._through[event.kind], self._end[event.kind] = event.through, event.end
        if isinstance(event.payload, np.ndarray):
            ticks = event.payload["tick"]
            assert ticks[0] >= lookahead, f"{event.kind} speaks at {ticks[0]}, within its lookahead of {lookahead}"
            assert ticks[-1] < event.through, f"{event.kind} is through {event.through} and speaks at {ticks[-1]}"
            assert (ticks[1:] >= ticks[:-1]).all(), f"{event.kind} is out of order"
        if event.kind is Kind.NEW_DATA:
            slowest = min(self._handlers[name].rows_done for name in READERS)
            assert event.end <= slowest + self._window, f"{event.end} rows sent, {slowest} worked off"
