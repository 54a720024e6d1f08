"""Moving average convergence and divergence."""

from __future__ import annotations

import numpy as np

from backbus.jit.arrays import read_only
from backbus.strategy.indicators.ema import Ema, ema
from backbus.strategy.indicators.indicated import S


class Macd(Ema[S]):
    """``macd``."""

    __slots__ = ()

    def macd(self, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[S, S, S]:
        """(line, signal, histogram): ema(fast) − ema(slow), the line's ema(signal), and line − signal."""
        of = self._closes
        with np.errstate(all="ignore"):
            line = read_only(of._values(self.ema(fast)) - of._values(self.ema(slow)))
            average = ema(of._run, line, signal)
            return of._made(line), of._made(average), of._made(line - average)
