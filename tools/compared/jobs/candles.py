"""Entries and exits by the rows that signal them, with limit prices, and targets that change with a trade's age."""

from __future__ import annotations

from typing import Any

from backbus import Strategy


class Candles(Strategy):
    """Rows signal at their close. ``entry`` and ``exit`` are limit prices (0: at the market); an entry that has not
    filled in its first bar is asked for again at ``entry_then``, or taken back where that is 0 and ``again``."""

    enter_long: list[int] = []  # noqa: RUF012  (pydantic copies it for each instance)
    enter_short: list[int] = []  # noqa: RUF012
    exit_long: list[int] = []  # noqa: RUF012
    exit_short: list[int] = []  # noqa: RUF012
    entry: float = 0.0
    entry_then: float = 0.0
    again: bool = False
    exit: float = 0.0
    targets: list[list[float]] = []  # noqa: RUF012
    """Ages in minutes and the profit that is enough from then on; below 0: out at any."""
    minutes: float = 60.0
    _since: int = 0

    def on_bar(self, bar: Any, book: Any) -> None:
        """A signal while a position is held enters nothing; both sides at once do not either."""
        for fill in book.fills:
            self._since = fill.row
        held = book.position()
        if held:
            self._leave(bar, book, held)
            return
        entering = [order for order in book.orders if order.role == "entry"]
        if entering and self.again:
            if self.entry_then:
                self.replace(entering[0], limit=self.entry_then)
            else:
                self.cancel(entering[0])
        long, short = bar.row in self.enter_long, bar.row in self.enter_short
        if long != short and not entering:
            terms: dict[str, Any] = {"limit": self.entry} if self.entry else {}
            (self.go_long if long else self.go_short)(**terms)

    def _leave(self, bar: Any, book: Any, held: float) -> None:
        if bar.row in (self.exit_long if held > 0 else self.exit_short):
            if self.exit:
                (self.sell if held > 0 else self.buy)(abs(held), limit=self.exit, reduce_only=True)
            else:
                self.go_flat()
            return
        age = (bar.row + 1 - self._since) * self.minutes
        reached = [profit for begin, profit in self.targets if begin <= age]
        target = next((order for order in book.orders if order.role == "take_profit"), None)
        if len(reached) < 2 or target is None:
            return
        if reached[-1] < 0.0:
            self.go_flat()
            return
        price = book.average_cost() * (1.0 + (reached[-1] if held > 0 else -reached[-1]))
        if target.terms["limit"] != price:
            self.replace(target, limit=price)
