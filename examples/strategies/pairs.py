"""Event style: two shares against each other, long the one that has fallen behind and short the other."""

import math
from typing import ClassVar

from backbus import Strategy, param


class Pairs(Strategy):
    """Trades the spread of two assets' logarithms when it is far from its mean, both legs at once."""

    lookback: ClassVar[int] = 250
    first: str = "IBM"
    second: str = "MSFT"
    window: int = param(120, ge=10, le=250, description="bars of the mean and the deviation")
    enter: float = param(1.5, gt=0, description="deviations from the mean to enter at")
    leave: float = param(0.3, ge=0, description="deviations to leave at")
    weight: float = param(1.9, gt=0, description="share of equity of each leg")

    _one: object = None
    _side: int = 0

    def on_bar(self, bar):
        if bar.symbol == self.first:  # the data has it before the second
            self._one = bar.closes(self.window)
        if bar.symbol != self.second or self._one is None:
            return
        one, other = self._one, bar.closes(self.window)
        if len(one) < self.window or len(other) < self.window:
            return
        spread = [math.log(a / b) for a, b in zip(one, other, strict=True)]
        mean = sum(spread) / len(spread)
        deviation = math.sqrt(sum((x - mean) ** 2 for x in spread) / (len(spread) - 1))
        score = (spread[-1] - mean) / deviation if deviation else 0.0
        side = self._side
        if abs(score) > self.enter:
            side = -1 if score > 0 else 1
        elif abs(score) < self.leave:
            side = 0
        if side != self._side:
            self._side = side
            self.target_weight(side * self.weight, self.first)
            self.target_weight(-side * self.weight, self.second)
