"""The place among the assets of a row."""

from __future__ import annotations

import numpy as np

from backbus.market.panel import Floats
from backbus.strategy.indicators.indicated import Indicated, S


def rank(x: Floats, *, descending: bool) -> Floats:
    """1 for the lowest (or highest) of each row, ties in the order of assets; NaN stays NaN."""
    order = np.argsort(-x if descending else x, axis=1, kind="stable")
    ranks = np.empty(x.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, x.shape[1] + 1.0)[np.newaxis, :], axis=1)
    ranks[np.isnan(x)] = np.nan
    return ranks


class Rank(Indicated[S]):
    """``rank``, of streams only."""

    __slots__ = ()

    def rank(self, *, descending: bool = False) -> S:
        """Place among the assets of the same row, of a universe its members: 1 is the lowest, or the highest; ties in
        the order of assets."""
        return self._made(rank(self._offered(), descending=descending))
