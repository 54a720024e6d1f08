"""Prices of orders and exits on an instrument's grid, by hand: never more than was asked for, and what that leaves."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.engine.run import Engine
from backbus.performance.tables import Piece
from tests.unit.order_market import BAR, OPEN, QUIET, asks, bars, brackets, job_of, play, scripted

GRID = job_of(instruments=[{"symbols": "A", "tick": 0.5}])
ENTRY = (100.5, 101, 99, 100)


@pytest.mark.parametrize(
    ("quantity", "exit", "missed", "met", "price"),
    [
        # 95 % of 100.5 is 95.475, and a stop that sells waits at 95
        (10, {"stop_loss_fraction": 0.05}, (100, 100.5, 95.2, 97), (97, 97, 94.8, 95), 95.0),
        # 105 % of it is 105.525, and a limit that sells waits at 106
        (10, {"take_profit_fraction": 0.05}, (100, 105.7, 99.5, 101), (100, 106, 99.5, 101), 106.0),
        # the same for a short: a stop that buys at 106, a limit that buys at 95
        (-10, {"stop_loss_fraction": 0.05}, (100, 105.7, 99.5, 101), (100, 106, 99.5, 101), 106.0),
        (-10, {"take_profit_fraction": 0.05}, (100, 100.5, 95.2, 97), (97, 97, 95, 95), 95.0),
        # 4 % behind 101, the highest price since the entry, is 96.96
        (10, {"trailing_loss_fraction": 0.04}, (100, 100.5, 96.6, 97), (97, 97, 96.4, 97), 96.5),
        # 4 % behind 99, the lowest price since the entry, is 102.96
        (-10, {"trailing_loss_fraction": 0.04}, (100, 102.9, 99.5, 101), (100, 103, 99.5, 101), 103.0),
    ],
)
def test_an_exit_at_a_fraction_of_the_price_paid_waits_on_the_grid(
    quantity: float, exit: dict[str, Any], missed: Any, met: Any, price: float
) -> None:
    told = play(bars(QUIET, ENTRY, missed, met), {0: asks(quantity, **exit)}, GRID)
    assert told.fills == [(1, OPEN, "A", float(quantity), 100.5), (3, BAR, "A", -float(quantity), price)]


@pytest.mark.parametrize(
    ("quantity", "exit", "missed", "met", "price"),
    [
        (10, {"take_profit": 105.2}, (101, 105.4, 99, 100), (101, 105.5, 99, 100), 105.5),
        (10, {"stop_loss": 94.8}, (100, 101, 94.6, 100), (100, 101, 94.5, 100), 94.5),
        (-10, {"take_profit": 94.8}, (100, 101, 94.6, 100), (100, 101, 94.5, 100), 94.5),
        (-10, {"stop_loss": 105.2}, (101, 105.4, 99, 100), (101, 105.5, 99, 100), 105.5),
        (10, {"trailing_loss": 6.2}, (100, 101, 94.6, 100), (100, 101, 94.5, 100), 94.5),  # behind 101: 94.8
    ],
)
def test_an_exit_at_a_price_waits_on_the_grid(
    quantity: float, exit: dict[str, Any], missed: Any, met: Any, price: float
) -> None:
    told = play(bars(QUIET, QUIET, missed, met), {0: asks(quantity, **exit)}, GRID)
    assert told.fills[1:] == [(3, BAR, "A", -float(quantity), price)]


def test_the_orders_table_has_each_exit_with_its_side_its_parent_and_its_own_price() -> None:
    pieces: list[Piece] = []
    says = {0: brackets(take_profit=105.2, stop_loss=94.8, trailing_loss=7.0), 1: asks(-4, take_profit_fraction=0.1)}
    Engine(GRID, bars(*[QUIET] * 3), scripted(says), pieces.extend).run()
    orders = [dict(columns) for name, columns in pieces if name == "orders" and len(columns["quantity"])]
    assert len(orders) == 1
    table = orders[0]
    assert table["quantity"].tolist() == [10.0, -10.0, -10.0, -10.0, -4.0, 4.0]
    limits, stops, trails = (table[name].tolist() for name in ("limit", "stop", "trail"))
    assert (limits[1], stops[2], trails[3]) == (105.5, 94.5, 7.0)
    assert trails[5] == 0.1
    first = table["order"].tolist()
    assert table["parent"].tolist() == [-1, first[0], first[0], first[0], -1, first[4]]
    assert table["wanted"].tolist() == table["quantity"].tolist()


def test_a_limit_below_the_first_step_of_the_grid_is_no_price() -> None:
    told = play(bars(QUIET, QUIET), {0: asks(10, limit=0.3)}, GRID)
    assert told.orders == [(0, "A", "refuse", "limit", 0.0, "its prices or terms are impossible")]
    told = play(bars(QUIET, QUIET), {0: asks(-10, limit=0.3)}, GRID)
    assert told.fills == [(1, OPEN, "A", -10.0, 100.0)]


def test_orders_ask_for_no_more_than_was_said_after_a_split_either() -> None:
    rows = [QUIET, QUIET, (50, 50.5, 49.5, 50), (50, 50.4, 49.1, 50), (50, 50.5, 49, 50)]
    script = {0: lambda s, bar, book: (s.order(10, limit=98.5), s.order(10, stop=100.5))}
    told = play(bars(QUIET, (99, 100.4, 98.6, 99), *rows[2:], split={2: 2.0}, dividend={}), script, GRID)
    # half of 98.5 is 49.25, and of 100.5 it is 50.25
    assert told.fills == [(2, BAR, "A", 20.0, 50.5), (4, BAR, "A", 20.0, 49.0)]
