"""Long from a cross of the fast average over the slow one, short from a cross below."""

from __future__ import annotations

from typing import Any

from backbus import Strategy


class Cross(Strategy):
    """A touch is no cross."""

    fast: int = 10
    slow: int = 30

    def signals(self, bars: Any) -> Any:
        """Always in the market from the first cross on."""
        fast, slow = bars.sma(self.fast), bars.sma(self.slow)
        return self.enter_exit(fast.crosses_above(slow), False, slow.crosses_above(fast), False)
