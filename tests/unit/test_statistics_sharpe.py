"""Sharpe ratios and what is left of them, against the numbers that their authors printed."""

from __future__ import annotations

import math

import pytest

from backbus.sweep.statistics.sharpe import expected_maximum, min_backtest_years, min_track_record, probabilistic_sharpe


def test_bailey_and_lopez_de_prado_2012_two_years_of_a_skewed_fund() -> None:
    """24 months, mean 0.036, deviation 0.079: 0.982 were they normal, 0.913 with skewness -2.448, kurtosis 10.164."""
    assert probabilistic_sharpe(0.458, 24, 0.0, 3.0) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(0.458, 24, -2.448, 10.164) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(
    ("per_year", "skewness", "kurtosis", "years"),
    [(250, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_bailey_and_lopez_de_prado_2012_years_to_tell_a_ratio_of_2_from_1(
    per_year: int, skewness: float, kurtosis: float, years: float
) -> None:
    root = math.sqrt(per_year)
    sessions = min_track_record(2 / root, skewness, kurtosis, against=1 / root, confidence=0.95)
    assert sessions is not None
    assert sessions / per_year == pytest.approx(years, abs=5e-3)


def test_a_minimum_track_record_is_as_long_as_its_confidence_needs() -> None:
    sessions = min_track_record(0.1, -0.5, 5.0, confidence=0.99)
    assert sessions is not None
    assert probabilistic_sharpe(0.1, round(sessions), -0.5, 5.0) == pytest.approx(0.99, abs=1e-3)


@pytest.mark.parametrize(("trials", "probability"), [(100, 0.9004), (46, 0.9505)])
def test_bailey_and_lopez_de_prado_2014_five_years_of_a_skewed_strategy(trials: int, probability: float) -> None:
    """1250 days, annualised ratio 2.5, variance of the trials' annualised ratios 1/2, skewness -3, kurtosis 10."""
    threshold = math.sqrt(0.5 / 250) * expected_maximum(trials)
    if trials == 100:
        assert threshold == pytest.approx(0.1132, abs=5e-5)
    found = probabilistic_sharpe(2.5 / math.sqrt(250), 1250, -3.0, 10.0, threshold)
    assert found == pytest.approx(probability, abs=5e-5)


def test_bailey_et_al_2014_ten_trials_and_five_years() -> None:
    """The best of 10 is expected at 1.57; five years bear at most 45 trials for a ratio of 1."""
    assert expected_maximum(10) == pytest.approx(1.57, abs=5e-3)
    years = [min_backtest_years(1.0, trials) for trials in (45, 46)]
    assert years[0] is not None
    assert years[1] is not None
    assert years[0] < 5.0 < years[1]


def test_one_trial_selects_nothing() -> None:
    assert expected_maximum(1) == 0.0
    assert min_backtest_years(1.0, 1) == 0.0


def test_what_is_not_defined_is_none() -> None:
    assert probabilistic_sharpe(1.0, 1, 0.0, 3.0) is None
    assert probabilistic_sharpe(1.0, 10, 2.0, 5.0) is None  # returns of two values: no error to measure with
    assert min_track_record(0.0, 0.0, 3.0) is None
    assert min_backtest_years(-1.0, 10) is None
