"""``execution.path = "worst"`` is a bound where orders fill at bid and ask as well: to the last digit where both sides
are as far apart all the time. Where the spread changes, an entry and an exit may each be passed by as much as a side
jumps between two prices, and the spread in between may be wider than at the four prices that the bar tells."""

from __future__ import annotations

import numpy as np
import pytest

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.columns import QUOTES
from backbus.market.panel import Block, Floats, Panel
from tests.simulation.fine_paths import ENTRIES, START, Asks, Came, Order, Paths, bars_of, bracket, walk
from tests.unit.panels import tables_of

STEPS, BARS, COUNT, SEEDS = 30, 20, 150, 3
WIDEST = 4.0


def sided(prices: Floats, half: Floats, steps: int) -> Panel:
    """The bars that paths make, with those of both sides."""
    market = bars_of(prices, steps)
    extra = {}
    for side, of_it in (("bid", prices - half), ("ask", prices + half)):
        block = bars_of(of_it, steps).block
        extra |= {f"{side}_{name}": block.column(name) for name in ("open", "high", "low", "close")}
    block = market.block
    fields = {name: block.column(name) for name in ("open", "high", "low", "close", "volume")}
    layout = market.layout.of({**market.layout.facts(), "columns": QUOTES})
    return Panel(layout, Block.of(0, block.end, block.session, fields, extra))


def play(market: Panel, orders: list[Order], row: int) -> Came:
    """What comes of each order; what is held at the end is sold at what is bid then."""
    account = {"cash": 1e12, "shorts": True, "leverage": 100.0}
    fields = {"strategy": {"use": "None"}, "portfolio": account, "data": {"quotes": True}}
    pieces: list[object] = []
    Engine(Job.parse(fields), market, Asks(orders, row), pieces.extend).run()
    fills = tables_of(pieces)["fills"]  # type: ignore[arg-type]
    money, held = np.zeros(len(orders)), np.zeros(len(orders))
    np.add.at(money, fills["symbol"], -fills["quantity"] * fills["price"])
    np.add.at(held, fills["symbol"], fills["quantity"])
    bid, ask = (market.block.extra[f"{side}_close"][-1] for side in ("bid", "ask"))
    return Came(money + held * np.where(held > 0.0, bid, ask), np.isin(np.arange(len(orders)), fills["symbol"]))


def without_trail(order: Order) -> Order:
    return Order(order.quantity, {name: term for name, term in order.terms.items() if name != "trailing_loss"})


@pytest.mark.parametrize(("least", "widest"), [(0.0, 0.0), (2.0, 2.0), (1.0, WIDEST)])
@pytest.mark.parametrize("drift", [0.0, 0.05, -0.05])
def test_no_entry_is_better_than_on_its_path(least: float, widest: float, drift: float) -> None:
    for seed in range(SEEDS):
        random = np.random.default_rng([seed, round(widest), round(100 * drift) + 100])
        prices = walk(random, Paths(STEPS, drift=drift), BARS, COUNT)
        prices -= prices[STEPS - 1] - START
        half = random.integers(least, widest + 1.0, prices.shape).astype(np.float64)
        jumps = 2.0 * (1.0 + widest - least) + 2.0 * (widest - least) if widest > least else 0.0
        left_out = ("stop_limit", "stop_limit_back", "trail") if jumps else ()
        entries = [entry for entry in ENTRIES if entry not in left_out]
        scale = float(np.mean(np.ptp(prices.reshape(BARS, STEPS, COUNT), axis=1)))
        orders = [bracket(random, scale, entries[at % len(entries)]) for at in range(COUNT)]
        if jumps:  # an entry that is passed by a jump has its trailing stop elsewhere
            orders = [without_trail(order) if "stop" in order.terms else order for order in orders]
        bars, fine = play(sided(prices, half, STEPS), orders, 0), play(sided(prices, half, 1), orders, STEPS - 1)
        better = bars.profit - np.where(fine.entered, fine.profit, 0.0)
        worse = [(orders[at], better[at]) for at in np.flatnonzero(bars.entered & (better > jumps))]
        assert worse == []
        assert np.count_nonzero(bars.entered) > COUNT // 3


def test_a_wider_spread_costs_more() -> None:
    random = np.random.default_rng(3)
    prices = walk(random, Paths(STEPS), BARS, COUNT)
    orders = [Order(1.0, {"take_profit": START + 400.0, "stop_loss": START - 400.0}) for _ in range(COUNT)]
    came = [
        play(sided(prices, np.full(prices.shape, half), STEPS), orders, 0).profit.mean() for half in (0.0, 2.0, 4.0)
    ]
    assert np.diff(came) == pytest.approx([-4.0, -4.0])
