"""Orders of every kind, by hand: tiny markets in which each fill's bar, price and size, and each order's end, is known.

Every case runs in the engine and in the handlers, cut into blocks of 1, 2 and 64 rows, which must agree.
"""

from __future__ import annotations

from typing import Any

import pytest

from backbus.strategy import Strategy
from tests.unit.order_market import BAR, CLOSE, HOLE, OPEN, QUIET, asks, bars, job_of, play, scripted
from tests.unit.records_of_runs import said_by_engine


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
    told = play(bars(QUIET, *rows), {0: asks(10, trail_fraction=0.1)}, path="open-high-low-close")
    assert told.fills == [(3, OPEN, "A", 10.0, 90.0)]


def test_the_worst_path_stops_a_trailing_order_as_low_as_it_may_have_been() -> None:
    # It may have followed the price to 106, and the low of 103 have come then. By open, high, low, close it followed
    # to 110; by open, low, high, close the low came first.
    rows = [QUIET, (104, 110, 103, 109), (109, 109, 108, 108)]
    assert play(bars(*rows), {0: asks(-10, trail=3.0)}).fills == [(1, BAR, "A", -10.0, 103.0)]
    assert play(bars(*rows), {0: asks(-10, trail=3.0)}, path="open-low-high-close").fills == []
    told = play(bars(*rows), {0: asks(-10, trail=3.0)}, path="open-high-low-close")
    assert told.fills == [(1, BAR, "A", -10.0, 107.0)]


def test_a_trailing_stop_may_follow_closes_alone() -> None:
    rows = [QUIET, (101, 110, 103, 104), (104, 104, 101.5, 102), (102, 102, 100.5, 101)]
    told = play(bars(*rows), {0: asks(-10, trail=3.0)}, trail_by="close")
    assert told.fills == [(3, BAR, "A", -10.0, 101.0)]


@pytest.mark.parametrize("path", ["worst", "open-low-high-close", "open-high-low-close"])
def test_one_fall_fills_every_limit_that_it_comes_to(path: str) -> None:
    def ladder(strategy: Any, bar: Any, book: Any) -> None:
        for limit in (98.0, 97.0, 99.0):
            strategy.buy(10, limit=limit)

    told = play(bars(QUIET, (100, 101, 97.5, 100), QUIET), {0: ladder}, path=path)
    assert told.fills == [(1, BAR, "A", 10.0, 99.0), (1, BAR, "A", 10.0, 98.0)]


@pytest.mark.parametrize("path", ["worst", "open-low-high-close"])
@pytest.mark.parametrize(("side", "limit"), [(1, 99.0), (-1, 101.0)])
def test_of_two_orders_at_one_price_the_older_fills_first(path: str, side: int, limit: float) -> None:
    def two(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(10 * side, limit=limit)
        strategy.order(20 * side, limit=limit)

    told = play(bars(QUIET, (100, 102, 98, 100)), {0: two}, path=path)
    assert told.fills == [(1, BAR, "A", 10.0 * side, limit), (1, BAR, "A", 20.0 * side, limit)]


@pytest.mark.parametrize(("quantity", "limit"), [(1, 98.0), (0.5, 98.0), (-1, 102.0), (-0.5, 102.0)])
def test_a_single_share_waits_for_its_limit_as_many_do(quantity: float, limit: float) -> None:
    job = job_of(instruments=[{"symbols": "A", "lot": 0}])
    assert play(bars(QUIET, QUIET, QUIET), {0: asks(quantity, limit=limit)}, job).fills == []


def test_a_trailing_stop_for_a_single_share_follows_the_low() -> None:
    rows = [(100, 100.5, 90, 91), (91, 92.5, 90.5, 92)]
    told = play(bars(QUIET, *rows), {0: asks(1, trail=2.0)}, path="worst")
    assert told.fills == [(1, BAR, "A", 1.0, 100.5)]  # after a low of 98.5, before the one of 90


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


def test_an_order_whose_day_is_over_keeps_nothing_back_any_more() -> None:
    script = {0: asks(1000.0, limit=50.0, time_in_force="day"), 2: asks(1000.0)}
    told = play(bars(*[QUIET] * 4), script, job_of({"shorts": False}))
    assert told.fills == [(3, OPEN, "A", 1000.0, 100.0)]


def test_orders_behind_one_that_ends_go_on() -> None:
    def both(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.1, limit=90.0)
        strategy.buy(10, limit=99.5)
        strategy.buy(20, limit=95.0)

    told = play(bars(QUIET, QUIET, (100, 100, 85, 90)), {0: both})
    assert told.fills == [(1, BAR, "A", 10.0, 99.5), (2, BAR, "A", 20.0, 95.0), (2, BAR, "A", 100.0, 90.0)]


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


def test_what_is_only_asked_for_in_the_same_row_is_not_replaced_yet() -> None:
    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy.replace(strategy.buy(10, limit=90.0), 20)

    told = play(bars(QUIET, QUIET, QUIET), {0: ask})
    assert [(order[2], order[4]) for order in told.orders] == [("place", 10.0), ("refuse", 0.0)]


def test_an_order_that_is_taken_back_is_the_one_and_not_that_of_a_signal_before_it() -> None:
    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.1, limit=95.0)
        strategy._kept["second"] = strategy.buy(10, limit=90.0)

    def take_back(strategy: Any, bar: Any, book: Any) -> None:
        strategy.cancel(strategy._kept["second"])

    told = play(bars(QUIET, QUIET, (100, 100, 85, 90)), {0: ask, 1: take_back})
    assert told.fills == [(2, BAR, "A", 100.0, 95.0)]


def test_orders_wait_through_a_hole() -> None:
    told = play(bars(QUIET, HOLE, HOLE, (97, 98, 96, 97)), {0: asks(10, limit=98.0)})
    assert told.fills == [(3, OPEN, "A", 10.0, 97.0)]


def test_an_order_that_had_to_fill_at_an_open_says_what_that_was() -> None:
    said = said_by_engine(job_of(), bars(*[QUIET] * 3), scripted({0: asks(10, limit=95.0, time_in_force="ioc")}))
    (end,) = said.fills
    assert (end["tick"] // 6, end["price"], end["reference"]) == (1, 95.0, 100.0)


def test_a_limit_on_close_fills_at_the_next_close_if_that_is_as_good() -> None:
    rows = [QUIET, (100, 101, 94, 99), (99, 101, 95, 100)]
    told = play(bars(*rows), {0: asks(10, limit=99.0, at="close")})
    assert told.fills == [(1, CLOSE, "A", 10.0, 99.0)]
    told = play(bars(*rows), {0: asks(10, limit=98.5, at="close")})  # the low was better, and is not asked
    assert (told.fills, told.ends) == ([], [(1, "A", "was not filled at the close")])
    told = play(bars(*rows), {0: asks(-10, limit=98.0, at="close"), 1: asks(10, at="close", limit=100.0)})
    assert told.fills == [(1, CLOSE, "A", -10.0, 99.0), (2, CLOSE, "A", 10.0, 100.0)]
    sold = play(bars(*rows), {0: asks(-10, limit=98.0, at="close")}, slippage={"model": "bps", "bps": 200})
    assert sold.fills == [(1, CLOSE, "A", -10.0, 98.0)]  # never worse than its limit


def test_a_limit_on_close_of_a_signal_is_kept_back_for_at_its_limit() -> None:
    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(1.0, limit=100.0, at="close")

    job = job_of({"cash": 1000.0, "shorts": False})
    told = play(bars(QUIET, (100, 101, 94, 98), QUIET), {0: enter}, job)
    assert told.fills == [(1, CLOSE, "A", 10.0, 98.0)]
