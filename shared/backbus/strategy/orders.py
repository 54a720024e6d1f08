"""Orders as an event-style strategy handles them: asked for, working, filled in parts or whole, ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal
from weakref import WeakSet

from backbus.jit.python import plain
from backbus.market.ticks import PHASES
from backbus.strategy.order_terms import begun_terms, terms_of
from backbus.trading.codes import ENDS, FILL_RULES, REASONS, Action, FillRule
from backbus.trading.lots import on_tick, plus, whole_lots
from backbus.trading.records import NO_ORDER, Records

TimeInForce = Literal["gtc", "day", "ioc", "fok", "open"]
Role = Literal["entry", "take_profit", "stop_loss", "trailing_loss"]
ROLES: tuple[Role, ...] = ("entry", "take_profit", "stop_loss", "trailing_loss")
"""In the order of their ids: an exit's is its entry's and its place here."""
NO_SPLITS: Mapping[str, float] = MappingProxyType({})


@dataclass(eq=False, slots=True, weakref_slot=True)
class Order:
    """An order of this strategy. What became of it is known from the row after the one that asked for it."""

    id: int
    """Made of the row, the asset and a number: the same in each run."""
    symbol: str
    quantity: float
    """Units asked for, negative to sell."""
    terms: Mapping[str, Any]
    """As they were given: limit, stop, take_profit and so on; after a split, what they have become by it."""
    state: Literal["asked", "working", "filled", "ended", "refused"] = "asked"
    filled: float = 0.0
    """Units that have filled, negative where sold."""
    value: float = 0.0
    """Sum of filled units times price, unsigned."""
    reason: str = ""
    """Why it was cut, refused or ended."""
    role: Role = "entry"
    """What it is in a bracket: an exit knows by which of its entry's terms it was asked for."""
    parent: int | None = None
    """The id of the order that an exit belongs to."""

    @property
    def average_price(self) -> float:
        """Price at which it filled in the mean, slippage included; NaN before it has."""
        return self.value / abs(self.filled) if self.filled else math.nan

    @property
    def works(self) -> bool:
        """Whether it may still fill."""
        return self.state in ("asked", "working")


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill of one of the strategy's orders."""

    order: Order
    symbol: str
    row: int
    quantity: float
    """Units, negative where sold."""
    price: float
    """Paid, slippage included."""
    reference: float
    """The market's price."""
    fee: float
    rule: str
    """Which rule filled it."""


class Grid:
    """Which sizes and prices an asset's orders can have."""

    __slots__ = ("_instrument", "lot", "settles")

    def __init__(self, instrument: Any = None) -> None:
        names = ("tick", "per_tick")
        self._instrument = {name: 0.0 if instrument is None else float(instrument[name]) for name in names}
        self.lot = 0.0 if instrument is None else float(instrument["lot"])
        self.settles = instrument is not None and bool(instrument["settles"])

    def plus(self, size: float, more: float) -> float:
        """The sum of two sizes."""
        return float(_plus(self.lot, size, more))

    def size(self, size: float) -> float:
        """A signed size in whole lots, as a split leaves it."""
        return size if self.settles else math.copysign(float(_whole_lots(self.lot, abs(size))), size)

    def price(self, price: float, *, up: bool) -> float:
        """The next price that an order can have."""
        return float(_on_tick(self._instrument, price, up))


_plus, _whole_lots, _on_tick = plain(plus), plain(whole_lots), plain(on_tick)
_UP_FOR_BUYS = {"limit": False, "stop": True, "take_profit": True, "stop_loss": False}
_DIVIDED = ("trail", "trail_from", "trail_then", "trailing_loss", "trailing_from", "trailing_then")


def _split(order: Order, grid: Grid, ratio: float) -> None:
    """Let an order be what the market has made of it by a split, as ``trading.corporate_actions`` does; one of which
    nothing is left has ended there, and stays what it was."""
    buys = order.quantity > 0.0
    left = grid.size(grid.plus(order.quantity, -order.filled) * ratio)
    if left == 0.0 and order.filled == 0.0:
        return
    order.filled *= ratio
    order.quantity = grid.plus(left, order.filled)
    terms = dict(order.terms)
    for name, up in _UP_FOR_BUYS.items():
        if terms.get(name) is not None:
            terms[name] = grid.price(terms[name] / ratio, up=up == buys)
    for name in _DIVIDED:
        if terms.get(name) is not None:
            terms[name] = terms[name] / ratio
    order.terms = terms


class Blotter:
    """The orders of a run that may still fill, by id, and what is new of orders in the current row.

    It keeps nothing for a strategy that is told of no book: nobody would ever say that an order has ended. What such a
    strategy keeps itself is split with the market, since it may be replaced."""

    __slots__ = ("_grids", "_kept", "_symbols", "_told", "_working", "fills", "news")

    def __init__(self, symbols: tuple[str, ...], instruments: Records | None = None) -> None:
        self._symbols = symbols
        self._grids = {
            symbol: Grid(None if instruments is None else instruments[asset]) for asset, symbol in enumerate(symbols)
        }
        self._told = False
        self._working: dict[int, Order] = {}
        self._kept: WeakSet[Order] | None = None
        self.fills: list[Fill] = []
        """Since the row before."""
        self.news: list[Order] = []
        """Orders that were placed, cut, refused or ended since the row before, but for fills; and trailing stops that
        have begun to trail."""

    def ask(self, order: Order) -> None:
        """Keep an order that has been asked for."""
        if self._told:
            self._working[order.id] = order
        elif self._kept is not None:
            self._kept.add(order)

    def keep(self) -> None:
        """Expect splits of orders, with or without a book."""
        self._kept = WeakSet()

    def split_kept(self, splits: Mapping[str, float]) -> None:
        """Let the orders that a strategy without a book keeps be what splits have made of them."""
        for order in self._kept or ():
            if order.symbol in splits:
                _split(order, self._grids[order.symbol], splits[order.symbol])

    def drop(self, order: Order, reason: str) -> None:
        """Let an order be refused that nobody will hear of."""
        order.state, order.reason = "refused", reason
        self._working.pop(order.id, None)

    @property
    def working(self) -> Iterable[Order]:
        """Orders that may still fill, in the order in which they were asked for."""
        return self._working.values()

    def turn(self, row: int, orders: Records, fills: Records, splits: Mapping[str, float] = NO_SPLITS) -> None:
        """Take in what became of orders since the row before ``row``; ``splits`` by symbol came at its begin."""
        self._told = True
        if self.fills:
            self.fills = []
        if self.news:
            self.news = []
        if not len(orders) and not len(fills) and not splits:
            return
        # In the order of their ticks: what fills at a close may be taken back at the next open, after its splits.
        happened: list[tuple[int, int, Callable[[Any], None], Any]] = [
            *((int(record["tick"]), 1, self._decided, record) for record in orders),
            *((int(record["tick"]), 2, self._reported, record) for record in fills),
        ]
        if splits:
            happened.append((PHASES * row, 0, self._split, splits))
        for _, _, take, what in sorted(happened, key=_by_tick):
            take(what)

    def _split(self, splits: Mapping[str, float]) -> None:
        for order in self._working.values():
            if order.symbol in splits:
                _split(order, self._grids[order.symbol], splits[order.symbol])

    def _order(self, record: Any) -> Order:
        number = int(record["order"])
        order = self._working.get(number)
        if order is None:  # made by a signal, or an exit
            parent = int(record["parent"]) if "parent" in (record.dtype.names or ()) else NO_ORDER
            symbol = self._symbols[record["asset"]]
            if parent == NO_ORDER:
                return Order(number, symbol, float(record["wanted"]), terms_of(record))
            role = ROLES[min(number - parent, len(ROLES) - 1)]
            order = Order(number, symbol, float(record["wanted"]), terms_of(record), role=role, parent=parent)
        return order

    def _exits_follow(self, entry: Order) -> None:
        """Let the exits of an entry that filled be as large as it is, at the prices that follow from its own."""
        for order in self._working.values():
            if order.parent == entry.id:
                grid = self._grids[order.symbol]
                order.quantity = grid.plus(-entry.filled, 0.0)
                fraction = order.terms.get(f"{order.role}_fraction")
                gain = order.terms.get("trail_from_fraction")
                if gain is not None:
                    begins = entry.average_price * (1.0 + gain if order.quantity < 0.0 else 1.0 - gain)
                    order.terms = {**order.terms, "trail_from": begins}
                if fraction is not None and order.role != "trailing_loss":
                    sells, gains = order.quantity < 0.0, order.role == "take_profit"
                    above = sells == gains
                    level = entry.average_price * (1.0 + fraction if above else 1.0 - fraction)
                    name = "limit" if gains else "stop"
                    order.terms = {name: grid.price(level, up=above), f"{order.role}_fraction": fraction}

    def _decided(self, record: Any) -> None:
        order, kind = self._order(record), int(record["kind"])
        order.reason = REASONS[record["reason"]]
        if kind in (Action.PLACE, Action.RESIZE):
            order.state = "working"
            filled = order.filled if kind == Action.RESIZE else 0.0
            order.quantity = self._grids[order.symbol].plus(float(record["quantity"]), filled)
            self._working[order.id] = order
        else:
            order.state = "refused" if kind == Action.REFUSE else "ended"
            self._working.pop(order.id, None)
        self.news.append(order)

    def _reported(self, record: Any) -> None:
        order = self._working.get(int(record["order"]))
        if order is None:
            return
        quantity, rule = float(record["quantity"]), int(record["rule"])
        if quantity:
            price = float(record["price"])
            order.filled = self._grids[order.symbol].plus(order.filled, quantity)
            order.value += abs(quantity) * price
            fill = Fill(
                order,
                order.symbol,
                int(record["tick"]) // PHASES,
                quantity,
                price,
                float(record["reference"]),
                float(record["fee"]),
                FILL_RULES[rule],
            )
            self.fills.append(fill)
            self._exits_follow(order)
            if not record["left"]:
                order.state = "filled"
                self._working.pop(order.id, None)
        elif rule >= ENDS:
            order.state, order.reason = "ended", FILL_RULES[rule]
            self._working.pop(order.id, None)
            self.news.append(order)
        else:
            order.quantity = self._grids[order.symbol].plus(float(record["left"]), order.filled)
            if rule == FillRule.TRAIL_BEGAN:
                order.terms = begun_terms(order.terms)
                self.news.append(order)


def _by_tick(happened: tuple[int, int, object, object]) -> tuple[int, int]:
    return happened[:2]
