"""How far a value is from its mean, in deviations."""

from __future__ import annotations

from backbus.strategy.indicators.indicated import Indicated, S, ratio
from backbus.strategy.indicators.moments import moments


class ZScore(Indicated[S]):
    """``zscore``."""

    __slots__ = ()

    def zscore(self, n: int) -> S:
        """Distance from the mean of the last n bars in population standard deviations; NaN where these are zero."""
        of = self._closes
        values = of._numbers()
        mean, deviation = moments(of._run, "zscore", values, n)
        return of._made(ratio(values - mean, deviation))
