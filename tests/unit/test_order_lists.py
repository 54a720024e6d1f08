"""Several orders, of one asset and of several, by hand: what one becomes leaves the others as they should be."""

from __future__ import annotations

from typing import Any

from tests.unit.order_market import BAR, CLOSE, HOLE, OPEN, QUIET, asks, bars, flat, job_of, play

CUT = "not enough buying power"


def test_an_asset_trades_within_the_bar_whatever_the_assets_before_it_have_working() -> None:
    low = (100, 101, 90, 95)
    told = play(bars(*[[QUIET, QUIET]] * 2, [QUIET, low], [QUIET, QUIET]), {0: asks(10, "B", limit=95.0)})
    assert told.fills == [(2, BAR, "B", 10.0, 95.0)]

    def all_three(strategy: Any, bar: Any, book: Any) -> None:
        for symbol in "ABC":
            strategy.order(10, symbol, limit=95.0)

    told = play(bars([QUIET] * 3, [HOLE, low, low], [QUIET, QUIET, QUIET]), {0: all_three})
    assert told.fills == [(1, BAR, "B", 10.0, 95.0), (1, BAR, "C", 10.0, 95.0)]


def test_a_signal_enters_again_after_its_order_on_the_close_could_not_be_paid() -> None:
    job = job_of({"shorts": False, "cash": 10_000.0, "sizing": {"model": "fixed_quantity", "quantity": 40}})
    rows = [QUIET, (100, 20_000, 100, 20_000), *[flat(100.0)] * 3]
    script = {0: lambda s, bar, book: s.go_long(at="close"), 2: lambda s, bar, book: s.go_long()}
    told = play(bars(*rows), script, job)
    assert told.orders == [
        (0, "A", "place", "market_on_close", 40.0, ""),
        (1, "A", "cancel", "market_on_close", 0.0, CUT),
        (2, "A", "place", "market", 40.0, ""),
    ]
    assert told.fills == [(3, OPEN, "A", 40.0, 100.0)]


def test_orders_on_one_close_are_cut_one_after_the_other() -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(40, "A", at="close")
        strategy.order(50, "B", at="close")

    job = job_of({"shorts": False, "cash": 10_000.0})
    rows = [[QUIET, QUIET], [(100, 151, 99, 150), (100, 121, 99, 120)], [QUIET, QUIET]]
    told = play(bars(*rows), {0: two}, job)
    # 6 000 go to A; 4 000 are 33.3 at 120
    assert told.orders[2:] == [(1, "B", "resize", "market_on_close", 33.0, CUT)]
    assert told.fills == [(1, CLOSE, "A", 40.0, 150.0), (1, CLOSE, "B", 33.0, 120.0)]


def test_a_weight_that_is_lessened_leaves_the_exits_of_its_entry_alone() -> None:
    job = job_of({"exits": {"stop_loss": 0.05}, "sizing": {"model": "target_weight", "weight": 0.5}})
    script = {0: lambda s, bar, book: s.target_weight(0.5), 1: lambda s, bar, book: s.target_weight(0.25)}
    told = play(bars(*[QUIET] * 3, (100, 101, 94, 95), QUIET), script, job)
    assert told.orders == [
        (0, "A", "place", "market", 500.0, ""),
        (0, "A", "place", "stop", -500.0, ""),
        (1, "A", "place", "market", -250.0, ""),
    ]
    assert told.fills[1:] == [(2, OPEN, "A", -250.0, 100.0), (3, BAR, "A", -250.0, 95.0)]


def test_a_weight_that_is_raised_brings_exits_for_the_whole_position() -> None:
    job = job_of({"exits": {"stop_loss": 0.05}, "sizing": {"model": "target_weight", "weight": 0.5}})
    script = {0: lambda s, bar, book: s.target_weight(0.25), 1: lambda s, bar, book: s.target_weight(0.5)}
    told = play(bars(*[QUIET] * 3, (100, 101, 94, 95), QUIET), script, job)
    assert told.orders[2:] == [(1, "A", "place", "market", 250.0, ""), (1, "A", "place", "stop", -500.0, "")]
    assert told.ends == [(2, "A", "exits of a newer order took its place")]
    assert told.fills[2:] == [(3, BAR, "A", -500.0, 95.0)]


def test_an_order_of_which_a_split_leaves_nothing_takes_its_sleeping_exits_with_it() -> None:
    prices = [100, 100, 1000, 900]
    told = play(bars(*map(flat, prices), split={2: 0.1}, dividend={}), {0: asks(5, limit=90.0, stop_loss=80.0)})
    assert told.ends == [
        (2, "A", "less than one lot was left of it after a split"),
        (2, "A", "the order that it belongs to ended"),
    ]
    assert told.fills == []


def test_what_a_signal_rests_with_keeps_back_what_it_is_after_a_split() -> None:
    job = job_of({"shorts": False, "cash": 10_000.0, "sizing": {"model": "fixed_quantity", "quantity": 45}})
    script = {0: lambda s, bar, book: s.go_long(limit=90.0), 2: asks(10, limit=800.0)}
    told = play(bars(*map(flat, [100, 100, 1000, 1000]), split={2: 0.1}, dividend={}), script, job)
    # of 4.5 at 900 four are left: 6 400 / 800
    assert told.orders == [(0, "A", "place", "limit", 45.0, ""), (2, "A", "place", "limit", 8.0, CUT)]


def test_a_filled_exit_ends_what_else_leaves_the_position_and_nothing_of_other_assets() -> None:
    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(10, "A", take_profit=105.0, stop_loss=95.0, trailing_loss=7.0)
        strategy.order(10, "B", take_profit=105.0)

    told = play(bars([QUIET, QUIET], [QUIET, QUIET], [(101, 106, 100, 105), QUIET], [QUIET, QUIET]), {0: enter})
    assert told.fills[2:] == [(2, BAR, "A", -10.0, 105.0)]
    assert told.ends == [
        (2, "A", "the other order of its group filled"),
        (2, "A", "the other order of its group filled"),
        (3, "B", "still working when the run ended"),
    ]


def test_a_group_of_three_ends_with_its_first_fill_wherever_its_orders_are() -> None:
    def three(strategy: Any, bar: Any, book: Any) -> None:
        first = strategy.buy(10, "A", limit=95.0)
        strategy.buy(10, "B", limit=95.0, group=first)
        strategy.buy(10, "C", limit=95.0, group=first)

    low = (100, 101, 94, 96)
    told = play(bars([QUIET] * 3, [QUIET] * 3, [QUIET, low, low], [low, low, low]), {0: three})
    assert told.fills == [(2, BAR, "B", 10.0, 95.0)]
    assert told.ends == [
        (2, "A", "the other order of its group filled"),
        (2, "C", "the other order of its group filled"),
    ]
