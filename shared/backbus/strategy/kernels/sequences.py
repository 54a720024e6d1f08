"""What compares an asset's bar with its own earlier bars: shifts and crosses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backbus.compiled import loop
from backbus.market.panel import Floats, Ints

NAN = np.nan


@loop
def shift(x: Floats, close: Floats, out: Floats, ring: Floats, counts: Ints, n: int) -> None:
    """The value of ``n`` own bars ago, missing ones included; state: ring [assets, n] of NaN, counts [assets]."""
    for a in range(x.shape[1]):
        at = counts[a]
        for r in range(x.shape[0]):
            if close[r, a] != close[r, a]:
                out[r, a] = NAN
                continue
            out[r, a] = ring[a, at]
            ring[a, at] = x[r, a]
            at = at + 1
            if at == n:
                at = 0
        counts[a] = at


@loop
def cross(x: Floats, y: Floats, out: NDArray[np.bool_], sides: Floats, side: float) -> None:
    """Whether ``x`` has come over to this ``side`` of ``y`` from the other; state: [assets] the last strict side."""
    for a in range(x.shape[1]):
        last = sides[a]
        for r in range(x.shape[0]):
            now = 1.0 if x[r, a] > y[r, a] else (-1.0 if x[r, a] < y[r, a] else 0.0)
            out[r, a] = now == side and last == -side
            if now != 0.0:
                last = now
        sides[a] = last
