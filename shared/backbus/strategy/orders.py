"""Orders as an event-style strategy handles them: asked for, working, filled in parts or whole, ended."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from backbus import renamed
from backbus.errors import StrategyError
from backbus.jit.decorators import plain
from backbus.market.ticks import PHASES
from backbus.trading.account_rows import BookRows
from backbus.trading.codes import ENDS, FILL_RULES, REASONS, TIMES_IN_FORCE, Action, Flag, InForce, OrderType, Term
from backbus.trading.lots import on_tick, plus, whole_lots
from backbus.trading.records import NO_ORDER, Records

TimeInForce = Literal["gtc", "day", "ioc", "fok", "open"]
Role = Literal["entry", "take_profit", "stop_loss", "trailing_loss"]
ROLES: tuple[Role, ...] = ("entry", "take_profit", "stop_loss", "trailing_loss")
"""In the order of their ids: an exit's is its entry's and its place here."""
Said = tuple[int, float]
"""Kind and value of a SIGNAL record."""

_EXITS = {
    "take_profit": Term.TAKE_PROFIT,
    "take_profit_fraction": Term.TAKE_PROFIT_FRACTION,
    "stop_loss": Term.STOP_LOSS,
    "stop_loss_fraction": Term.STOP_LOSS_FRACTION,
    "trailing_loss": Term.TRAILING_LOSS,
    "trailing_loss_fraction": Term.TRAILING_LOSS_FRACTION,
}
_PRICES = {"limit": Term.LIMIT, "stop": Term.STOP, "trail": Term.TRAIL, "trail_fraction": Term.TRAIL_FRACTION}
_FRACTIONS = ("trail_fraction", "stop_loss_fraction", "trailing_loss_fraction")
TERMS = (*_PRICES, *_EXITS, "time_in_force", "until", "at", "reduce_only", "group")
"""What an order, or a signal, can be given beside what it wants."""
_EITHER = tuple((name, f"{name}_fraction") for name in ("take_profit", "stop_loss", "trailing_loss"))


def _terms_of(record: Any) -> dict[str, float]:
    """Prices and distances of an order that was made by a signal, or came with an entry."""
    kind = int(record["type"])
    relative = int(record["flags"]) & Flag.RELATIVE != 0
    trail = float(record["trail"])
    if relative:
        return {"take_profit_fraction" if kind == OrderType.LIMIT else "stop_loss_fraction": trail}
    if kind in (OrderType.TRAIL, OrderType.TRAIL_PERCENT):
        return {"trail" if kind == OrderType.TRAIL else "trail_fraction": trail}
    found = {name: float(record[name]) for name in ("limit", "stop")}
    return {name: price for name, price in found.items() if not math.isnan(price)}


NO_SPLITS: Mapping[str, float] = MappingProxyType({})
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(eq=False, slots=True)
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


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0.0:
        raise StrategyError(f"{name} must be a number above 0, not {value!r}")
    if name in _FRACTIONS and value >= 1.0:
        raise StrategyError(f"{name} is a fraction of the price, 0.05 for 5 %; {value!r} is not below 1")
    return float(value)


def _order_type(terms: Mapping[str, Any]) -> None:
    given = [name for name in _PRICES if name in terms]
    if len(given) > 1 and given != ["limit", "stop"]:
        raise StrategyError(f"{' and '.join(given)} do not go together; a stop-limit order has stop and limit")
    force, at = terms.get("time_in_force", "gtc"), terms.get("at")
    if force not in TIMES_IN_FORCE or force in ("gtd", "gtt"):
        raise StrategyError(f"time_in_force is one of gtc, day, ioc, fok and open, not {force!r}; for a date: until")
    if at not in (None, "open", "close"):
        raise StrategyError(f'at is "open" or "close", not {at!r}')
    if "until" in terms and ("time_in_force" in terms or at is not None):
        raise StrategyError("until does not go with time_in_force or at")
    if at is not None and "time_in_force" in terms:
        raise StrategyError("at does not go with time_in_force")
    if at == "close" and [name for name in given if name != "limit"]:
        raise StrategyError('at = "close" is for market and limit orders; leave out ' + " and ".join(given))
    if (at == "open" or force in ("ioc", "fok", "open")) and [name for name in given if name != "limit"]:
        raise StrategyError("an order that is filled at once or not at all is a market or a limit order")


def _sides(buys: bool, terms: Mapping[str, Any], close: float) -> None:
    """Take profit lies beyond the entry, stop loss before it."""
    entry = terms.get("limit", terms.get("stop", close))
    where = "its limit" if "limit" in terms else "its stop" if "stop" in terms else "the last close"
    for name, beyond in (("take_profit", True), ("stop_loss", False)):
        level = terms.get(name)
        if level is not None and entry == entry and ((level > entry) != (buys == beyond) or level == entry):  # noqa: PLR0124
            side = "above" if buys == beyond else "below"
            raise StrategyError(
                f"{name} {level} is on the wrong side: an order to {'buy' if buys else 'sell'} takes one {side} "
                f"{where}, {entry}"
            )


def said_of(terms: Mapping[str, Any], *, buys: bool | None, close: float) -> list[Said]:
    """The SIGNAL records that say these terms, all but ``group``. ``buys`` is None where the side is not known yet.

    Raises StrategyError for terms that no order can have."""
    for name in terms:
        if name in renamed.TERMS:
            raise StrategyError(renamed.is_now(name, renamed.TERMS[name]))
    for name in _PRICES:
        if name in terms and terms[name] is None:
            raise StrategyError(f"{name} has no price (it is None); for an order without one leave {name} out")
    given = {name: value for name, value in terms.items() if value is not None}
    for name in given:
        if name not in TERMS:
            raise StrategyError(f"an order has no {name!r}; it has {', '.join(TERMS)}")
    for one, other in _EITHER:
        if one in given and other in given:
            raise StrategyError(f"give {one} or {other}, not both")
    _order_type(given)
    said = [(kind, _number(name, given[name])) for name, kind in (_PRICES | _EXITS).items() if name in given]
    if buys is not None:
        _sides(buys, given, close)
    if "until" in given:
        said += _until(given["until"])
    elif given.get("at") == "open" or "time_in_force" in given:
        force = "open" if given.get("at") == "open" else given["time_in_force"]
        said.append((Term.IN_FORCE, float(TIMES_IN_FORCE.index(force))))
    if given.get("at") == "close":
        said.append((Term.AT_CLOSE, 1.0))
    if given.get("reduce_only"):
        said.append((Term.REDUCE, 1.0))
    return said


def _until(until: Any) -> list[Said]:
    if isinstance(until, str):
        try:
            until = (datetime.date if len(until) <= 10 else datetime.datetime).fromisoformat(until)
        except ValueError:
            raise StrategyError(f"until is a date, or a date and time with its zone, not {until!r}") from None
    if isinstance(until, datetime.datetime):
        if until.tzinfo is None:
            raise StrategyError(f"until {until} has no zone; give it one, or a date")
        micros = (until - _EPOCH) // datetime.timedelta(microseconds=1)
        return [(Term.IN_FORCE, float(InForce.GOOD_TILL_TIME)), (Term.UNTIL, float(micros))]
    if isinstance(until, datetime.date):
        return [(Term.IN_FORCE, float(InForce.GOOD_TILL_DATE)), (Term.UNTIL, float((until - _EPOCH.date()).days))]
    raise StrategyError(f"until is a date, or a date and time with its zone, not {until!r}")


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
_DISTANCES = ("trail", "trailing_loss")


def _split(order: Order, grid: Grid, ratio: float) -> None:
    """Let an order be what the market has made of it by a split, as ``trading.corporate_actions`` does."""
    buys = order.quantity > 0.0
    left = grid.size(grid.plus(order.quantity, -order.filled) * ratio)
    order.filled *= ratio
    order.quantity = grid.plus(left, order.filled)
    terms = dict(order.terms)
    for name, up in _UP_FOR_BUYS.items():
        if terms.get(name) is not None:
            terms[name] = grid.price(terms[name] / ratio, up=up == buys)
    for name in _DISTANCES:
        if terms.get(name) is not None:
            terms[name] = terms[name] / ratio
    order.terms = terms


_OF_ROLES: Mapping[str, tuple[str, ...]] = {
    "take_profit": ("limit",),
    "stop_loss": ("stop",),
    "trailing_loss": ("trail", "trail_fraction"),
}
_BESIDE_PRICES = ("time_in_force", "until")


def exit_terms(order: Order, terms: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of what takes an exit's place: its own price, and how long it works. Raises StrategyError for others,
    and where it has no price yet, since its entry has not filled."""
    prices = _OF_ROLES[order.role]
    given = {name: value for name, value in terms.items() if name != f"{order.role}_fraction"}
    if "trail" in given and "trail_fraction" in given:
        given.pop(next(name for name in ("trail", "trail_fraction") if name in order.terms))
    wrong = [name for name in given if name not in (*prices, *_BESIDE_PRICES)]
    if wrong:
        raise StrategyError(f"a {order.role} has no {wrong[0]}: it is moved by its {' or '.join(prices)}")
    if not any(name in given for name in prices):
        raise StrategyError(f"this {order.role} has no price before its entry fills: give it one by {prices[0]}")
    return given


class Blotter:
    """The orders of a run that may still fill, by id, and what is new of orders in the current row.

    It keeps nothing for a strategy that is told of no book: nobody would ever say that an order has ended."""

    __slots__ = ("_grids", "_symbols", "_told", "_working", "fills", "news")

    def __init__(self, symbols: tuple[str, ...], instruments: Records | None = None) -> None:
        self._symbols = symbols
        self._grids = {
            symbol: Grid(None if instruments is None else instruments[asset]) for asset, symbol in enumerate(symbols)
        }
        self._told = False
        self._working: dict[int, Order] = {}
        self.fills: list[Fill] = []
        """Since the row before."""
        self.news: list[Order] = []
        """Orders that were placed, cut, refused or ended since the row before, but for fills."""

    def ask(self, order: Order) -> None:
        """Keep an order that has been asked for."""
        if self._told:
            self._working[order.id] = order

    def drop(self, order: Order, reason: str) -> None:
        """Let an order be refused that nobody will hear of."""
        order.state, order.reason = "refused", reason
        self._working.pop(order.id, None)

    @property
    def working(self) -> Iterable[Order]:
        """Orders that may still fill, in the order in which they were asked for."""
        return self._working.values()

    def turn(self, book: BookRows, splits: Mapping[str, float] = NO_SPLITS) -> None:
        """Take in what became of orders since the row before; ``splits`` by symbol came at the row's begin."""
        self._told = True
        if self.fills:
            self.fills = []
        if self.news:
            self.news = []
        if not len(book.orders) and not len(book.fills) and not splits:
            return
        # In the order of their ticks: what fills at a close may be taken back at the next open, after its splits.
        happened: list[tuple[int, int, Callable[[Any], None], Any]] = [
            *((int(record["tick"]), 1, self._decided, record) for record in book.orders),
            *((int(record["tick"]), 2, self._reported, record) for record in book.fills),
        ]
        if splits:
            happened.append((PHASES * book.first_row, 0, self._split, splits))
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
                return Order(number, symbol, float(record["wanted"]), _terms_of(record))
            role = ROLES[min(number - parent, len(ROLES) - 1)]
            order = Order(number, symbol, float(record["wanted"]), _terms_of(record), role=role, parent=parent)
        return order

    def _exits_follow(self, entry: Order) -> None:
        """Let the exits of an entry that filled be as large as it is, at the prices that follow from its own."""
        for order in self._working.values():
            if order.parent == entry.id:
                grid = self._grids[order.symbol]
                order.quantity = grid.plus(-entry.filled, 0.0)
                fraction = order.terms.get(f"{order.role}_fraction")
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


def _by_tick(happened: tuple[int, int, object, object]) -> tuple[int, int]:
    return happened[:2]
