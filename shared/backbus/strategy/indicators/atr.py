"""Wilder's average true range (New Concepts in Technical Trading Systems, 1978)."""

from __future__ import annotations

import numpy as np

from backbus.jit.decorators import loop
from backbus.market.panel import Floats, Ints
from backbus.strategy.indicators.indicated import Indicated, S, bars_count, counts
from backbus.strategy.run import Run

NAN = np.nan


@loop
def true_range(high: Floats, low: Floats, close: Floats, out: Floats, means: Floats, counts: Ints, n: int) -> None:
    """Wilder's mean of the true range; state: means [assets, 2] (mean, last close), counts [assets]."""
    for a in range(close.shape[1]):
        mean, last = means[a, 0], means[a, 1]
        seen = counts[a]
        for r in range(close.shape[0]):
            top, bottom, value = high[r, a], low[r, a], close[r, a]
            span = top - bottom
            if span - span != 0.0 or value - value != 0.0:
                out[r, a] = NAN
                continue
            if seen > 0:
                span = max(span, top - last)
                span = max(span, last - bottom)
            last = value
            if seen >= n:
                mean = (mean * (n - 1) + span) / n
                out[r, a] = mean
                continue
            seen = seen + 1
            mean = mean + span
            if seen == n:
                mean = mean / n
                out[r, a] = mean
            else:
                out[r, a] = NAN
        means[a, 0], means[a, 1] = mean, last
        counts[a] = seen


def atr(run: Run, high: Floats, low: Floats, close: Floats, n: int) -> Floats:
    """Wilder's average true range."""
    n, assets = bars_count("atr", n), close.shape[1]
    state = run.slot(("atr", n), lambda: (np.zeros((assets, 2)), counts(assets)))
    out = np.empty(close.shape)
    true_range(high, low, close, out, *state, n)
    return out


class Atr(Indicated[S]):
    """``atr``, of bars only."""

    __slots__ = ()

    def atr(self, n: int = 14) -> S:
        """Wilder's average true range, from bar n on.

        The first bar's range is high − low, later ones take in the close before. The mean starts as the plain mean of
        the first n and then moves by 1 / n of each new one.
        """
        of = self._closes
        return of._made(atr(of._run, self._highs._numbers(), self._lows._numbers(), of._numbers(), n))
