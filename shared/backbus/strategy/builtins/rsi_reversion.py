"""Buying weakness that the relative strength index measures."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from backbus.strategy.bars import Bars
from backbus.strategy.base import Strategy
from backbus.strategy.parameters import param
from backbus.strategy.streams import Stream
from backbus.trading.records import Records


class RsiReversion(Strategy):
    """Long from a close whose RSI is below ``low`` until one whose RSI is above ``high``."""

    period: int = param(14, ge=2, description="bars of the RSI's means")
    low: float = param(30.0, gt=0, lt=100, description="enter below this RSI")
    high: float = param(55.0, gt=0, lt=100, description="leave above this RSI")

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        return self

    def signals(self, bars: Bars) -> Records:
        """Entries and exits, latched."""
        rsi = bars.rsi(self.period)
        return self.enter_exit(rsi < self.low, rsi > self.high)

    def indicators(self, bars: Bars) -> dict[str, dict[str, Stream | float]]:
        """The index and both of its thresholds, below the prices."""
        return {"RSI": {f"rsi {self.period}": bars.rsi(self.period), "low": self.low, "high": self.high}}
