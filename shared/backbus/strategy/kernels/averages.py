"""Moving averages: simple and exponential."""

from __future__ import annotations

import numpy as np

from backbus.compiled import loop
from backbus.market.panel import Floats, Ints

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
