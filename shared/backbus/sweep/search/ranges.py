"""Points that are computed over ranges of the data, each over its own."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.strategy import Strategy
from backbus.sweep.search.folds import Span, session_rows, span_panel
from backbus.sweep.search.plan import plan_of
from backbus.sweep.workers.chunk import Chunk, Chunks, InHand, Values, joined

RANGE = "range"
"""The name beside a point's fields that says over which range it is computed."""


class InRanges:
    """Computes points over ``spans``; what points over one share is kept while they come."""

    def __init__(
        self, job: Job, panel: Panel, strategy: type[Strategy], spans: Sequence[Span], *, keep_returns: bool = False
    ) -> None:
        self._job, self._panel, self._strategy, self._spans = job, panel, strategy, spans
        self._keep_returns = keep_returns
        self._rows = session_rows(panel)
        self._at = -1
        self._chunks: Chunks | None = None

    def compute(self, points: Sequence[Values], in_hand: InHand = lambda first, count: None) -> Chunk:
        """Run the points."""
        parts, first = [], 0
        for place, some in itertools.groupby(points, lambda values: int(values[RANGE])):
            plain = [without_range(values) for values in some]
            parts.append(self._of(place).compute(plain, functools.partial(_shifted, in_hand, first)))
            first += len(plain)
        return joined(parts)

    def _of(self, place: int) -> Chunks:
        if self._chunks is None or self._at != place:
            part = span_panel(self._panel, self._rows, self._spans[place], self._job.data.warmup)
            plan = plan_of(self._job, part)
            self._at = place
            self._chunks = Chunks(self._job, part, self._strategy, plan, keep_returns=self._keep_returns)
        return self._chunks


def without_range(values: Values) -> Values:
    """A point's fields alone."""
    return {name: value for name, value in values.items() if name != RANGE}


def _shifted(in_hand: InHand, by: int, first: int, count: int) -> None:
    in_hand(by + first, count)
