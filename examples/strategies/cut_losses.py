"""Event style with the book: what to do next depends on what is held, and at which price it was bought."""

from typing import ClassVar

from backbus import Strategy, param


class CutLosses(Strategy):
    """Buy new highs with half of the equity; leave after a loss of ``stop`` or a gain of ``goal``."""

    lookback: ClassVar[int] = 250
    window: int = param(50, ge=2, le=250, description="bars whose highest close must be beaten")
    stop: float = param(0.05, gt=0, lt=1, description="loss, as a fraction of the price paid, that ends a trade")
    goal: float = param(0.15, gt=0, description="gain, as a fraction of the price paid, that ends a trade")

    def on_bar(self, bar, book):
        if book.position():
            gain = bar.close / book.average_cost() - 1.0
            if gain <= -self.stop or gain >= self.goal:
                self.target_weight(0.0)
            return
        closes = bar.closes(self.window)
        if len(closes) == self.window and bar.close >= closes.max():
            self.target_weight(0.5)
