"""Strategies that try everything: signals and orders of every kind at any bar, each the same whenever it is asked."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from backbus.market.ticks import CLOSE_SIGNAL, tick_of
from backbus.strategy import Strategy, param
from backbus.trading.codes import SignalKind
from backbus.trading.records import SIGNAL


def _dice(*numbers: int) -> random.Random:
    """Chance that depends on nothing but ``numbers``: the same bar is answered the same whenever it comes."""
    return random.Random(repr(numbers))


class Chatter(Strategy):
    """Says anything of any asset at any bar, and reads no book."""

    seed: int = 0
    talk: float = 0.3
    shorts: bool = True

    def on_bar(self, bar: Any) -> None:
        dice = _dice(self.seed, bar.row, bar.asset)
        if dice.random() >= self.talk:
            return
        symbol = dice.choice([None, f"S{dice.randrange(bar.asset + 1)}"])
        match dice.randrange(5 if self.shorts else 4):
            case 0 | 1:
                self.go_long(dice.choice([1.0, 0.5]), symbol)
            case 2:
                self.go_flat(symbol)
            case 3:
                self.target_weight(dice.uniform(-0.5 if self.shorts else 0.0, 1.2), symbol)
            case 4:
                self.go_short(dice.choice([1.0, 0.3]), symbol)


class BookReader(Strategy):
    """Does what its position, its cost and its cash say, so that a wrong fill is a wrong signal at once."""

    seed: int = 0
    talk: float = 0.4
    _bought: int = 0

    def on_bar(self, bar: Any, book: Any) -> None:
        held, dice = book.position(), _dice(self.seed, bar.row, bar.asset)
        if held and bar.close < book.average_cost() * 0.97:
            self.go_flat()
        elif held < 0 and dice.random() < self.talk:
            self.go_long()
        elif not held and book.cash > 0.1 * book.equity and dice.random() < self.talk:
            self._bought += 1
            self.go_long() if self._bought % 3 else self.go_short(0.5)
        elif held and dice.random() < self.talk / 4:
            self.target_weight(0.25)


class Trader(Strategy):
    """Asks for orders of every kind, with every term, and takes some of them back; signals come in between."""

    seed: int = 0
    talk: float = 0.3
    scale: float = 1.0
    _asked: list[Any] = []  # noqa: RUF012  (pydantic copies it for each instance)

    def on_bar(self, bar: Any) -> None:
        self.trade(bar)

    def trade(self, bar: Any) -> None:
        dice = _dice(self.seed, bar.row, bar.asset)
        if dice.random() >= self.talk:
            return
        if self._asked and dice.random() < 0.3:
            order = self._asked.pop(dice.randrange(len(self._asked)))
            if dice.random() < 0.5:
                self.cancel(order)
            elif order.terms.get("group") is None:
                self._asked.append(
                    self.replace(order, dice.choice([None, 3.0 * self.scale]), take_profit=None, stop_loss=None)
                )
            return
        side = dice.choice([1.0, -1.0])
        if dice.random() < 0.2:
            symbol = dice.choice([None, f"S{dice.randrange(bar.asset + 1)}"])
            terms = self.terms_of(dice, bar.close, side) if symbol is None else {}
            (self.go_long if side > 0.0 else self.go_short)(dice.choice([1.0, 0.4]), symbol, **terms)
            return
        terms = self.terms_of(dice, bar.close, side)
        group = dice.choice(self._asked) if self._asked and dice.random() < 0.3 else None
        quantity = side * self.scale * dice.choice([1.0, 5.0, 33.0, 2.5, 400.0])
        self._asked.append(self.order(quantity, group=group, **terms))
        del self._asked[:-5]

    def terms_of(self, dice: random.Random, close: float, side: float) -> dict[str, Any]:
        """The terms of one order; prices lie around the close, exits on their own sides."""

        def near(sign: float) -> float:
            return close * (1.0 + sign * dice.choice([0.002, 0.01, 0.05]))

        terms: dict[str, Any] = {}
        match dice.randrange(8):
            case 0:
                terms["limit"] = near(-side)
            case 1:
                terms["limit"] = near(side)
            case 2:
                terms["stop"] = near(side)
            case 3:
                terms |= {"stop": near(side), "limit": near(dice.choice([side, -side]))}
            case 4:
                terms["trail"] = close * dice.choice([0.01, 0.04])
                terms |= dice.choice([{}, {"trail_from": near(-side)}])
            case 5:
                terms["trail_fraction"] = dice.choice([0.01, 0.05])
                terms |= dice.choice([{}, {"trail_from": near(-side), "trail_then_fraction": 0.005}])
            case 6:
                terms["at"] = dice.choice(["open", "close"])
        if set(terms) <= {"limit"} and dice.random() < 0.3:
            terms["time_in_force"] = dice.choice(["ioc", "fok", "day", "open"])
        elif "at" not in terms and dice.random() < 0.3:
            terms |= dice.choice([{"time_in_force": "day"}, {"until": f"1970-01-{dice.randint(1, 28):02d}"}])
        entry = terms.get("limit", terms.get("stop", close))
        for name, sign in (("take_profit", side), ("stop_loss", -side)):
            if dice.random() < 0.4:
                share = dice.choice([0.01, 0.06])
                terms |= dice.choice([{name: entry * (1.0 + sign * share)}, {f"{name}_fraction": share}])
        if dice.random() < 0.2:
            terms |= dice.choice([{"trailing_loss": close * 0.03}, {"trailing_loss_fraction": 0.03}])
            if dice.random() < 0.5:
                terms["trailing_from_fraction"] = dice.choice([0.01, 0.05])
                if "trailing_loss" not in terms and dice.random() < 0.5:
                    terms["trailing_then_fraction"] = 0.01
        if dice.random() < 0.1:
            terms["reduce_only"] = True
        return terms


class TraderWithBook(Trader):
    """Does it by what the book shows: orders, fills and what was refused."""

    _heard: int = 0

    def on_bar(self, bar: Any, book: Any) -> None:
        told = (len(book.orders), len(book.fills), len(book.news), round(book.position() / self.scale, 6), self._heard)
        if _dice(self.seed, *(int(number) for number in told)).random() < 0.7:
            self.trade(bar)

    def on_fill(self, fill: Any) -> None:
        self._heard += 1
        if _dice(self.seed, fill.row, self._heard).random() < 0.1:
            self.order(-fill.quantity, fill.symbol)


class EveryRow(Strategy):
    """Weights for all assets in all rows, array style."""

    depth: int = param(3, ge=1)

    def signals(self, bars: Any) -> Any:
        rise = bars.roc(self.depth).values
        share = np.where(rise > 0.0, 0.9, 0.2) / bars.close.shape[1]
        return self.target_weights(np.where(np.isnan(rise), np.nan, share))


class DeafToHoles(Strategy):
    """Signals of assets that have no bar in the row, as a client that speaks the protocol itself may send them."""

    seed: int = 0
    talk: float = 0.3

    def signals(self, bars: Any) -> Any:
        said = []
        for row in range(max(bars.first_row, bars.warmup), bars.first_row + len(bars)):
            for asset in range(bars.close.shape[1]):
                dice = _dice(self.seed, row, asset)
                if dice.random() < self.talk:
                    said.append(
                        (
                            tick_of(row, CLOSE_SIGNAL),
                            asset,
                            dice.choice([SignalKind.DIRECTION, SignalKind.WEIGHT]),
                            dice.choice(SIDES),
                        )
                    )
        return np.array(said, dtype=SIGNAL)


SIDES = (1.0, 0.5, 0.0, -0.5)
