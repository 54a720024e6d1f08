"""Tails of returns beside empyrical and scipy, figures that are only rounding, and why a figure is missing."""

from __future__ import annotations

import math
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from backbus import Job, run
from backbus.performance.tails import rolling_figures, tails_of
from backbus.sweep.search.folds import session_figures
from tests.unit.order_market import open_close, play, scripted, small

RETURNS = np.random.default_rng(8).standard_t(4, 500) * 0.01 + 0.0004
FACTOR = 0.6 * RETURNS + np.random.default_rng(9).normal(0.0002, 0.006, 500)


def job_of(**sections: Any) -> Job:
    held = {"cash": 1e6, "lot": 0}
    return Job.parse({"strategy": {"use": "BuyAndHold"}, "portfolio": held, "execution": {"fill": "close"}, **sections})


def frame(close: Any, start: str = "2020-01-01") -> pd.DataFrame:
    index = pd.date_range(start, periods=len(close), freq="B")
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1e6}, index=index)


def test_tails_are_those_of_empyrical_and_scipy() -> None:
    found = tails_of(RETURNS, FACTOR, rates=np.array([0.0001]), year=252.0)
    assert found.value_at_risk == pytest.approx(empyrical.value_at_risk(RETURNS))
    assert found.conditional_value_at_risk == pytest.approx(empyrical.conditional_value_at_risk(RETURNS))
    assert found.skewness == pytest.approx(stats.skew(RETURNS))
    assert found.kurtosis == pytest.approx(stats.kurtosis(RETURNS))
    assert found.tail_ratio == pytest.approx(empyrical.tail_ratio(RETURNS))
    assert found.omega == pytest.approx(empyrical.omega_ratio(RETURNS, 0.0001, 0.0))
    dated = [pd.Series(series, pd.date_range("2020-01-01", periods=500, freq="B")) for series in (RETURNS, FACTOR)]
    assert found.up_capture == pytest.approx(empyrical.up_capture(*dated))
    assert found.down_capture == pytest.approx(empyrical.down_capture(*dated))
    curve = np.cumprod(1.0 + RETURNS)
    falls = curve / np.maximum(np.maximum.accumulate(curve), 1.0) - 1.0
    assert found.ulcer_index == pytest.approx(math.sqrt(np.mean(falls**2)))


QUANTSTATS = {
    "comp": -0.1059130658273093, "cagr": -0.05486163331395222, "volatility": 0.24715394964239085,
    "sharpe": -0.18241592871386958, "sortino": -0.23692024657389668, "max_drawdown": -0.30846714676650333,
    "calmar": -0.17785243546691268, "omega": 0.9669154960170383, "tail_ratio": 1.0517646319438188,
    "value_at_risk": -0.02570943636002724, "cvar": -0.04368782107658711, "skew": -1.8078540412266413,
    "kurtosis": 17.61431986809368, "ulcer_index": 0.15705210156200894, "sharpe_of_a_rate_below_0": -0.10229013906419812,
}  # fmt: skip
"""What quantstats 0.0.81 gives of RETURNS, dated by business days, with periods=252, and rf=0.02 where it takes one;
the last with rf=-0.02."""


def test_figures_are_those_of_quantstats_but_for_those_that_the_docs_name() -> None:
    rate = 1.02 ** (1 / 252) - 1
    found = session_figures(RETURNS, 1e5, 252.0, np.array([rate]))
    same = {"total_return": "comp", "annual_return": "cagr"}
    for name in ("total_return", "annual_return", "volatility", "sharpe", "sortino", "max_drawdown", "calmar"):
        assert found[name] == pytest.approx(QUANTSTATS[same.get(name, name)]), name
    tails = tails_of(RETURNS, None, rates=np.array([rate]), year=252.0)
    assert tails.omega == pytest.approx(QUANTSTATS["omega"])
    assert tails.tail_ratio == pytest.approx(QUANTSTATS["tail_ratio"])
    # What differs does so by what docs/metrics.md says, and by nothing else.
    count, normal = len(RETURNS), stats.norm.ppf(0.05, RETURNS.mean(), RETURNS.std(ddof=1))
    assert normal == pytest.approx(QUANTSTATS["value_at_risk"]) and tails.value_at_risk != pytest.approx(normal)
    assert RETURNS[normal > RETURNS].mean() == pytest.approx(QUANTSTATS["cvar"])
    assert tails.skewness == pytest.approx(QUANTSTATS["skew"] * (count - 2) / math.sqrt(count * (count - 1)))
    assert tails.kurtosis == pytest.approx(
        (QUANTSTATS["kurtosis"] * (count - 2) * (count - 3) / (count - 1) - 6.0) / (count + 1)
    )
    assert tails.ulcer_index == pytest.approx(QUANTSTATS["ulcer_index"] * math.sqrt((count - 1) / count))
    below = np.array([0.98 ** (1 / 252) - 1])
    no_rate = session_figures(RETURNS, 1e5, 252.0, np.zeros(1))["sharpe"]
    assert no_rate == pytest.approx(QUANTSTATS["sharpe_of_a_rate_below_0"])
    assert session_figures(RETURNS, 1e5, 252.0, below)["sharpe"] > no_rate


def test_rolling_figures_are_those_of_each_window() -> None:
    found = rolling_figures(RETURNS, 63, rates=np.zeros(1), year=252.0)
    for stop in (63, 200, 500):
        part = RETURNS[stop - 63 : stop]
        assert found["sharpe"][stop - 1] == pytest.approx(empyrical.sharpe_ratio(part))
        assert found["volatility"][stop - 1] == pytest.approx(empyrical.annual_volatility(part))
        assert found["annual_return"][stop - 1] == pytest.approx(empyrical.annual_return(part))
        assert found["max_drawdown"][stop - 1] == pytest.approx(empyrical.max_drawdown(part))
    assert np.isnan(found["sharpe"][:62]).all()


def test_a_result_tells_its_rolling_figures(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(job_of(), frame(100.0 * np.cumprod(1.0 + RETURNS[:100])))
    found = result.rolling(20)
    assert len(found) == 100 and found["sharpe"].notna().sum() == 81
    assert result.plain()["tails"]["skewness"] is not None


@pytest.mark.parametrize("change", [0.01, 0.0003, -0.002, 1.0 / 3.0])
def test_equal_returns_have_no_sharpe_ratio_whatever_rounding_makes_of_them(change: float) -> None:
    # What a run computes of its equity: each return is a quotient, and differs from the others in its last bits.
    found = session_figures(np.full(250, change), 1e5, 252.0, np.zeros(1))
    assert found["volatility"] == 0.0 and found["sharpe"] is None
    assert (found["sortino"] is None) == (change > 0.0)
    assert session_figures(np.full(250, change), 1e5, 252.0, np.array([change]))["sortino"] is None
    assert session_figures(change + 1e-6 * np.sin(np.arange(250)), 1e5, 252.0, np.zeros(1))["sharpe"] is not None


def test_a_strategy_that_is_its_benchmark_has_no_information_ratio() -> None:
    close = 100.0 * np.cumprod(1.0 + RETURNS[:100])
    report = run(job_of(performance={"benchmark": "ASSET"}), frame(close), tables=False).summary
    assert report.metrics.information_ratio is None and report.metrics.tracking_error == 0.0
    assert report.undefined["information_ratio"] == "the returns differ from the benchmark's by nothing that varies"
    assert report.metrics.beta == pytest.approx(1.0)


def test_missing_figures_say_why() -> None:
    quiet = play(open_close([10, 10, 10]), scripted({}), small()).report
    assert quiet.undefined["sharpe"] == "the returns do not vary"
    assert quiet.undefined["calmar"] == "there was no drawdown"
    assert quiet.undefined["win_rate"] == "no trade closed" == quiet.undefined["profit_factor"]
    one = play(open_close([10]), scripted({}), small()).report
    assert one.undefined["sharpe"] == "there are fewer than two sessions"
    won = play(open_close([10, 11, 12, 13]), [(0, 0, 1.0), (1, 0, 0.0)], small()).report
    assert won.undefined["profit_factor"] == "no trade lost money" and "win_rate" not in won.undefined
