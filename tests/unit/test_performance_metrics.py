"""Figures: worked out by hand where a hand suffices, and equal to empyrical where it has the same figure."""

from __future__ import annotations

import math
from typing import Any

import empyrical
import numpy as np
import pytest
from numpy.typing import NDArray

from backbus.job.performance import PerformanceSettings
from backbus.market.panel import Floats
from backbus.performance.metrics import Metrics, Sums, compounded, figures, finite, metrics_of, ratio, session_rate
from backbus.performance.moments import ENDS, MOMENTS, NO_RETURNS, REGRESSION, sum_up
from backbus.performance.risk_free import session_rates
from backbus.performance.sessions import BenchmarkCurve, SessionCurve, read_only
from backbus.performance.trades import TradeBook
from backbus.trading.records import FILL

CASH = 1000.0


def measured(
    equity: Floats | list[float],
    *,
    benchmark: NDArray[Any] | None = None,
    base: float = math.nan,
    book: TradeBook | None = None,
    gross: Floats | None = None,
    **settings: Any,
) -> Metrics:
    """The figures of an account with one row per session."""
    values = np.asarray(equity, dtype=np.float64)
    curve = SessionCurve(CASH)
    curve.add(np.arange(len(values)), values, np.zeros(len(values)) if gross is None else gross)
    compared = None
    if benchmark is not None:
        compared = BenchmarkCurve(0)
        compared.start(np.array([base]))
        compared.add(np.arange(len(values)), benchmark.reshape(-1, 1), curve.sessions)
    book = book or TradeBook(1)
    chosen = PerformanceSettings(**settings)
    year = chosen.periods_per_year or 252.0
    rates = session_rates(chosen.risk_free, year, curve.dates)
    moments, regression, ends = np.zeros(1, MOMENTS), np.zeros(1, REGRESSION), np.zeros(1, ENDS)
    factor = NO_RETURNS if compared is None else compared.returns()
    sum_up(CASH, read_only(curve.equity), rates, factor, np.empty(len(values)), moments, regression, ends)
    sums = Sums(curve.account, book.totals, np.array([book.open_trades]), moments, regression, ends)
    return metrics_of(figures(np.array([CASH]), np.array([year]), sums, compared))


def from_returns(returns: Floats) -> Floats:
    return np.asarray(CASH * np.cumprod(1.0 + returns), dtype=np.float64)


def returns_of(equity: Floats) -> Floats:
    return equity / np.concatenate(([CASH], equity[:-1])) - 1.0


def same(ours: float | None, theirs: float) -> bool:
    """Equal within 1e-12, where not-a-number, infinite and None all mean that there is no such figure."""
    theirs = float(theirs)
    if ours is None or not math.isfinite(theirs):
        return ours is None and not math.isfinite(theirs)
    return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-14)


_RANDOM = np.random.default_rng(11)
SERIES = {
    "random": _RANDOM.normal(5e-4, 0.01, 500),
    "fat tails": _RANDOM.standard_t(3, 300) * 0.01,
    "long": _RANDOM.normal(1e-4, 0.005, 5000),
    "all positive": _RANDOM.uniform(0.0001, 0.02, 100),
    "all negative": -_RANDOM.uniform(0.0001, 0.02, 100),
    "zero": np.zeros(50),
    "mostly zero": np.where(np.arange(60) % 10 == 3, -0.02, 0.0),
    "two": np.array([0.01, -0.02]),
    "one": np.array([0.03]),
    "one loss": np.array([-0.03]),
    "halved and doubled": np.array([-0.5, 1.0, -0.5, 1.0]),
}


@pytest.mark.parametrize("risk_free", [0.0, 0.03])
@pytest.mark.parametrize("name", SERIES)
def test_figures_of_returns_are_empyricals(name: str, risk_free: float) -> None:
    equity = from_returns(SERIES[name])
    returns = returns_of(equity)
    metrics = measured(equity, risk_free=risk_free)
    rate = session_rate(risk_free, 252.0)
    assert same(metrics.total_return, empyrical.cum_returns_final(returns))
    assert same(metrics.annual_return, empyrical.annual_return(returns))
    assert same(metrics.volatility, empyrical.annual_volatility(returns))
    assert same(metrics.sharpe, empyrical.sharpe_ratio(returns, risk_free=rate))
    assert same(metrics.sortino, empyrical.sortino_ratio(returns, required_return=rate))
    assert same(metrics.calmar, empyrical.calmar_ratio(returns))
    assert same(metrics.max_drawdown, empyrical.max_drawdown(returns))


@pytest.mark.parametrize("year", [52.0, 365.0])
def test_other_years_are_empyricals_too(year: float) -> None:
    equity = from_returns(SERIES["random"])
    returns = returns_of(equity)
    metrics = measured(equity, periods_per_year=year)
    assert same(metrics.annual_return, empyrical.annual_return(returns, annualization=year))
    assert same(metrics.sharpe, empyrical.sharpe_ratio(returns, annualization=year))
    assert same(metrics.sortino, empyrical.sortino_ratio(returns, annualization=year))


@pytest.mark.parametrize("risk_free", [0.0, 0.03])
@pytest.mark.parametrize("name", [name for name in SERIES if name not in ("zero", "one", "one loss")])
def test_figures_against_a_benchmark_are_empyricals(name: str, risk_free: float) -> None:
    equity = from_returns(SERIES[name])
    returns = returns_of(equity)
    factor = np.random.default_rng(3).normal(3e-4, 0.012, len(returns)) + 0.4 * returns
    prices = 50.0 * np.cumprod(1.0 + factor)
    factor = prices / np.concatenate(([50.0], prices[:-1])) - 1.0
    metrics = measured(equity, benchmark=prices, base=50.0, risk_free=risk_free)
    rate = session_rate(risk_free, 252.0)
    alpha, beta = empyrical.alpha_beta_aligned(returns, factor, risk_free=rate)
    assert same(metrics.beta, beta)
    assert metrics.alpha == pytest.approx(alpha, rel=1e-12, abs=1e-12)
    assert same(metrics.benchmark_return, empyrical.cum_returns_final(factor))
    assert same(metrics.tracking_error, empyrical.annual_volatility(returns - factor))
    assert same(metrics.information_ratio, empyrical.excess_sharpe(returns, factor) * math.sqrt(252.0))


def test_a_benchmark_without_a_price_before_the_first_row_leaves_that_session_out_of_both() -> None:
    equity = from_returns(SERIES["random"])
    returns = returns_of(equity)
    prices = 50.0 * np.cumprod(1.0 + np.random.default_rng(5).normal(0.0, 0.01, len(returns)))
    factor = prices[1:] / prices[:-1] - 1.0
    metrics = measured(equity, benchmark=prices)
    assert same(metrics.beta, empyrical.beta_aligned(returns[1:], factor))
    assert same(metrics.information_ratio, empyrical.excess_sharpe(returns[1:], factor) * math.sqrt(252.0))


def test_holding_the_benchmark_itself_is_beta_one_and_nothing_else() -> None:
    prices = from_returns(SERIES["random"])
    metrics = measured(prices, benchmark=prices, base=CASH)
    assert metrics.beta == pytest.approx(1.0, rel=1e-12)
    assert metrics.alpha == pytest.approx(0.0, abs=1e-12)
    assert metrics.tracking_error == 0.0
    assert metrics.information_ratio is None


def test_a_constant_distance_from_the_benchmark_is_no_tracking_error_however_its_rounding_falls() -> None:
    steady = np.cumprod([CASH, 1.7, 1.7, 1.7])[1:]
    returns = returns_of(steady).tolist()
    assert len(set(returns)) == 1 and sum(returns) / 3 != returns[0]
    metrics = measured(steady, benchmark=np.full(3, 7.0), base=7.0)
    assert metrics.tracking_error == metrics.volatility == 0.0
    assert metrics.information_ratio is metrics.sharpe is None


def test_a_benchmark_that_never_moves_has_no_beta() -> None:
    metrics = measured(from_returns(SERIES["random"]), benchmark=np.full(500, 7.0), base=7.0)
    assert (metrics.beta, metrics.alpha, metrics.benchmark_return) == (None, None, 0.0)


def test_without_a_benchmark_there_is_nothing_to_compare() -> None:
    metrics = measured([1010.0, 1020.0])
    assert metrics.alpha is metrics.beta is metrics.tracking_error is metrics.benchmark_return is None


def test_four_sessions_by_hand() -> None:
    metrics = measured([1100.0, 990.0, 1089.0, 1089.0], periods_per_year=4.0)  # +10 %, -10 %, +10 %, 0 %
    assert metrics.final_equity == 1089.0
    assert metrics.total_return == pytest.approx(0.089)
    assert metrics.annual_return == pytest.approx(0.089)
    deviation = math.sqrt((0.075**2 + 0.125**2 + 0.075**2 + 0.025**2) / 3)
    assert metrics.volatility == pytest.approx(deviation * 2)
    assert metrics.sharpe == pytest.approx(0.025 / deviation * 2)
    assert metrics.sortino == pytest.approx(0.025 / math.sqrt(0.01 / 4) * 2)
    assert metrics.max_drawdown == pytest.approx(-0.1)
    assert metrics.calmar == pytest.approx(0.89)
    assert (metrics.max_drawdown_sessions, metrics.longest_drawdown_sessions) == (3, 3)
    assert metrics.best_day == pytest.approx(0.1)
    assert metrics.worst_day == pytest.approx(-0.1)


def test_trades_turnover_and_exposure_by_hand() -> None:
    fills = np.zeros(5, dtype=FILL)
    fills["order"] = np.arange(5)
    fills["tick"] = 6 * np.arange(5) + 1
    fills["quantity"] = [10, -10, 10, -10, 5]
    fills["price"] = [10.0, 13.0, 12.0, 11.0, 10.0]
    fills["reference"] = fills["price"] - 0.1
    fills["fee"], fills["unit"] = 1.0, 1.0
    book = TradeBook(1)
    book.add(fills)
    metrics = measured(
        [1000.0, 1030.0, 1030.0, 1020.0, 1020.0],
        book=book,
        gross=np.array([100.0, 0.0, 103.0, 0.0, 51.0]),
        periods_per_year=10.0,
    )
    assert (metrics.trades, metrics.open_trades, metrics.win_rate) == (2, 1, 0.5)
    assert (metrics.average_win, metrics.average_loss, metrics.profit_factor) == (28.0, -12.0, 28.0 / 12.0)
    assert metrics.fees == 5.0
    assert metrics.slippage == pytest.approx(4.5)
    assert metrics.turnover == pytest.approx(510.0 / 2 / 1020.0 / 0.5)
    assert metrics.exposure == 0.6
    assert metrics.average_gross_exposure == pytest.approx((0.1 + 0.1 + 0.05) / 5)


def test_constant_growth_has_no_sharpe_however_its_rounding_falls() -> None:
    metrics = measured([1500.0, 2250.0, 3375.0])
    assert metrics.volatility == 0.0
    assert (metrics.sharpe, metrics.sortino, metrics.calmar) == (None, None, None)


def test_a_run_without_rows_has_no_figures_and_does_not_fail() -> None:
    metrics = measured([])
    assert metrics.final_equity == CASH
    assert metrics.total_return == 0.0
    absent = ("annual_return", "volatility", "sharpe", "max_drawdown", "exposure", "turnover", "best_day", "win_rate")
    assert [getattr(metrics, name) for name in absent] == [None] * len(absent)


@pytest.mark.parametrize("ruin", [[500.0, -20.0], [500.0, 0.0, 0.0], [-5.0, 100.0], [0.0]])
def test_a_ruined_account_is_reported_and_does_not_fail(ruin: list[float]) -> None:
    metrics = measured(ruin, benchmark=np.arange(1.0, len(ruin) + 1), base=1.0)
    assert metrics.final_equity == ruin[-1]
    assert metrics.max_drawdown is not None
    assert metrics.max_drawdown <= -1.0
    if ruin[-1] < 0.0:
        assert metrics.annual_return is None
    if min(ruin[:-1], default=1.0) <= 0.0:
        assert metrics.sharpe is metrics.volatility is metrics.best_day is metrics.beta is None


def test_a_run_has_the_same_figures_alone_and_among_others() -> None:
    rng = np.random.default_rng(3)
    runs = [rng.normal(1e-4, 0.01, 60) for _ in range(5)]
    alone, records = [], []
    for returns in runs:
        curve = SessionCurve(CASH)
        curve.add(np.arange(60), from_returns(returns), np.zeros(60))
        parts = np.zeros(1, MOMENTS), np.zeros(1, REGRESSION), np.zeros(1, ENDS)
        sum_up(CASH, read_only(curve.equity), read_only(np.zeros(1)), NO_RETURNS, np.empty(60), *parts)
        record = Sums(curve.account, TradeBook(1).totals, np.array([0]), *parts)
        records.append(record)
        alone.append(metrics_of(figures(np.array([CASH]), np.array([252.0]), record)))
    together = figures(np.full(5, CASH), np.full(5, 252.0), Sums(*map(np.concatenate, zip(*records, strict=True))))
    assert [metrics_of(together, run) for run in range(5)] == alone


def test_what_is_not_finite_is_none() -> None:
    assert np.isnan(finite(np.array([math.nan, math.inf, -math.inf]))).all()
    with np.errstate(divide="ignore"):
        assert np.isnan(ratio(np.ones(1), np.zeros(1))).all()
    assert math.isnan(compounded(-0.1, 2.0))
    assert math.isnan(compounded(1e10, 1e6))
    assert math.isnan(compounded(1.0, math.inf))
    assert compounded(0.0, 3.0) == -1.0
    metrics = measured([math.nan])
    assert all(value is None or math.isfinite(value) for value in metrics.as_dict().values())


def test_the_rate_of_a_session_compounds_to_the_years() -> None:
    assert (1.0 + session_rate(0.05, 252.0)) ** 252 == pytest.approx(1.05, rel=1e-12)
    assert session_rate(0.0, 252.0) == 0.0


def test_every_figure_is_explained() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    missing = [name for name in Metrics.model_fields if f"`{name}`" not in page]
    assert not missing
