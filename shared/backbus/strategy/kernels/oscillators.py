"""Wilder's relative strength index and average true range (New Concepts in Technical Trading Systems, 1978)."""

from __future__ import annotations

import numpy as np

from backbus.compiled import loop
from backbus.market.panel import Floats, Ints

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
