"""Orders when a row opens, by hand: what is cut to what cash pays there, in which order, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.job.job import Job
from tests.unit.order_market import BAR, OPEN, QUIET, asks, bars, flat, job_of, play

CUT = "not enough buying power"


def cash_account(**portfolio: Any) -> Job:
    """10 000 that cannot be exceeded."""
    return job_of({"shorts": False, "cash": 10_000.0, **portfolio})


def several(*orders: tuple[float, dict[str, Any]]) -> Any:
    """A script's line: orders of the first asset."""
    return lambda strategy, bar, book: [strategy.order(quantity, **terms) for quantity, terms in orders]


def test_what_a_resting_signal_keeps_back_is_not_spent_at_an_open() -> None:
    rows = [[QUIET, QUIET], [QUIET, QUIET], [(100, 101, 98, 100), flat(110.0)], [QUIET, QUIET]]
    job = cash_account(sizing={"model": "fixed_quantity", "quantity": 60})
    told = play(bars(*rows), {0: lambda s, bar, book: s.go_long(symbol="A", limit=95.0), 1: asks(40, "B")}, job)
    # 60 × 95 leave 4 300, which is 39.1 at 110
    assert told.orders[1:] == [(1, "B", "place", "market", 40.0, ""), (2, "B", "resize", "market", 39.0, CUT)]
    assert told.fills == [(2, OPEN, "B", 39.0, 110.0)]


def test_orders_of_one_asset_are_cut_one_after_the_other() -> None:
    told = play(bars(QUIET, flat(150.0), QUIET), {0: several((40, {}), (20, {}), (30, {}))}, cash_account())
    # 6 000, then 3 000, then 6.7 of thirty for the last 1 000
    assert [fill[3] for fill in told.fills] == [40.0, 20.0, 6.0]
    assert told.orders[-1] == (1, "A", "resize", "market", 6.0, CUT)
    assert told.cash[-1] == 100.0


def test_a_purchase_beside_a_sale_is_cut_again_at_the_open() -> None:
    told = play(
        bars(QUIET, QUIET, flat(150.0), flat(150.0)), {0: asks(10), 1: several((-10, {}), (90, {}))}, cash_account()
    )
    # 9 000 and ten that bring 1 500 pay seventy
    assert told.fills[1:] == [(2, OPEN, "A", -10.0, 150.0), (2, OPEN, "A", 70.0, 150.0)]
    assert told.orders[-1] == (2, "A", "resize", "market", 70.0, CUT)
    assert told.cash[-1] == 0.0


def test_every_order_that_nothing_can_be_paid_of_is_taken_back() -> None:
    told = play(bars(QUIET, flat(20_000.0), flat(200.0)), {0: several((40, {}), (50, {}))}, cash_account())
    assert told.fills == []
    assert told.orders[2:] == [(1, "A", "cancel", "market", 0.0, CUT)] * 2


def test_a_smaller_order_may_be_paid_where_one_before_it_could_not() -> None:
    rows = [[QUIET, QUIET], [flat(20_000.0), flat(120.0)], [QUIET, QUIET]]
    told = play(bars(*rows), {0: lambda s, bar, book: (s.order(40, "A"), s.order(50, "B"))}, cash_account())
    assert told.orders[2:] == [(1, "A", "cancel", "market", 0.0, CUT)]
    assert told.fills == [(1, OPEN, "B", 50.0, 120.0)]


def test_at_a_gap_a_stop_a_market_order_and_a_resting_limit_share_what_there_is() -> None:
    script = {0: several((10, {"limit": 90.0}), (40, {"stop": 105.0}), (40, {}))}
    told = play(bars(QUIET, (125, 126, 124, 125), QUIET), script, cash_account())
    # 900 are kept back for the limit and 5 000 go to the stop; 4 100 pay 32.8 at 125
    assert told.fills == [(1, OPEN, "A", 40.0, 125.0), (1, OPEN, "A", 32.0, 125.0)]
    assert told.rules == ["stop order: the open was at its stop or beyond", "market order at the open"]


def test_a_trail_to_buy_that_the_open_has_passed_is_cut_there() -> None:
    for terms in ({"trail": 5.0}, {"trail_fraction": 0.05}):
        told = play(bars(QUIET, (125, 126, 124, 125), QUIET), {0: asks(90, **terms)}, cash_account())
        assert told.fills == [(1, OPEN, "A", 80.0, 125.0)]
        assert told.rules == ["trailing stop: the open was at its stop or beyond"]
        assert told.cash[-1] == 0.0


def test_a_stop_that_was_paid_for_is_left_alone_when_the_account_has_lost_since() -> None:
    rows = [[QUIET, QUIET], [QUIET, QUIET], [flat(60.0), (100, 106, 99, 105)], [flat(60.0), QUIET]]
    told = play(
        bars(*rows), {0: asks(100, "A"), 1: asks(60, "B", stop=105.0)}, job_of({"cash": 10_000.0, "leverage": 2.0})
    )
    # accepted on 20 000 - 10 000; at the open of row 2 power is 12 000 - 6 000, and the stop not met yet
    assert told.orders[1:] == [(1, "B", "place", "stop", 60.0, "")]
    assert told.fills[1:] == [(2, BAR, "B", 60.0, 105.0)]


def test_a_stop_whose_slippage_follows_the_market_is_looked_at_in_every_row() -> None:
    rows = [[QUIET, QUIET], [QUIET, QUIET], [flat(60.0), (100, 106, 99, 105)], [flat(60.0), QUIET]]
    job = job_of({"cash": 10_000.0, "leverage": 2.0}, {"slippage": {"model": "square_root", "impact": 0.0}})
    told = play(bars(*rows), {0: asks(100, "A"), 1: asks(60, "B", stop=105.0)}, job)
    # 6 000 pay 57.1 at 105
    assert told.orders[2:] == [(2, "B", "resize", "stop", 57.0, CUT)]
    assert told.fills[1:] == [(2, BAR, "B", 57.0, 105.0)]


def test_each_fill_says_the_rule_that_filled_it() -> None:
    cases = [
        (asks(10, limit=98.0), (97, 101, 96, 99), "limit order: the open was at its limit or better"),
        (asks(10, limit=98.0), (99, 101, 96, 99), "limit order: the price came to its limit"),
        (asks(-10, limit=102.0), (103, 104, 102, 103), "limit order: the open was at its limit or better"),
        (asks(10, stop=102.0), (103, 104, 102, 103), "stop order: the open was at its stop or beyond"),
        (asks(10, stop=102.0), (100, 104, 99, 103), "stop order: the price came to its stop"),
        (asks(10, stop=102.0, limit=104.0), (103, 105, 102, 103), "stop order: the open was at its stop or beyond"),
        (asks(10, stop=102.0, limit=104.0), (100, 103, 99, 103), "stop order: the price came to its stop"),
        (asks(10, stop=102.0, limit=101.0), (103, 104, 100, 101), "limit order: the price came to its limit"),
        (asks(-10, trail=3.0), (96, 97, 95, 96), "trailing stop: the open was at its stop or beyond"),
        (asks(-10, trail_fraction=0.03), (100, 101, 96, 97), "trailing stop: the price came to its stop"),
        (asks(10, at="open"), QUIET, "market order at the open"),
        (asks(10, at="close"), QUIET, "market order at the close"),
    ]
    for says, bar, rule in cases:
        assert play(bars(QUIET, bar), {0: says}).rules == [rule]


@pytest.mark.parametrize(
    ("quantity", "terms"),
    [(10, {"limit": 98.0}), (-10, {"limit": 98.0}), (10, {"stop": 98.0}), (-10, {"stop": 98.0})],
)
def test_an_open_at_the_very_price_of_an_order_fills_it_there(quantity: float, terms: dict[str, float]) -> None:
    far = {"limit": 90.0 if quantity > 0 else 110.0} if "limit" in terms else {}
    rows = [QUIET if far else flat(98.0 - quantity), (98, 108, 88, 100), QUIET]
    told = play(bars(*rows), {0: asks(quantity, **terms)})
    assert told.fills == [(1, OPEN, "A", quantity, 98.0)]
    assert told.rules[0].endswith(
        "the open was at its limit or better" if far else "the open was at its stop or beyond"
    )
