"""In and out by how far MACD's line is from its average, as a share of the fast mean."""

from __future__ import annotations

from typing import Any

from backbus import Strategy


class MacdTrend(Strategy):
    """Nothing happens within ``tolerance`` either way."""

    fast: int = 12
    slow: int = 26
    signal: int = 9
    tolerance: float = 0.0025

    def signals(self, bars: Any) -> Any:
        """Long or flat."""
        _, _, away = bars.macd(self.fast, self.slow, self.signal)
        away = away / bars.ema(self.fast)
        return self.enter_exit(away > self.tolerance, away < -self.tolerance)
