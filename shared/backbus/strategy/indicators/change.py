"""By what part a value has changed."""

from __future__ import annotations

import numpy as np

from backbus.market.panel import Floats
from backbus.strategy.indicators.indicated import S, ratio
from backbus.strategy.indicators.shift import Shifted


class Change(Shifted[S]):
    """``pct_change`` and ``roc``."""

    __slots__ = ()

    def pct_change(self, n: int = 1) -> S:
        """Change since n own bars ago, as a fraction of the value then."""
        return self._closes._made(self._change(n))

    def roc(self, n: int) -> S:
        """Rate of change: ``pct_change(n)`` in percent."""
        return self._closes._made(self._change(n) * 100.0)

    def _change(self, n: int) -> Floats:
        of = self._closes
        before = of._values(self._shifted(n))
        with np.errstate(all="ignore"):
            return ratio(of._numbers() - before, before)
