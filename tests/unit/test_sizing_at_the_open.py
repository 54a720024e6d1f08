"""Orders that are sized at the open that fills them, by hand: with limits, without shorts, over gaps both ways."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.order_market import HOLE, OPEN, QUIET, Script, Told, asks, bars, flat, job_of, play


def sized(*opens: float, script: Script, **portfolio: Any) -> Told:
    """Rows that do not move, and an account that sizes at the open."""
    job = job_of({"size_at": "open", **portfolio})
    return play(bars(*map(flat, opens)), script, job)


def weighs(weight: float) -> Any:
    """A script's line: a target weight."""
    return lambda strategy, bar, book: strategy.target_weight(weight)


def goes_long(strategy: Any, bar: Any, book: Any) -> None:
    strategy.go_long()


def goes_short(strategy: Any, bar: Any, book: Any) -> None:
    strategy.go_short()


def goes_flat(strategy: Any, bar: Any, book: Any) -> None:
    strategy.go_flat()


def test_without_shorts_a_weight_is_bought_and_lessened_within_its_limit() -> None:
    told = sized(100, 100, 100, 100, script={0: goes_long, 1: weighs(0.2)}, shorts=False, limits={"weight": 0.5})
    # 1000 are wanted, half of the equity is allowed; then a fifth of it is 200
    assert told.fills == [(1, OPEN, "A", 500.0, 100.0), (2, OPEN, "A", -300.0, 100.0)]
    assert [order[2] for order in told.orders] == ["place", "resize", "place", "resize"]
    assert {order[-1] for order in told.orders[:2]} == {"limit of one asset's weight"}


@pytest.mark.parametrize(("opens", "quantity"), [(50, 1000.0), (100, 500.0), (200, 250.0)])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_limit_counts_in_prices_of_the_open_that_fills(opens: float, quantity: float, side: float) -> None:
    script = {0: goes_long if side > 0.0 else goes_short}
    told = sized(100, opens, 100, script=script, limits={"weight": 0.5})
    assert told.fills == [(1, OPEN, "A", side * quantity, opens)]
    assert told.orders[-1] == (1, "A", "resize", "market", side * quantity, "limit of one asset's weight")


def test_through_zero_a_limit_allows_the_closing_and_its_share_of_the_other_side() -> None:
    told = sized(100, 100, 100, 100, script={0: goes_short, 2: goes_long}, limits={"weight": 0.5})
    assert [fill[3] for fill in told.fills] == [-500.0, 1000.0]


def test_what_was_to_lessen_a_position_may_add_to_it_when_the_open_has_made_it_small() -> None:
    told = sized(100, 100, 50, 50, script={0: weighs(0.5), 1: weighs(0.45)})
    # 50 too many at the close; at the open 0.45 × 75 000 / 50 are 675, of which 500 are held
    assert told.orders[-2:] == [
        (1, "A", "place", "market", -50.0, ""),
        (2, "A", "resize", "market", 175.0, ""),
    ]
    assert told.fills[-1] == (2, OPEN, "A", 175.0, 50.0)


def test_what_was_to_add_to_a_position_may_lessen_it_when_the_open_has_made_it_large() -> None:
    told = sized(100, 100, 200, 200, script={0: weighs(0.5), 1: weighs(0.55)}, shorts=False)
    # 0.55 × 150 000 / 200 are 412 of 500
    assert told.fills[-1] == (2, OPEN, "A", -88.0, 200.0)


def test_a_position_is_closed_whole_whatever_the_open() -> None:
    told = sized(100, 100, 150, 150, script={0: goes_long, 1: goes_flat})
    assert [(row, kind, quantity) for row, _, kind, _, quantity, _ in told.orders] == [
        (0, "place", 1000.0),
        (1, "resize", 1000.0),
        (1, "place", -1000.0),  # there is nothing to be sized at the open
    ]
    assert told.cash[-1] == 150_000.0


@pytest.mark.parametrize("script", [{0: goes_long, 1: weighs(-0.2)}, [(0, 0, 1.0), (1, 0, -0.2, "weight")]])
def test_without_shorts_a_negative_weight_closes(script: Script) -> None:
    told = sized(100, 100, 120, 120, script=script, shorts=False)
    assert told.fills[-1] == (2, OPEN, "A", -1000.0, 120.0)
    assert told.orders[-1][2] == "place"


@pytest.mark.parametrize("execution", [{}, {"volume_cap": 1.0}])
def test_without_shorts_what_waited_over_a_hole_closes_by_a_negative_weight_that_came_in_it(
    execution: dict[str, Any],
) -> None:
    bar = (*QUIET, 10_000.0)
    job = job_of({"size_at": "open", "shorts": False}, execution)
    signals: Script = [(0, 0, 0.5, "weight"), (1, 0, 0.9, "weight"), (2, 0, -0.2, "weight")]
    told = play(bars([bar], [bar], [HOLE], [bar], [bar]), signals, job)
    assert told.fills == [(1, OPEN, "A", 500.0, 100.0), (3, OPEN, "A", -500.0, 100.0)]


def test_what_is_sold_at_the_open_pays_for_what_is_bought_there() -> None:
    def turn(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(1.0, "B")
        strategy.target_weight(0.5, "A")

    job = job_of({"size_at": "open", "shorts": False, "limits": {"weight": 0.9}})
    rows = [[QUIET, QUIET], [QUIET, QUIET], [flat(120.0), QUIET], [QUIET, QUIET]]
    told = play(bars(*rows), {0: lambda s, bar, book: s.target_weight(0.9, "A"), 1: turn}, job)
    # 900 of A; at 120 the equity is 118 000: 491 of A stay, which brings 409 × 120 to the 10 000 that are there;
    # B may be 0.9 × 118 000, and gets what cash pays
    assert told.fills[1:] == [(2, OPEN, "A", -409.0, 120.0), (2, OPEN, "B", 590.0, 100.0)]
    assert told.orders[-1] == (2, "B", "resize", "market", 590.0, "not enough buying power")
    assert told.cash[-1] == 10_000.0 + 409 * 120.0 - 590 * 100.0


def test_a_weight_that_the_open_makes_less_than_one_lot_sells_all_and_pays_for_what_is_bought_there() -> None:
    def turn(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(1.0, "A")
        strategy.target_weight(0.00105, "B")

    job = job_of({"size_at": "open", "shorts": False})
    rows = [[QUIET, QUIET], [QUIET, QUIET], [QUIET, flat(120.0)], [QUIET, QUIET]]
    told = play(bars(*rows), {0: lambda s, bar, book: s.target_weight(0.5, "B"), 1: turn}, job)
    # one of B would stay at the close, none does at 120, where the equity is 110 000: it is sold before A is bought
    assert told.fills[1:] == [(2, OPEN, "B", -500.0, 120.0), (2, OPEN, "A", 1100.0, 100.0)]


def test_the_order_that_a_limit_leaves_nothing_of_at_the_open_is_taken_back() -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.3, "A")
        strategy.target_weight(0.3, "B")

    job = job_of({"size_at": "open", "limits": {"gross": 0.6}})
    rows = [[QUIET, QUIET], [flat(50_000.0), QUIET], [QUIET, QUIET]]
    told = play(bars(*rows), {0: two}, job)
    # 0.3 × 100 000 at 50 000 are less than one of A
    assert told.orders[2:] == [
        (1, "A", "cancel", "market", 0.0, "less than one lot"),
        (1, "B", "resize", "market", 300.0, ""),
    ]


def test_what_the_open_makes_a_reduction_fills_before_what_opens_something() -> None:
    # B is to add to its ten at the close; at the open, twice as dear, a tenth of the equity is less than it holds.
    def weigh(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.1, "A")
        strategy.target_weight(0.11, "B")

    rows = [[flat(100), flat(100)], [flat(100), flat(100)], [flat(100), flat(200)], [flat(100), flat(200)]]
    script: Script = {0: lambda strategy, bar, book: strategy.target_weight(0.1, "B"), 1: weigh}
    told = play(bars(*rows), script, job_of({"size_at": "open"}))
    assert [(row, asset, quantity) for row, _, asset, quantity, _ in told.fills] == [
        (1, "B", 100.0),
        (2, "B", -40.0),
        (2, "A", 110.0),
    ]


def test_an_account_that_is_worth_less_than_nothing_wants_nothing() -> None:
    job = job_of({"leverage": 10.0, "size_at": "open"})
    rows = [[flat(100), flat(0.5)], [flat(100), flat(0.5)], [flat(80), flat(0.5)], [flat(80), flat(0.5)]]

    def weigh(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.5, "B")

    told = play(bars(*rows), {0: lambda strategy, bar, book: strategy.target_weight(9.0, "A"), 2: weigh}, job)
    assert told.equity[2] < 0.0
    assert [fill[2] for fill in told.fills] == ["A"]
    assert told.orders[-1][2:] == ("refuse", "market", 0.0, "less than one lot")


def test_an_asset_without_an_open_counts_with_its_last_price() -> None:
    script: Script = {0: asks(500, "A"), 1: lambda strategy, bar, book: strategy.target_weight(0.5, "B")}
    rows = [[QUIET, flat(100)], [QUIET, flat(100)], [HOLE, flat(100)], [QUIET, flat(100)]]
    told = play(bars(*rows), script, job_of({"size_at": "open"}))
    assert told.fills[1:] == [(2, OPEN, "B", 500.0, 100.0)]


def test_what_is_held_abroad_counts_at_its_rate() -> None:
    rows = [[flat(100), flat(100), flat(2)]] * 4
    script: Script = {0: asks(200, "A"), 1: lambda strategy, bar, book: strategy.target_weight(0.5, "B")}
    job = job_of(
        {"size_at": "open", "rates": {"EUR": "C"}},
        instruments=[{"symbols": "A", "currency": "EUR"}, {"symbols": "C", "traded": False}],
    )
    told = play(bars(*rows), script, job)
    # 200 × 100 × 2 are held beside 60 000
    assert told.fills == [(1, OPEN, "A", 200.0, 100.0), (2, OPEN, "B", 500.0, 100.0)]
