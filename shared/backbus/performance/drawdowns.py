"""The worst drawdowns of an account: equity and instants in, one line each out, the deepest first.

A drawdown begins at a peak, the last row at the highest equity so far, and ends in the first row that is at that height
again, or not at all. Drawdowns never overlap: what lies between a peak and its recovery is one, however often it rose
on its way. This is the definition of pyfolio's ``get_top_drawdowns`` (Quantopian, ``pyfolio/timeseries.py``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats, Ints


class Drawdown(NamedTuple):
    """One fall below a peak; rows are places in what was handed in."""

    begin: int
    """The row of its peak; -1 where equity never was above what it started from."""
    trough: int
    """The first row of its lowest equity."""
    recovery: int | None
    """The first row that is at its peak again; None where none is."""
    depth: float
    """Lowest equity / peak - 1; < 0."""

    def times(self, times: NDArray[Any]) -> tuple[Any, Any, Any]:
        """When it began, was deepest and was over, of [rows] ``times``; one that began before the first row begins
        with it, and a recovery that never came is None."""
        return times[max(self.begin, 0)], times[self.trough], None if self.recovery is None else times[self.recovery]


def worst_drawdowns(equity: Floats, start: float | None = None, most: int = 10) -> list[Drawdown]:
    """At most so many drawdowns of [rows] equity, the deepest first, of equals the earlier. ``start`` is what the
    account began with; where left out, its first row is the first peak. Rows that are not a number are passed over."""
    rows: Ints = np.flatnonzero(np.isfinite(equity))
    value = equity[rows]
    shift = 0
    if start is not None and np.isfinite(start):
        value, shift = np.append(start, value), 1
    if not len(value):
        return []
    top = np.maximum.accumulate(value)
    below = value < top
    edges = np.diff(below.astype(np.int8), prepend=0, append=0)
    begins, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    found = []
    for first, stop in zip(begins.tolist(), stops.tolist(), strict=True):
        trough = first + int(np.argmin(value[first:stop]))
        peak = first - 1 - shift
        found.append(
            Drawdown(
                int(rows[peak]) if peak >= 0 else -1,
                int(rows[trough - shift]),
                int(rows[stop - shift]) if stop < len(value) else None,
                float(value[trough] / top[first] - 1.0),
            )
        )
    return sorted(found, key=lambda one: one.depth)[:most]
