"""A stop behind each close by so many average true ranges, that only rises."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from backbus import Strategy


class Trailing(Strategy):
    """Long while flat and above the mean of ten closes, out by the stop."""

    ranges: float = 3.0
    periods: int = 40
    lookback: ClassVar[int] = 41
    _order: Any = None
    _stop: float = 0.0

    def on_bar(self, bar: Any, book: Any) -> None:
        """The range is a plain mean; while there are fewer bars, of those that there are."""
        close = bar.closes(self.periods + 1)
        if book.position():
            self._stop = max(self._stop, bar.close - self.ranges * self._range(bar, close))
            if self._order is not None and self._order.works:
                self._order = self.replace(self._order, stop=self._stop)
            else:
                self._order = self.sell(book.position(), stop=self._stop, reduce_only=True)
        elif len(close) >= 10 and bar.close > np.mean(close[-10:]):
            self._stop, self._order = 0.0, None
            self.go_long()

    def _range(self, bar: Any, close: Any) -> float:
        """The mean true range of the last ``periods`` bars."""
        high, low = bar.history("high", self.periods), bar.history("low", self.periods)
        before = close[-len(high) - 1 : -1] if len(close) > len(high) else np.concatenate((close[:1], close[:-1]))
        return float(np.mean(np.maximum(high - low, np.maximum(abs(before - high), abs(before - low)))))
