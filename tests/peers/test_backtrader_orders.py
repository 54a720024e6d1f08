"""Every kind of order beside backtrader: the same orders on the same prices, generated and real, fill by fill.

Bar, price, size and fee of each order's fill must be the same. Where the two differ on purpose (docs/fills.md) the test
asserts that this is the case at hand.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.performance.tables import Piece
from backbus.trading import records as rec
from tests.peers.paths import GENERATED, Rows, bars, paths
from tests.unit.order_market import scripted

bt = pytest.importorskip("backtrader")

CASH, RATE = 10_000_000.0, 0.001
EPOCH = datetime.datetime(1970, 1, 1)


@pytest.fixture(scope="module")
def prices(sample_data: Path) -> dict[int, Rows]:
    """By seed, 200 generated paths and the real ones."""
    found = paths(sample_data)
    assert len(found) > GENERATED + 190
    return found


@dataclass
class Wanted:
    """An order that both are asked for at the close of ``row``."""

    row: int
    quantity: float
    terms: dict[str, Any] = field(default_factory=dict)


@dataclass
class Filled:
    """What became of it: rows, prices, sizes and fees of its fills, and of those of its two exits."""

    own: list[tuple[int, float, float, float]] = field(default_factory=list)
    exits: list[tuple[int, float, float, float]] = field(default_factory=list)


def ours(rows: Rows, wanted: list[Wanted], **execution: Any) -> list[Filled]:
    """The orders in backbus."""
    ids: dict[int, int] = {}
    script: dict[int, Any] = {}
    for number, order in enumerate(wanted):
        before = script.get(order.row)

        def ask(strategy: Any, bar: Any, book: Any, number: int = number, before: Any = before) -> None:
            if before is not None:
                before(strategy, bar, book)
            terms = dict(wanted[number].terms)
            group = terms.pop("oco", None)
            if group is not None:
                terms["group"] = strategy._kept[group]
            made = strategy._kept[number] = strategy.order(wanted[number].quantity, **terms)
            ids[made.id] = number

        script[order.row] = ask
    job = Job.parse(
        {
            "strategy": {"use": "None"},
            "portfolio": {"cash": CASH, "shorts": True, "leverage": 10},
            "execution": {"commission": {"model": "bps", "bps": RATE * 10_000}, **execution},
        }
    )
    pieces: list[Piece] = []
    Engine(job, bars(*rows), scripted(script), pieces.extend).run()
    found = [Filled() for _ in wanted]
    for name, table in pieces:
        if name != "fills":
            continue
        for order, row, price, quantity, fee in zip(
            *(table[c].tolist() for c in ("order", "row", "price", "quantity", "fee")), strict=True
        ):
            if not quantity:
                continue
            parent = order - order % rec.ORDINALS_OF_ONE
            side = found[ids[parent]]
            (side.own if order == parent else side.exits).append((row, price, quantity, fee))
    return found


TYPES = {"limit": "Limit", "stop": "Stop", "trail": "StopTrail", "trail_fraction": "StopTrail"}


class Feed(bt.feed.DataBase):  # type: ignore[misc]
    """Rows as daily bars."""

    params = (("rows", ()),)

    def _load(self) -> bool:
        row = len(self) - 1
        if row == len(self.p.rows):
            return False
        self.lines.datetime[0] = bt.date2num(EPOCH) + row
        for line, value in zip(("open", "high", "low", "close", "volume"), self.p.rows[row], strict=True):
            getattr(self.lines, line)[0] = value
        return True


class Asks(bt.Strategy):  # type: ignore[misc]
    """Asks for each order at its row's close, and writes down what became of it."""

    params = (("wanted", ()), ("found", ()))

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}
        self.refs: dict[int, tuple[int, bool]] = {}
        self.asked: dict[int, list[tuple[int, Wanted]]] = {}
        for number, order in enumerate(self.p.wanted):
            self.asked.setdefault(order.row, []).append((number, order))

    def next(self) -> None:
        for number, order in self.asked.get(len(self) - 1, ()):
            self.ask(number, order)

    def ask(self, number: int, order: Wanted) -> None:
        terms = dict(order.terms)
        send = self.buy if order.quantity > 0 else self.sell
        keys: dict[str, Any] = {"size": abs(order.quantity), "exectype": bt.Order.Market}
        if "stop" in terms and "limit" in terms:
            keys |= {"exectype": bt.Order.StopLimit, "price": terms["stop"], "plimit": terms["limit"]}
        elif "trail" in terms:
            keys |= {"exectype": bt.Order.StopTrail, "trailamount": terms["trail"]}
        elif "trail_fraction" in terms:
            keys |= {"exectype": bt.Order.StopTrail, "trailpercent": terms["trail_fraction"]}
        elif "limit" in terms:
            keys |= {"exectype": bt.Order.Limit, "price": terms["limit"]}
        elif "stop" in terms:
            keys |= {"exectype": bt.Order.Stop, "price": terms["stop"]}
        if "until" in terms:
            keys["valid"] = datetime.datetime.fromisoformat(terms["until"])
        if "oco" in terms:
            keys["oco"] = self.made[terms["oco"]]
        if "take_profit" in terms:
            back = self.sell if order.quantity > 0 else self.buy
            main = send(transmit=False, **keys)
            size = abs(order.quantity)
            stop = back(parent=main, size=size, exectype=bt.Order.Stop, price=terms["stop_loss"], transmit=False)
            profit = back(parent=main, size=size, exectype=bt.Order.Limit, price=terms["take_profit"], transmit=True)
            for exit in (stop, profit):
                self.refs[exit.ref] = (number, True)
        else:
            main = send(**keys)
        self.made[number] = main
        self.refs[main.ref] = (number, False)

    def notify_order(self, order: Any) -> None:
        if order.status == bt.Order.Completed:
            number, exit = self.refs[order.ref]
            row = (bt.num2date(order.executed.dt) - EPOCH).days
            fill = (row, order.executed.price, order.executed.size, order.executed.comm)
            (self.p.found[number].exits if exit else self.p.found[number].own).append(fill)


def theirs(rows: Rows, wanted: list[Wanted]) -> list[Filled]:
    """The orders in backtrader. (It keeps every class that is made of its own: one of each is enough.)"""
    found = [Filled() for _ in wanted]
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=RATE)
    cerebro.adddata(Feed(rows=rows))
    cerebro.addstrategy(Asks, wanted=wanted, found=found)
    cerebro.run()
    return found


def same(one: list[Any], other: list[Any]) -> bool:
    """Rows and sizes the same, prices and fees to 1e-12."""
    return len(one) == len(other) and all(
        a[0] == b[0] and a[1:] == pytest.approx(b[1:], rel=1e-12) for a, b in zip(one, other, strict=True)
    )


def some(seed: int, rows: Rows, make: Any, *, one_way: bool = False) -> list[Wanted]:
    """An order in about every second row, each way as often or all one way; ``make`` gives its terms from (draw, close,
    side)."""
    draw = np.random.default_rng(seed + 1_000_000)
    wanted = []
    for row in range(len(rows) - 1):
        if draw.random() < 0.5:
            side = 1.0 if draw.random() < 0.5 else -1.0
            if one_way:
                side = 1.0 if seed % 2 else -1.0
            terms = make(draw, rows[row][3], side)
            if draw.random() < 0.3 and terms is not None and "oco" not in terms:
                until = EPOCH + datetime.timedelta(days=row + int(draw.integers(1, 6)))
                terms["until"] = until.date().isoformat()
            wanted.append(Wanted(row, side * float(draw.integers(1, 9)), terms))
    return wanted


def cents(price: float) -> float:
    return max(0.01, round(price, 2))


def near(draw: Any, close: float, sign: float) -> float:
    return cents(close * (1.0 + sign * float(draw.choice([0.0, 0.002, 0.01, 0.03]))))


KINDS: dict[str, Any] = {
    "market": lambda draw, close, side: {},
    "limit": lambda draw, close, side: {"limit": near(draw, close, draw.choice([side, -side]))},
    "stop": lambda draw, close, side: {"stop": near(draw, close, draw.choice([side, -side]))},
    "trail": lambda draw, close, side: {"trail": cents(close * float(draw.choice([0.005, 0.02, 0.05])))},
    "trail percent": lambda draw, close, side: {"trail_fraction": float(draw.choice([0.0051, 0.0207, 0.0513]))},
}


@pytest.mark.parametrize("kind", KINDS)
def test_orders_fill_in_the_same_bar_at_the_same_price_and_fee(prices: dict[int, Rows], kind: str) -> None:
    fills = 0
    for seed, rows in prices.items():
        wanted = some(seed, rows, KINDS[kind])
        for one, other in zip(ours(rows, wanted, trail_by="close"), theirs(rows, wanted), strict=True):
            assert same(one.own, other.own), seed
            fills += len(one.own)
    assert fills > 2000


def test_stop_limit_orders_fill_alike_but_where_the_close_proves_that_the_limit_was_met(
    prices: dict[int, Rows],
) -> None:
    """backtrader fills a limit below its stop in the bar that meets the stop only where that bar fell; the close being
    at the limit or beyond proves it anyway."""

    def make(draw: Any, close: float, side: float) -> dict[str, Any]:
        return {"stop": near(draw, close, side), "limit": near(draw, close, draw.choice([side, -side]))}

    fills = differ = 0
    for seed, rows in prices.items():
        wanted = some(seed, rows, make)
        for order, one, other in zip(wanted, ours(rows, wanted), theirs(rows, wanted), strict=True):
            if same(one.own, other.own):
                fills += len(one.own)
                continue
            differ += 1
            row, price = one.own[0][:2]
            side = np.sign(order.quantity)
            open_, _, _, close, _ = rows[row]
            assert price == order.terms["limit"]
            assert side * (order.terms["limit"] - close) >= 0.0, "the close is at the limit or beyond"
            assert side * (open_ - close) <= 0.0, "and the bar did not move back through it by its open and close"
            assert not other.own or other.own[0][0] > row
    assert fills > 2000
    assert differ < fills / 50


def exits_of(draw: Any, close: float, side: float) -> dict[str, Any]:
    away = float(draw.choice([0.005, 0.02, 0.06]))
    return {"take_profit": cents(close * (1.0 + side * away)), "stop_loss": cents(close * (1.0 - side * away))}


def test_brackets_exit_alike_but_in_the_bar_of_their_entry_and_where_the_open_takes_the_profit(
    prices: dict[int, Rows],
) -> None:
    """backtrader lets exits live from the bar after the entry's; here they live from the phase after it. And it tries
    the stop first even where the open is beyond the target already, which comes before anything within the bar.

    All orders of a path go one way: exits never go through flat here, so those of opposite brackets would end together.
    """
    alike = early = opened = 0
    for seed, rows in prices.items():
        wanted = some(seed, rows, exits_of, one_way=True)
        for order, one, other in zip(wanted, ours(rows, wanted), theirs(rows, wanted), strict=True):
            assert same(one.own, other.own), seed
            if same(one.exits, other.exits):
                alike += len(one.exits)
                continue
            side = np.sign(order.quantity)
            row, price = one.exits[0][:2]
            open_, high, low, _, _ = rows[row]
            if row == one.own[0][0]:
                early += 1
                assert low <= price <= high
                continue
            opened += 1
            assert price == open_
            assert side * (open_ - order.terms["take_profit"]) >= 0.0
            assert other.exits[0][:2] == pytest.approx((row, order.terms["stop_loss"]))
            assert low <= order.terms["stop_loss"] <= high
    assert alike > 2000
    assert early > 0
    assert opened > 0


def test_of_two_orders_that_cancel_each_other_the_same_one_fills(
    prices: dict[int, Rows],
) -> None:
    """The stop is asked for first, so that backtrader tries it first, too. Where the open is at the limit already it
    comes first here."""
    fills = opened = 0
    for seed, rows in prices.items():
        draw = np.random.default_rng(seed + 2_000_000)
        wanted: list[Wanted] = []
        for row in range(0, len(rows) - 1, 3):
            side, close = (1.0 if draw.random() < 0.5 else -1.0), rows[row][3]
            away = float(draw.choice([0.005, 0.02]))
            wanted.append(Wanted(row, -side, {"stop": cents(close * (1.0 - side * away))}))
            wanted.append(Wanted(row, -side, {"limit": cents(close * (1.0 + side * away)), "oco": len(wanted) - 1}))
        pairs = list(zip(wanted, ours(rows, wanted), theirs(rows, wanted), strict=True))
        for stop, limit in zip(pairs[::2], pairs[1::2], strict=True):
            if same(stop[1].own, stop[2].own) and same(limit[1].own, limit[2].own):
                fills += len(stop[1].own) + len(limit[1].own)
                assert len(stop[1].own) + len(limit[1].own) <= 1
                continue
            opened += 1
            row, price = limit[1].own[0][:2]
            assert price == rows[row][0], "the open was at the limit or better"
            assert stop[2].own[0][0] == row
    assert fills > 2000
    assert opened < fills / 20  # real days gap, and then span both prices, more often than generated ones
