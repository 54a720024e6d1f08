"""Where functions of the user's own come from, how jobs name them, and what a job or a file that is wrong is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from backbus import run
from backbus.api.check import check
from backbus.api.run_sweep import run_sweep
from backbus.errors import JobError, StrategyError
from backbus.job.job import Job
from backbus.models.loading import files_of_job, said_by, with_functions
from backbus.sweep.space.space import point_job
from backbus.trading.numbers import rules_of
from tests.unit.order_market import QUIET, bars, job_of

FILE = """
import itertools, random
from backbus import Strategy
from fees import FEE

COUNT = itertools.count()
KNOWN = {}

class Mine(Strategy):
    def signals(self, bars):
        return self.hold_long(bars.close.pct_change(1) > 0.0)

def dear(order, market, parameters):
    return order.price * (1.0 + parameters.by if order.quantity > 0.0 else 1.0 - parameters.by)

def fee(fill, market, parameters):
    return FEE

def counts(order, market, parameters):
    return order.price + next(COUNT)

def remembers(order, market, parameters):
    KNOWN.setdefault("first", order.price)
    return KNOWN["first"]

def two(order, parameters):
    return 1.0

number = 7.0
"""
WAVES = bars(*[(100.0 + row % 3, 103.0, 99.0, 100.0 + (row * 7) % 4) for row in range(40)])
DEAR = {"model": "own", "use": "dear", "parameters": {"by": 0.01}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A strategy's file, with a file that it imports."""
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    (tmp_path / "fees.py").write_text("FEE = 2.0\n", encoding="utf-8")
    return tmp_path


def job_in(folder: Path, use: str = "mine.py:Mine", **fields: Any) -> Job:
    job = Job.parse({"strategy": {"use": use}, **fields})
    job.come_from(folder)
    return job


def test_a_job_finds_functions_in_the_strategys_file_and_in_files_beside_it(folder: Path) -> None:
    (folder / "other.py").write_text("def fee(fill, market, parameters):\n    return 3.0\n", encoding="utf-8")
    fees = {"model": "own", "use": "fee"}
    own = run(job_in(folder, execution={"slippage": DEAR, "commission": fees}), WAVES, tables=False).summary
    built_in = {"slippage": {"model": "bps", "bps": 100}, "commission": {"model": "per_order", "fee": 2.0}}
    assert own.fingerprint == run(job_in(folder, execution=built_in), WAVES, tables=False).summary.fingerprint
    beside = job_in(folder, execution={"commission": {"model": "own", "use": "other.py:fee"}})
    assert sorted(files_of_job(beside)) == ["fees.py", "mine.py", "other.py"]
    three = job_in(folder, execution={"commission": {"model": "per_order", "fee": 3.0}})
    reports = [run(job, WAVES, tables=False).summary.fingerprint for job in (beside, three)]
    assert reports[0] == reports[1]


def test_a_built_in_strategy_takes_functions_from_any_file(folder: Path) -> None:
    job = job_in(folder, "SmaCross", execution={"slippage": {**DEAR, "use": "mine.py:dear"}})
    assert sorted(files_of_job(job)) == ["fees.py", "mine.py"]
    assert run(job, WAVES, tables=False).summary.counts.fills > 0


@pytest.mark.parametrize(
    ("use", "error", "says"),
    [
        ("deer", JobError, "execution.slippage.use: mine.py has no function deer; did you mean 'dear'?"),
        ("number", JobError, "mine.py:number is no function"),
        (
            "two",
            StrategyError,
            "two does not take what slippage is given: write def two(order, market, parameters)",
        ),
        ("gone.py:dear", JobError, "execution.slippage.use: there is no file gone.py"),
        ("below/dear.py:dear", JobError, "below/dear.py lies in another folder"),
    ],
)
def test_a_function_that_cannot_be_had_is_told_by_its_field(folder: Path, use: str, error: Any, says: str) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "dear.py").write_text(
        "def dear(order, market, parameters):\n    return 1.0\n", encoding="utf-8"
    )
    with pytest.raises(error, match=re.escape(says)):
        run(job_in(folder, execution={"slippage": {"model": "own", "use": use}}), WAVES, tables=False)


def test_a_name_alone_needs_a_file_of_the_strategys_own(folder: Path) -> None:
    with pytest.raises(JobError, match=r"'dear' names no file.*write my_models\.py:dear"):
        run(job_in(folder, "SmaCross", execution={"slippage": DEAR}), WAVES, tables=False)


@pytest.mark.parametrize(
    ("portfolio", "says"),
    [
        ({"margin": {}}, "give maintenance, a share of the positions' worth, or use, a function of your own"),
        ({"margin": {"maintenance": 0.2, "use": "x"}}, "give maintenance"),
        ({"margin": {"use": "x"}, "leverage": 2.0}, r"leverage follows from what margin\.use says: remove it"),
        ({"margin": {"maintenance": 0.2, "parameters": {"a": 1}}}, "parameters are those of a function of your own"),
        ({"sizing": {"model": "own", "use": "x", "parameters": {"class": 1}}}, "'class' is no name that the function"),
        ({"sizing": {"model": "own", "use": "x", "parameters": {"a": float("nan")}}}, "finite"),
        ({"sizing": {"model": "own"}}, r"portfolio\.sizing\.use: is missing"),
    ],
)
def test_settings_of_own_models_that_do_not_go_together_are_refused(portfolio: dict[str, Any], says: str) -> None:
    with pytest.raises(JobError, match=says):
        job_of(portfolio)


def test_nothing_runs_without_the_functions_that_a_job_names() -> None:
    with pytest.raises(JobError, match="nobody has loaded the function 'x'"):
        rules_of(job_of(execution={"slippage": {"model": "own", "use": "x"}}), bars(QUIET).layout)


def test_members_say_the_same_of_a_model_and_what_it_was_asked(folder: Path) -> None:
    job = job_in(folder, execution={"slippage": DEAR})
    files = files_of_job(job)
    (said, notes), (again, _) = (said_by(with_functions(job, files)) for _ in range(2))
    assert said == again
    (asked,) = said
    assert asked == "slippage dear (execution.slippage.use, by = 0.01)"
    assert said[asked][0].startswith("10.1 for Deal(quantity=1, price=10, share=0), ")
    assert notes == []
    random = job_in(folder, execution={"slippage": {"model": "own", "use": "counts"}})
    fresh, used = with_functions(random, files), with_functions(random, files)
    said_by(used)
    assert said_by(fresh) != said_by(used)


# --- sweeps ---------------------------------------------------------------------------------------------------------


def test_a_sweep_over_a_parameter_is_the_runs_of_its_values(folder: Path, tmp_path: Path) -> None:
    axis = {"execution.slippage.parameters.by": [0.0, 0.01, 0.02]}
    job = job_in(folder, execution={"slippage": DEAR}, sweep={"parameters": axis, "objective": "total_return"})
    swept = run_sweep(job, WAVES, folder=tmp_path / "out", workers=0)
    single = [
        run(point_job(job, {"execution.slippage.parameters.by": by}), WAVES, tables=False).summary.fingerprint
        for by in (0.0, 0.01, 0.02)
    ]
    assert len(set(single)) == 3
    assert fingerprints_of(swept) == single


def test_a_sweep_may_choose_between_functions(folder: Path, tmp_path: Path) -> None:
    (folder / "other.py").write_text("def none(order, market, parameters):\n    return order.price\n", encoding="utf-8")
    models = [{"model": "bps", "bps": 5.0}, DEAR, {"model": "own", "use": "other.py:none"}]
    job = job_in(folder, sweep={"parameters": {"execution.slippage": models}, "objective": "total_return"})
    assert sorted(files_of_job(job)) == ["fees.py", "mine.py", "other.py"]
    swept = run_sweep(job, WAVES, folder=tmp_path / "out", workers=0)
    alone = [run(job_in(folder, execution={"slippage": model}), WAVES, tables=False).summary for model in models]
    assert fingerprints_of(swept) == [report.fingerprint for report in alone]
    names = {"execution.slippage.use": ["dear", "other.py:none"]}
    by_name = job_in(folder, execution={"slippage": DEAR}, sweep={"parameters": names, "objective": "total_return"})
    assert fingerprints_of(run_sweep(by_name, WAVES, folder=tmp_path / "by name", workers=0)) == [
        report.fingerprint for report in alone[1:]
    ]


def fingerprints_of(swept: Any) -> list[str]:
    """By point."""
    return [line["fingerprint"] for line in table_of(swept)]


def table_of(swept: Any) -> list[dict[str, Any]]:
    """A sweep's points."""
    lines: list[dict[str, Any]] = swept.tables.read("table").to_pylist()
    return lines


def test_a_point_whose_model_fails_is_a_failed_point(folder: Path, tmp_path: Path) -> None:
    axis = {"execution.slippage.parameters.by": [0.0, 2.0, 0.02]}
    job = job_in(folder, execution={"slippage": DEAR}, sweep={"parameters": axis, "objective": "total_return"})
    swept = run_sweep(job, WAVES, folder=tmp_path / "out", workers=0)
    assert swept.summary["failed"] == 1
    assert "slippage dear of mine.py gave -" in str(table_of(swept))


# --- check ----------------------------------------------------------------------------------------------------------


def test_check_asks_every_call_again_and_names_a_model_with_two_answers(folder: Path) -> None:
    clean = check(job_in(folder, execution={"slippage": DEAR}), WAVES)
    assert clean.clean
    (model,) = clean.models
    assert (model.kind, model.name, model.finding) == ("slippage", "dear", None)
    assert model.calls > 10
    for name, says in (("counts", "gives two answers, "), ("remembers", "remembers something")):
        found = check(job_in(folder, execution={"slippage": {"model": "own", "use": name}}), WAVES)
        assert not found.clean
        assert f"slippage {name} of mine.py {says}" in (found.models[0].finding or "")
    assert "(KNOWN of mine is not as it was)" in (found.models[0].finding or "")
