"""A decision every so many bars, whatever the price does: how fast the services are between decisions."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus import Strategy, param


class NowAndThen(Strategy):
    """Long and flat in turns of ``every`` rows."""

    every: int = param(1000, ge=1)

    def signals(self, bars: Any) -> Any:
        """An edge at each turn."""
        row = np.arange(bars.first_row, bars.first_row + len(bars))
        turn = (row // self.every % 2 == 1)[:, None]
        return self.hold_long(bars.stream(np.broadcast_to(turn, bars.close.values.shape)))
