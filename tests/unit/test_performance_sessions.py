"""The account by sessions: drawdowns counted by hand, and no cut seen."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.performance.sessions import BenchmarkCurve, SessionCurve, drawdown_sessions


def curve(equity: list[float], *, cash: float = 100.0, rows_per_session: int = 1) -> SessionCurve:
    result = SessionCurve(cash)
    values = np.array(equity)
    result.add(np.arange(len(values)) // rows_per_session + 20_000, values, np.zeros(len(values)))
    return result


def drawdowns(result: SessionCurve) -> tuple[int, int]:
    worst, longest = drawdown_sessions(result.account)
    return int(worst[0]), int(longest[0])


def test_a_session_ends_with_its_last_row() -> None:
    result = curve([101.0, 102.0, 103.0, 104.0, 105.0], rows_per_session=2)
    assert result.equity.tolist() == [102.0, 104.0, 105.0]
    assert result.dates.tolist() == [20_000, 20_001, 20_002]
    assert (result.sessions, result.rows) == (3, 5)


def test_the_initial_cash_is_the_first_peak() -> None:
    result = curve([90.0, 95.0])
    assert result.account["worst"][0] == 90.0 / 100.0 - 1.0
    assert drawdowns(result) == (2, 2)


def test_the_deepest_and_the_longest_drawdown_may_be_two() -> None:
    #               1      2     3      4      5      6      7      8      9
    result = curve([110.0, 55.0, 110.0, 120.0, 119.0, 118.0, 119.0, 121.0, 121.0])
    assert result.account["worst"][0] == -0.5
    assert drawdowns(result) == (2, 4)  # peak 1 to recovery 3; peak 4 to recovery 8


def test_a_drawdown_that_never_recovers_lasts_to_the_end() -> None:
    result = curve([110.0, 100.0, 105.0, 104.0])
    assert drawdowns(result) == (3, 3)


def test_touching_the_peak_again_starts_the_count_again() -> None:
    result = curve([100.0, 100.0, 90.0, 100.0])
    assert drawdowns(result) == (2, 2)


def test_a_fall_within_one_session_is_seen_but_takes_no_session() -> None:
    result = curve([110.0, 88.0, 110.0, 111.0], rows_per_session=4)
    assert result.account["worst"][0] == 88.0 / 110.0 - 1.0
    assert drawdowns(result) == (0, 0)


def test_exposure_counts_rows_and_gross_is_a_multiple_of_equity() -> None:
    result = SessionCurve(100.0)
    result.add(np.arange(4), np.array([100.0, 50.0, -10.0, 100.0]), np.array([0.0, 100.0, 30.0, 50.0]))
    assert result.account["held_rows"][0] == 3
    assert result.account["gross_sum"][0] == 2.0 + 0.5  # equity below zero has no gross exposure


def test_more_sessions_than_the_first_buffer_holds() -> None:
    equity = np.arange(1.0, 5001.0)
    result = SessionCurve(1.0)
    result.add(np.arange(5000), equity, np.zeros(5000))
    assert result.equity.tolist() == equity.tolist()


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="3 sessions, 2 equities"):
        SessionCurve(1.0).add(np.arange(3), np.ones(2), np.ones(3))


def test_a_benchmark_keeps_its_price_through_holes() -> None:
    result = BenchmarkCurve(1)
    result.start(np.array([1.0, np.nan]))
    close = np.array([[9.0, np.nan], [9.0, 10.0], [9.0, 11.0], [9.0, np.nan], [9.0, np.nan], [9.0, 12.0]])
    session = np.array([0, 1, 1, 1, 2, 3])
    result.add(session[:3], close[:3], 2)
    result.add(session[3:], close[3:], 4)
    assert np.array_equal(result.closes, [np.nan, 11.0, 11.0, 12.0], equal_nan=True)


def test_a_benchmark_that_has_a_price_from_before_keeps_it_through_a_hole_at_the_begin() -> None:
    result = BenchmarkCurve(1)
    result.start(np.array([1.0, 8.0]))
    result.add(np.array([0, 1]), np.array([[9.0, np.nan], [9.0, 10.0]]), 2)
    assert result.closes.tolist() == [8.0, 10.0]
    assert result.returns().tolist() == [0.0, 0.25]


@given(
    equity=st.lists(st.floats(-10.0, 200.0), min_size=1, max_size=80),
    cuts=st.lists(st.integers(0, 80), max_size=6),
    rows_per_session=st.integers(1, 7),
)
def test_how_rows_are_cut_changes_nothing(equity: list[float], cuts: list[int], rows_per_session: int) -> None:
    values = np.array(equity)
    session = np.arange(len(values)) // rows_per_session
    gross = np.abs(np.sin(np.arange(len(values)))) * 50.0
    whole, parts = SessionCurve(100.0), SessionCurve(100.0)
    whole.add(session, values, gross)
    edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    for a, b in itertools.pairwise(edges):
        parts.add(session[a:b], values[a:b], gross[a:b])
    assert parts.equity.tobytes() == whole.equity.tobytes()
    assert parts.dates.tobytes() == whole.dates.tobytes()
    assert parts.account.tobytes() == whole.account.tobytes()
    assert drawdowns(parts) == drawdowns(whole)
    peaks = np.maximum.accumulate(np.concatenate(([100.0], values)))[1:]
    assert whole.account["worst"][0] == min(0.0, (values / peaks - 1.0).min())
