"""Wilder's relative strength index (New Concepts in Technical Trading Systems, 1978)."""

from __future__ import annotations

import numpy as np

from backbus.jit.decorators import loop
from backbus.market.panel import Floats, Ints
from backbus.strategy.indicators.indicated import Indicated, S, bars_count, counts
from backbus.strategy.run import Run

NAN = np.nan


@loop
def relative_strength(x: Floats, out: Floats, means: Floats, counts: Ints, n: int) -> None:
    """100 × mean gain / (mean gain + mean loss); state: means [assets, 3] (gain, loss, last value), counts [assets]."""
    for a in range(x.shape[1]):
        gain, loss, last = means[a, 0], means[a, 1], means[a, 2]
        seen = counts[a]
        for r in range(x.shape[0]):
            value = x[r, a]
            if value - value != 0.0:
                out[r, a] = NAN
                continue
            change = value - last
            last = value
            seen = seen + 1
            if seen == 1:
                out[r, a] = NAN
                continue
            up = change if change > 0.0 else 0.0
            down = -change if change < 0.0 else 0.0
            if seen <= n + 1:
                gain = gain + up
                loss = loss + down
                if seen <= n:
                    out[r, a] = NAN
                    continue
                gain = gain / n
                loss = loss / n
            else:
                gain = (gain * (n - 1) + up) / n
                loss = (loss * (n - 1) + down) / n
                seen = n + 2
            both = gain + loss
            out[r, a] = 100.0 * gain / both if both > 0.0 else 50.0
        means[a, 0], means[a, 1], means[a, 2] = gain, loss, last
        counts[a] = seen


def rsi(run: Run, x: Floats, n: int) -> Floats:
    """Wilder's relative strength index."""
    n, assets = bars_count("rsi", n), x.shape[1]
    state = run.slot(("rsi", n), lambda: (np.zeros((assets, 3)), counts(assets)))
    out = np.empty(x.shape)
    relative_strength(x, out, *state, n)
    return out


class Rsi(Indicated[S]):
    """``rsi``."""

    __slots__ = ()

    def rsi(self, n: int = 14) -> S:
        """Wilder's relative strength index, 0 to 100, from the bar n + 1 on.

        The mean gain and the mean loss start as plain means of the first n changes and then move by 1 / n of each new
        one; 50 where nothing has moved.
        """
        return self._closes._named("rsi", n, rsi)
