"""Whatever a function makes of a window."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from backbus.market.panel import Floats
from backbus.strategy.indicators.indicated import Indicated, S, bars_count
from backbus.strategy.run import Run


def rolling(run: Run, x: Floats, n: int, function: Callable[[Floats], float]) -> Floats:
    """``function`` of each window of ``n``; what is not finite is neither in a window nor an answer."""
    n, assets = bars_count("rolling", n), x.shape[1]
    tails = run.slot(("rolling", n), lambda: [np.empty(0)] * assets)
    out = np.full(x.shape, np.nan)
    for asset in range(assets):
        present = np.flatnonzero(np.isfinite(x[:, asset]))
        values = np.concatenate((tails[asset], x[present, asset]))
        values.flags.writeable = False
        first = len(tails[asset]) + 1 - n
        for place, row in enumerate(present):
            if first + place >= 0:
                answer = float(function(values[first + place : first + place + n]))
                out[row, asset] = answer if math.isfinite(answer) else np.nan
        tails[asset] = values[max(0, len(values) - n + 1) :].copy()
    return out


class Rolling(Indicated[S]):
    """``rolling``, of streams only."""

    __slots__ = ()

    def rolling(self, n: int, function: Callable[[Floats], float]) -> S:
        """``function`` of the last n bars, oldest first, as a read-only [n] array: a number for each bar.

        It is called once per bar, in plain Python; it may be compiled by numba.
        """
        return self._made(rolling(self._run, self._numbers(), n, function))
