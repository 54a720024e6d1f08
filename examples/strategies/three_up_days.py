"""Event style: plain Python for every bar. Reads no book, so the strategy runs ahead of the portfolio freely."""

from itertools import pairwise
from typing import ClassVar

from backbus import Strategy, param


class ThreeUpDays(Strategy):
    """Long after a streak of rising closes, flat after the first close that falls."""

    lookback: ClassVar[int] = 11
    streak: int = param(3, ge=1, le=10, description="rising closes in a row that make an entry")

    def on_bar(self, bar):
        closes = bar.closes(self.streak + 1).tolist()
        if len(closes) > self.streak and all(b > a for a, b in pairwise(closes)):
            self.go_long()
        elif len(closes) > 1 and closes[-1] < closes[-2]:
            self.go_flat()
