"""A walk-forward's rows are sweeps over the train ranges and single runs over the test ranges."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from backbus.api.rerun import rerun, rerun_fold
from backbus.api.run import run
from backbus.api.run_sweep import run_sweep
from backbus.api.sweep_result import SweepResult
from backbus.errors import BackbusError, JobError
from backbus.job.job import Job
from backbus.performance.metrics import FIGURES
from backbus.runs.folder import new_folder
from backbus.runs.library import find_sweep
from backbus.sweep.results import top_points
from backbus.sweep.space.space import point_job
from tests.unit.kept_runs import answer_in
from tests.unit.small_prices import write_prices

FIELDS: dict[str, Any] = {
    "data": {"files": "prices.csv", "warmup": 20},
    "strategy": {"use": "SmaCross"},
    "portfolio": {"sizing": {"model": "equal_weight"}},
    "sweep": {
        "parameters": {"fast": [2, 3, 5], "slow": [4, 9], "portfolio.lot": [1, 0.5]},
        "walk_forward": {"train": 50, "test": 30},
    },
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_prices(tmp_path, 150)
    return tmp_path


def walked(**sweep: Any) -> SweepResult:
    return run_sweep({**FIELDS, "sweep": {**FIELDS["sweep"], **sweep}}, workers=0, folder=new_folder())


@pytest.mark.parametrize("anchored", [False, True])
def test_each_fold_is_a_sweep_and_then_a_run(folder: Path, anchored: bool) -> None:
    result = walked(walk_forward={"train": 50, "test": 30, "anchored": anchored})
    rows = result.tables.read("table").to_pylist()
    assert [(str(row["test_start"]), str(row["test_end"])) for row in rows] == [
        ("2020-02-20", "2020-03-20"),
        ("2020-03-21", "2020-04-19"),
        ("2020-04-20", "2020-05-19"),
        ("2020-05-20", "2020-05-29"),
    ]
    assert (str(rows[2]["train_start"]) == "2020-01-01") == anchored
    growth = 1.0
    for number, row in enumerate(rows):
        ranged = {"data.start": str(row["train_start"]), "data.end": str(row["train_end"])}
        plain = {name: value for name, value in FIELDS["sweep"].items() if name != "walk_forward"}
        trained = point_job(Job.parse(FIELDS), ranged).plain() | {"sweep": {**plain, "resamples": 0}}
        best = run_sweep(trained, workers=0).summary["best"]
        assert (best["point"], best["metrics"]) == (row["point"], {name: row[f"in_sample.{name}"] for name in FIGURES})
        assert best["params"] == {name: row[name] for name in best["params"]}
        test = {"data.start": str(row["test_start"]), "data.end": str(row["test_end"])}
        alone = run(point_job(Job.parse(FIELDS), {**best["params"], **test}), tables=False)
        assert alone.fingerprint == row["fingerprint"]
        assert alone.metrics == {name: row[f"out_of_sample.{name}"] for name in FIGURES}
        assert rerun_fold(find_sweep(result.job), number).fingerprint == row["fingerprint"]
        growth *= 1.0 + alone.metrics["total_return"]
    assert result.summary["figures"]["total_return"] == pytest.approx(growth - 1.0, rel=1e-12)
    assert result.summary["sessions"] == 100
    mean = sum(row["in_sample.annual_return"] for row in rows) / len(rows)
    wanted = result.summary["figures"]["annual_return"] / mean if mean > 0 else None
    assert result.summary["efficiency"] == wanted
    points = [row["point"] for row in rows]
    assert result.summary["parameter_changes"]["any"] == sum(a != b for a, b in itertools.pairwise(points))


def test_the_same_again_has_the_same_files_and_another_fold_another_hash(folder: Path) -> None:
    one, two = walked(), walked()
    assert one.summary == two.summary
    assert one.artifacts["table"].read_bytes() == two.artifacts["table"].read_bytes()
    assert answer_in(one.artifacts["summary"]) == answer_in(two.artifacts["summary"])
    shorter = walked(walk_forward={"train": 50, "test": 29})
    assert shorter.summary["table_sha256"] != one.summary["table_sha256"]


def test_an_adaptive_search_starts_anew_in_each_fold(folder: Path) -> None:
    search = {"method": "adaptive", "points": 8, "generation": 4, "parameters": {"fast": {"low": 2, "high": 8}}}
    one, two = walked(**search), walked(**search)
    assert one.summary["table_sha256"] == two.summary["table_sha256"]
    assert rerun_fold(one.artifacts["table"].parent, 1).fingerprint == one.summary["folds"][1]["fingerprint"]


def test_a_fold_without_the_objective_fails_and_says_why(folder: Path) -> None:
    result = walked(objective="win_rate", parameters={"fast": [2], "slow": [600, 700]})
    assert result.summary["failed"] == len(result.summary["folds"]) == 4
    assert {fold["failure"] for fold in result.summary["folds"]} == {"no_objective"}
    assert result.summary["figures"] is None
    with pytest.raises(JobError, match="fold 0 failed"):
        rerun_fold(result.artifacts["table"].parent, 0)


def test_what_does_not_fit_is_one_error(folder: Path) -> None:
    with pytest.raises(JobError, match="the data has 150 to trade"):
        walked(walk_forward={"train": 150, "test": 1})
    assert not (folder / "var").exists()
    place = walked().artifacts["table"].parent
    for wrong in (lambda: rerun(place), lambda: top_points(place, 3)):
        with pytest.raises(JobError, match="folds of a walk_forward"):
            wrong()
    with pytest.raises(JobError, match="folds 0 to 3, not 9"):
        rerun_fold(place, 9)
    prices = folder / "prices.csv"
    prices.write_text(prices.read_text(encoding="utf-8").replace("2020-02-25,A,", "2020-02-25,A,1", 1))
    with pytest.raises(BackbusError):
        rerun_fold(place, 0)


@pytest.mark.slow
@pytest.mark.parametrize("search", [{}, {"method": "adaptive", "points": 7, "generation": 3}])
def test_processes_come_to_the_same_folds(folder: Path, search: dict[str, Any]) -> None:
    sweep = {**FIELDS["sweep"], **search}
    two = run_sweep({**FIELDS, "sweep": sweep}, workers=2)
    assert two.summary == walked(**search).summary
