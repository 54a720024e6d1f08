"""Exits of a bracket as the strategy sees them: which order they belong to and by which of its terms, and how one is
moved without leaving its bracket."""

from __future__ import annotations

from typing import Any

import pytest

from backbus import StrategyError
from tests.unit.order_market import BAR, OPEN, QUIET, asks, bars, brackets, flat, job_of, play


def exits_of(book: Any) -> dict[str, Any]:
    return {order.role: order for order in book.orders if order.parent is not None}


def seen_at(row: int, entry: Any, *rows: Any, **execution: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []

    def look(strategy: Any, bar: Any, book: Any) -> None:
        for order in book.orders:
            found.append((order.role, order.parent is None, order.quantity, dict(order.terms)))

    play(bars(*rows), {0: entry, row: look}, **execution)
    return found[: len(found) // 7]  # the harness plays it seven times


def test_exits_tell_their_entry_their_role_and_their_price() -> None:
    entry = brackets({"limit": 90.0}, take_profit=120.0, stop_loss=80.0, trailing_loss=5.0)
    told = seen_at(1, entry, QUIET, QUIET, QUIET)
    assert told[0][:3] == ("entry", True, 10.0)
    assert told[1:] == [
        ("take_profit", False, -10.0, {"limit": 120.0}),
        ("stop_loss", False, -10.0, {"stop": 80.0}),
        ("trailing_loss", False, -10.0, {"trail": 5.0}),
    ]


def test_those_in_fractions_have_a_price_once_their_entry_has() -> None:
    entry = brackets({"limit": 99.0}, take_profit_fraction=0.1, stop_loss_fraction=0.05)
    assert [terms for *_, terms in seen_at(1, entry, QUIET, flat(100.0), QUIET)[1:]] == [
        {"take_profit_fraction": 0.1},
        {"stop_loss_fraction": 0.05},
    ]
    assert [terms for *_, terms in seen_at(2, entry, flat(100.0), flat(100.0), QUIET, QUIET)] == [
        {"limit": pytest.approx(108.9), "take_profit_fraction": 0.1},
        {"stop": pytest.approx(94.05), "stop_loss_fraction": 0.05},
    ]


def test_a_stop_that_is_moved_stays_in_its_bracket() -> None:
    def move(strategy: Any, bar: Any, book: Any) -> None:
        moved = strategy.replace(exits_of(book)["stop_loss"], stop=98.0)
        assert (moved.role, moved.quantity) == ("stop_loss", -10.0)

    entry = brackets(take_profit=120.0, stop_loss=80.0)
    told = play(bars(QUIET, QUIET, QUIET, (100, 100, 97, 99), QUIET), {0: entry, 1: move})
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (3, BAR, "A", -10.0, 98.0)]
    assert told.ends == [(3, "A", "the other order of its group filled")]  # its take profit
    told = play(bars(QUIET, QUIET, QUIET, (119, 121, 119, 120), QUIET), {0: entry, 1: move})
    assert told.fills[1:] == [(3, BAR, "A", -10.0, 120.0)]
    assert told.ends == [(3, "A", "the other order of its group filled")]  # the moved stop


def test_one_whose_entry_waits_is_moved_asleep() -> None:
    def move(strategy: Any, bar: Any, book: Any) -> None:
        strategy.replace(exits_of(book)["stop_loss"], stop=93.0)

    entry = brackets({"limit": 95.0}, stop_loss=80.0)
    dips = (100, 100, 94, 96)
    told = play(bars(QUIET, QUIET, QUIET, dips, (96, 96, 92, 95)), {0: entry, 1: move}, job_of({"shorts": False}))
    assert told.fills == [(3, BAR, "A", 10.0, 95.0), (4, BAR, "A", -10.0, 93.0)]


def test_in_parts_it_grows_with_its_entry() -> None:
    def move(strategy: Any, bar: Any, book: Any) -> None:
        stop = exits_of(book)["stop_loss"]
        assert stop.quantity == -4.0
        strategy.replace(stop, stop=97.0)

    thin = (100, 101, 99, 100, 40.0)
    told = play(bars(QUIET, thin, thin, thin, (98, 98, 96, 97)), {0: asks(10, stop_loss=80.0), 1: move}, volume_cap=0.1)
    assert [fill[3] for fill in told.fills] == [4.0, 4.0, 2.0, -10.0]
    assert told.fills[-1] == (4, BAR, "A", -10.0, 97.0)


def test_a_trailing_stop_is_given_another_distance() -> None:
    def tighten(strategy: Any, bar: Any, book: Any) -> None:
        strategy.replace(exits_of(book)["trailing_loss"], trail=2.0)

    rows = [QUIET, flat(100.0), flat(110.0), (110, 110, 107, 109)]
    told = play(bars(*rows), {0: asks(10, trailing_loss=20.0), 2: tighten})
    assert told.fills[1:] == [(3, BAR, "A", -10.0, 108.0)]


def test_an_exit_of_a_signal_is_moved_for_the_whole_position() -> None:
    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.1, stop_loss=80.0)

    def move(strategy: Any, bar: Any, book: Any) -> None:
        strategy.replace(exits_of(book)["stop_loss"], stop=98.0)

    told = play(bars(QUIET, QUIET, QUIET, (100, 100, 97, 99)), {0: enter, 1: move})
    assert told.fills[1:] == [(3, BAR, "A", -100.0, 98.0)]


@pytest.mark.parametrize(
    ("role", "terms", "message"),
    [
        ("stop_loss", {"limit": 90.0}, "a stop_loss has no limit: it is moved by its stop"),
        ("take_profit", {"stop": 90.0}, "a take_profit has no stop: it is moved by its limit"),
        ("take_profit", {}, "this take_profit has no price before its entry fills"),
    ],
)
def test_what_is_no_term_of_an_exit_is_refused(role: str, terms: dict[str, float], message: str) -> None:
    def move(strategy: Any, bar: Any, book: Any) -> None:
        strategy.replace(exits_of(book)[role], **terms)

    entry = brackets({"limit": 50.0}, take_profit_fraction=0.1, stop_loss=40.0)
    with pytest.raises(StrategyError, match=message):
        play(bars(QUIET, QUIET, QUIET), {0: entry, 1: move})


@pytest.mark.parametrize("terms", [{"stop_loss_fraction": 0.05}, {"take_profit_fraction": 0.05}])
def test_one_in_fractions_is_moved_the_same_wherever_it_runs(terms: dict[str, float]) -> None:
    def move(strategy: Any, bar: Any, book: Any) -> None:
        (order,) = exits_of(book).values()
        strategy.replace(order, **({"stop": 97.0} if order.role == "stop_loss" else {"limit": 103.0}))

    told = play(bars(QUIET, flat(100.0), flat(100.0), (100, 104, 96, 97)), {0: asks(10, **terms), 1: move})
    assert told.fills[1:] == [(3, BAR, "A", -10.0, 97.0 if "stop_loss_fraction" in terms else 103.0)]


def entered(job: Any, entry: dict[str, Any], moved: dict[str, Any], *rows: Any) -> Any:
    """A signal's limit order, whose price is moved in the row after."""

    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.go_long(limit=80.0, **entry)

    def move(strategy: Any, bar: Any, book: Any) -> None:
        strategy.replace(next(order for order in book.orders if order.role == "entry"), **moved)

    return play(bars(QUIET, QUIET, QUIET, *rows), {0: enter, 1: move}, job)


FALLS = ((90, 90, 90, 90), (90, 90, 70, 75))


@pytest.mark.parametrize(
    ("exits", "entry", "fill"),
    [
        ({"stop_loss": 0.05}, {}, 85.5),
        ({}, {"stop_loss_fraction": 0.05}, 85.5),
        ({}, {"stop_loss": 77.0}, 77.0),
        ({"stop_loss": 0.2}, {"stop_loss": 77.0}, 77.0),
        ({"trail": 0.1}, {}, 81.0),
        ({}, {"trailing_loss": 6.0}, 84.0),
        ({"trail": 0.1, "trail_from": 0.5}, {}, None),
    ],
)
def test_what_takes_the_place_of_a_signal_s_entry_has_its_exits(
    exits: dict[str, float], entry: dict[str, float], fill: float | None
) -> None:
    told = entered(job_of({"exits": exits}), entry, {"limit": 95.0}, *FALLS)
    assert told.fills[0][:2] == (3, OPEN) and told.fills[0][4] == 90.0
    left = [(one[0], one[1], one[4]) for one in told.fills[1:]]
    assert left == ([] if fill is None else [(4, BAR, pytest.approx(fill))])


def test_an_exit_of_a_replaced_entry_is_changed_or_removed_by_its_name() -> None:
    job = job_of({"exits": {"stop_loss": 0.05, "take_profit": 0.01}})
    rise = ((90, 90, 90, 90), (90, 92, 70, 75))
    told = entered(job, {}, {"limit": 95.0, "stop_loss": 84.0, "take_profit_fraction": None}, *rise)
    assert [(fill[0], fill[4]) for fill in told.fills] == [(3, 90.0), (4, 84.0)]
