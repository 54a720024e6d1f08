"""Event style with the book: limit orders that wait some days below the market, each with its bracket."""

import datetime
from typing import ClassVar

from backbus import Strategy, param


class Pullbacks(Strategy):
    """Buy a rising share a little below its close; target, stop and trailing stop come with what fills."""

    lookback: ClassVar[int] = 250
    window: int = param(100, ge=2, le=250, description="bars whose mean the close must be above")
    below: float = param(0.02, gt=0, lt=1, description="how far below the close to buy, as a share of it")
    days: int = param(7, ge=1, description="calendar days that an entry may wait for its price")
    weight: float = param(0.2, gt=0, le=1, description="share of equity of an entry")
    target: float = param(0.08, gt=0, description="gain that is taken, as a share of the price paid")
    stop: float = param(0.04, gt=0, lt=1, description="loss that is cut, as a share of the price paid")
    trail: float = param(0.06, gt=0, lt=1, description="how far behind the best price the trailing stop follows")

    def on_bar(self, bar, book):
        if book.position() or any(order.symbol == bar.symbol for order in book.orders):
            return
        closes = bar.closes(self.window)
        if len(closes) < self.window or bar.close <= closes.mean():
            return
        limit = bar.close * (1.0 - self.below)
        self.buy(
            max(1, int(self.weight * book.equity / limit)),
            limit=limit,
            until=datetime.date.fromisoformat(bar.date) + datetime.timedelta(self.days),
            take_profit_fraction=self.target,
            stop_loss_fraction=self.stop,
            trailing_loss_fraction=self.trail,
        )
