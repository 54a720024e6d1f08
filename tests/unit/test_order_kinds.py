"""Orders of every kind, by hand: tiny markets in which each fill's bar, price and size, and each order's end, is known.

Every case runs in the engine and in the handlers, cut into blocks of 1, 2 and 64 rows, which must agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backbus.errors import StrategyError
from backbus.strategy import Strategy
from tests.unit.order_market import HOLE, bars, job_of, play

QUIET = (100.0, 101.0, 99.0, 100.0)
OPEN, BAR, CLOSE = "OPEN_MATCH", "INTRABAR_MATCH", "CLOSE_MATCH"


def asks(quantity: float, **terms: Any) -> Any:
    """A script's line: one order."""
    return lambda strategy, bar, book: strategy.order(quantity, **terms)


def test_a_market_order_fills_at_the_next_open() -> None:
    told = play(bars(QUIET, (102, 103, 101, 102), QUIET), {0: asks(10)})
    assert told.fills == [(1, OPEN, "A", 10.0, 102.0)]
    assert told.rules == ["market order at the open"]
    assert told.cash == [100_000.0, 100_000.0 - 1020.0, 100_000.0 - 1020.0]
    assert told.equity[-1] == 100_000.0 - 1020.0 + 1000.0


@pytest.mark.parametrize(
    ("quantity", "limit", "bar", "filled"),
    [
        (10, 98.0, (100, 101, 98, 99), (BAR, 98.0)),
        (10, 98.0, (100, 101, 98.01, 99), None),
        (10, 98.0, (97, 101, 96, 99), (OPEN, 97.0)),
        (10, 98.0, (98, 101, 98, 99), (OPEN, 98.0)),
        (-10, 103.0, (100, 103, 99, 100), (BAR, 103.0)),
        (-10, 103.0, (100, 102.99, 99, 100), None),
        (-10, 103.0, (104, 105, 103, 104), (OPEN, 104.0)),
        (10, 100.0, (100, 100, 100, 100), (OPEN, 100.0)),
    ],
)
def test_a_limit_order_fills_at_its_limit_or_at_a_better_open(
    quantity: float, limit: float, bar: Any, filled: tuple[str, float] | None
) -> None:
    told = play(bars(QUIET, bar), {0: asks(quantity, limit=limit)})
    assert told.fills == ([] if filled is None else [(1, filled[0], "A", quantity, filled[1])])


@pytest.mark.parametrize(
    ("quantity", "stop", "bar", "filled"),
    [
        (10, 102.0, (100, 102, 99, 100), (BAR, 102.0)),
        (10, 102.0, (100, 101.99, 99, 100), None),
        (10, 102.0, (105, 106, 104, 105), (OPEN, 105.0)),
        (-10, 98.0, (100, 101, 98, 99), (BAR, 98.0)),
        (-10, 98.0, (95, 96, 94, 95), (OPEN, 95.0)),
        (-10, 98.0, (100, 101, 98.5, 99), None),
    ],
)
def test_a_stop_order_fills_at_its_stop_or_at_a_worse_open(
    quantity: float, stop: float, bar: Any, filled: tuple[str, float] | None
) -> None:
    told = play(bars(QUIET, bar), {0: asks(quantity, stop=stop)})
    assert told.fills == ([] if filled is None else [(1, filled[0], "A", quantity, filled[1])])


@pytest.mark.parametrize(
    ("stop", "limit", "rows", "filled"),
    [
        # The stop is met within the bar, the limit lies beyond it: it fills at the stop.
        (102.0, 103.0, [(100, 104, 99, 103)], (1, BAR, 102.0)),
        # The open is past the stop and not past the limit.
        (102.0, 103.0, [(102.5, 104, 99, 103)], (1, OPEN, 102.5)),
        # The open is past both: it waits as a limit order, and fills when the price comes back.
        (102.0, 103.0, [(105, 106, 103, 104)], (1, BAR, 103.0)),
        (102.0, 103.0, [(105, 106, 104, 104), (104, 105, 102.5, 104)], (2, BAR, 103.0)),
        # A limit below the stop: in the bar that meets the stop it is certain to fill only if the close is below it.
        (102.0, 101.0, [(100, 103, 99, 101)], (1, BAR, 101.0)),
        (102.0, 101.0, [(100, 103, 99, 102)], None),
        (102.0, 101.0, [(100, 103, 99, 102), (102, 103, 100.5, 102)], (2, BAR, 101.0)),
        (102.0, 103.0, [(100, 101, 99, 100)], None),
    ],
)
def test_a_stop_limit_order_is_a_limit_order_once_its_stop_is_met(
    stop: float, limit: float, rows: list[Any], filled: tuple[int, str, float] | None
) -> None:
    told = play(bars(QUIET, *rows), {0: asks(10, stop=stop, limit=limit)})
    assert told.fills == ([] if filled is None else [(filled[0], filled[1], "A", 10.0, filled[2])])


def test_a_trailing_stop_follows_the_high_and_fills_a_distance_below() -> None:
    #  row  high     stop before   stop after
    #   1   101         97            98      starts 3 below the close of 100, follows to 101 - 3
    #   2   105         98           102
    #   3   low 101.5: the stop of 102 is met
    told = play(bars(QUIET, QUIET, (101, 105, 103, 105), (104, 104, 101.5, 103)), {0: asks(-10, trail=3.0)})
    assert told.fills == [(3, BAR, "A", -10.0, 102.0)]
    assert told.rules == ["trailing stop: the price came to its stop"]


def test_a_trailing_stop_in_percent_buys_above_the_low() -> None:
    #  starts 10 % above 100; the low of 80 lets it follow to 88; the open of 90 is beyond it
    rows = [(95, 96, 90.5, 91), (85, 87.9, 80, 81), (90, 91, 89, 90)]
    told = play(bars(QUIET, *rows), {0: asks(10, trail_share=0.1)}, path="open-high-low-close")
    assert told.fills == [(3, OPEN, "A", 10.0, 90.0)]


def test_the_worst_path_stops_a_trailing_order_below_the_high_of_the_same_bar() -> None:
    # The high lifts the stop to 107, and the low of 103 may have come after it. By open, low, high, close it came
    # before.
    rows = [QUIET, (101, 110, 103, 109), (109, 109, 108, 108)]
    assert play(bars(*rows), {0: asks(-10, trail=3.0)}).fills == [(1, BAR, "A", -10.0, 107.0)]
    assert play(bars(*rows), {0: asks(-10, trail=3.0)}, path="open-low-high-close").fills == []
    told = play(bars(*rows), {0: asks(-10, trail=3.0)}, path="open-high-low-close")
    assert told.fills == [(1, BAR, "A", -10.0, 107.0)]


def test_a_trailing_stop_may_follow_closes_alone() -> None:
    rows = [QUIET, (101, 110, 103, 104), (104, 104, 101.5, 102), (102, 102, 100.5, 101)]
    told = play(bars(*rows), {0: asks(-10, trail=3.0)}, trail_by="close")
    assert told.fills == [(3, BAR, "A", -10.0, 101.0)]


def brackets(entry: dict[str, Any] | None = None, **exits: Any) -> Any:
    return asks(10, **(entry or {}), **exits)


def test_a_bracket_takes_profit_and_ends_its_stop() -> None:
    told = play(bars(QUIET, QUIET, (101, 106, 100, 105), QUIET), {0: brackets(take_profit=105.0, stop_loss=95.0)})
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (2, BAR, "A", -10.0, 105.0)]
    assert told.ends == [(2, "A", "the other order of its group filled")]
    assert told.cash[-1] == 100_050.0


def test_exits_live_from_the_phase_after_their_entry() -> None:
    # The entry fills at the open of row 1, and the low of the same bar is below its stop.
    told = play(bars(QUIET, (100, 101, 94, 96), QUIET), {0: brackets(stop_loss=95.0)})
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (1, BAR, "A", -10.0, 95.0)]
    # An entry that fills within the bar: its exits live from the next row, and the low is no business of theirs.
    told = play(bars(QUIET, (100, 101, 94, 96), QUIET), {0: brackets({"limit": 98.0}, stop_loss=95.0)})
    assert told.fills == [(1, BAR, "A", 10.0, 98.0)]


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


def test_an_exit_that_a_gap_has_passed_fills_at_the_open_of_its_own_row() -> None:
    # The entry itself gaps below the stop: the exit lives from the phase after, and the market is beyond it.
    told = play(bars(QUIET, (94, 96, 93, 95), QUIET), {0: brackets(stop_loss=95.0)})
    assert told.fills == [(1, OPEN, "A", 10.0, 94.0), (1, BAR, "A", -10.0, 94.0)]


def test_exits_in_shares_start_from_the_price_paid() -> None:
    told = play(
        bars(QUIET, (110, 111, 109, 110), (110, 122, 110, 120), QUIET),
        {0: asks(10, take_profit_share=0.1, stop_loss_share=0.05)},
    )
    assert told.fills[1] == (2, BAR, "A", -10.0, 110.0 * 1.1)


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


def test_a_group_may_span_assets() -> None:
    def both(strategy: Any, bar: Any, book: Any) -> None:
        first = strategy.buy(10, "A", limit=95.0)
        strategy.buy(10, "B", limit=95.0, group=first)

    row = [QUIET, QUIET]
    told = play(bars(row, row, [QUIET, (100, 101, 94, 96)], [(90, 91, 89, 90), QUIET]), {0: both})
    assert told.fills == [(2, BAR, "B", 10.0, 95.0)]
    assert told.ends == [(2, "A", "the other order of its group filled")]


@pytest.mark.parametrize(
    ("terms", "fills", "ends"),
    [
        ({"limit": 97.0}, [3], []),
        ({"limit": 97.0, "time_in_force": "day"}, [], [(1, "expired with its session")]),
        ({"limit": 97.0, "until": "1970-01-03"}, [], [(3, "expired at its date")]),
        ({"limit": 97.0, "until": "1970-01-04"}, [3], []),
        ({"limit": 97.0, "until": "1970-01-04T00:00:00+00:00"}, [], [(3, "expired at its date")]),
        ({"limit": 97.0, "time_in_force": "ioc"}, [], [(1, "was not filled at once")]),
        ({"limit": 100.0, "time_in_force": "ioc"}, [1], []),
        ({"limit": 97.0, "time_in_force": "fok"}, [], [(1, "could not be filled whole at once")]),
        ({"limit": 97.0, "at": "open"}, [], [(1, "was not filled at the open")]),
        ({"limit": 90.0}, [], [(3, "still working when the run ended")]),
        ({"at": "open"}, [1], []),
    ],
)
def test_times_in_force(terms: dict[str, Any], fills: list[int], ends: list[tuple[int, str]]) -> None:
    # Days 1 to 4 of 1970; the low of 97 comes on the fourth.
    told = play(bars(QUIET, QUIET, QUIET, (99, 100, 97, 98)), {0: asks(10, **terms)})
    assert [fill[0] for fill in told.fills] == fills
    assert [(row, why) for row, _, why in told.ends] == ends


def test_an_order_for_the_day_lives_through_the_session_and_ends_before_the_next() -> None:
    # Three rows a session: asked in row 0, it lives in rows 1 and 2, which are of the same session.
    told = play(bars(*[QUIET] * 6, per_session=3), {0: asks(10, limit=97.0, time_in_force="day")})
    assert told.ends == [(3, "A", "expired with its session")]
    # Asked in the session's last row, it lives through all of the next one.
    told = play(bars(*[QUIET] * 7, per_session=3), {2: asks(10, limit=97.0, time_in_force="day")})
    assert told.ends == [(6, "A", "expired with its session")]


def test_a_market_on_close_order_fills_at_the_close_of_the_next_row() -> None:
    told = play(bars(QUIET, (102, 104, 101, 103), QUIET), {0: asks(10, at="close")})
    assert told.fills == [(1, CLOSE, "A", 10.0, 103.0)]


def test_an_order_is_taken_back_and_another_replaces_it() -> None:
    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy._kept["first"] = strategy.buy(10, limit=95.0)
        strategy._kept["second"] = strategy.buy(5, limit=96.0)

    def change(strategy: Any, bar: Any, book: Any) -> None:
        strategy.cancel(strategy._kept["first"])
        strategy._kept["third"] = strategy.replace(strategy._kept["second"], limit=98.0)

    told = play(bars(QUIET, QUIET, QUIET, (99, 100, 94, 95)), {0: ask, 1: change})
    assert told.fills == [(3, BAR, "A", 5.0, 98.0)]
    assert [(row, kind, reason) for row, _, kind, _, _, reason in told.orders] == [
        (0, "place", ""),
        (0, "place", ""),
        (1, "cancel", "the strategy took it back"),
        (1, "cancel", "replaced by a newer signal"),
        (1, "place", ""),
    ]


class Deaf(Strategy):
    """Replaces an order of which it cannot know that it has filled."""

    _order: Any = None

    def on_bar(self, bar: Any) -> None:
        if bar.row == 0:
            self._order = self.buy(10)
        elif bar.row == 1:
            self.replace(self._order, 20)


def test_what_has_filled_is_not_replaced() -> None:
    told = play(bars(QUIET, QUIET, QUIET), Deaf())
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0)]
    assert told.orders[-1] == (1, "A", "refuse", "market", 0.0, "the order to be replaced works no more")

    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy._kept["first"] = strategy.buy(10)

    def change(strategy: Any, bar: Any, book: Any) -> None:
        assert strategy.replace(strategy._kept["first"], 20) is strategy._kept["first"]

    assert len(play(bars(QUIET, QUIET, QUIET), {0: ask, 1: change}).orders) == 1


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


def test_orders_wait_through_a_hole() -> None:
    told = play(bars(QUIET, HOLE, HOLE, (97, 98, 96, 97)), {0: asks(10, limit=98.0)})
    assert told.fills == [(3, OPEN, "A", 10.0, 97.0)]


def test_a_job_may_give_every_entry_its_exits() -> None:
    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.go_long()

    sizing = {"model": "fixed_quantity", "quantity": 10}
    job = job_of({"sizing": sizing, "exits": {"take_profit": 0.1, "stop_loss": 0.05}})
    told = play(bars(QUIET, QUIET, (100, 111, 99, 110), QUIET, (100, 101, 94, 95), QUIET), {0: enter, 2: enter}, job)
    assert told.fills == [
        (1, OPEN, "A", 10.0, 100.0),
        (2, BAR, "A", -10.0, 110.00000000000001),
        (3, OPEN, "A", 10.0, 100.0),
        (4, BAR, "A", -10.0, 95.0),
    ]


def test_a_signal_that_closes_ends_the_exits_of_its_entry() -> None:
    sizing = {"model": "fixed_quantity", "quantity": 10}
    job = job_of({"sizing": sizing, "exits": {"stop_loss": 0.05}})
    script = {0: lambda s, bar, book: s.go_long(), 1: lambda s, bar, book: s.go_flat()}
    told = play(bars(QUIET, QUIET, QUIET, (90, 91, 89, 90)), script, job)
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (2, OPEN, "A", -10.0, 100.0)]
    assert told.ends == [(2, "A", "its position was closed")]


def test_a_signal_may_enter_by_a_limit_with_exits_of_its_own() -> None:
    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.go_short(limit=102.0, take_profit=95.0, stop_loss_share=0.1)

    job = job_of({"sizing": {"model": "fixed_quantity", "quantity": 10}})
    told = play(bars(QUIET, (101, 103, 100, 101), (99, 100, 94, 96)), {0: enter}, job)
    assert told.fills == [(1, BAR, "A", -10.0, 102.0), (2, BAR, "A", 10.0, 95.0)]


def test_a_strategy_hears_of_fills_and_orders_in_the_row_in_which_they_happen() -> None:
    heard: list[Any] = []

    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy._kept["order"] = strategy.buy(150, limit=99.0, time_in_force="day")
        strategy._kept["refused"] = strategy.buy(0.4)

    def look(strategy: Any, bar: Any, book: Any) -> None:
        order, refused = strategy._kept["order"], strategy._kept["refused"]
        heard.append((order.state, order.filled, order.reason, [f.quantity for f in book.fills], len(book.orders)))
        heard.append((refused.state, refused.reason))

    told = play(bars(QUIET, QUIET, QUIET), {0: ask, 1: look}, volume_cap=0.1)
    assert told.fills == [(1, BAR, "A", 100.0, 99.0)]
    assert heard[0] == ("ended", 100.0, "expired with its session", [100.0], 0)
    assert heard[1] == ("refused", "less than one lot")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"limit": -1.0}, "limit must be a number above 0"),
        ({"limit": float("nan")}, "limit must be a number above 0"),
        ({"limit": None}, "limit has no price"),
        ({"stop_loss": 105.0}, "stop_loss 105.0 is on the wrong side"),
        ({"take_profit": 95.0}, "take_profit 95.0 is on the wrong side"),
        ({"limit": 90.0, "stop_loss": 95.0}, "takes one below its limit, 90.0"),
        ({"stop": 110.0, "take_profit": 105.0}, "takes one above its stop, 110.0"),
        ({"trail": 2.0, "limit": 99.0}, "limit and trail do not go together"),
        ({"trail_share": 5}, "0.05 for 5 %"),
        ({"take_profit": 110.0, "take_profit_share": 0.1}, "give take_profit or take_profit_share, not both"),
        ({"time_in_force": "forever"}, "time_in_force is one of"),
        ({"time_in_force": "fok", "stop": 110.0}, "a market or a limit order"),
        ({"at": "close", "limit": 99.0}, "leave out limit"),
        ({"until": "tomorrow"}, "until is a date"),
        ({"until": "2020-01-01T10:00:00"}, "has no zone"),
        ({"limits": 99.0}, "an order has no 'limits'; it has limit"),
        ({"group": 7}, "group is an order that was asked for before, not 7"),
    ],
)
def test_what_cannot_be_an_order_is_told_where_it_is_asked_for(terms: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError) as raised:
        play(bars(QUIET, QUIET), {0: asks(10, **terms)})
    assert message in str(raised.value)
    assert "row 0" in str(raised.value)


def test_an_order_of_a_warm_up_row_is_refused_and_not_left_working() -> None:
    from dataclasses import replace

    market = bars(*[QUIET] * 4)
    market = replace(market, layout=replace(market.layout, warmup=2))
    heard: list[Any] = []

    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy._kept["order"] = strategy.buy(10)

    def look(strategy: Any, bar: Any, book: Any) -> None:
        order = strategy._kept["order"]
        heard.append((order.state, order.reason, book.orders))

    assert play(market, {0: ask, 2: look}).orders == []
    assert heard[0] == ("refused", "asked for in a warm-up row", [])


def test_what_fills_at_the_close_that_decided_it_is_heard_of_in_the_next_row() -> None:
    heard: list[Any] = []

    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.buy(50)

    def look(strategy: Any, bar: Any, book: Any) -> None:
        heard.append(([fill.quantity for fill in book.fills], [order.state for order in book.news]))

    job = job_of(execution={"fill": "close", "volume_cap": 0.1})
    rows = [(*QUIET, 100), (*QUIET, 100), (*QUIET, 100)]
    play(bars(*rows), {0: enter, 1: look}, job)
    assert heard[0] == ([10.0], ["working"])


def test_who_is_told_of_fills_is_event_style() -> None:
    with pytest.raises(StrategyError, match="defines on_fill without on_bar"):

        class Mixed(Strategy):
            def signals(self, bars: Any) -> Any:
                return self.hold_long(bars.close > 0)

            def on_fill(self, fill: Any) -> None: ...


def test_a_holding_rule_brings_exits_with_each_entry_as_event_style_does() -> None:
    rows = [(100, 101, 99, 100), (100, 103, 99, 102), (102, 103, 94, 96), (96, 97, 95, 96), (97, 99, 96, 98)]

    class Rule(Strategy):
        def signals(self, bars: Any) -> Any:
            wanted = np.array([1.0, 1.0, 1.0, 0.0, -1.0])[bars.first_row : bars.first_row + len(bars)]
            return self.hold(wanted[:, None], stop_loss_share=0.05, take_profit_share=0.5)

    told = play(bars(*rows), Rule())
    assert told.fills[:2] == [(1, "OPEN_MATCH", "A", 1000.0, 100.0), (2, "INTRABAR_MATCH", "A", -1000.0, 95.0)]
    assert [order[3] for order in told.orders if order[2] == "place"] == ["market", "limit", "stop"] * 2
    script = {
        0: lambda s, bar, book: s.go_long(stop_loss_share=0.05, take_profit_share=0.5),
        3: lambda s, bar, book: s.go_flat(),
        4: lambda s, bar, book: s.go_short(stop_loss_share=0.05, take_profit_share=0.5),
    }
    assert play(bars(*rows), script).report.fingerprint == told.report.fingerprint


@pytest.mark.parametrize("exits", [{"stop_loss": 95.0}, {"stop_loss_share": 1.5}, {"trail": 0.1}])
def test_a_holding_rule_refuses_what_is_no_exit(exits: dict[str, float]) -> None:
    class Rule(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.hold_long(bars.close > 0.0, **exits)

    with pytest.raises(StrategyError):
        play(bars((100, 101, 99, 100), (100, 101, 99, 100)), Rule())
