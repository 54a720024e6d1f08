"""The cross as plain Python, bar by bar: running sums over a deque, with and without reading the book."""

from __future__ import annotations

from collections import deque
from typing import Any

from pydantic import PrivateAttr

from backbus import Strategy, param


class SmaByHand(Strategy):
    """Says an edge when the averages change sides."""

    fast: int = param(10, ge=1)
    slow: int = param(30, ge=2)
    _closes: deque[float] = PrivateAttr(default_factory=deque)
    _sums: tuple[float, float] = (0.0, 0.0)
    _long: bool = False

    def on_bar(self, bar: Any) -> None:
        """One bar."""
        closes = self._closes
        fast, slow = self._sums
        price = bar.close
        closes.append(price)
        fast += price
        slow += price
        count = len(closes)
        if count > self.fast:
            fast -= closes[-self.fast - 1]
        if count > self.slow:
            slow -= closes.popleft()
        self._sums = (fast, slow)
        if count < self.slow:
            return
        above = fast * self.slow > slow * self.fast
        if above != self._long:
            self._long = above
            if above:
                self.go_long()
            else:
                self.go_flat()


class SmaByBook(Strategy):
    """Asks the book whether it is long, rather than remembering."""

    fast: int = param(10, ge=1)
    slow: int = param(30, ge=2)
    _closes: deque[float] = PrivateAttr(default_factory=deque)
    _sums: tuple[float, float] = (0.0, 0.0)

    def on_bar(self, bar: Any, book: Any) -> None:
        """One bar, and the positions at its close."""
        closes = self._closes
        fast, slow = self._sums
        price = bar.close
        closes.append(price)
        fast += price
        slow += price
        count = len(closes)
        if count > self.fast:
            fast -= closes[-self.fast - 1]
        if count > self.slow:
            slow -= closes.popleft()
        self._sums = (fast, slow)
        if count < self.slow:
            return
        above = fast * self.slow > slow * self.fast
        held = book.position()
        if above and held == 0.0:
            self.go_long()
        elif not above and held > 0.0:
            self.go_flat()
