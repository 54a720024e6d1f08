"""Orders that lessened a position when they were asked for, and would open one where another has closed it first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.order_market import asks, bars, flat, job_of, play
from tests.unit.universes import chosen

PRICES = [100.0, 100.0, 94.0, 94.0, 115.0, 115.0, 115.0]


def both(strategy: Any, bar: Any, book: Any) -> None:
    """Each of them would close the position."""
    strategy.order(-10, limit=110.0)
    strategy.order(-10, stop=95.0)


@pytest.mark.parametrize("leaving", ["close", "keep"])
@pytest.mark.parametrize("members", [[1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0]])
def test_nothing_is_opened_by_them_outside_of_the_universe(members: list[int], leaving: str) -> None:
    market = chosen(bars(*map(flat, PRICES)), [[one] for one in members], leaving)
    told = play(market, {0: asks(10), 1: both})
    assert [(row, quantity) for row, _, _, quantity, _ in told.fills] == [(1, 10.0), (2, -10.0)]
    left = [(row, reason) for row, _, kind, _, _, reason in told.orders if kind == "cancel"]
    assert left == [(members.index(0), "the asset left the universe")]


def test_nor_by_those_that_wait_while_the_account_closes_what_has_left() -> None:
    market = chosen(bars(*map(flat, [100.0, 100.0, 100.0, 115.0, 115.0])), [[1], [1], [0], [0], [0]])
    told = play(market, {0: asks(10), 1: asks(-10, limit=110.0)})
    assert [(row, quantity) for row, _, _, quantity, _ in told.fills] == [(1, 10.0), (3, -10.0)]


def test_nor_after_a_drawdown_stop() -> None:
    told = play(bars(*map(flat, PRICES)), {0: asks(10), 1: both}, job_of({"cash": 1e4, "limits": {"drawdown": 0.005}}))
    assert [(row, quantity) for row, _, _, quantity, _ in told.fills] == [(1, 10.0), (2, -10.0)]
    job = job_of({"cash": 1e4, "limits": {"drawdown": 0.005}})
    told = play(bars(*map(flat, [100.0, 100.0, 94.0, 115.0, 115.0])), {0: asks(10), 1: asks(-10, limit=110.0)}, job)
    assert [(row, quantity) for row, _, _, quantity, _ in told.fills] == [(1, 10.0), (3, -10.0)]


def test_elsewhere_they_are_what_was_asked_for() -> None:
    told = play(bars(*map(flat, PRICES)), {0: asks(10), 1: both}, job_of({"cash": 1e5}))
    assert [quantity for _, _, _, quantity, _ in told.fills] == [10.0, -10.0, -10.0]


def test_they_are_paid_for_like_others_once_they_would_open_something() -> None:
    told = play(bars(*map(flat, PRICES)), {0: asks(10), 1: both}, job_of({"cash": 1020.0}))
    assert [(row, quantity, price) for row, _, _, quantity, price in told.fills] == [
        (1, 10.0, 100.0),
        (2, -10.0, 94.0),
        (4, -8.0, 115.0),  # 960 pays for a short of 8 at 110, and not for 9
    ]
    (resized,) = [one for one in told.orders if one[2] == "resize"]
    assert (resized[0], resized[4], resized[5]) == (3, -8.0, "not enough buying power")


def test_they_are_limited_like_others_once_they_would_open_something() -> None:
    job = job_of({"cash": 1e4, "limits": {"gross": 0.1}})
    market = bars(*map(flat, [100.0, 100.0, 94.0, 105.0, 115.0, 115.0]))
    told = play(market, {0: asks(10), 1: both}, job)
    assert [quantity for _, _, _, quantity, _ in told.fills] == [10.0, -10.0, -9.0]  # 994 at 105
    (resized,) = [one for one in told.orders if one[2] == "resize"]
    assert (resized[0], resized[4], resized[5]) == (3, -9.0, "gross exposure limit")


def test_what_still_lessens_a_part_goes_on_with_that_part() -> None:
    """Of 10, 4 are sold: the order for 10 lessens by 6 and would open 4, of which nothing can be paid."""

    def parts(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(-10, limit=110.0)
        strategy.order(-4, stop=95.0)

    job = job_of({"cash": 1000.0, "limits": {"positions": 1}})
    told = play(bars(*map(flat, [100.0, 100.0, 94.0, 94.0, 300.0, 300.0])), {0: asks(10), 1: parts}, job)
    assert [quantity for _, _, _, quantity, _ in told.fills][:2] == [10.0, -4.0]
    assert told.fills[2][3] <= -6.0


def test_one_for_the_close_is_looked_at_there() -> None:
    def at_close(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(-10, at="close", limit=90.0)
        strategy.order(-10, stop=95.0)

    told = play(bars(*map(flat, [100.0, 100.0, 94.0, 94.0])), {0: asks(10), 1: at_close}, job_of({"cash": 1020.0}))
    opened = [(row, quantity) for row, _, _, quantity, _ in told.fills][2:]
    assert opened == [(2, -10.0)]
