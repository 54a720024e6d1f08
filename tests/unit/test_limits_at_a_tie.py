"""Limits of risk that allow the same, by hand: which of them an order is said to have met, and what counts against
them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.order_market import QUIET, asks, bars, flat, job_of, play

WEIGHT, GROSS, NET, TURNOVER = (
    "limit of one asset's weight",
    "gross exposure limit",
    "net exposure limit",
    "turnover limit",
)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (("weight", "gross", "net", "turnover"), WEIGHT),
        (("weight", "turnover"), WEIGHT),
        (("gross", "net", "turnover"), GROSS),
        (("gross", "net"), GROSS),
        (("net", "turnover"), NET),
        (("turnover",), TURNOVER),
    ],
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_of_limits_that_allow_the_same_the_first_is_named(limits: tuple[str, ...], reason: str, side: float) -> None:
    job = job_of({"limits": dict.fromkeys(limits, 0.5), "leverage": 2.0})
    told = play(bars(*[QUIET] * 3), {0: asks(side * 600)}, job)
    assert told.orders == [(0, "A", "place", "market", side * 500.0, reason)]


def test_an_order_that_is_just_allowed_is_not_cut() -> None:
    job = job_of({"limits": {"weight": 0.5, "gross": 0.5, "net": 0.5, "turnover": 0.5, "positions": 1}})
    told = play(bars(*[QUIET] * 3), {0: asks(500)}, job)
    assert told.orders == [(0, "A", "place", "market", 500.0, "")]


def test_buying_power_is_named_where_it_allows_less_than_the_limits() -> None:
    job = job_of({"limits": {"weight": 2.0}, "leverage": 1.5})
    told = play(bars(*[QUIET] * 3), {0: asks(2500)}, job)
    assert told.orders == [(0, "A", "place", "market", 1500.0, "not enough buying power")]


def test_through_zero_a_weight_counts_from_nothing() -> None:
    job = job_of({"limits": {"weight": 0.3}, "leverage": 2.0})
    told = play(bars(*[QUIET] * 4), {0: asks(300), 1: asks(-900)}, job)
    # 300 to close, and 300 that a weight of 0.3 allows short
    assert [(order[4], order[5]) for order in told.orders] == [(300.0, ""), (-600.0, WEIGHT)]


def test_a_net_limit_lets_the_other_side_make_room() -> None:
    def says(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(-400, "A")
        strategy.order(800, "B")

    job = job_of({"limits": {"net": 0.2}, "leverage": 3.0})
    told = play(bars(*[[QUIET, QUIET]] * 3), {0: says}, job)
    # 20 000 net: 200 short at first, and with those 400 long
    assert [(order[1], order[4], order[5]) for order in told.orders] == [("A", -200.0, NET), ("B", 400.0, NET)]


def test_a_short_that_grows_counts_once_in_the_gross_exposure() -> None:
    def says(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(-300, "A")
        strategy.order(-300, "A")
        strategy.order(400, "B")

    job = job_of({"limits": {"gross": 1.0}, "leverage": 3.0})
    told = play(bars(*[[QUIET, QUIET]] * 3), {0: says}, job)
    assert [(order[1], order[4], order[5]) for order in told.orders] == [
        ("A", -300.0, ""),
        ("A", -300.0, ""),
        ("B", 400.0, ""),
    ]


def test_a_second_order_of_an_asset_takes_no_second_place_among_its_positions() -> None:
    def says(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(10, "A", limit=95.0)
        strategy.order(10, "A")
        strategy.order(10, "B")

    told = play(bars(*[[QUIET, QUIET]] * 3), {0: says}, job_of({"limits": {"positions": 1}}))
    assert [(order[1], order[2], order[5]) for order in told.orders] == [
        ("A", "place", ""),
        ("A", "place", ""),
        ("B", "refuse", "limit of the number of positions"),
    ]


def test_limits_are_shares_of_the_equity_at_the_last_close() -> None:
    job = job_of({"limits": {"gross": 1.0}, "leverage": 3.0})
    told = play(bars(QUIET, QUIET, flat(150.0), QUIET), {0: asks(400), 2: asks(1000)}, job)
    # 120 000 of equity at 150 are 800, of which 400 are held
    assert [(order[4], order[5]) for order in told.orders] == [(400.0, ""), (400.0, GROSS)]


def test_an_account_that_owes_all_it_has_is_allowed_nothing_new() -> None:
    job = job_of({"limits": {"weight": 1.0}, "leverage": 2.0})
    rows = [[QUIET, QUIET], [QUIET, QUIET], [flat(250.0), QUIET], [QUIET, QUIET]]
    told = play(bars(*rows), {0: asks(-1000, "A"), 2: asks(1, "B")}, job)
    assert told.equity[2] == -50_000.0
    assert told.orders[-1] == (2, "B", "refuse", "market", 0.0, WEIGHT)


def test_an_account_without_equity_and_without_a_place_is_told_of_the_place() -> None:
    job = job_of({"limits": {"weight": 1.0, "positions": 1}, "leverage": 2.0})
    rows = [[QUIET, QUIET], [QUIET, QUIET], [flat(250.0), QUIET], [QUIET, QUIET]]
    told = play(bars(*rows), {0: asks(-1000, "A"), 2: asks(1, "B")}, job)
    assert told.orders[-1] == (2, "B", "refuse", "market", 0.0, "limit of the number of positions")


def test_what_lessens_a_position_passes_though_the_sessions_turnover_is_used_up() -> None:
    job = job_of({"limits": {"turnover": 0.5}})
    told = play(bars(*[QUIET] * 4, per_session=4), {0: asks(500), 2: asks(-500)}, job)
    assert [fill[3] for fill in told.fills] == [500.0, -500.0]
    assert told.orders[-1][-1] == ""


def test_what_a_market_order_lessens_makes_room_for_another_asset_in_the_same_row() -> None:
    def swap(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(300, "B")
        strategy.order(-300, "A")

    told = play(bars(*[[QUIET, QUIET]] * 4), {0: asks(500, "A"), 2: swap}, job_of({"limits": {"gross": 0.5}}))
    assert [(order[1], order[4], order[5]) for order in told.orders[1:]] == [("A", -300.0, ""), ("B", 300.0, "")]
