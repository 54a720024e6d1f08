"""What a Python user has of a result: frames by time, nothing on disk, one kind of error, one kind of argument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus import (
    BackbusError,
    Catalog,
    DataError,
    Job,
    JobError,
    Strategy,
    UsageError,
    map_panel,
    open_inputs,
    param,
    run,
    run_sweep,
    write_panel,
)
from backbus.api.kept import read_run
from backbus.api.result import Result
from backbus.performance.tables import TABLES

JOB: dict[str, Any] = {"name": "python"}
HALF = {"sizing": {"model": "percent_of_equity", "percent": 40.0}}
DAYS = pd.bdate_range("2024-01-02", periods=80, tz="UTC")


class Swings(Strategy):
    """In and out, by a count of bars."""

    every: int = param(5, ge=2)

    def on_bar(self, bar: Any) -> Any:
        """Long in even stretches."""
        assert bar.datetime == pd.Timestamp(bar.time, tz="UTC").floor("us").to_pydatetime()
        return self.go_long() if bar.row // self.every % 2 == 0 else self.go_flat()


def prices(*, drift: float = 0.001, symbol: int = 0) -> pd.DataFrame:
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(symbol).normal(drift, 0.01, len(DAYS))))
    whole = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1e6}
    return pd.DataFrame(whole, index=DAYS)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_is_written_unless_a_folder_is_asked_for_and_both_have_the_same_tables(nowhere: Path) -> None:
    held = run(JOB, prices(), strategy=Swings)
    assert not list(nowhere.iterdir()) and held.folder is None and not held.artifacts
    swept = run_sweep({**JOB, "sweep": {"parameters": {"every": [2, 3, 4]}}}, prices(), strategy=Swings)
    assert not list(nowhere.iterdir()) and not swept.artifacts
    assert list(swept.table["strategy.every"]) == [2, 3, 4]
    kept = run(JOB, prices(), strategy=Swings, folder=nowhere / "run")
    again = read_run(nowhere / "run")
    assert isinstance(again, Result) and kept.fingerprint == held.fingerprint
    for name in TABLES:
        pd.testing.assert_frame_equal(held.frame(name), kept.frame(name))
        pd.testing.assert_frame_equal(held.frame(name), again.frame(name))
    assert held.receipt is not None and kept.receipt is not None
    assert held.receipt.market == kept.receipt.market
    assert all(path.is_absolute() for path in kept.artifacts.values())


def test_frames_are_indexed_by_time(nowhere: Path) -> None:
    result = run(JOB, {"A": prices(), "B": prices(symbol=1)}, strategy=Swings(every=7))
    for frame in (result.equity, result.orders, result.fills, result.trades, result.positions):
        assert isinstance(frame.index, pd.DatetimeIndex) and str(frame.index.tz) == "UTC"
    assert len(result.equity) == len(DAYS)
    signed = result.fills["quantity"].groupby(result.fills["symbol"].astype(str)).sum()
    held = result.positions.iloc[-1]
    assert held.to_dict() == pytest.approx(signed.to_dict())
    by_row = result.positions.reindex(result.equity.index, method="ffill").fillna(0.0)
    assert len(by_row) == len(result.equity)


def test_what_stands_at_the_end_of_a_cell_is_a_line(nowhere: Path) -> None:
    result = run(JOB, {"A": prices(), "B": prices(symbol=1)}, strategy=Swings, folder="held")
    swept = run_sweep({**JOB, "sweep": {"parameters": {"every": [2, 3]}}}, prices(), strategy=Swings)
    job = Job.parse({**JOB, "strategy": {"use": "BuyAndHold"}})
    inputs = open_inputs(job, prices())
    write_panel(inputs.panel, "panel.arrow")
    told = {
        str(result.receipt): "<Receipt of the run 'python': 2024-01-02 to 2024-04-22, fingerprint ",
        repr(result.summary): "<Report of 'python': 2024-01-02 to 2024-04-22, 80 rows of 2 assets, final equity ",
        repr(swept.receipt): "<Receipt of the sweep 'python': fingerprint ",
        repr(result.tables): "<Tables: equity, signals, orders, fills, ",
        repr(job): "<Job 'python': BuyAndHold on no bars>",
        repr(inputs): "<Inputs: 80 rows of ASSET>",
        repr(map_panel("panel.arrow")): "<MappedPanel: 80 rows of 1 assets>",
        repr(Catalog("none")): "<Catalog in none: no datasets>",
        repr(swept): "<SweepResult 'python': sweep, ",
        repr(result): "<Result 'python': job held, ",
    }
    for shown, begin in told.items():
        assert shown.startswith(begin) and len(shown) < 200 and "\n" not in shown


def test_positions_follow_splits_and_are_what_equity_says(nowhere: Path) -> None:
    frame = prices()
    ratio = pd.Series(1.0, DAYS)
    ratio.iloc[40] = 2.0
    frame.loc[DAYS[40] :, ["open", "high", "low", "close"]] /= 2.0
    frame["split"] = ratio
    result = run({**JOB, "data": {"adjust": "events"}}, frame, strategy=Swings(every=100))
    assert list(result.frame("account_activity")["kind"]) == ["split"]
    held = result.positions.iloc[:, 0].reindex(result.equity.index, method="ffill").fillna(0.0)
    worth = result.equity["cash"] + held.to_numpy() * frame["close"].to_numpy()
    np.testing.assert_allclose(result.equity["equity"], worth, rtol=1e-12)


def test_positions_end_with_a_delisting(nowhere: Path) -> None:
    frame, other = prices(), prices(symbol=1)
    frame = frame.iloc[:40].assign(split=1.0, dividend=0.0, delisting=0.0)
    frame.loc[frame.index[-1], "delisting"] = 50.0
    other = other.assign(split=1.0, dividend=0.0, delisting=0.0)
    job = {**JOB, "data": {"adjust": "events", "columns": ["delisting"]}, "portfolio": HALF}
    result = run(job, {"GONE": frame, "STAYS": other}, strategy=Swings(every=100))
    assert list(result.frame("account_activity")["kind"]) == ["delisting"]
    told = [note for note in result.summary.warnings if "taken for no delisting" in note]
    assert [note.split(":")[0] for note in told] == ["GONE", "STAYS"]
    held = result.positions
    assert held["GONE"].iloc[0] > 0.0 and held["GONE"].iloc[-1] == 0.0 and held["STAYS"].iloc[-1] > 0.0
    by_row = held.reindex(result.equity.index, method="ffill").fillna(0.0)
    closes = np.stack([frame["close"].reindex(DAYS).ffill(), other["close"]], axis=1)
    worth = result.equity["cash"] + (by_row[["GONE", "STAYS"]].to_numpy() * closes).sum(axis=1)
    np.testing.assert_allclose(result.equity["equity"], worth, rtol=1e-12)


def test_returns_are_those_of_sessions_as_other_libraries_take_them(nowhere: Path) -> None:
    from empyrical import max_drawdown

    result = run(JOB, prices(), strategy=Swings)
    returns = result.returns
    assert returns.index.tz is None and (returns.index == returns.index.normalize()).all()
    assert float((1.0 + returns).prod() - 1.0) == pytest.approx(result.metrics["total_return"], rel=1e-12)
    assert float(max_drawdown(returns)) == pytest.approx(result.metrics["max_drawdown"], rel=1e-12)


def test_a_class_takes_the_job_s_parameters_and_an_instance_has_its_own(nowhere: Path) -> None:
    by_class = run({**JOB, "strategy": {"every": 3}}, prices(), strategy=Swings)
    by_instance = run(JOB, prices(), strategy=Swings(every=3))
    assert by_class.fingerprint == by_instance.fingerprint
    assert by_class.settings["strategy"] == by_instance.settings["strategy"]
    with pytest.raises(JobError, match=r"strategy\.every: the job says 4, and the strategy .* has 3"):
        run({**JOB, "strategy": {"every": 4}}, prices(), strategy=Swings(every=3))
    swept = run_sweep({**JOB, "sweep": {"parameters": {"portfolio.cash": [1e5]}}}, prices(), strategy=Swings(every=3))
    assert swept.table["fingerprint"][0] == by_class.fingerprint


def test_overrides_are_settings_by_name(nowhere: Path) -> None:
    (nowhere / "job.toml").write_text('name = "file"\n[portfolio]\ncash = 1000.0\n')
    changed = {"portfolio.cash": 5e4, "execution.commission": {"model": "bps", "bps": 5.0}}
    of_file = run("job.toml", prices(), strategy=Swings, overrides=changed)
    of_fields = run(JOB, prices(), strategy=Swings, overrides=changed)
    assert of_file.cash == of_fields.cash == pytest.approx(5e4)
    assert of_file.fingerprint == of_fields.fingerprint
    with pytest.raises(JobError, match="did you mean 'cash'"):
        run(JOB, prices(), strategy=Swings, overrides={"portfolio.chash": 1})
    with pytest.raises(UsageError, match=r"overrides are values by dotted setting, such as .*, not list"):
        run(JOB, prices(), strategy=Swings, overrides=["portfolio.cash=5000"])
    with pytest.raises(DataError, match="data: symbols are text, and 1 is none; write '1'"):
        run(JOB, {1: prices()}, strategy=Swings)
    with pytest.raises(DataError, match=r"data: a pandas .*, not list; several are a mapping by symbol"):
        run(JOB, [1.0, 2.0], strategy=Swings)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: run(JOB, {"IBM": prices()["close"]}, strategy=Swings),
        lambda: run(JOB, np.zeros((5, 5)), strategy=Swings),
        lambda: run([1], prices(), strategy=Swings),
        lambda: run(JOB, prices(), strategy=3),
        lambda: run(JOB, prices(), strategy=Swings).frame("positions"),
        lambda: run(JOB, prices(), strategy=Swings, tables=False).equity,
        lambda: run(JOB, prices(), strategy=Swings, tables=False, folder="here"),
        lambda: run(JOB, prices(), strategy=Swings).figures["nope"],
        lambda: run(JOB, prices(), strategy=Swings, folder="/dev/null/run"),
        lambda: Swings(every=1),
        lambda: Swings(evry=3),
    ],
)
def test_what_is_wrong_raises_an_error_of_ours(nowhere: Path, wrong: Any) -> None:
    with pytest.raises(BackbusError) as found:
        wrong()
    assert "pydantic.dev" not in str(found.value)


def test_a_notebook_sees_a_summary_with_the_curve(nowhere: Path) -> None:
    result = run(JOB, prices(), strategy=Swings)
    shown = result._repr_html_()
    assert "<svg" in shown and "Sharpe" in shown and "<script" not in shown
    assert len(repr(result)) < 200
    tricky = run({"name": "<b>&"}, prices(), strategy=Swings)
    assert "<b>&<" not in tricky._repr_html_() and "&lt;b&gt;&amp;" in tricky._repr_html_()
    with pytest.raises(UsageError):
        result.figures["luck"]
    assert result.plot().data
