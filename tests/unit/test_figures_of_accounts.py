"""Figures of the account beside independent computations: pandas on the tables that they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backbus import run
from backbus.api.result import Result
from backbus.figures.lines import MOST_NIGHTS, kept_rows, lightened, line, nights
from backbus.figures.registry import NothingToShow, figures
from tests.unit.made_bars import days, minutes

SMA = {"strategy": {"use": "SmaCross", "fast": 3, "slow": 9}}
MARKET = days(300, ("A", "B"))


@pytest.fixture(scope="module")
def result() -> Result:
    costs = {"execution": {"commission": {"model": "bps", "bps": 10}}, "performance": {"benchmark": "B"}}
    return run({**SMA, **costs, "data": {"start": "2020-01-29", "warmup": 20}}, MARKET)


def drawn(result: Result, name: str) -> dict[str, np.ndarray]:
    return {trace.name: np.asarray(trace.y) for trace in figures()[name].draw(result).data if trace.type != "table"}


def test_the_benchmark_begins_with_the_run_s_cash_and_ends_with_the_report_s_return(result: Result) -> None:
    lines = drawn(result, "equity")
    closes = MARKET["B"]["close"]
    expected = result.cash * closes.iloc[20:] / closes.iloc[19]
    np.testing.assert_allclose(lines["B, held"], expected)
    told = result.summary.metrics.benchmark_return
    assert lines["B, held"][-1] / result.cash - 1.0 == pytest.approx(told)


def test_a_benchmark_that_begins_later_begins_with_the_cash_then() -> None:
    late = {"A": MARKET["A"], "B": MARKET["B"].iloc[50:]}
    lines = drawn(run({**SMA, "performance": {"benchmark": "B"}}, late), "equity")
    assert np.isnan(lines["B, held"][:50]).all() and lines["B, held"][50] == 100_000.0


def test_turnover_by_month_is_half_of_what_was_traded_over_mean_equity(result: Result) -> None:
    fills, equity = result.frame("fills"), result.frame("equity")
    session = pd.to_datetime(equity.set_index("row")["session"])
    month = session.loc[fills["row"]].dt.to_period("M").to_numpy()
    traded = (fills["quantity"].abs() * fills["price"]).groupby(month).sum()
    mean = equity["equity"].groupby(pd.to_datetime(equity["session"]).dt.to_period("M")).mean()
    expected = (0.5 * traded / mean).fillna(0.0)
    bars = figures()["turnover"].draw(result).data[0]
    np.testing.assert_allclose(bars.y, expected)
    assert [pd.Period(name, "M") for name in bars.x] == list(expected.index)


def test_returns_by_year_are_those_of_the_equity_beside_the_benchmark_s(result: Result) -> None:
    mine, theirs = figures()["yearly_returns"].draw(result).data
    year = pd.to_datetime(result.frame("equity")["session"]).dt.year.to_numpy()
    for trace, curve, before in (
        (mine, result.equity["equity"], result.cash),
        (theirs, MARKET["B"]["close"].iloc[20:], MARKET["B"]["close"].iloc[19]),
    ):
        ends = curve.groupby(year).last()
        np.testing.assert_allclose(trace.y, ends / ends.shift(1, fill_value=before) - 1.0)
        assert [int(name) for name in trace.x] == list(ends.index)


def test_rolling_beta_is_pandas_covariance_over_variance(result: Result) -> None:
    theirs = MARKET["B"]["close"].pct_change().iloc[20:]
    mine = result.returns.to_numpy()
    pair = pd.DataFrame({"mine": mine, "theirs": theirs.to_numpy()})
    expected = pair["mine"].rolling(63).cov(pair["theirs"]) / pair["theirs"].rolling(63).var()
    lines = drawn(result, "rolling")
    np.testing.assert_allclose(lines["beta"], expected, rtol=1e-8)
    assert "beta" not in drawn(run(SMA, MARKET), "rolling")
    expected = pair["mine"].rolling(63).std() * np.sqrt(result.summary.year)
    np.testing.assert_allclose(lines["volatility"], expected, rtol=1e-8)


def test_the_worst_drawdown_is_the_report_s_and_all_are_told_with_their_dates(result: Result) -> None:
    found = figures()["drawdowns"].draw(result)
    table = found.data[-1].cells.values
    assert table[1][0] == f"{100 * result.summary.metrics.max_drawdown:.2f}"
    assert len(table[0]) == 10 and len(found.layout.shapes) == 10
    below = np.asarray(found.data[1].y)
    at = np.asarray(found.data[2].y)
    assert [f"{100 * depth:.2f}" for depth in at] == list(table[1])
    assert at[0] == below.min() and (np.diff(at) >= 0.0).all()
    sessions = pd.to_datetime(result.frame("equity")["session"])
    assert table[3][0] == str(sessions[int(below.argmin())].date())


def test_days_are_drawn_at_their_dates_and_nights_of_minutes_take_no_room() -> None:
    daily = figures()["equity"].draw(run(SMA, MARKET)).data[0]
    assert str(daily.x[0])[:10] == "2020-01-01"
    intraday = run(SMA, minutes())
    axis = figures()["equity"].draw(intraday).layout.xaxis
    left_out = [tuple(one.bounds) for one in axis.rangebreaks]
    assert len(left_out) == 4
    assert left_out[0] == ("2024-03-04T21:05:00.000", "2024-03-05T14:35:00.000")
    assert left_out[-1][1] == "2024-03-08T14:35:00.000"
    assert nights(MARKET["A"].index.to_numpy()) == []
    hourly = pd.date_range("2024-01-01", periods=200, freq="h").to_numpy()
    assert nights(hourly) == [] and nights(hourly[:1]) == []
    assert nights(np.concatenate([hourly[:20] + np.timedelta64(day, "D") for day in range(MOST_NIGHTS + 2)])) == []


def test_a_long_line_keeps_every_extreme_and_a_value_alone_is_a_dot() -> None:
    values = np.random.default_rng(1).normal(size=100_000)
    values[50:60] = np.nan
    rows = kept_rows(values, 3000)
    assert len(rows) <= 3001 and {0, len(values) - 1, int(np.nanargmax(values)), int(np.nanargmin(values))} <= set(rows)
    assert (np.diff(rows) > 0).all()
    import plotly.graph_objects as go

    times = np.arange(100_000).astype("M8[s]")
    drawn_ = go.Figure(line(times, values, "some", "#000000"))
    assert len(drawn_.data[0].y) == 100_000  # a report has them all
    np.testing.assert_array_equal(lightened(drawn_, 3000).data[0].y, values[rows])
    assert list(drawn_.data[0].x) == list(times[rows])
    alone = line([0, 1, 2, 3], np.array([1.0, np.nan, 2.0, 3.0]), "some", "#000000")
    assert alone.mode == "lines+markers" and list(alone.marker.size) == [6, 0, 0, 0]
    assert line([0, 1], np.array([1.0, 2.0]), "some", "#000000").mode == "lines"


def test_a_run_whose_bars_are_gone_says_what_its_equity_lacks(tmp_path: Path) -> None:
    for symbol, some in days(80, ("A", "B")).items():
        some.to_csv(tmp_path / f"{symbol}.csv", index_label="date")
    files = {"data": {"files": [str(tmp_path / "*.csv")]}, "performance": {"benchmark": "B"}}
    from backbus.api.kept import read_run

    run({**SMA, **files}, folder=tmp_path / "kept")
    (tmp_path / "B.csv").unlink()
    (tmp_path / "A.csv").unlink()
    kept = read_run(tmp_path / "kept")
    assert isinstance(kept, Result)
    found = figures()["equity"].draw(kept)
    assert len(found.data) == 1 and "without its benchmark: the bars cannot be read" in found.layout.title.text
    with pytest.raises(NothingToShow, match="the bars cannot be read"):
        figures()["price"].draw(kept)


@pytest.mark.parametrize("name", list(figures()))
@pytest.mark.parametrize("rows", [1, 2])
def test_a_run_of_a_bar_or_two_draws_or_says_why_not(name: str, rows: int) -> None:
    short = run({"strategy": {"use": "BuyAndHold"}}, days(rows))
    try:
        assert figures()[name].draw(short).data
    except NothingToShow as said:
        assert str(said)


@pytest.mark.parametrize("name", list(figures()))
def test_a_run_without_tables_says_so(name: str) -> None:
    bare = run(SMA, days(30), tables=False)
    try:
        assert figures()[name].draw(bare).data
    except NothingToShow as said:
        assert str(said)
