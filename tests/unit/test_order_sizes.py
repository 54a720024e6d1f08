"""How much of an order fills, by hand: what volume gives, what a position leaves to close, what an account can pay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backbus.execution.handler import ExecutionHandler
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from backbus.trading.codes import Flag
from backbus.trading.numbers import rules_of
from backbus.trading.records import Records
from tests.unit.order_market import BAR, CLOSE, OPEN, QUIET, asks, bars, job_of, play, scripted
from tests.unit.records_of_runs import said_by_engine


def test_a_cap_on_the_volume_fills_in_parts_that_carry_on() -> None:
    # A tenth of 1000, of 500, of nothing, of 2000: 100 + 50 + 0 + 100 of 250.
    rows = [QUIET, QUIET, (101, 102, 100, 101, 500), (102, 103, 101, 102, 0), (103, 104, 102, 103, 2000), QUIET]
    told = play(bars(*rows), {0: asks(250)}, volume_cap=0.1)
    assert told.fills == [
        (1, OPEN, "A", 100.0, 100.0),
        (2, OPEN, "A", 50.0, 101.0),
        (4, OPEN, "A", 100.0, 103.0),
    ]


def test_orders_of_one_asset_share_the_volume_of_a_bar() -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.buy(80)
        strategy.buy(80, limit=99.0)

    told = play(bars(QUIET, QUIET, QUIET), {0: two}, volume_cap=0.1)
    assert told.fills == [(1, OPEN, "A", 80.0, 100.0), (1, BAR, "A", 20.0, 99.0), (2, BAR, "A", 60.0, 99.0)]


def test_fill_or_kill_takes_all_or_nothing_and_immediate_or_cancel_what_there_is() -> None:
    rows = [QUIET, QUIET, QUIET]
    told = play(bars(*rows), {0: asks(101, time_in_force="fok")}, volume_cap=0.1)
    assert (told.fills, told.ends) == ([], [(1, "A", "could not be filled whole at once")])
    told = play(bars(*rows), {0: asks(100, time_in_force="fok")}, volume_cap=0.1)
    assert told.fills == [(1, OPEN, "A", 100.0, 100.0)]
    told = play(bars(*rows), {0: asks(130, time_in_force="ioc")}, volume_cap=0.1)
    assert told.fills == [(1, OPEN, "A", 100.0, 100.0)]
    assert told.ends == [(1, "A", "was not filled at once")]


def test_a_bar_without_volume_fills_or_waits_as_the_job_says() -> None:
    rows = [QUIET, (*QUIET[:4], 0), QUIET]
    assert play(bars(*rows), {0: asks(10)}).fills[0][0] == 1
    assert play(bars(*rows), {0: asks(10)}, no_volume="wait").fills[0][0] == 2


def test_an_order_that_fills_in_parts_pays_its_minimum_once() -> None:
    commission = {"model": "per_share", "fee": 0.01, "minimum": 2.0}
    told = play(bars(*[QUIET] * 5), {0: asks(300)}, volume_cap=0.1, commission=commission)
    # 100, 200 and 300 shares cost 2, 2 and 3.
    assert told.fees == [2.0, 0.0, 1.0]
    told = play(bars(*[QUIET] * 5), {0: asks(300)}, volume_cap=0.1, commission={"model": "per_order", "fee": 4.0})
    assert told.fees == [4.0, 0.0, 0.0]


def test_exits_grow_with_an_entry_that_fills_in_parts() -> None:
    rows = [QUIET, QUIET, (100, 101, 99, 100), (100, 101, 94, 95, 10_000), QUIET]
    told = play(bars(*rows), {0: asks(150, stop_loss=95.0)}, volume_cap=0.1)
    assert told.fills == [(1, OPEN, "A", 100.0, 100.0), (2, OPEN, "A", 50.0, 100.0), (3, BAR, "A", -150.0, 95.0)]


def test_of_two_exits_that_fill_in_parts_the_one_lessens_the_other() -> None:
    # Take profit at 105 fills 100 of 150; the stop is then for 50.
    rows = [(*QUIET, 1000), (*QUIET, 10_000), (104, 106, 103, 104, 1000), (100, 101, 94, 95, 10_000), QUIET]
    told = play(bars(*rows), {0: asks(150, stop_loss=95.0, take_profit=105.0)}, volume_cap=0.1)
    assert told.fills[1:] == [(2, BAR, "A", -100.0, 105.0), (3, BAR, "A", -50.0, 95.0)]


def test_what_reduces_a_position_never_goes_through_zero() -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.sell(10, limit=102.0, reduce_only=True)
        strategy.sell(10, limit=103.0, reduce_only=True)

    told = play(bars(QUIET, QUIET, (101, 104, 100, 103), QUIET), {0: asks(12), 1: two})
    assert told.fills[1:] == [(2, BAR, "A", -10.0, 102.0), (2, BAR, "A", -2.0, 103.0)]


def test_without_shorts_no_order_sells_what_is_not_there() -> None:
    job = job_of({"shorts": False})

    def three(strategy: Any, bar: Any, book: Any) -> None:
        for limit in (102.0, 103.0, 104.0):
            strategy.sell(8, limit=limit)

    told = play(bars(QUIET, QUIET, (101, 105, 100, 103), QUIET), {0: asks(10), 1: three}, job)
    assert told.fills[1:] == [(2, BAR, "A", -8.0, 102.0), (2, BAR, "A", -2.0, 103.0)]
    assert told.ends == [(2, "A", "its position was closed")]
    told = play(bars(QUIET, QUIET), {0: asks(-10)}, job)
    assert told.orders == [(0, "A", "refuse", "market", 0.0, "short positions are not allowed")]


def test_a_cash_account_keeps_back_what_resting_orders_may_cost() -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.buy(60, limit=95.0)
        strategy.buy(60, limit=94.0)

    job = job_of({"shorts": False, "cash": 10_000.0})
    told = play(bars(QUIET, QUIET, (96, 96, 93, 94), QUIET), {0: two}, job)
    # 5700 for the first; 4300 / 94 = 45 shares for the second
    assert told.fills == [(2, BAR, "A", 60.0, 95.0), (2, BAR, "A", 45.0, 94.0)]
    assert min(told.cash) == 10_000.0 - 60 * 95 - 45 * 94


def test_a_stop_that_gaps_is_cut_to_what_cash_pays_at_the_open() -> None:
    job = job_of({"shorts": False, "cash": 10_000.0})
    told = play(bars(QUIET, (125, 126, 124, 125), QUIET), {0: asks(90, stop=105.0)}, job)
    assert told.fills == [(1, OPEN, "A", 80.0, 125.0)]
    assert told.cash[-1] == 0.0


def test_an_order_on_the_close_is_cut_to_what_cash_pays_there() -> None:
    job = job_of({"shorts": False, "cash": 10_000.0})
    told = play(bars(QUIET, (100, 126, 99, 125), QUIET), {0: asks(90, at="close")}, job)
    assert told.fills == [(1, CLOSE, "A", 80.0, 125.0)]
    assert told.cash[-1] == 0.0


def test_a_signal_for_the_side_that_is_being_bought_lets_its_order_go_on() -> None:
    sizing = {"model": "fixed_quantity", "quantity": 250.0}
    job = job_of({"sizing": sizing}, {"volume_cap": 0.1})
    told = play(bars(*[QUIET] * 5), [(0, 0, 1.0), (1, 0, 1.0)], job)
    assert [(order[0], order[2]) for order in told.orders] == [(0, "place")]
    assert [fill[3] for fill in told.fills] == [100.0, 100.0, 50.0]


def test_what_a_close_left_of_an_order_is_cut_to_what_can_be_paid_at_the_next() -> None:
    job = job_of({"cash": 30_000.0, "shorts": False}, {"fill": "close", "volume_cap": 0.1})
    told = play(bars(QUIET, (200, 200, 200, 200, 5000), QUIET), {0: asks(250)}, job)
    assert told.fills == [(0, CLOSE, "A", 100.0, 100.0), (1, CLOSE, "A", 100.0, 200.0)]
    assert told.orders[-1] == (1, "A", "resize", "market", 100.0, "not enough buying power")


@pytest.mark.parametrize("second", [None, *range(46, 56)])
def test_orders_that_fill_in_more_parts_than_there_is_room_for_at_once_fill_in_all_of_them(second: int | None) -> None:
    job = job_of({"cash": 1e7, "sizing": {"model": "fixed_quantity", "quantity": 6500.0}}, {"volume_cap": 0.1})
    market = bars(*[[QUIET, QUIET]] * 70)
    said = said_by_engine(job, market, scripted([(0, 0, 1.0)] if second is None else [(0, 0, 1.0), (second, 1, 1.0)]))
    assert len(said.fills) >= 65
    handler = ExecutionHandler(rules_of(job, market.layout), market.layout, progress_rows=70)
    handler.start()
    filled: list[Records] = []
    for event in (
        Event(Kind.NEW_DATA, "data", 0, 70, 420, market.block),
        Event(Kind.ORDER, "portfolio", 0, len(said.orders), 420, said.orders),
    ):
        filled += [one.payload for one in handler.receive(event) if one.kind is Kind.FILL and one.payload is not None]
    assert b"".join(records.tobytes() for records in filled) == said.fills.tobytes()


@pytest.mark.parametrize("size_at", ["close", "open"])
def test_a_fraction_that_adds_to_one_held_lessens_nothing(size_at: str) -> None:
    job = job_of({"size_at": size_at, "cash": 1000.0}, instruments=[{"symbols": "A", "lot": 0.1}])
    more = asks(0.6) if size_at == "close" else lambda strategy, bar, book: strategy.target_weight(0.15)
    said = said_by_engine(job, bars(*[QUIET] * 4), scripted({0: asks(0.9), 1: more}))
    assert said.fills["quantity"] == pytest.approx([0.9, 0.6])
    assert not np.any(said.orders["flags"] & (Flag.REDUCES | Flag.REDUCE_ONLY))
