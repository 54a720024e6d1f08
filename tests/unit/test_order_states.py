"""The life of an order: the table in full, and each of its transitions in a run where it can be brought about."""

from __future__ import annotations

from itertools import product

import numba
import numpy as np
import pytest

from backbus.trading.codes import ORDER_TYPES, OrderType
from backbus.trading.order_cells import TERMS
from backbus.trading.order_states import NEVER, NEXT_STATE, OrderEvent, OrderState
from backbus.trading.order_types import HAS, TABLE, Has, is_limit, trigger
from backbus.trading.records import Records
from tests.unit.order_market import BAR, OPEN, Bar, asks, bars, brackets, play

FOLLOWS = {
    ("LIVE", "PARENT_FILLED"): "LIVE",
    ("LIVE", "PARENT_FILLED_IN_BAR"): "LIVE",
    ("LIVE", "PARENT_MAY_HAVE_FILLED"): "LIVE",
    ("LIVE", "STOP_MET"): "TRIGGERED",
    ("LIVE", "STOP_MET_IN_BAR"): "JUST_TRIGGERED",
    ("LIVE", "BAR_OVER"): "LIVE",
    ("TRIGGERED", "BAR_OVER"): "TRIGGERED",
    ("JUST_TRIGGERED", "BAR_OVER"): "TRIGGERED",
    ("ASLEEP", "PARENT_FILLED"): "LIVE",
    ("ASLEEP", "PARENT_FILLED_IN_BAR"): "JUST_AWAKE",
    ("ASLEEP", "PARENT_MAY_HAVE_FILLED"): "PERHAPS_AWAKE",
    ("PERHAPS_AWAKE", "PARENT_FILLED"): "PERHAPS_AWAKE",
    ("PERHAPS_AWAKE", "PARENT_MAY_HAVE_FILLED"): "PERHAPS_AWAKE",
    ("PERHAPS_AWAKE", "STOP_MET"): "TRIGGERED",
    ("PERHAPS_AWAKE", "BAR_OVER"): "LIVE",
    ("JUST_AWAKE", "PARENT_FILLED"): "JUST_AWAKE",
    ("JUST_AWAKE", "PARENT_FILLED_IN_BAR"): "JUST_AWAKE",
    ("JUST_AWAKE", "STOP_MET"): "TRIGGERED",
    ("JUST_AWAKE", "BAR_OVER"): "LIVE",
    ("ASLEEP", "BAR_OVER"): "ASLEEP",
}
"""All others can never be."""
STOP_LIMIT = {"stop": 102.0, "limit": 101.0}
"""Its stop is above its limit: met, it fills only when the price has come back."""
FLAT = (100.0, 100.0, 100.0, 100.0)


@pytest.mark.parametrize(("state", "event"), list(product(OrderState._fields, OrderEvent._fields)))
def test_each_state_and_event_give_the_state_that_follows_or_cannot_be(state: str, event: str) -> None:
    follows = int(NEXT_STATE[getattr(OrderState, state), getattr(OrderEvent, event)])
    named = FOLLOWS.get((state, event))
    assert follows == (NEVER if named is None else getattr(OrderState, named))


def test_the_table_has_a_row_for_each_state_and_a_column_for_each_event() -> None:
    assert NEXT_STATE.shape == (len(OrderState), len(OrderEvent))
    assert list(OrderState) == list(range(len(OrderState))) and list(OrderEvent) == list(range(len(OrderEvent)))


def test_every_state_is_reached_and_nothing_sleeps_again() -> None:
    reached = {OrderState.LIVE, OrderState.ASLEEP}
    for _ in OrderState:
        reached |= {int(NEXT_STATE[state, event]) for state in reached for event in OrderEvent} - {NEVER}
    assert reached == set(OrderState)
    for state in set(OrderState) - {OrderState.ASLEEP}:
        assert OrderState.ASLEEP not in NEXT_STATE[state]


def test_every_type_has_a_row_and_one_of_them_waits_for_two_prices() -> None:
    assert list(TABLE) == list(OrderType) == list(range(len(OrderType)))
    assert {ORDER_TYPES[kind] for kind in OrderType if HAS[kind] & Has.STOP and HAS[kind] & Has.LIMIT} == {"stop_limit"}


@numba.njit
def met(terms: Records, event: int, price: float) -> tuple[bool, bool, bool]:
    """Whether an order to buy is a limit before, fills where its stop is met, and is a limit after; Python cannot call
    a step itself."""
    before = is_limit(terms[0])
    fills = trigger(terms[0], event, price, True)
    return before, fills, is_limit(terms[0])


@pytest.mark.parametrize("event", ["STOP_MET", "STOP_MET_IN_BAR"])
def test_a_stop_limit_is_a_limit_from_the_moment_that_its_stop_is_met(event: str) -> None:
    terms = np.zeros(1, dtype=TERMS)
    terms["type"], terms["limit"] = OrderType.STOP_LIMIT, 101.0
    assert met(terms, getattr(OrderEvent, event), 102.0) == (False, False, True)


# --- in a run ---------------------------------------------------------------------------------------------------------


def filled(*rows: Bar, path: str = "worst") -> list[tuple[int, str, str, float, float]]:
    return play(bars(FLAT, *rows), {0: asks(10, **STOP_LIMIT)}, path=path).fills


def test_live_stays_live_over_a_bar_that_does_not_meet_it() -> None:
    assert filled(FLAT, FLAT) == []


def test_live_is_triggered_at_the_open_and_stays_so_over_bars() -> None:
    met = (103.0, 103.5, 102.5, 103.0)
    assert filled(met, met, (102.0, 102.0, 100.5, 102.0)) == [(3, BAR, "A", 10.0, 101.0)]


def test_live_is_triggered_along_a_path_and_fills_on_the_way_back() -> None:
    swings = (100.0, 103.0, 99.0, 100.0)
    assert filled(swings, path="open-high-low-close") == [(1, BAR, "A", 10.0, 101.0)]
    assert filled(swings, path="open-low-high-close") == [(1, BAR, "A", 10.0, 101.0)]  # from the high to the close


def test_live_is_just_triggered_in_a_bar_of_no_path_and_fills_where_the_close_is_certain() -> None:
    assert filled((100.0, 103.0, 99.0, 100.5)) == [(1, BAR, "A", 10.0, 101.0)]


def test_just_triggered_is_triggered_once_its_bar_is_over() -> None:
    unsure = (100.0, 103.0, 99.0, 102.0)
    assert filled(unsure, FLAT) == [(2, OPEN, "A", 10.0, 100.0)]
    assert filled(unsure, (102.0, 102.5, 100.9, 102.0)) == [(2, BAR, "A", 10.0, 101.0)]


def test_asleep_stays_asleep_while_its_parent_waits_and_lives_once_it_fills() -> None:
    falls = (100.0, 100.0, 96.0, 97.0)  # below the exit's stop, while the entry's limit is not met
    told = play(bars(FLAT, (100.0, 100.0, 97.5, 100.0), FLAT), {0: brackets({"limit": 96.0}, stop_loss=95.0)})
    assert told.fills == []
    told = play(bars(FLAT, falls, (97.0, 97.0, 94.0, 95.0)), {0: brackets({"limit": 96.0}, stop_loss=95.0)})
    assert told.fills == [(1, BAR, "A", 10.0, 96.0), (2, BAR, "A", -10.0, 95.0)]


def test_an_exit_that_lives_stays_so_while_more_of_its_parent_fills() -> None:
    thin = (100.0, 100.0, 100.0, 100.0, 10.0)
    told = play(bars(FLAT, thin, thin, (100.0, 100.0, 94.0, 95.0)), {0: brackets(stop_loss=95.0)}, volume_cap=0.5)
    assert [fill for fill in told.fills if fill[3] > 0] == [(1, OPEN, "A", 5.0, 100.0), (2, OPEN, "A", 5.0, 100.0)]
    assert [fill for fill in told.fills if fill[3] < 0] == [(3, BAR, "A", -10.0, 95.0)]
