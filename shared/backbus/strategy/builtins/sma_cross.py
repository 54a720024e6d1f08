"""Two moving averages that cross."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from backbus.strategy.bars import Bars
from backbus.strategy.base import Strategy
from backbus.strategy.parameters import param
from backbus.strategy.streams import Stream
from backbus.trading.records import Records


class SmaCross(Strategy):
    """Long while the fast average of closes is above the slow one; with ``short``, short while it is below."""

    fast: int = param(10, ge=1, description="bars of the fast average")
    slow: int = param(30, ge=2, description="bars of the slow average")
    short: bool = param(False, description="be short rather than flat while the fast average is below")

    @model_validator(mode="after")
    def _fast_below_slow(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) must be below slow ({self.slow})")
        return self

    def signals(self, bars: Bars) -> Records:
        """Edges of the side that the averages say."""
        fast, slow = bars.sma(self.fast), bars.sma(self.slow)
        if self.short:
            return self.hold((fast > slow) * 1.0 - (fast < slow))
        return self.hold_long(fast > slow)

    def indicators(self, bars: Bars) -> dict[str, Stream]:
        """Both averages."""
        return {f"sma {n}": bars.sma(n) for n in (self.fast, self.slow)}
