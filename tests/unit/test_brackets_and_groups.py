"""Entries with exits, and groups in which one order cancels the others, by hand.

Every case runs in the engine and in the handlers, cut into blocks of 1, 2 and 64 rows, which must agree.
"""

from __future__ import annotations

from typing import Any

import pytest

from backbus.trading.codes import Flag
from tests.unit.order_market import BAR, OPEN, QUIET, asks, bars, brackets, job_of, play, scripted
from tests.unit.records_of_runs import said_by_engine


def test_a_bracket_takes_profit_and_ends_its_stop() -> None:
    told = play(bars(QUIET, QUIET, (101, 106, 100, 105), QUIET), {0: brackets(take_profit=105.0, stop_loss=95.0)})
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (2, BAR, "A", -10.0, 105.0)]
    assert told.ends == [(2, "A", "the other order of its group filled")]
    assert told.cash[-1] == 100_050.0


def test_exits_live_from_the_phase_after_their_entry() -> None:
    # The entry fills at the open of row 1, and the low of the same bar is below its stop.
    told = play(bars(QUIET, (100, 101, 94, 96), QUIET), {0: brackets(stop_loss=95.0)})
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (1, BAR, "A", -10.0, 95.0)]
    # An entry that fills within the bar: on its way to 94 the price passed 98, then 95, whatever it did before.
    for path in ("worst", "open-low-high-close", "open-high-low-close", "nearest-first"):
        told = play(bars(QUIET, (100, 101, 94, 96), QUIET), {0: brackets({"limit": 98.0}, stop_loss=95.0)}, path=path)
        assert told.fills == [(1, BAR, "A", 10.0, 98.0), (1, BAR, "A", -10.0, 95.0)]


def test_where_a_bar_touches_stop_and_target_the_worse_one_is_taken() -> None:
    rows = [QUIET, QUIET, (100, 106, 94, 100), QUIET]
    script = {0: brackets(take_profit=105.0, stop_loss=95.0)}
    exits = {}
    for path in ("worst", "open-low-high-close", "open-high-low-close", "nearest-first"):
        exits[path] = play(bars(*rows), script, path=path).fills[1][4]
    assert exits == {
        "worst": 95.0,
        "open-low-high-close": 95.0,
        "open-high-low-close": 105.0,
        "nearest-first": 95.0,  # both extremes are 6 away: low first
    }
    rows[2] = (100, 105, 94, 100)
    assert play(bars(*rows), script, path="nearest-first").fills[1][4] == 105.0


@pytest.mark.parametrize(
    ("exits", "relative"),
    [
        ({"take_profit_fraction": 0.1}, True),
        ({"stop_loss_fraction": 0.1}, True),
        ({"trailing_loss_fraction": 0.1}, False),
        ({"stop_loss": 90.0}, False),
    ],
)
def test_an_exit_says_whether_its_price_is_a_fraction_of_its_entrys(exits: dict[str, float], relative: bool) -> None:
    said = said_by_engine(job_of(), bars(*[QUIET] * 3), scripted({0: brackets(**exits)}))
    _, child = said.orders
    assert bool(child["flags"] & Flag.RELATIVE) == relative


def test_an_exit_that_a_gap_has_passed_fills_at_the_open_of_its_own_row() -> None:
    # The entry itself gaps below the stop: the exit lives from the phase after, and the market is beyond it.
    told = play(bars(QUIET, (94, 96, 93, 95), QUIET), {0: brackets(stop_loss=95.0)})
    assert told.fills == [(1, OPEN, "A", 10.0, 94.0), (1, BAR, "A", -10.0, 94.0)]


def test_exits_in_shares_start_from_the_price_paid() -> None:
    told = play(
        bars(QUIET, (110, 111, 109, 110), (110, 122, 110, 120), QUIET),
        {0: asks(10, take_profit_fraction=0.1, stop_loss_fraction=0.05)},
    )
    assert told.fills[1] == (2, BAR, "A", -10.0, 110.0 * 1.1)


def test_exits_of_an_order_are_for_what_it_bought_and_not_for_what_was_held_before() -> None:
    told = play(bars(QUIET, QUIET, QUIET, (94, 95, 93, 94)), {0: asks(5), 1: brackets(stop_loss=95.0)})
    assert [fill[3] for fill in told.fills] == [5.0, 10.0, -10.0]


def test_a_trailing_loss_belongs_to_its_entry() -> None:
    rows = [QUIET, (110, 112, 109.5, 111), (111, 120, 117, 119), (118, 118, 110, 112)]
    told = play(bars(*rows), {0: asks(10, trailing_loss=4.0)})
    # 110 paid; follows to 112 - 4 = 108, then 120 - 4 = 116
    assert told.fills == [(1, OPEN, "A", 10.0, 110.0), (3, BAR, "A", -10.0, 116.0)]


def test_an_entry_that_ends_takes_its_exits_with_it() -> None:
    told = play(
        bars(QUIET, QUIET, QUIET), {0: asks(10, limit=90.0, time_in_force="day", take_profit=105.0, stop_loss=85.0)}
    )
    assert told.fills == []
    assert told.ends == [
        (1, "A", "expired with its session"),
        (1, "A", "the order that it belongs to ended"),
        (1, "A", "the order that it belongs to ended"),
    ]


def test_one_cancels_the_other() -> None:
    def both(strategy: Any, bar: Any, book: Any) -> None:
        above = strategy.buy(10, stop=103.0)
        strategy.sell(10, stop=97.0, group=above)

    told = play(bars(QUIET, QUIET, (100, 104, 99, 103), (96, 97, 95, 96)), {0: both})
    assert told.fills == [(2, BAR, "A", 10.0, 103.0)]
    assert told.ends == [(2, "A", "the other order of its group filled")]


def test_a_group_holds_though_the_one_that_is_named_is_placed_last() -> None:
    def sell_or_add(strategy: Any, bar: Any, book: Any) -> None:
        more = strategy.buy(10, limit=90.0)
        strategy.sell(5, limit=110.0, group=more, reduce_only=True)

    def begin(strategy: Any, bar: Any, book: Any) -> None:
        strategy.buy(5)
        strategy.target_weight(0.5, limit=50.0)

    told = play(bars(*[QUIET] * 3, (100, 111, 99, 100), (100, 100, 85, 90)), {0: begin, 1: sell_or_add})
    assert told.fills[1:] == [(3, BAR, "A", -5.0, 110.0)]
    assert told.ends[0] == (3, "A", "the other order of its group filled")


def test_a_group_may_span_assets() -> None:
    def both(strategy: Any, bar: Any, book: Any) -> None:
        first = strategy.buy(10, "A", limit=95.0)
        strategy.buy(10, "B", limit=95.0, group=first)

    row = [QUIET, QUIET]
    told = play(bars(row, row, [QUIET, (100, 101, 94, 96)], [(90, 91, 89, 90), QUIET]), {0: both})
    assert told.fills == [(2, BAR, "B", 10.0, 95.0)]
    assert told.ends == [(2, "A", "the other order of its group filled")]


def test_a_bracket_that_is_taken_back_says_the_same_in_whatever_place_of_a_block_it_says_it() -> None:
    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy._kept["entry"] = strategy.buy(10, limit=90.0, take_profit=110.0, stop_loss=80.0)

    def take_back(strategy: Any, bar: Any, book: Any) -> None:
        strategy.cancel(strategy._kept["entry"])

    told = play(bars(*[QUIET] * 3), {0: ask, 1: take_back})
    assert [(order[0], order[2]) for order in told.orders] == [(0, "place")] * 3 + [(1, "cancel")] * 3
