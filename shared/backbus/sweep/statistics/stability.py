"""Is the best point a plateau or a spike: what becomes of the objective one step beside it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from backbus.market.panel import Floats, Ints

Shape = Literal["plateau", "slope", "spike"]

PLATEAU_DROP = 0.25
SPIKE_DROP = 0.75
"""A quarter and three quarters of the way from the best point down to the median point: chosen by us."""


class Stability(BaseModel):
    """The best point against its neighbours."""

    model_config = ConfigDict(frozen=True)

    neighbours: int
    """Neighbours that have an objective."""
    failed_neighbours: int
    """Neighbours that have none; in no other figure here."""
    neighbour_median: float
    """Median objective of the neighbours."""
    neighbour_worst: float
    """Least objective of the neighbours."""
    quantile: float
    """Share of all points that are not above the neighbours' median: 1 where it equals the best."""
    drop: float
    """(best - neighbours' median) / (best - median of all points): 0 loses nothing, 1 loses all that was selected."""
    shape: Shape
    """``plateau``: drop ≤ 0.25; ``spike``: drop > 0.75; between them ``slope``."""


def grid_neighbours(parameters: Floats, point: int) -> Ints:
    """Points of [points, parameters] one step of one parameter away: the next value that occurs, all others equal."""
    equal = np.zeros(len(parameters), dtype=np.int64)
    stepped = np.zeros(len(parameters), dtype=np.int64)
    for column in parameters.T:
        levels = np.unique(column)
        place = int(np.searchsorted(levels, column[point]))
        beside = levels[[other for other in (place - 1, place + 1) if 0 <= other < len(levels)]]
        equal += column == column[point]
        stepped += np.isin(column, beside)
    return np.flatnonzero((equal == parameters.shape[1] - 1) & (stepped == 1))


def nearest_neighbours(parameters: Floats, point: int) -> Ints:
    """The nearest points by ranks of parameters: two for each parameter that varies, as a grid would have them.

    Ranks are scaled to 0 … 1, so that a parameter's unit does not matter; equally near points count in their order.
    Points with the same parameters are no neighbours.
    """
    distance = np.zeros(len(parameters))
    varying = 0
    for column in parameters.T:
        levels, places, counts = np.unique(column, return_inverse=True, return_counts=True)
        if len(levels) < 2:
            continue
        varying += 1
        rank = np.cumsum(counts) - (counts + 1) / 2.0
        rank /= len(column)
        offset = rank[places] - rank[places[point]]
        distance += offset * offset
    order = np.argsort(distance, kind="stable")
    return order[distance[order] > 0.0][: 2 * varying]


def stability(objective: Floats, parameters: NDArray[np.generic], best: int, *, grid: bool) -> Stability | str:
    """The best point's surroundings, or why they say nothing.

    ``objective`` is [points], greater is better, NaN where a point has none; ``parameters`` is [points, parameters] of
    numbers, those of a category numbered in its declared order.
    """
    values = np.asarray(parameters, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(objective):
        raise ValueError(f"parameters of shape {values.shape} for {len(objective)} points")
    near = grid_neighbours(values, best) if grid else nearest_neighbours(values, best)
    around = objective[near]
    known = around[np.isfinite(around)]
    everywhere = objective[np.isfinite(objective)]
    if not len(known):
        return "the best point has no neighbour with an objective"
    top = float(objective[best])
    median = float(np.median(known))
    height = top - float(np.median(everywhere))
    if not height > 0.0:
        return "the best point is no better than the median point"
    drop = (top - median) / height
    shape: Shape = "plateau" if drop <= PLATEAU_DROP else "slope" if drop <= SPIKE_DROP else "spike"
    return Stability(
        neighbours=len(known),
        failed_neighbours=len(near) - len(known),
        neighbour_median=median,
        neighbour_worst=float(known.min()),
        quantile=float(np.count_nonzero(everywhere <= median)) / len(everywhere),
        drop=drop,
        shape=shape,
    )
