"""Highest and lowest value of a window."""

from __future__ import annotations

import numpy as np

from backbus.jit.decorators import loop
from backbus.market.panel import Floats, Ints
from backbus.strategy.indicators.indicated import Indicated, S, bars_count, counts
from backbus.strategy.run import Run

NAN = np.nan


@loop
def extreme(x: Floats, out: Floats, values: Floats, bars: Ints, marks: Ints, n: int, sign: float) -> None:
    """Highest (``sign`` 1) or lowest (−1) of the last ``n`` values.

    A queue, in a ring, of the values that no later one has beaten: its head is the extreme, and each value enters and
    leaves once.

    State: values [assets, n], bars [assets, n] the bar each came from, marks [assets, 3]: head, size, bars seen.
    """
    for a in range(x.shape[1]):
        head, size, seen = marks[a, 0], marks[a, 1], marks[a, 2]
        for r in range(x.shape[0]):
            value = sign * x[r, a]
            if value - value != 0.0:
                out[r, a] = NAN
                continue
            if size > 0 and bars[a, head] == seen - n:
                head = head + 1 if head + 1 < n else 0
                size = size - 1
            tail = head + size
            if tail >= n:
                tail = tail - n
            while size > 0:
                before = tail - 1 if tail > 0 else n - 1
                if values[a, before] > value:
                    break
                tail = before
                size = size - 1
            values[a, tail] = value
            bars[a, tail] = seen
            size = size + 1
            seen = seen + 1
            out[r, a] = sign * values[a, head] if seen >= n else NAN
        marks[a, 0], marks[a, 1], marks[a, 2] = head, size, seen


def _extreme(run: Run, name: str, x: Floats, n: int, sign: float) -> Floats:
    n, assets = bars_count(name, n), x.shape[1]
    state = run.slot((name, n), lambda: (np.zeros((assets, n)), counts(assets, n), counts(assets, 3)))
    out = np.empty(x.shape)
    extreme(x, out, *state, n, sign)
    return out


def rolling_high(run: Run, x: Floats, n: int) -> Floats:
    """Highest of the last ``n``."""
    return _extreme(run, "rolling_high", x, n, 1.0)


def rolling_low(run: Run, x: Floats, n: int) -> Floats:
    """Lowest of the last ``n``."""
    return _extreme(run, "rolling_low", x, n, -1.0)


class Extremes(Indicated[S]):
    """``rolling_high`` and ``rolling_low``: of bars, their highs and their lows."""

    __slots__ = ()

    def rolling_high(self, n: int) -> S:
        """Highest of the last n bars, this one included: ``.shift(1)`` leaves it out."""
        return self._highs._named("rolling_high", n, rolling_high)

    def rolling_low(self, n: int) -> S:
        """Lowest of the last n bars, this one included."""
        return self._lows._named("rolling_low", n, rolling_low)
