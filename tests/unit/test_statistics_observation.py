"""What is kept of a point equals what plain numpy says, and merges to the same bytes however points are cut."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from backbus.jit.decorators import JIT_DISABLED, LOOPS
from backbus.jit.lanes import LANES
from backbus.jit.python import plain
from backbus.jit.settings import OPTIONS, UNCOUNTED
from backbus.market.panel import Floats
from backbus.performance.lanes import blank_sums, see_lanes
from backbus.sweep.statistics import Observer, Plan, ResampleSettings, make_plan, merge, no_maxima
from backbus.sweep.statistics.observation import CONSISTENT, LOWER, UPPER, WHITE
from tests.unit.statistics_sweep import observed, some_returns, some_verdict, verdict_as_json
from tests.unit.test_statistics_resamples import drawn

if TYPE_CHECKING:
    from tests.plain_python import PlainPython


def plain_maxima(plan: Plan, returns: Floats) -> Floats:
    """White's and Hansen's maxima as the papers write them, by drawing each resample."""
    sessions = np.array([drawn(plan, resample) for resample in range(plan.resamples)])
    known = returns[np.isfinite(returns).all(axis=1)]
    maxima = np.full((4, plan.resamples + 1), -np.inf)
    root = np.sqrt(plan.sessions)
    for series in known:
        active = series - plan.benchmark
        mean = active.mean()
        means = active[sessions].mean(axis=1)
        maxima[WHITE] = np.maximum(maxima[WHITE], root * np.append(means - mean, mean))
        if np.ptp(active) < 1e-15:
            continue
        omega = np.sqrt(np.mean(plan.sessions * (means - mean) ** 2))
        poor = root * mean / omega < -np.sqrt(2 * np.log(np.log(plan.sessions)))
        for row, centre in ((LOWER, max(mean, 0.0)), (CONSISTENT, 0.0 if poor else mean), (UPPER, mean)):
            maxima[row] = np.maximum(maxima[row], root * np.append(means - centre, mean) / active.std())
    return maxima


@pytest.mark.parametrize("sessions", (16, 43, 250))
def test_maxima_are_those_of_resamples_drawn_one_by_one(sessions: int) -> None:
    returns = some_returns(9, sessions)
    benchmark = np.random.default_rng(1).normal(0.0005, 0.01, sessions)
    for plan in (
        make_plan(sessions, 5, ResampleSettings(resamples=40)),
        make_plan(sessions, 5, ResampleSettings(resamples=40, rate=0.0003)),
        make_plan(sessions, 5, ResampleSettings(resamples=40), benchmark),
    ):
        _, maxima = observed(plan, returns)
        np.testing.assert_allclose(maxima, plain_maxima(plan, returns), rtol=1e-9, atol=1e-12)


def test_consistent_maxima_leave_out_only_the_poor() -> None:
    returns = some_returns(12, 250)
    plan = make_plan(250, 5, ResampleSettings(resamples=60))
    _, maxima = observed(plan, returns)
    assert (maxima[LOWER] <= maxima[CONSISTENT]).all()
    assert (maxima[CONSISTENT] <= maxima[UPPER]).all()
    _, alone = observed(plan, returns[8:9])  # the poor point: it shapes only the upper null
    assert (alone[CONSISTENT, :-1] < alone[UPPER, :-1]).all()


def test_rows_hold_the_moments_that_numpy_finds() -> None:
    returns = some_returns(9, 250)
    plan = make_plan(250, 5, ResampleSettings(resamples=2, rate=0.0002))
    rows, _ = observed(plan, returns)
    excess = returns[:-1] - 0.0002
    varied = slice(0, 6)
    deviations = excess - excess.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(rows["mean"][:-1], excess.mean(axis=1), rtol=1e-10)
    np.testing.assert_allclose(rows["deviation"][varied], excess[varied].std(axis=1, ddof=1), rtol=1e-12)
    variance = deviations.var(axis=1)
    skewness = (deviations**3).mean(axis=1)[varied] / variance[varied] ** 1.5
    np.testing.assert_allclose(rows["skewness"][varied], skewness, rtol=1e-9)
    kurtosis = (deviations**4).mean(axis=1)[varied] / variance[varied] ** 2
    np.testing.assert_allclose(rows["kurtosis"][varied], kurtosis, rtol=1e-9)
    blocks = [excess[:, first:last] for first, last in zip(plan.bounds[:-1], plan.bounds[1:], strict=True)]
    sums = np.stack([block.sum(axis=1) for block in blocks], axis=1)
    np.testing.assert_allclose(rows["sums"][:-1], sums, rtol=1e-9, atol=1e-15)
    squares = np.stack([(block**2).sum(axis=1) for block in blocks], axis=1)
    np.testing.assert_allclose(rows["squares"][:-1], squares, rtol=1e-9)
    assert rows["sessions"].tolist() == [250] * 8 + [0]
    assert (rows["deviation"][6:] == 0.0).all()


@given(st.lists(st.integers(0, 9), max_size=4), st.permutations(range(5)))
@settings(max_examples=40, deadline=None)
def test_any_cut_into_chunks_merged_in_any_order_gives_the_same_bytes(cuts: list[int], order: list[int]) -> None:
    returns = some_returns(9)
    plan = make_plan(returns.shape[1], 5, ResampleSettings(resamples=7))
    rows, maxima = observed(plan, returns)
    edges = [0, *sorted(cuts), 9]
    chunks = [slice(first, last) for first, last in itertools.pairwise(edges)]
    parts = [observed(plan, returns, [chunk]) for chunk in chunks]
    assert np.concatenate([part for part, _ in parts]).tobytes() == rows.tobytes()
    merged = no_maxima(plan)
    for index in order:
        if index < len(parts):
            merged = merge(parts[index][1], merged)
    assert merged.tobytes() == maxima.tobytes()


def test_zeros_of_either_sign_merge_to_the_same_bytes() -> None:
    plan = make_plan(20, 5, ResampleSettings(resamples=5))
    still, negative = np.zeros((1, 20)), np.full((1, 20), -0.0)
    assert observed(plan, still)[1].tobytes() == observed(plan, negative)[1].tobytes()


@pytest.mark.parametrize("bad", (np.nan, np.inf, -np.inf, 1e308))
def test_a_point_that_is_not_finite_leaves_no_trace(bad: float) -> None:
    plan = make_plan(20, 5, ResampleSettings(resamples=5))
    observer = Observer(plan, 1)
    returns = np.full(20, 0.01)
    returns[7:9] = bad
    assert not observer.observe(0, returns)
    assert observer.rows["sessions"][0] == 0
    assert observer.maxima.tobytes() == no_maxima(plan).tobytes()


def test_rounding_around_the_benchmark_is_no_performance() -> None:
    """A point that is the benchmark, but for the last bits, must not pass for one with a steady advantage."""
    benchmark = np.random.default_rng(1).normal(0.0, 0.01, 100)
    plan = make_plan(100, 5, ResampleSettings(resamples=50), benchmark)
    _, maxima = observed(plan, (benchmark + 1e-17)[None])
    assert np.isneginf(maxima[LOWER:]).all()


def test_returns_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="19 returns for a plan of 20 sessions"):
        Observer(make_plan(20), 1).observe(0, np.zeros(19))


def test_plain_python_gives_the_same_verdict(plain_python: PlainPython) -> None:
    assert plain_python("tests.unit.statistics_sweep", "verdict_as_json") == verdict_as_json()


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_every_kernel_has_one_signature_whoever_feeds_it() -> None:
    some_verdict()
    returns = some_returns()
    plan = make_plan(returns.shape[1], 5, ResampleSettings(resamples=3), returns[0].copy())
    fixed = returns.copy()
    fixed.flags.writeable = False
    observed(plan, fixed)
    observed(plan, np.asfortranarray(returns))
    alone = make_plan(returns.shape[1], 5, ResampleSettings(resamples=0))
    for places in (np.arange(LANES), np.arange(2 * LANES)[::2]):
        Observer(alone, 2 * LANES).observe_sums(places, blank_sums(1, len(alone.bounds) - 1))
    mine = [kernel for kernel in LOOPS if kernel.__module__.startswith("backbus.sweep.statistics")]
    assert {kernel.__name__: len(kernel.signatures) for kernel in mine} == {
        "observe_returns": 1,
        "take_sums": 1,
        "choose_points": 1,
        "rank_points": 1,
    }


@pytest.mark.parametrize("points", [1, 8, 11])
@pytest.mark.parametrize("sessions", [1, 3, 40, 333])
def test_points_side_by_side_are_observed_as_one_after_the_other(points: int, sessions: int) -> None:
    draw = np.random.default_rng(points * sessions)
    returns = draw.normal(0.0, 0.01, (points, sessions))
    returns[0] = 0.25  # they do not vary
    if points > 3:
        returns[1, -1], returns[2, 0] = np.inf, np.nan
    settings = ResampleSettings(resamples=0, rate=0.0001)
    plan = make_plan(sessions, 5, settings, draw.normal(0.0, 0.01, sessions))
    places = np.arange(points)[::-1].copy()
    lanes = np.zeros((-(-points // LANES), sessions, LANES))
    for point in range(points):
        lanes[point // LANES, :, point % LANES] = returns[point]
    one, other = Observer(plan, points), Observer(plan, points)
    seen = blank_sums(len(lanes), len(plan.bounds) - 1)
    assert other.sight is not None
    see = njit(**OPTIONS, **UNCOUNTED)(plain(see_lanes))
    for eight, values in enumerate(lanes):
        with np.errstate(all="ignore"):
            see(values, *other.sight, seen.blocks[eight], seen.squares[eight], seen.sums[eight])
    assert one.observe_some(places, returns) == other.observe_sums(places, seen)
    assert one.rows.tobytes() == other.rows.tobytes()
    assert one.maxima.tobytes() == other.maxima.tobytes()
    before = other.rows.tobytes()
    assert other.observe_sums(np.full(points, -1), seen) == 0
    assert other.rows.tobytes() == before
    resampled = Observer(make_plan(sessions, 5, ResampleSettings(resamples=2)), points)
    assert resampled.sight is None
    with pytest.raises(ValueError, match="2 resamples"):
        resampled.observe_sums(places, seen)
