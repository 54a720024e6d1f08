"""Exponential moving average."""

from __future__ import annotations

import numpy as np

from backbus.jit.decorators import loop
from backbus.market.panel import Floats, Ints
from backbus.strategy.indicators.indicated import Indicated, S, bars_count, counts
from backbus.strategy.run import Run

NAN = np.nan


@loop
def exponential(x: Floats, out: Floats, means: Floats, counts: Ints, n: int) -> None:
    """Exponential mean with alpha = 2 / (n + 1), seeded by the mean of the first ``n``; state: [assets], [assets]."""
    alpha = 2.0 / (n + 1.0)
    for a in range(x.shape[1]):
        mean, seen = means[a], counts[a]
        for r in range(x.shape[0]):
            value = x[r, a]
            if value - value != 0.0:
                out[r, a] = NAN
                continue
            if seen >= n:
                mean = mean + alpha * (value - mean)
                out[r, a] = mean
                continue
            mean = mean + value
            seen = seen + 1
            if seen == n:
                mean = mean / n
                out[r, a] = mean
            else:
                out[r, a] = NAN
        means[a], counts[a] = mean, seen


def ema(run: Run, x: Floats, n: int) -> Floats:
    """Exponential mean with alpha 2 / (n + 1)."""
    n, assets = bars_count("ema", n), x.shape[1]
    state = run.slot(("ema", n), lambda: (np.zeros(assets), counts(assets)))
    out = np.empty(x.shape)
    exponential(x, out, *state, n)
    return out


class Ema(Indicated[S]):
    """``ema``."""

    __slots__ = ()

    def ema(self, n: int) -> S:
        """Exponential moving average: alpha 2 / (n + 1), seeded at bar n by the mean of the first n."""
        return self._closes._named("ema", n, ema)
