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
