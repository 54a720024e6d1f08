"""How much of what an objective varies by follows from each parameter alone.

The main effects of a functional analysis of variance (Hutter, Hoos and Leyton-Brown, An Efficient Approach for
Assessing Hyperparameter Importance, ICML 2014), over the points that were computed: the variance of the mean objective
by a parameter's values, over the objective's variance. Over a whole grid the shares are exact, and what they lack of 1
is what parameters do together. Of points that were drawn, values are put together into ``BINS`` stretches of equally
many points, and what chance alone is expected to give is taken off (ε²: Kelley, An Unbiased Correlation Ratio Measure,
PNAS 21, 1935).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats, Ints

BINS = 8


def main_effects(values: Mapping[str, NDArray[Any]], objective: Floats, *, grid: bool) -> dict[str, float] | str:
    """The share of each parameter, by name; or why there is none. ``values`` are [points] each, ``objective`` is
    [points], NaN where a point has none; such points are left out. ``grid`` says that points are combinations."""
    known = np.isfinite(objective)
    worth = objective[known]
    if len(worth) < 3:
        return "fewer than three points have an objective"
    away = worth - worth.mean()
    total = float(away @ away)
    if not total > 0.0:
        return "the objective is the same in all points"
    return {name: _share(grouped(column[known], grid=grid), away, total, grid) for name, column in values.items()}


def grouped(column: NDArray[Any], *, grid: bool) -> Ints:
    """[points] which group of values each is in, from 0."""
    levels, places = np.unique(column, return_inverse=True)
    if grid or len(levels) <= BINS or column.dtype == object:
        return places.astype(np.int64)
    edges = np.quantile(column.astype(np.float64), np.linspace(0.0, 1.0, BINS + 1)[1:-1])
    return np.searchsorted(np.unique(edges), column.astype(np.float64), side="right").astype(np.int64)


def _share(group: Ints, away: Floats, total: float, grid: bool) -> float:
    count = np.bincount(group)
    there = count > 0
    sums = np.bincount(group, away)[there]
    between = float((sums * sums / count[there]).sum())
    if grid:
        return between / total
    groups, points = int(there.sum()), len(away)
    if points <= groups:
        return 0.0
    within = (total - between) / (points - groups)
    return max(0.0, (between - (groups - 1) * within) / total)
