"""The cross in plain numpy over a block and the rows before it, as a user writes it who wants no streams."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from backbus import Strategy, param


class SmaInNumpy(Strategy):
    """Long while the fast mean is above the slow one."""

    lookback: ClassVar[int] = 64
    fast: int = param(10, ge=1, le=64)
    slow: int = param(30, ge=1, le=64)

    def signals(self, bars: Any) -> Any:
        """Means as differences of running sums; false where there are too few bars."""
        close = bars.raw.close
        sums = np.cumsum(np.nan_to_num(close), axis=0)
        first, stop = self.lookback, len(close)

        def mean(n: int) -> Any:
            return (sums[first:] - sums[first - n : stop - n]) / n

        enough = ~np.isnan(close[first - self.slow + 1 : stop - self.slow + 1])
        return self.hold_long(bars.stream((mean(self.fast) > mean(self.slow)) & enough))
