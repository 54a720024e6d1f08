"""Bollinger's bands."""

from __future__ import annotations

from backbus.strategy.indicators.indicated import Indicated, S
from backbus.strategy.indicators.moments import moments


class Bollinger(Indicated[S]):
    """``bollinger``."""

    __slots__ = ()

    def bollinger(self, n: int = 20, k: float = 2.0) -> tuple[S, S, S]:
        """(middle, upper, lower): the mean of the last n bars, and k population standard deviations around it."""
        of = self._closes
        mean, deviation = moments(of._run, "bollinger", of._numbers(), n)
        return of._made(mean), of._made(mean + k * deviation), of._made(mean - k * deviation)
