"""The strategy that all others are compared with."""

from __future__ import annotations

from backbus.strategy.bars import Bars
from backbus.strategy.base import Strategy
from backbus.trading.records import Records


class BuyAndHold(Strategy):
    """Long in every asset from its first traded bar on."""

    def signals(self, bars: Bars) -> Records:
        """One entry per asset."""
        return self.hold_long(True)
