"""Mean and standard deviation over a window, without ever subtracting large sums from each other."""

from __future__ import annotations

import math

import numpy as np

from backbus.jit.decorators import loop
from backbus.market.panel import Floats, Ints
from backbus.strategy.indicators.indicated import bars_count, counts
from backbus.strategy.run import Run

NAN = np.nan


@loop
def mean_and_deviation(
    x: Floats, mean: Floats, deviation: Floats, chunk: Floats, ends: Floats, start: Floats, counts: Ints, n: int
) -> None:
    """Mean and population deviation of the last ``n`` values.

    The values are cut into chunks of ``n``. A window is the end of one chunk and the start of the next, and both parts
    have their mean and sum of squared distances from Welford's updates, which grow only; Chan's formula joins the two.
    So nothing drifts, nothing large outlives its window, and a window of equal values has a deviation of exactly zero.
    State: chunk [assets, n], ends [assets, 2n], start [assets, 2], counts [assets, 2].
    """
    for a in range(x.shape[1]):
        middle, square = start[a, 0], start[a, 1]
        at, full = counts[a, 0], counts[a, 1]
        for r in range(x.shape[0]):
            value = x[r, a]
            if value - value != 0.0:
                mean[r, a] = NAN
                deviation[r, a] = NAN
                continue
            chunk[a, at] = value
            at = at + 1
            apart = value - middle
            middle = middle + apart / at
            square = square + apart * (value - middle)
            if at < n:
                if full == 0:
                    mean[r, a] = NAN
                    deviation[r, a] = NAN
                    continue
                older = n - at
                apart = ends[a, 2 * at] - middle
                mean[r, a] = middle + apart * older / n
                joined = square + ends[a, 2 * at + 1] + apart * apart * at * older / n
                deviation[r, a] = math.sqrt(joined / n)
                continue
            mean[r, a] = middle
            deviation[r, a] = math.sqrt(square / n)
            middle, square = 0.0, 0.0
            for back in range(n):
                value = chunk[a, n - 1 - back]
                apart = value - middle
                middle = middle + apart / (back + 1)
                square = square + apart * (value - middle)
                ends[a, 2 * (n - 1 - back)] = middle
                ends[a, 2 * (n - 1 - back) + 1] = square
            middle, square = 0.0, 0.0
            at, full = 0, 1
        start[a, 0], start[a, 1] = middle, square
        counts[a, 0], counts[a, 1] = at, full


def moments(run: Run, name: str, x: Floats, n: int) -> tuple[Floats, Floats]:
    """Mean and population standard deviation of the last ``n``, for the indicator of this name."""
    n, assets = bars_count(name, n), x.shape[1]
    state = run.slot(
        (name, n),
        lambda: (np.zeros((assets, n)), np.zeros((assets, 2 * n)), np.zeros((assets, 2)), counts(assets, 2)),
    )
    mean, deviation = np.empty(x.shape), np.empty(x.shape)
    mean_and_deviation(x, mean, deviation, *state, n)
    return mean, deviation
