"""The verdict as a whole: consistent with its parts, plain JSON, and never a crash."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from backbus.market.panel import Floats
from backbus.sweep.statistics import ResampleSettings, SelectionStatistics, judge, make_plan
from backbus.sweep.statistics.interval import interval
from backbus.sweep.statistics.sharpe import expected_maximum, probabilistic_sharpe
from tests.unit.statistics_sweep import observed, some_verdict
from tests.unit.test_statistics_resamples import drawn


def verdict(returns: Floats, **options: object) -> SelectionStatistics:
    plan = make_plan(returns.shape[1], 2, ResampleSettings(resamples=20))
    rows, maxima = observed(plan, returns)
    given: dict[str, object] = {"periods_per_year": 252, "trials_sweep": len(returns), "trials_family": 500, **options}
    return judge(plan, rows, maxima, **given)  # type: ignore[arg-type]


def test_points_are_counted_by_what_became_of_them() -> None:
    found = some_verdict()
    assert (found.points, found.failed, found.constant) == (6, 1, 2)
    assert found.sessions == 43
    assert found.splits == 12_870
    assert found.undefined == {}


def test_figures_of_the_best_follow_from_its_returns_and_the_spread_of_all() -> None:
    returns = np.random.default_rng(6).normal(0.0, 0.01, (10, 300))
    found = verdict(returns)
    ratios = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    assert found.best == ratios.argmax()
    best = returns[found.best]
    ratio = ratios.max()
    deviations = best - best.mean()
    skewness = (deviations**3).mean() / best.std() ** 3
    kurtosis = (deviations**4).mean() / best.std() ** 4
    assert found.sharpe == pytest.approx(ratio * math.sqrt(252), rel=1e-9)
    assert found.probabilistic_sharpe == pytest.approx(probabilistic_sharpe(ratio, 300, skewness, kurtosis), rel=1e-9)
    for trials, hurdle, deflated in (
        (10, found.expected_maximum_sweep, found.deflated_sharpe_sweep),
        (500, found.expected_maximum_family, found.deflated_sharpe_family),
    ):
        threshold = ratios.std(ddof=1) * expected_maximum(trials)
        assert hurdle == pytest.approx(threshold * math.sqrt(252), rel=1e-9)
        expected = probabilistic_sharpe(ratio, 300, skewness, kurtosis, threshold)
        assert deflated == pytest.approx(expected, rel=1e-9)
    assert found.years == pytest.approx(300 / 252)


def test_the_best_is_that_of_the_objective_and_of_equals_the_first() -> None:
    returns = np.random.default_rng(6).normal(0.0, 0.01, (4, 50))
    assert verdict(returns, objective=np.array([1.0, 3.0, 3.0, np.nan])).best == 1
    assert verdict(returns, objective=np.array([1.0, 3.0, 3.0, np.inf]), best=2).best == 2
    returns[1] = np.nan
    assert verdict(returns, objective=np.array([1.0, 3.0, 2.0, 1.0])).best == 2


def test_the_interval_is_that_of_resamples_drawn_one_by_one() -> None:
    returns = np.random.default_rng(6).normal(0.001, 0.01, 250)
    plan = make_plan(250, 4, ResampleSettings(resamples=80, rate=0.0001))
    found = interval(plan, returns, 252, 0.9)
    draws = np.array([returns[drawn(plan, resample)] - 0.0001 for resample in range(80)])
    ratios = draws.mean(axis=1) / draws.std(axis=1, ddof=1) * math.sqrt(252)
    assert found.mean == pytest.approx(np.quantile(draws.mean(axis=1), (0.05, 0.95)), rel=1e-9)
    assert found.sharpe == pytest.approx(np.quantile(ratios, (0.05, 0.95)), rel=1e-9)
    with pytest.raises(ValueError, match="249 returns"):
        interval(plan, returns[1:], 252)


def test_an_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    plan = make_plan(400, 4, ResampleSettings(resamples=200, block_length=2))
    generator = np.random.default_rng(6)
    found = [interval(plan, generator.normal(0.001, 0.01, 400), 252).mean for _ in range(300)]
    held = [low <= 0.001 <= high for low, high in filter(None, found)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize(
    ("returns", "names"),
    [
        (np.full((3, 40), np.nan), {"best", "sharpe", "overfitting_probability", "reality_check", "stability"}),
        (np.zeros((0, 40)), {"best", "overfitting_probability", "reality_check"}),
        (np.zeros((3, 40)), {"best", "sharpe", "deflated_sharpe_sweep", "spa_consistent"}),
        (np.random.default_rng(1).normal(0.0, 1.0, (1, 40)), {"sharpe_deviation", "overfitting_probability"}),
        (np.random.default_rng(1).normal(0.0, 1.0, (4, 9)), {"overfitting_probability", "loss_probability", "splits"}),
        (np.ones((2, 1)), {"sharpe", "overfitting_probability"}),
        (np.tile([0.01, -0.01], (3, 20)), {"min_track_record"}),
        (np.random.default_rng(1).normal(-1.0, 0.1, (4, 40)), {"min_track_record", "min_backtest_years_sweep"}),
        (np.random.default_rng(1).normal(0.0, 1e200, (4, 40)), {"probabilistic_sharpe"}),
        (np.random.default_rng(1).normal(0.0, 1e-200, (4, 40)), {"probabilistic_sharpe"}),
    ],
)
def test_degenerate_sweeps_have_a_verdict_and_reasons(returns: Floats, names: set[str]) -> None:
    found = verdict(returns, best_returns=returns[0] if len(returns) else None)
    assert names <= set(found.undefined)
    assert all(found.undefined.values())
    plain = json.loads(json.dumps(found.model_dump(mode="json"), allow_nan=False))
    assert {name for name, value in plain.items() if value is None} == set(found.undefined)


def test_one_trial_is_deflated_by_nothing() -> None:
    returns = np.random.default_rng(1).normal(0.1, 1.0, (1, 100))
    found = verdict(returns, trials_sweep=1, trials_family=20)
    assert found.deflated_sharpe_sweep == found.probabilistic_sharpe
    assert found.deflated_sharpe_family is None


@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(0, 4), st.sampled_from((1, 2, 3, 15, 16, 20))),
        elements=st.sampled_from((0.0, -0.0, 0.01, -0.02, 1e-300, 1e300, np.nan, np.inf)) | st.floats(-1.0, 1.0),
    ),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_returns_the_verdict_is_plain_json(returns: Floats, grid: bool) -> None:
    parameters = np.arange(2.0 * len(returns)).reshape(len(returns), 2)
    best_returns = returns[0] if len(returns) else None
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = verdict(returns, parameters=parameters, grid=grid, best_returns=best_returns)
    again = SelectionStatistics.model_validate_json(json.dumps(found.model_dump(mode="json"), allow_nan=False))
    assert again == found
    assert {name for name, value in found if value is None} == set(found.undefined)
