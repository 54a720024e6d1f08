"""White's and Hansen's tests: uniform where there is nothing to find, small where there is."""

from __future__ import annotations

import numpy as np
import pytest

from backbus.market.panel import Floats
from backbus.sweep.statistics import ResampleSettings, make_plan, no_maxima
from backbus.sweep.statistics.snooping import Snooping, snooping
from tests.unit.statistics_sweep import observed

P_VALUES = ("reality_check", "spa_lower", "spa_consistent", "spa_upper")


def p_values(returns: Floats, resamples: int = 199, block_length: int = 2, seed: int = 1) -> Snooping:
    plan = make_plan(returns.shape[1], seed, ResampleSettings(resamples=resamples, block_length=block_length))
    return snooping(observed(plan, returns)[1])


@pytest.mark.slow
def test_without_merit_p_values_are_about_uniform() -> None:
    generator = np.random.default_rng(9)
    found = [p_values(generator.normal(0.0, 0.01, (8, 250)), seed=run) for run in range(300)]
    for name in ("reality_check", "spa_consistent", "spa_upper"):
        values = np.array([getattr(each, name) for each in found])
        assert values.mean() == pytest.approx(0.5, abs=0.06), name
        assert np.mean(values <= 0.1) == pytest.approx(0.1, abs=0.055), name


@pytest.mark.parametrize("name", P_VALUES)
def test_one_good_point_among_many_is_found(name: str) -> None:
    returns = np.random.default_rng(3).normal(0.0, 0.01, (50, 500))
    returns[31] += 0.003
    assert getattr(p_values(returns), name) <= 0.01


def test_poor_and_wild_points_hide_a_good_one_from_white_but_not_from_hansen() -> None:
    """Hansen's reason for his test: White's maximum is that of the most variable points, however poor they are."""
    generator = np.random.default_rng(3)
    good = generator.normal(0.0015, 0.01, (1, 500))
    wild = generator.normal(-0.05, 0.2, (40, 500))
    found = p_values(np.concatenate((good, wild)))
    assert found.reality_check is not None
    assert found.reality_check > 0.5
    assert found.spa_consistent is not None
    assert found.spa_consistent < 0.02
    assert found.spa_upper is not None
    assert found.spa_lower is not None
    assert found.spa_lower <= found.spa_consistent <= found.spa_upper


def test_a_p_value_counts_the_sample_itself_and_is_never_zero() -> None:
    maxima = np.array([[1.0, 2.0, 3.0, 2.0], [-1.0, 0.5, 0.0, -2.0], [0.0, 9.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    assert snooping(maxima) == Snooping(3 / 4, 1.0, 2 / 4, 1 / 4)


def test_where_nothing_was_tested_there_is_no_p_value() -> None:
    plan = make_plan(20, settings=ResampleSettings(resamples=5))
    assert snooping(no_maxima(plan)) == Snooping(None, None, None, None)


def test_a_sweep_that_never_trades_has_found_nothing() -> None:
    assert p_values(np.zeros((3, 100))) == Snooping(1.0, None, None, None)


def test_the_benchmark_is_what_must_be_beaten() -> None:
    benchmark = np.random.default_rng(8).normal(0.003, 0.01, 400)
    returns = benchmark + np.random.default_rng(9).normal(-0.0005, 0.002, (5, 400))
    cash = make_plan(400, 1, ResampleSettings(resamples=99))
    market = make_plan(400, 1, ResampleSettings(resamples=99), benchmark)
    easy, hard = (snooping(observed(plan, returns)[1]).spa_consistent for plan in (cash, market))
    assert easy is not None
    assert hard is not None
    assert easy <= 0.02 < 0.5 < hard


def test_long_blocks_and_many_points_do_not_make_noise_significant() -> None:
    """Scaled by long-run deviations from 31 blocks, one sweep of noise in seven would pass at 5 %."""
    generator = np.random.default_rng(4)
    found = [
        p_values(generator.normal(0.0, 0.01, (50, 1000)), resamples=99, block_length=32, seed=run).spa_consistent
        for run in range(100)
    ]
    assert np.mean([value is not None and value <= 0.05 for value in found]) <= 0.1
