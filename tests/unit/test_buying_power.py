"""What an account may still buy, by hand: longs, shorts, futures, and what resting orders keep back."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.job.job import Job
from tests.unit.order_market import BAR, CLOSE, HOLE, OPEN, QUIET, Told, asks, bars, flat, job_of, play

CUT = "not enough buying power"
FUTURE = {"symbols": "A", "kind": "future", "multiplier": 10, "margin": 500}


def cash_account(**portfolio: Any) -> Job:
    """10 000 that cannot be exceeded."""
    return job_of({"shorts": False, "cash": 10_000.0, **portfolio})


def placed(told: Told) -> list[tuple[float, str]]:
    """Quantity and reason of each order as it was placed."""
    return [(order[4], order[5]) for order in told.orders if order[2] == "place"]


def test_what_a_short_has_brought_in_pays_for_nothing_and_as_much_is_kept_back() -> None:
    script = {0: asks(-300, "A"), 1: asks(1500, "B")}
    told = play(bars(*[[QUIET, QUIET]] * 4), script, job_of())
    # cash is 130 000, of which twice 30 000 are kept back
    assert placed(told) == [(-300.0, ""), (700.0, CUT)]


@pytest.mark.parametrize(("lot", "quantity"), [(1.0, 99.0), (0.0, 10_000.0 / 101.0)])
def test_a_cut_leaves_nothing_that_would_pay_for_more(lot: float, quantity: float) -> None:
    """By the fee of what was wanted, 200, it would be 98."""
    job = job_of(
        {"shorts": False, "cash": 10_000.0, "lot": lot}, execution={"commission": {"model": "bps", "bps": 100}}
    )
    told = play(bars(*[QUIET] * 3), {0: asks(200)}, job)
    assert placed(told) == [(pytest.approx(quantity, rel=1e-12), CUT)]
    assert 0.0 <= told.cash[-1] < (101.0 if lot else 1e-9)


# --- what is held ----------------------------------------------------------------------------------------------------


def test_a_long_position_takes_its_worth_of_what_leverage_allows() -> None:
    told = play(bars(*[QUIET] * 4), {0: asks(500), 1: asks(1200)}, job_of({"leverage": 1.5}))
    # 1.5 × 100 000 less the 50 000 that are held leave 100 000
    assert placed(told) == [(500.0, ""), (1000.0, CUT)]


def test_a_short_position_takes_its_worth_as_a_long_one_does() -> None:
    rows = [[QUIET, QUIET]] * 4
    told = play(bars(*rows), {0: asks(-500, "A"), 1: asks(1200, "B")}, job_of({"leverage": 1.5}))
    # the 50 000 that the sale brought are no buying power, and neither are 50 000 of equity that it needs
    assert placed(told) == [(-500.0, ""), (1000.0, CUT)]
    assert told.cash[-1] == 100_000.0 + 50_000.0 - 100_000.0


def test_buying_back_a_short_position_gives_back_what_it_took() -> None:
    told = play(bars(*[QUIET] * 4), {0: asks(-1500), 1: asks(3200)}, job_of({"leverage": 1.5}))
    # all is taken by the short; 1500 to close it, and 1500 for which there is room again
    assert placed(told) == [(-1500.0, ""), (3000.0, CUT)]


def test_an_asset_that_has_never_traded_takes_nothing() -> None:
    rows = [[QUIET, HOLE], [QUIET, HOLE], [QUIET, QUIET], [QUIET, QUIET]]
    told = play(bars(*rows), {0: asks(2000)}, job_of({"leverage": 1.5}))
    assert told.orders == [(0, "A", "place", "market", 1500.0, CUT)]
    assert told.fills == [(1, OPEN, "A", 1500.0, 100.0)]


def test_a_future_takes_its_margin_and_what_slippage_loses_at_once() -> None:
    slippage = {"slippage": {"model": "bps", "bps": 100}}
    told = play(
        bars(*[QUIET] * 4),
        {0: asks(5), 1: asks(20), 2: asks(-40)},
        job_of({"cash": 10_000.0}, slippage, instruments=[FUTURE]),
    )
    #  each contract: 500 of margin and 1 × 10 that the price paid is worse than the market's
    #  row  cash     locked   power   asked
    #   0   10 000       0   10 000     5
    #   1    9 950   2 500    7 450    20: 7 450 / 510 = 14.6
    #   2    9 810   9 500      310   -40: closing 19 frees 9 500 less 190; (310 + 9 310) / 510 = 18.9 more
    assert placed(told) == [(5.0, ""), (14.0, CUT), (-37.0, CUT)]
    assert told.cash == [10_000.0, 9_950.0, 9_810.0, 9_440.0]


def test_a_future_that_was_sold_takes_its_margin_as_one_that_was_bought() -> None:
    told = play(bars(*[QUIET] * 4), {0: asks(-5), 1: asks(-20)}, job_of({"cash": 10_000.0}, instruments=[FUTURE]))
    assert placed(told) == [(-5.0, ""), (-15.0, CUT)]


def test_leverage_stretches_the_equity_behind_a_future_and_not_its_margin() -> None:
    told = play(
        bars(*[QUIET] * 3), {0: asks(50), 1: asks(1)}, job_of({"cash": 10_000.0, "leverage": 2.0}, instruments=[FUTURE])
    )
    # 20 × 500 is all the equity there is, with leverage or without it
    assert placed(told) == [(20.0, CUT)]
    assert told.orders[-1] == (1, "A", "refuse", "market", 0.0, CUT)


# --- what rests in the market ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "terms",
    [
        {"trail": 10.0},
        {"trail_fraction": 0.1},
        {"stop": 110.0},
        {"stop": 105.0, "limit": 110.0},
        {"limit": 110.0, "at": "open"},
    ],
)
def test_an_order_to_buy_keeps_back_the_most_that_it_may_cost(terms: dict[str, Any]) -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(60, **terms)
        strategy.order(60, limit=99.0)

    told = play(bars(QUIET, (99, 103, 98, 103), QUIET), {0: two}, cash_account())
    # 60 × 110 leave 3 400, which is 34.3 at 99
    assert placed(told) == [(60.0, ""), (34.0, CUT)]


@pytest.mark.parametrize("quantity", [1.0, 0.5])
def test_a_single_share_keeps_back_the_most_that_it_may_cost(quantity: float) -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(quantity, stop=200.0)
        strategy.order(200.0)

    job = job_of({"shorts": False, "cash": 1_000.0}, instruments=[{"symbols": "A", "lot": 0.5}])
    told = play(bars(QUIET, QUIET), {0: two}, job)
    assert placed(told)[-1] == (10.0 - 2.0 * quantity, CUT)


def test_a_stop_below_the_market_keeps_back_the_market() -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(60, stop=90.0)
        strategy.order(60, limit=80.0)

    told = play(bars(QUIET, QUIET, QUIET), {0: two}, cash_account())
    # the stop is met at once, at 100: 4 000 / 80
    assert placed(told) == [(60.0, ""), (50.0, CUT)]


def test_what_an_order_keeps_back_is_kept_in_the_rows_after_it_as_well() -> None:
    script = {0: asks(60, trail=10.0), 1: asks(10, stop=101.0, limit=105.0), 2: asks(60, limit=95.0)}
    told = play(bars(*[(99, 100, 98, 99)] * 4), script, cash_account())
    # 60 × (99 + 10) and 10 × 105 leave 2 410, which is 25.4 at 95
    assert placed(told) == [(60.0, ""), (10.0, ""), (25.0, CUT)]


@pytest.mark.parametrize("terms", [{"trail": 10.0}, {"trail_fraction": 0.1}])
def test_a_trail_keeps_back_what_it_may_cost_after_a_split(terms: dict[str, float]) -> None:
    rows = [flat(100), flat(100), flat(50), flat(50), (54, 56, 54, 56)]
    script = {0: asks(40, **terms), 2: asks(120, limit=49.0)}
    told = play(bars(*rows, split={2: 2.0}, dividend={}), script, cash_account())
    # 80 × (50 + 5) leave 5 600, which is 114.3 at 49
    assert placed(told) == [(40.0, ""), (114.0, CUT)]
    assert told.fills == [(4, BAR, "A", 80.0, pytest.approx(55.0, rel=1e-15))]


@pytest.mark.parametrize(
    ("terms", "quantity"),
    [
        ({"limit": 150.0}, -6.0),  # 150 of equity for each that is sold at 150
        ({"limit": 80.0}, -10.0),  # it fills where the market is, at 100
        ({"stop": 90.0}, -10.0),
        ({"trail": 10.0}, -10.0),
        ({}, -10.0),
    ],
)
def test_an_order_to_sell_short_needs_the_equity_behind_what_it_sells(terms: dict[str, Any], quantity: float) -> None:
    told = play(bars(QUIET, QUIET, QUIET), {0: asks(-20, **terms)}, job_of({"cash": 1000.0}))
    assert placed(told) == [(quantity, CUT)]


def test_a_signal_that_sells_short_at_a_limit_needs_the_equity_at_that_limit() -> None:
    job = job_of({"cash": 1000.0, "sizing": {"model": "fixed_quantity", "quantity": 20}})
    told = play(bars(QUIET, QUIET, (100, 160, 99, 150), QUIET), {0: lambda s, bar, book: s.go_short(limit=150.0)}, job)
    assert placed(told) == [(-6.0, CUT)]
    assert told.fills == [(2, BAR, "A", -6.0, 150.0)]


def test_a_short_limit_keeps_back_its_equity_from_the_orders_after_it() -> None:
    rows = [[QUIET, QUIET]] * 3
    script = {0: asks(-4, "A", limit=150.0), 1: asks(20, "B")}
    told = play(bars(*rows), script, job_of({"cash": 1000.0}))
    # 4 × 150 of 1 000 leave four at 100
    assert placed(told) == [(-4.0, ""), (4.0, CUT)]


def test_what_sells_a_long_position_needs_nothing() -> None:
    script = {0: asks(100), 1: asks(-100, limit=105.0), 2: asks(1)}
    told = play(bars(*[QUIET] * 4), script, cash_account())
    assert placed(told) == [(100.0, ""), (-100.0, "")]
    # what it will bring is not there yet
    assert told.orders[-1] == (2, "A", "refuse", "market", 0.0, CUT)


def test_a_sale_that_fills_with_the_market_pays_for_what_is_bought_beside_it() -> None:
    def turn(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(100, "B")
        strategy.order(-100, "A")

    told = play(bars(*[[QUIET, QUIET]] * 3), {0: asks(100, "A"), 1: turn}, cash_account())
    assert placed(told) == [(100.0, ""), (-100.0, ""), (100.0, "")]
    assert told.cash == [10_000.0, 0.0, 0.0]


def test_of_two_sales_only_the_first_is_counted_on() -> None:
    def turn(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(-60, "A")
        strategy.order(-40, "A")
        strategy.order(100, "B")

    told = play(bars(*[[QUIET, QUIET]] * 3), {0: asks(100, "A"), 1: turn}, cash_account())
    assert placed(told)[-1] == (60.0, CUT)


# --- what only lessens a position ------------------------------------------------------------------------------------


def test_an_account_that_cannot_pay_anything_may_still_close_what_it_holds() -> None:
    # The stop was to open a short position; when the open gaps through it, it closes a long one.
    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(-5, "A", stop=90.0)
        strategy.order(10, "A")
        strategy.order(1900, "B")

    rows = [[QUIET, QUIET], [QUIET, QUIET], [flat(85.0), flat(40.0)]]
    told = play(bars(*rows), {0: ask}, job_of({"leverage": 2.0}))
    assert told.equity[-1] < 0.0
    assert told.fills[-1] == (2, OPEN, "A", -5.0, 85.0)


def test_an_asset_without_a_close_takes_nothing_from_what_others_may_cost_there() -> None:
    # C is short when it has no close, at which B buys as much; what A costs is still known.
    def at_close(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.1, "B", at="close")

    rows = [[QUIET] * 3, [QUIET] * 3, [QUIET, QUIET, HOLE], [QUIET] * 3]
    told = play(bars(*rows), {0: asks(-100, "C"), 1: at_close, 2: asks(1, "A", limit=99.0)}, job_of())
    assert told.fills == [(1, OPEN, "C", -100.0, 100.0), (2, CLOSE, "B", 100.0, 100.0), (3, BAR, "A", 1.0, 99.0)]
