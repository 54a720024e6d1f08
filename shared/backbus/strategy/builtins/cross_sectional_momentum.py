"""Holding what has risen most."""

from __future__ import annotations

import numpy as np

from backbus.strategy.bars import Bars
from backbus.strategy.base import Strategy
from backbus.strategy.indicators.rank import rank
from backbus.strategy.parameters import param
from backbus.strategy.streams import Stream
from backbus.trading.records import Records


class CrossSectionalMomentum(Strategy):
    """Every ``every`` rows, equal weights in the ``top`` assets that rose most over their last ``period`` bars.

    Rows are counted from the first traded one, which is the first rebalance. Only assets with a bar in that row, and of
    a universe its members, take part; all others with a bar get weight 0. While fewer than ``top`` have ``period``
    bars, those that have get the same 1 / ``top``, and the rest stays in cash.
    """

    period: int = param(252, ge=1, description="bars over which the rise is measured")
    top: int = param(10, ge=1, description="how many assets to hold")
    every: int = param(21, ge=1, description="rows between two rebalances")

    def signals(self, bars: Bars) -> Records:
        """Weights in the rows that rebalance, silence in the others."""
        rise = bars.pct_change(self.period)
        first = max(bars.first_row, bars.warmup)
        ahead = -(first - bars.warmup) % self.every
        rows = np.arange(first - bars.first_row + ahead, len(bars), self.every)
        weights = np.full(bars.close.shape, np.nan)
        places = rank(np.where(bars.members.values[rows], rise.values[rows], np.nan), descending=True)
        weights[rows] = np.where(places <= self.top, 1.0 / self.top, 0.0)
        return self.target_weights(weights)

    def indicators(self, bars: Bars) -> dict[str, dict[str, Stream]]:
        """What it ranks assets by, below the prices."""
        return {"rise": {f"rise over {self.period}": bars.pct_change(self.period)}}
