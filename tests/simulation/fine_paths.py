"""Fine paths of prices, the bars that they make, and one entry with exits in each, played on both.

On a fine path there is nothing to assume: each row is one price. What the rules assume of a bar is right, kind or
unkind beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Block, Floats, Layout, Panel
from backbus.strategy import Strategy
from backbus.trading.rules import PATHS
from tests.unit.panels import tables_of

START = 2000.0
"""Where every path begins; it moves by 1 a step, so that it meets each order's price exactly."""
GAP = 12.0
"""The largest jump of a path with gaps."""
EXITS = ("take_profit", "stop_loss", "trailing_loss")
ENTRIES = ("market", "limit", "stop", "stop_limit", "stop_limit_back", "trail")


class Paths(NamedTuple):
    """What paths are like."""

    steps: int
    """Prices in a bar."""
    drift: float = 0.0
    """By how much a step upwards is likelier than one downwards."""
    gaps: float = 0.0
    """How often a step is a jump."""


class Order(NamedTuple):
    """One entry with its exits."""

    quantity: float
    terms: Mapping[str, Any]


class Came(NamedTuple):
    """What came of each order."""

    profit: Floats
    """[orders] in price units for one unit, what is still held valued at the last price."""
    entered: Floats
    """[orders] whether it filled."""


def walk(random: np.random.Generator, paths: Paths, bars: int, count: int) -> Floats:
    """[bars × steps, count] prices."""
    shape = (bars * paths.steps, count)
    moves = np.where(random.random(shape) < 0.5 + paths.drift / 2.0, 1.0, -1.0)
    if paths.gaps:
        jumps = random.integers(2, int(GAP) + 1, shape) * np.where(random.random(shape) < 0.5, 1.0, -1.0)
        moves = np.where(random.random(shape) < paths.gaps, jumps, moves)
    prices: Floats = START + np.cumsum(moves, axis=0)
    return prices


def bracket(random: np.random.Generator, scale: float, entry: str | None = None) -> Order:
    """An entry of some kind with some exits, a bar's range away or so."""

    def away() -> float:
        return float(max(1, round(scale * random.uniform(0.1, 2.0))))

    side = 1.0 if random.random() < 0.5 else -1.0
    entry = entry or str(random.choice(ENTRIES))
    terms: dict[str, Any] = {}
    if entry == "limit":
        terms["limit"] = START - side * away()
    elif entry.startswith("stop"):
        terms["stop"] = START + side * away()
        if entry != "stop":
            terms["limit"] = terms["stop"] + side * away() * (1.0 if entry == "stop_limit" else -1.0)
    elif entry == "trail":
        terms["trail"] = away()
    near = [terms[name] for name in ("limit", "stop") if name in terms]
    if not near:  # a trailing entry may fill some way off
        room = round(2.0 * scale) if entry == "trail" else 1.0
        near = [START - room, START + room]
    ahead, behind = (max(near), min(near)) if side > 0.0 else (min(near), max(near))
    if random.random() < 0.7:
        terms["take_profit"] = ahead + side * away()
    if random.random() < 0.5:
        terms["stop_loss"] = behind - side * away()
    if random.random() < 0.5:
        terms["trailing_loss"] = away()
    return Order(side, terms)


def that_begin(random: np.random.Generator, order: Order, scale: float) -> Order:
    """The same with a trailing stop that sleeps until a profit, or trails by less from there on: that of its entry, or
    where it has none its exit."""
    terms, side = dict(order.terms), order.quantity
    ahead = max if side > 0.0 else min
    filled = ahead(terms.get("limit", START), terms.get("stop", START))
    begins = filled + side * max(1, round(scale * random.uniform(0.05, 1.5)))
    if "trailing_loss" in terms and "trail" not in terms:
        terms["trailing_from"] = begins
        if terms["trailing_loss"] > 1.0 and random.random() < 0.5:
            terms["trailing_then"] = float(random.integers(1, int(terms["trailing_loss"])))
    if "trail" in terms:
        terms["trail_from"] = START - side * max(1, round(scale * random.uniform(0.05, 1.5)))
        if terms["trail"] > 1.0 and random.random() < 0.5:
            terms["trail_then"] = float(random.integers(1, int(terms["trail"])))
    return Order(side, terms)


class Asks(Strategy):
    """Asks for one order in each asset, at one row's close."""

    def __init__(self, orders: list[Order], row: int) -> None:
        super().__init__()
        self._orders, self._at = orders, row

    def fresh(self) -> Asks:
        return Asks(self._orders, self._at)

    def on_bar(self, bar: Any) -> None:
        if bar.row == self._at:
            order = self._orders[bar.asset]
            self.order(order.quantity, **order.terms)


def panel(*columns: Floats) -> Panel:
    """Daily bars of open, high, low and close [rows, assets]."""
    rows, assets = columns[0].shape
    columns = (*columns, np.full((rows, assets), 1e6))
    for column in columns:
        column.flags.writeable = False
    number = np.arange(rows, dtype=np.int64)
    day = 86_400_000_000_000
    layout = Layout(tuple(f"A{asset}" for asset in range(assets)), rows, 0, day)
    return Panel(layout, Block(0, (number + 1) * day, number, *columns))


def bars_of(prices: Floats, steps: int) -> Panel:
    """The bars that paths make."""
    cut = prices.reshape(-1, steps, prices.shape[1])
    return panel(cut[:, 0].copy(), cut.max(axis=1), cut.min(axis=1), cut[:, -1].copy())


def play(market: Panel, orders: list[Order], row: int, **execution: Any) -> Came:
    """What comes of each order, asked for at the close of ``row``."""
    account = {"cash": 1e12, "shorts": True, "leverage": 100.0}
    job = Job.parse({"strategy": {"use": "None"}, "portfolio": account, "execution": execution})
    pieces: list[Any] = []
    Engine(job, market, Asks(orders, row), pieces.extend).run()
    fills = tables_of(pieces).get("fills")
    money, held = np.zeros(len(orders)), np.zeros(len(orders))
    if fills is not None:
        np.add.at(money, fills["symbol"], -fills["quantity"] * fills["price"])
        np.add.at(held, fills["symbol"], fills["quantity"])
        entered = np.isin(np.arange(len(orders)), fills["symbol"])
    else:
        entered = np.zeros(len(orders), dtype=bool)
    return Came(money + held * market.block.close[-1], entered)


KINDS = {
    "market, target and stop": ("market", ("take_profit", "stop_loss")),
    "market, trailing stop": ("market", ("trailing_loss",)),
    "limit, target and stop": ("limit", ("take_profit", "stop_loss")),
    "limit, trailing stop": ("limit", ("trailing_loss",)),
    "stop, target and stop": ("stop", ("take_profit", "stop_loss")),
    "stop, trailing stop": ("stop", ("trailing_loss",)),
    "market, stop, and trailing stop from a profit": ("market", ("stop_loss", "trailing_loss")),
    "limit, stop, and trailing stop from a profit": ("limit", ("stop_loss", "trailing_loss")),
    "stop, stop, and trailing stop from a profit": ("stop", ("stop_loss", "trailing_loss")),
}
FROM_A_PROFIT = "from a profit"
"""What the trailing stops of the last ones are: asleep until then, or closer from there on."""


def kindness(
    entry: str, exits: tuple[str, ...], steps: int, seeds: int, *, begins: bool = False
) -> dict[str, tuple[float, float, float]]:
    """For each path rule: how much better a trade is than on its path, in the mean and its error, and the share of
    trades that are better; in mean ranges of a bar."""
    found: dict[str, list[Floats]] = {path: [] for path in PATHS}
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        prices = walk(random, Paths(steps), 40, 200)
        prices -= prices[steps - 1] - START
        market, fine = bars_of(prices, steps), panel(*[prices.copy() for _ in range(4)])
        scale = float(np.mean(market.block.high - market.block.low))
        orders = []
        while len(orders) < prices.shape[1]:
            order = bracket(random, scale, entry)
            if {name for name in order.terms if name in EXITS} == set(exits):
                orders.append(that_begin(random, order, scale) if begins else order)
        there = play(fine, orders, steps - 1)
        for path in PATHS:
            here = play(market, orders, 0, path=path)
            found[path].append((here.profit - there.profit)[here.entered & there.entered] / scale)
    told = {}
    for path, parts in found.items():
        all_of = np.concatenate(parts)
        told[path] = (float(all_of.mean()), float(all_of.std() / np.sqrt(len(all_of))), float((all_of > 1e-9).mean()))
    return told


if __name__ == "__main__":
    print("| entry and exits | " + " | ".join(f"`{path}`" for path in PATHS) + " |")
    print("|---|" + "---|" * len(PATHS))
    for told, (entry, exits) in KINDS.items():
        cells = kindness(entry, exits, 60, 25, begins=FROM_A_PROFIT in told)
        print(f"| {told} | " + " | ".join(f"{m:+.2f} ± {e:.2f}, {b:.0%}" for m, e, b in cells.values()) + " |")
