"""Trailing stops that sleep until a profit, and such that trail by less from there on: at which price they are met,
what the strategy hears of it, and what becomes of them by splits, moves and caps."""

from __future__ import annotations

from typing import Any

import pytest

from backbus import JobError, StrategyError
from backbus.job.job import Job
from tests.unit.order_market import BAR, NAN, OPEN, QUIET, asks, bars, brackets, flat, job_of, play, small

SLEEPS = {"trailing_loss": 3.0, "trailing_from": 106.0}
CLOSER = {**SLEEPS, "trailing_then": 1.0}
FALLS = (100.0, 100.0, 90.0, 95.0)
UP = (103.0, 105.0, 103.0, 105.0)
REACHES = (107.5, 108.0, 107.5, 108.0)


def exit_of(told: Any) -> tuple[Any, ...]:
    return told.fills[1] if len(told.fills) > 1 else ()


def test_it_sleeps_until_its_profit_however_far_the_price_falls() -> None:
    told = play(bars(QUIET, QUIET, UP, FALLS, QUIET), {0: asks(10, **SLEEPS)})
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0)]
    assert told.ends == [(4, "A", "still working when the run ended")]


@pytest.mark.parametrize(
    ("path", "price"), [("open-low-high-close", 105.0), ("open-high-low-close", 105.0), ("worst", 105.0)]
)
def test_from_there_on_it_trails(path: str, price: float) -> None:
    told = play(bars(QUIET, QUIET, UP, REACHES, (107, 107, 104, 104)), {0: asks(10, **SLEEPS)}, path=path)
    assert exit_of(told) == (4, BAR, "A", -10.0, price)  # 3 behind 108
    assert told.rules[1] == "trailing stop: the price came to its stop"


def test_one_that_trails_by_less_then_trails_from_the_entry_on() -> None:
    told = play(bars(QUIET, QUIET, UP, FALLS), {0: asks(10, **CLOSER)})
    assert exit_of(told) == (3, OPEN, "A", -10.0, 100.0)  # 3 behind 105 is 102
    told = play(bars(QUIET, QUIET, UP, REACHES, (107.5, 107.5, 104, 104)), {0: asks(10, **CLOSER)})
    assert exit_of(told) == (4, BAR, "A", -10.0, 107.0)  # 1 behind 108


def test_shorts_are_the_other_way_round() -> None:
    rows = [QUIET, QUIET, (100, 110, 95, 95), (95, 95, 92, 93), (93, 96, 93, 96)]
    told = play(bars(*rows), {0: asks(-10, trailing_loss=3.0, trailing_from=94.0)}, path="open-high-low-close")
    assert exit_of(told) == (4, BAR, "A", 10.0, 95.0)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("open-high-low-close", (2, BAR, "A", -10.0, 105.0)),  # 3 behind 108
        ("open-low-high-close", (2, BAR, "A", -10.0, 105.0)),  # on the way from 108 to the close
        ("worst", (2, BAR, "A", -10.0, 103.0)),  # it began at 106, and was met at once
    ],
)
def test_begun_and_met_within_one_bar(path: str, found: tuple[Any, ...]) -> None:
    assert exit_of(play(bars(QUIET, QUIET, (100, 108, 90, 101)), {0: asks(10, **SLEEPS)}, path=path)) == found


def test_where_it_stands_the_worst_path_never_puts_it_further_away_than_it_begins() -> None:
    told = play(bars(QUIET, QUIET, (100, 108, 50, 60)), {0: asks(10, **SLEEPS)})
    assert exit_of(told) == (2, BAR, "A", -10.0, 103.0)


def test_a_target_before_the_price_at_which_it_begins_comes_first() -> None:
    told = play(bars(QUIET, QUIET, (100, 108, 90, 101)), {0: asks(10, take_profit=104.0, **SLEEPS)})
    assert exit_of(told) == (2, BAR, "A", -10.0, 104.0)


IN_ONE_BAR = (100.0, 108.0, 97.0, 99.0)
"""An entry at 98 may have come before 108 or after it."""


def test_where_nobody_knows_whether_it_has_begun_the_worst_path_takes_what_was_worse() -> None:
    entry = {0: asks(10, limit=98.0, **SLEEPS)}
    told = play(bars(QUIET, IN_ONE_BAR, (99, 100, 60, 61), flat(61.0)), entry)
    assert told.fills == [(1, BAR, "A", 10.0, 98.0)]  # asleep, and lost
    told = play(bars(QUIET, IN_ONE_BAR, (99, 120, 99, 120), flat(120.0)), entry)
    assert exit_of(told) == (2, BAR, "A", -10.0, 103.0)  # met in the first bar, had it begun
    told = play(bars(QUIET, IN_ONE_BAR, (99, 105, 99, 105), flat(105.0)), entry)
    assert exit_of(told) == (3, BAR, "A", -10.0, 103.0)  # the same, at the end of the run
    told = play(bars(QUIET, IN_ONE_BAR, flat(110.0), flat(120.0)), entry)
    assert exit_of(told) == (2, BAR, "A", -10.0, 103.0)  # an open that begins it does not undo that
    told = play(bars(QUIET, IN_ONE_BAR, (99, 100, 99, 100), flat(102.0)), entry)
    assert exit_of(told) == ()


def test_a_fraction_is_of_the_price_that_was_paid() -> None:
    terms = {"trailing_loss_fraction": 0.02, "trailing_from_fraction": 0.05}
    rows = [QUIET, flat(100.0), (100, 104.9, 80, 90), (104, 105, 104, 105), (105, 105, 90, 91)]
    assert exit_of(play(bars(*rows), {0: asks(10, **terms)})) == (4, BAR, "A", -10.0, pytest.approx(102.9))
    short = [QUIET, flat(100.0), (100, 120, 95.1, 100), (96, 96, 95, 95), (95, 99, 95, 99)]
    assert exit_of(play(bars(*short), {0: asks(-10, **terms)})) == (4, BAR, "A", 10.0, pytest.approx(96.9))


@pytest.mark.parametrize("more", [{}, {"trail_then": 0.01}])
def test_a_job_has_them_for_every_entry(more: dict[str, float]) -> None:
    rows = [QUIET, flat(100.0), (100, 102, 95, 102), (105, 105, 104.5, 105), (105, 105, 90, 91)]
    told = play(bars(*rows), [(0, 0, 1.0)], small(exits={"trail": 0.1, "trail_from": 0.05, **more}))
    assert exit_of(told) == (4, BAR, "A", -10.0, pytest.approx(105 * (0.99 if more else 0.9)))


def test_a_signal_that_brings_a_trailing_loss_has_its_own_beginning() -> None:
    def goes(strategy: Any, bar: Any, book: Any) -> None:
        strategy.go_long(trailing_loss=5.0)

    rows = [QUIET, flat(100.0), (100, 102, 96, 96), (96, 96, 90, 91)]
    told = play(
        bars(*rows), {0: goes}, small({"path": "open-high-low-close"}, exits={"trail": 0.1, "trail_from": 0.05})
    )
    assert exit_of(told) == (2, BAR, "A", -10.0, 97.0)


def test_holding_rules_take_them_too() -> None:
    from backbus.strategy import Strategy

    class Holds(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.hold_long(bars.close > 0, trailing_loss_fraction=0.1, trailing_from_fraction=0.05,
                                  trailing_then_fraction=0.01)  # fmt: skip

    rows = [QUIET, flat(100.0), flat(105.0), (105, 105, 90, 91), flat(91.0)]
    assert exit_of(play(bars(*rows), Holds(), small())) == (3, BAR, "A", -10.0, pytest.approx(105 * 0.99))


def test_by_closes_it_begins_where_a_close_has_reached_it() -> None:
    rows = [QUIET, QUIET, (100, 120, 100, 105.5), FALLS, (100, 107, 100, 107), (107, 107, 100, 101)]
    told = play(bars(*rows), {0: asks(10, **SLEEPS)}, trail_by="close")
    assert exit_of(told) == (5, BAR, "A", -10.0, 104.0)


@pytest.mark.parametrize("path", ["worst", "open-low-high-close", "open-high-low-close", "nearest-first"])
def test_an_open_beyond_begins_it_and_an_open_back_meets_it(path: str) -> None:
    told = play(bars(QUIET, QUIET, flat(110.0), flat(106.0)), {0: asks(10, **SLEEPS)}, path=path)
    assert exit_of(told) == (3, OPEN, "A", -10.0, 106.0)
    assert told.rules[1] == "trailing stop: the open was at its stop or beyond"


def test_an_entry_may_wait_for_a_price_before_it_trails() -> None:
    rows = [QUIET, (100, 102, 98, 102), (102, 102, 94, 94), (94, 98, 94, 98)]
    told = play(bars(*rows), {0: asks(10, trail=2.0, trail_from=95.0)}, path="open-high-low-close")
    assert told.fills == [(3, BAR, "A", 10.0, 96.0)]
    told = play(bars(*rows), {0: asks(10, trail=9.0, trail_from=95.0, trail_then=2.0)}, path="open-high-low-close")
    assert told.fills == [(3, BAR, "A", 10.0, 96.0)]
    told = play(bars(*rows), {0: asks(10, trail=3.0, trail_from=90.0, trail_then=2.0)}, path="open-high-low-close")
    assert told.fills == [(1, BAR, "A", 10.0, 101.0)]


def test_one_that_is_there_already_trails_at_once() -> None:
    told = play(bars(QUIET, flat(100.0), (100, 103, 100, 103)), {0: asks(10, trail=2.0, trail_from=101.0)})
    assert told.fills == [(2, BAR, "A", 10.0, 102.0)]


def seen(entry: Any, *rows: Any, at: int, **more: Any) -> Any:
    found: list[Any] = []

    def look(strategy: Any, bar: Any, book: Any) -> None:
        found.append({order.role: dict(order.terms) for order in book.orders})

    play(bars(*rows, **more), {0: entry, at: look})
    return found[0]


def test_the_strategy_sees_where_it_begins_and_that_it_has() -> None:
    terms = {"trailing_loss_fraction": 0.03, "trailing_from_fraction": 0.05, "trailing_then_fraction": 0.01}
    entry = brackets(**terms)
    before = {"trail_fraction": 0.03, "trail_from_fraction": 0.05, "trail_then_fraction": 0.01}
    rows = [QUIET, flat(100.0), flat(104.0), (104, 105, 104.5, 105), flat(105.0)]
    assert seen(brackets({"limit": 90.0}, **terms), *rows, at=1)["trailing_loss"] == before
    assert seen(entry, *rows, at=2)["trailing_loss"] == {**before, "trail_from": pytest.approx(105.0)}
    assert seen(entry, *rows, at=3)["trailing_loss"] == {"trail_fraction": 0.01}
    assert seen(brackets(**SLEEPS), *rows, at=2)["trailing_loss"] == {"trail": 3.0, "trail_from": 106.0}


def test_one_that_was_moved_keeps_where_it_begins_and_that_it_has() -> None:
    def move(strategy: Any, bar: Any, book: Any) -> None:
        (order,) = [order for order in book.orders if order.role == "trailing_loss"]
        strategy.replace(order, trail=2.0)

    rows = [QUIET, QUIET, UP, (105, 106, 103.5, 104), (104, 104, 101.5, 103)]
    assert exit_of(play(bars(*rows), {0: asks(10, **SLEEPS), 1: move})) == (3, BAR, "A", -10.0, 104.0)
    rows = [QUIET, QUIET, UP, REACHES, (107.5, 107.5, 105.5, 106)]
    told = play(bars(*rows), {0: asks(10, **SLEEPS), 3: move})  # it has begun: it trails behind the close of 108
    assert exit_of(told) == (4, BAR, "A", -10.0, 106.0)


def test_where_it_begins_is_moved_by_a_price() -> None:
    def move(strategy: Any, bar: Any, book: Any) -> None:
        (order,) = [order for order in book.orders if order.role == "trailing_loss"]
        with pytest.raises(StrategyError, match="move this exit by trail_from, a price"):
            strategy.replace(order, trail_from_fraction=0.01)
        strategy.replace(order, trail_from=104.0)

    rows = [QUIET, flat(100.0), flat(100.0), UP, (105, 105, 101, 102)]
    terms = {"trailing_loss_fraction": 0.03, "trailing_from_fraction": 0.5}
    told = play(bars(*rows), {0: asks(10, **terms), 1: move}, path="open-high-low-close")
    assert exit_of(told) == (4, BAR, "A", -10.0, pytest.approx(105 * 0.97))


@pytest.mark.parametrize("terms", [SLEEPS, CLOSER, {"trailing_loss": 3.0, "trailing_from_fraction": 0.06}])
def test_a_split_divides_all_of_it(terms: dict[str, float]) -> None:
    rows = [QUIET, flat(100.0), flat(102.0), flat(51.0), flat(54.0), (54, 54, 51, 51)]
    told = play(bars(*rows, split={3: 2.0}, dividend={0: NAN}), {0: asks(10, **terms)}, path="open-high-low-close")
    assert exit_of(told) == (5, BAR, "A", -20.0, 53.5 if "trailing_then" in terms else 52.5)
    found = seen(asks(10, **terms), *rows, at=3, split={3: 2.0}, dividend={0: NAN})["trailing_loss"]
    assert found["trail"] == 1.5
    assert found["trail_from"] == 53.0


def test_a_cap_holds_back_what_was_met_and_it_goes_on_at_the_opens() -> None:
    thin = (107.0, 107.0, 104.0, 104.0, 40.0)
    told = play(bars(QUIET, QUIET, UP, REACHES, thin, flat(90.0)), {0: asks(10, **SLEEPS)}, volume_cap=0.1)
    assert told.fills[1:] == [(4, BAR, "A", -4.0, 105.0), (5, OPEN, "A", -6.0, 90.0)]


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"trailing_from": 105.0}, "trailing_from is of a trailing stop: give trailing_loss"),
        ({"trail_from": 95.0}, "trail_from is of a trailing stop: give trail or trail_fraction"),
        ({"trailing_loss": 3.0, "trailing_then": 1.0}, "trailing_then needs trailing_from"),
        ({**SLEEPS, "trailing_then_fraction": 0.01}, "give trailing_then$"),
        ({"trail_fraction": 0.1, "trail_from": 95.0, "trail_then": 1.0}, "give trail_then_fraction$"),
        ({**SLEEPS, "trailing_then": 3.0}, "must be closer than trailing_loss 3.0; for a stop that sleeps"),
        ({**SLEEPS, "trailing_from_fraction": 0.1}, "give trailing_from or trailing_from_fraction, not both"),
        ({"trailing_loss": 3.0, "trailing_from": 99.0}, "trailing_from 99.0 is on the wrong side"),
        ({"trail": 3.0, "trail_from_fraction": 0.1}, "an order has no 'trail_from_fraction'"),
    ],
)
def test_what_cannot_be_is_refused(terms: dict[str, float], message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        play(bars(QUIET, QUIET), {0: asks(10, **terms)})


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        ({"trail_from": 0.05}, "trail_from is of a trailing stop, and there is none: set trail"),
        ({"trail": 0.05, "trail_then": 0.01}, "trail_then needs trail_from"),
        ({"trail": 0.05, "trail_from": 0.03, "trail_then": 0.05}, "must be closer than trail"),
    ],
)
def test_so_is_a_job_that_asks_for_it(exits: dict[str, float], message: str) -> None:
    with pytest.raises(JobError, match=message):
        Job.parse({"strategy": {"use": "SmaCross"}, "portfolio": {"exits": exits}})


def test_what_an_entry_may_cost_is_kept_back_as_far_as_it_may_stand() -> None:
    job = job_of({"cash": 1000.0, "shorts": False})
    told = play(bars(QUIET, QUIET, QUIET), {0: asks(11, trail=2.0, trail_from=95.0)}, job)
    assert told.orders[0][4:] == (10.0, "not enough buying power")  # the last price is more than 97
    told = play(bars(QUIET, QUIET, QUIET), {0: asks(10, trail=20.0, trail_from=95.0, trail_then=2.0)}, job)
    assert told.orders[0][4:] == (8.0, "not enough buying power")  # 120


TABLE = [QUIET, (5000, 5050, 4950, 5000), (5000, 5100, 4950, 5100)]
"""How the cases of freqtrade's table of backtests begin that have an offset: bought at the open of the second row."""
REACHES_5 = (5100, 5251, 5100, 5100)


@pytest.mark.parametrize(
    ("rows", "exits", "path", "profit", "theirs"),
    [
        # 10 % are not reached: the stop loss
        ([REACHES_5, (4850, 5050, 4650, 4750), (4750, 4950, 4350, 4750)], {"trail_from": 0.1}, None, -0.1, -0.1),
        # 5 % are reached by 5251; the next row opens below the stop: there at the stop all the same, here at the open
        ([REACHES_5, (5000, 5150, 4650, 4750)], {"trail_from": 0.05}, None, 0.0, 0.019),
        # and in the same row
        ([(5100, 5251, 4650, 5100)], {"trail_from": 0.05}, "open-high-low-close", 5251 * 0.97 / 5000 - 1, 0.019),
        ([(5100, 5251, 4650, 5100)], {"trail_from": 0.05}, "worst", 5250 * 0.97 / 5000 - 1, 0.019),
        # where a target of 4 % stands before, it comes first
        ([(5100, 5251, 4650, 5100)], {"trail_from": 0.05, "take_profit": 0.04}, "worst", 0.04, 0.04),
    ],
)
def test_published_cases_of_an_offset(rows: Any, exits: Any, path: str | None, profit: float, theirs: float) -> None:
    job = small({"path": path} if path else {}, cash=1e6, exits={"stop_loss": 0.1, "trail": 0.03, **exits})
    told = play(bars(*TABLE, *rows), [(1, 0, 1.0)], job)
    assert told.fills[0] == (2, OPEN, "A", 10.0, 5000.0)
    assert told.fills[1][4] / 5000.0 - 1.0 == pytest.approx(profit)
    assert profit == pytest.approx(theirs, abs=0.02)
