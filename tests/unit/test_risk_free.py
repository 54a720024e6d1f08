"""A risk-free rate that changes: how files of it are read, which session counts with which rate, and the figures that
follow, beside another library's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest

from backbus import DataError, Job, JobError, run, run_sweep
from backbus.data.rates import read_rates
from backbus.engine.inputs import complete
from backbus.job.performance import RiskFree
from backbus.performance.risk_free import notes_of_rates, session_rates
from backbus.performance.tails import rolling_figures
from tests.unit.test_performance_metrics import SERIES, from_returns, measured, returns_of, same

DAY = np.timedelta64(1, "D")
CROSS: dict[str, Any] = {"strategy": {"use": "SmaCross", "fast": 3, "slow": 8}}


def days(*dates: str) -> Any:
    return np.array(dates, dtype="datetime64[D]").astype(np.int64)


def written(folder: Path, text: str, name: str = "rates.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def rates_in(folder: Path, text: str, **more: Any) -> dict[str, float]:
    return read_rates(RiskFree(file="rates.csv", **more), written(folder, text)).rates


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("date,rate\n2020-01-01,0.01\n2020-02-01,0.02\n", {}),
        ("Date;Rate\n01.01.2020;1,0\n31.01.2020;1,0\n01.02.2020;2,0\n", {"unit": "percent"}),
        ("observation_date,DTB3\n2020-02-01,2\n2020-01-01,1.0\n2020-01-15,.\n", {"unit": "percent"}),
        ("date,AA,BB\n20200101,9,1\n20200201,9,2\n", {"unit": "percent", "column": "BB"}),
    ],
)
def test_files_are_read_in_the_forms_that_there_are(tmp_path: Path, text: str, more: dict[str, Any]) -> None:
    assert rates_in(tmp_path, text, **more) == {"2020-01-01": 0.01, "2020-02-01": 0.02}


def test_so_is_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"date": pd.to_datetime(["2020-01-01", "2020-02-01"]), "rate": [0.01, 0.02]})
    frame.to_parquet(tmp_path / "rates.parquet")
    found = read_rates(RiskFree(file="rates.parquet"), tmp_path).rates
    assert found == {"2020-01-01": 0.01, "2020-02-01": 0.02}


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("date,rate\n2020-01-01,1.5\n", {}, r'1.5 is 150 % a year; if these are percent, set .*unit = "percent"'),
        ("date,rate\n2020-01-01,0.01\n2020-01-01,0.02\n", {}, "has two rates of 2020-01-01"),
        ("date,rate\n2020-01-01,low\n", {}, r"rates\.csv:2, column 'rate': 'low' is no number; write rates as 0\.05"),
        ("date,rate\nsoon,0.01\n", {}, r"rates\.csv:2, column 'date': 'soon' cannot be read as a date; write all"),
        ("date,rate\n2020-01-01,0.01\n,0.02\n", {}, r"rates\.csv:3, column 'date': there is no date; say of which day"),
        ("date,a,b\n2020-01-01,0.01,0.02\n", {}, "has several columns of rates: name one of a, b"),
        ("date,a\n2020-01-01,0.01\n", {"column": "c"}, "has no column 'c' of rates: name one of a"),
        ("date,a\n2020-01-01,.\n", {}, "has no rate"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str, more: dict[str, Any], message: str) -> None:
    with pytest.raises((JobError, DataError), match=message):
        rates_in(tmp_path, text, **more)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, r"performance.risk_free: name a file of dates and rates"),
        ({"file": "a.csv", "unit": "bp"}, r"performance.risk_free.unit: must be 'fraction' or 'percent', not 'bp'"),
        (20, r"performance.risk_free: must be less than 10, not 20"),
        ({"rates": {"soon": 0.1}}, r"performance.risk_free.rates: 'soon' is no date"),
        ({"fill": "a.csv"}, r"performance.risk_free.fill: there is no such setting; did you mean 'file'"),
    ],
)
def test_a_job_that_says_it_wrongly_is_told_where(said: Any, message: str) -> None:
    with pytest.raises(JobError, match=message):
        Job.parse({**CROSS, "performance": {"risk_free": said}})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"no such file: .*rates\.csv"):
        read_rates(RiskFree(file="rates.csv"), tmp_path)


STEPS = RiskFree(rates={"2020-01-03": 0.01, "2020-01-07": 0.05})
SESSIONS = days("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08")


def test_each_session_counts_with_the_last_rate_that_is_known() -> None:
    one, five = 1.01 ** (1 / 252) - 1, 1.05 ** (1 / 252) - 1
    assert session_rates(STEPS, 252.0, SESSIONS).tolist() == pytest.approx([one, one, one, five, five])
    simple = session_rates(STEPS.model_copy(update={"days": 360}), 252.0, SESSIONS)
    assert simple.tolist() == pytest.approx([0.01 / 360, 0.01 / 360, 0.03 / 360, 0.05 / 360, 0.05 / 360])


def test_what_the_rates_do_not_reach_is_told() -> None:
    told = list(notes_of_rates(STEPS, np.append(SESSIONS, days("2020-09-01"))))
    assert "1 % to 5 % a year, 2020-01-03 to 2020-01-07, compounded by sessions" in told[0]
    assert told[1].startswith("the risk-free rate begins on 2020-01-03: the first 1 sessions, from 2020-01-02 on")
    assert told[2].startswith("the risk-free rate ends on 2020-01-07: the last 2 sessions, to 2020-09-01")


def series(size: int) -> RiskFree:
    random = np.random.default_rng(4)
    dates = np.arange(size) * DAY + np.datetime64("1970-01-01")
    return RiskFree(
        rates={str(date): float(rate) for date, rate in zip(dates, random.uniform(0, 0.2, size), strict=True)}
    )


@pytest.mark.parametrize("name", [name for name in SERIES if name not in ("one", "one loss", "zero")])
def test_figures_with_a_rate_that_changes_are_empyricals(name: str) -> None:
    equity = from_returns(SERIES[name])
    returns = returns_of(equity)
    rates = session_rates(series(len(returns)), 252.0, np.arange(len(returns)))
    factor = np.random.default_rng(3).normal(3e-4, 0.012, len(returns)) + 0.4 * returns
    prices = 50.0 * np.cumprod(1.0 + factor)
    factor = prices / np.concatenate(([50.0], prices[:-1])) - 1.0
    metrics = measured(equity, benchmark=prices, base=50.0, risk_free=series(len(returns)))
    assert same(metrics.sharpe, empyrical.sharpe_ratio(returns, risk_free=rates))
    assert same(metrics.sortino, empyrical.sortino_ratio(returns, required_return=rates))
    assert same(metrics.volatility, empyrical.annual_volatility(returns))
    beta = empyrical.beta_aligned(returns, factor)
    alpha = empyrical.alpha_aligned(returns, factor, risk_free=rates, _beta=beta)
    assert metrics.alpha == pytest.approx(alpha, rel=1e-11, abs=1e-11)
    rolling = rolling_figures(returns, 2, rates=rates, year=252.0)["sharpe"][-1]
    assert rolling == pytest.approx(empyrical.sharpe_ratio(returns[-2:], risk_free=rates[-2:]), rel=1e-9)


def test_a_rate_that_never_changes_is_the_number() -> None:
    equity = from_returns(SERIES["random"])
    constant = measured(equity, risk_free=RiskFree(rates={"1970-01-01": 0.03}))
    number = measured(equity, risk_free=0.03)
    for figure in ("sharpe", "sortino", "volatility"):
        assert math.isclose(getattr(constant, figure), getattr(number, figure), rel_tol=1e-12)


def market(rows: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(8)
    close = 100.0 * np.cumprod(1.0 + random.normal(5e-4, 0.01, rows))
    index = pd.date_range("2020-01-01", periods=rows, freq="D")
    return pd.DataFrame(
        {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1e6}, index
    )


def test_a_job_names_a_file_and_keeps_what_it_said(tmp_path: Path) -> None:
    written(tmp_path, "date,rate\n2020-01-01,0\n2020-05-01,0.05\n")
    job = Job.parse({**CROSS, "performance": {"risk_free": "rates.csv"}})
    job.come_from(tmp_path)
    risk_free = complete(job).performance.risk_free
    assert isinstance(risk_free, RiskFree)
    assert risk_free.rates == {"2020-01-01": 0.0, "2020-05-01": 0.05}
    result = run(job, market(), folder=tmp_path / "run")
    plain = run({**CROSS, "performance": {"risk_free": {"rates": risk_free.rates}}}, market(), tables=False)
    none = run(CROSS, market(), tables=False)
    assert result.metrics["sharpe"] == plain.metrics["sharpe"] != none.metrics["sharpe"]
    assert result.fingerprint == none.fingerprint
    assert any("the risk-free rate is that of rates.csv: 0 % to 5 % a year" in note for note in result.summary.notes)
    last = result.rolling(300, risk_free={"rates": risk_free.rates})["sharpe"].iloc[-1]
    assert last == pytest.approx(result.metrics["sharpe"], rel=1e-9)


@pytest.mark.parametrize(
    "how", [{}, {"walk_forward": {"train": 100, "test": 60}}, {"cpcv": {"groups": 4, "test_groups": 1}}]
)
def test_sweeps_measure_by_it_too(tmp_path: Path, how: dict[str, Any]) -> None:
    rates = {"2020-01-01": 0.0, "2020-05-01": 0.2, "2020-08-01": 0.01}
    search = {"parameters": {"strategy.fast": [3, 4]}, "resamples": 20, **how}
    job = {**CROSS, "performance": {"risk_free": {"rates": rates}}, "sweep": search}
    result = run_sweep(job, market(), workers=0, folder=tmp_path / "sweep")
    none = run_sweep({**CROSS, "sweep": search}, market(), workers=0, folder=tmp_path / "none")
    text = [str({k: v for k, v in one.summary.items() if k not in ("job", "folder")}) for one in (result, none)]
    assert text[0] != text[1]
    if not how:
        best = max(
            run({**job, "strategy": {**CROSS["strategy"], "fast": fast}}, market(), tables=False).metrics["sharpe"]
            for fast in (3, 4)
        )
        assert result.summary["statistics"]["sharpe"] == pytest.approx(best, rel=1e-9)
