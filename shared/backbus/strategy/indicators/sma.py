"""Simple moving average."""

from __future__ import annotations

import numpy as np

from backbus.jit.decorators import loop
from backbus.market.panel import Floats, Ints
from backbus.strategy.indicators.indicated import Indicated, S, bars_count, counts
from backbus.strategy.run import Run

NAN = np.nan


@loop
def simple(x: Floats, out: Floats, ring: Floats, sums: Floats, counts: Ints, n: int) -> None:
    """Mean of the last ``n`` values; state: ring [assets, n], sums [assets, 3], counts [assets, 3].

    The running sum is replaced every ``n`` bars by one that was summed afresh beside it, so rounding never piles up
    over more than ``n`` bars. A window of equal values has exactly that value as its mean.
    """
    for a in range(x.shape[1]):
        total, fresh, last = sums[a, 0], sums[a, 1], sums[a, 2]
        at, full, same = counts[a, 0], counts[a, 1], counts[a, 2]
        for r in range(x.shape[0]):
            value = x[r, a]
            if value - value != 0.0:
                out[r, a] = NAN
                continue
            total = total + (value - ring[a, at])
            fresh = fresh + value
            ring[a, at] = value
            same = same + 1 if value == last else 1
            last = value
            at = at + 1
            if at == n:
                at, full = 0, 1
                total, fresh = fresh, 0.0
            if full == 0:
                out[r, a] = NAN
            elif same >= n:
                out[r, a] = value
            else:
                out[r, a] = total / n
        sums[a, 0], sums[a, 1], sums[a, 2] = total, fresh, last
        counts[a, 0], counts[a, 1], counts[a, 2] = at, full, same


def sma(run: Run, x: Floats, n: int) -> Floats:
    """Mean of the last ``n``."""
    n, assets = bars_count("sma", n), x.shape[1]
    state = run.slot(("sma", n), lambda: (np.zeros((assets, n)), np.zeros((assets, 3)), counts(assets, 3)))
    out = np.empty(x.shape)
    simple(x, out, *state, n)
    return out


class Sma(Indicated[S]):
    """``sma``."""

    __slots__ = ()

    def sma(self, n: int) -> S:
        """Simple moving average of the last ``n`` bars."""
        return self._closes._named("sma", n, sma)
