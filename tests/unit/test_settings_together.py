"""Settings that have to do with one another: what each asks of an account, a sweep or a check, the other leaves
alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from backbus import run
from backbus.api.check import check
from backbus.api.run_sweep import run_sweep
from backbus.errors import JobError
from backbus.job.job import Job
from backbus.models.loading import files_of_job, said_by, with_functions
from tests.unit.order_market import asks, bars, flat, job_of, play
from tests.unit.universes import chosen

FILE = """
from backbus import Strategy, param

class Mine(Strategy):
    lag: int = param(1, ge=1)

    def signals(self, bars):
        return self.hold_long(bars.close.pct_change(self.lag) > 0.0)

def cost(order, market, parameters):
    return order.price * (1.0 + parameters.by if order.quantity > 0.0 else 1.0 - parameters.by)
"""
OWN = {"model": "own", "use": "cost", "parameters": {"by": 0.001}}
MARKET = bars(*[[flat(100.0 + (row * 7) % 5), flat(50.0 + (row * 3) % 4)] for row in range(60)])
FUTURE = [{"symbols": "A", "kind": "future", "margin": 1000.0, "multiplier": 100.0}]
RATES = {"rates": {"1970-01-01": 0.01, "1970-02-01": 0.05}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    (tmp_path / "dear.py").write_text(FILE.replace("parameters.by", "parameters.by * 2.0"), encoding="utf-8")
    return tmp_path


def job_in(folder: Path, **fields: Any) -> Job:
    job = Job.parse({"strategy": {"use": "mine.py:Mine"}} | fields)
    job.come_from(folder)
    return job


@pytest.mark.parametrize("more", [{}, {"at_end": "close"}, {"limits": {"drawdown": 1.0}}])
@pytest.mark.parametrize("leaving", [None, "close", "keep"])
def test_only_a_margin_calls(more: dict[str, Any], leaving: str | None) -> None:
    market = bars(*[flat(price) for price in (100.0, 100.0, 95.0, 90.0, 85.0, 84.0)])
    market = market if leaving is None else chosen(market, [[1]] * 6, leaving)
    job = job_of({"cash": 2000.0, **more}, instruments=FUTURE)
    told = play(market, {0: asks(1)}, job)
    closes = [-1.0] if "at_end" in more else []
    assert [quantity for _, _, _, quantity, _ in told.fills] == [1.0, *closes]
    assert told.equity[-1] == 2000.0 - 16.0 * 100.0
    assert set(told.report.counts.forced) <= {"closing at the end"}


@pytest.mark.parametrize("leaving", [None, "close"])
def test_a_margin_calls_beside_a_universe(leaving: str | None) -> None:
    market = bars(*[flat(price) for price in (100.0, 100.0, 95.0, 85.0, 84.0)])
    market = market if leaving is None else chosen(market, [[1]] * 5, leaving)
    job = job_of({"cash": 2000.0, "margin": {"maintenance": 0.5}}, instruments=FUTURE)
    told = play(market, {0: asks(1)}, job)
    assert [(row, quantity) for row, _, _, quantity, _ in told.fills] == [(1, 1.0), (4, -1.0)]


def test_a_sweep_has_rates_by_date_and_models_of_ones_own(folder: Path) -> None:
    fields = {"execution": {"slippage": OWN}, "performance": {"risk_free": RATES}}
    swept = job_in(folder, **fields, sweep={"parameters": {"strategy.lag": [1, 2]}})
    points = pq.read_table(run_sweep(swept, data=MARKET, folder=folder / "out").artifacts["table"]).to_pandas()
    for lag, sharpe in zip(points["strategy.lag"], points["sharpe"], strict=True):
        one = job_in(folder, **{**fields, "strategy": {"use": "mine.py:Mine", "lag": lag}})
        alone = run(one, MARKET, tables=False)
        assert sharpe == pytest.approx(alone.summary.metrics.sharpe, rel=1e-12)


def test_points_have_one_rate() -> None:
    with pytest.raises(JobError, match="points are compared beside one rate"):
        Job.parse({"strategy": {"use": "SmaCross"}, "sweep": {"parameters": {"performance.risk_free": [0.0, 0.01]}}})


def test_functions_of_one_name_are_told_apart(folder: Path) -> None:
    lines = [
        {"symbols": "A", "slippage": OWN},
        {"symbols": "B", "slippage": {**OWN, "use": "dear.py:cost"}},
    ]
    checked = check(job_in(folder, instruments=lines), data=MARKET)
    assert checked.clean and len(checked.models) == 2 and all(model.calls > 0 for model in checked.models)
    lines[1]["slippage"] = {**OWN, "parameters": {"by": 0.01}}
    job = job_in(folder, instruments=lines)
    checked = check(job, data=MARKET)
    assert checked.clean and not any(model.note for model in checked.models)
    assert len(said_by(with_functions(job, files_of_job(job)))[0]) == 2
