"""The cross as a user writes it who takes our averages: the rule of the built-in one, in a file of his own."""

from __future__ import annotations

from typing import Any

from backbus import Strategy, param


class SmaInFile(Strategy):
    """Long while the fast average is above the slow one."""

    fast: int = param(10, ge=1)
    slow: int = param(30, ge=2)

    def signals(self, bars: Any) -> Any:
        """Edges of the side that the averages say."""
        return self.hold_long(bars.sma(self.fast) > bars.sma(self.slow))
