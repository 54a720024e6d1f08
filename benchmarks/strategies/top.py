"""The rebalance that every engine of the row runs: once a month equal weights of the assets that have risen most."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus import Strategy
from benchmarks.peers.serve import DEPTH, EVERY, TOP, WEIGHT


class Top(Strategy):
    """Array style."""

    def signals(self, bars: Any) -> Any:
        rise = bars.roc(DEPTH).values
        weights = np.full(rise.shape, np.nan)
        first = bars.first_row
        for row in range(-first % EVERY, len(bars), EVERY):
            if first + row >= DEPTH:
                weights[row] = 0.0
                weights[row, np.argpartition(-rise[row], TOP)[:TOP]] = WEIGHT
        return self.target_weights(weights)
