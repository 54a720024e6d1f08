"""What a run's folder says of it: the job that runs again from there, sources, the receipt; and the list of runs."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backbus import run
from backbus.api.explain import explain
from backbus.api.kept import read_run
from backbus.cli.app import app
from backbus.errors import DataError, JobError, UsageError
from backbus.folders import RUNS
from backbus.job.job import Job
from backbus.runs.folder import read_report, without_nothing
from backbus.runs.library import find_removable, find_run, kept_runs, latest_run, remove_run, sorted_by
from tests.unit.kept_runs import home, ran

__all__ = ["home"]


def said(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def test_a_run_comes_again_from_its_folder_whatever_became_of_its_sources(home: Path) -> None:
    folder = ran(home, "first", "portfolio.cash=5000.0")
    (home / "own.py").write_text("nothing")
    (home / "helping.py").unlink()
    again = run(Job.load(folder / "job.toml"), folder=home / "again")
    assert again.fingerprint == said(folder, "report.json")["fingerprint"]
    job = Job.load(folder / "job.toml")
    assert (job.portfolio.cash, job.strategy.params) == (5000.0, {"n": 4})
    assert sorted(path.name for path in (folder / "source").iterdir()) == ["helping.py", "own.py"]


def test_equal_runs_have_equal_receipts_and_others_say_in_what_they_differ(home: Path) -> None:
    first, again = ran(home, "first"), ran(home, "again")
    receipt = (first / "receipt.json").read_bytes()
    assert receipt == (again / "receipt.json").read_bytes()
    dearer = said(ran(home, "dearer", "portfolio.cash=5000.0"), "receipt.json")
    told = said(first, "receipt.json")
    assert {name for name in told if told[name] != dearer[name]} == {
        "fingerprint",
        "fills",
        "equity",
        "job",
        "job_hash",
    }
    named = said(ran(home, "named", 'name="other"', "run.block=7"), "receipt.json")
    assert {name for name in told if told[name] != named[name]} == {"name", "job"}
    path = home / "data" / "A.csv"
    path.write_text(path.read_text().replace("1000\n", "1001\n", 1))
    touched = said(ran(home, "touched"), "receipt.json")
    assert {name for name in told if told[name] != touched[name]} == {"data", "market"}
    assert set(told["data"]) == {"data/A.csv", "data/B.csv"}
    assert str(home) not in receipt.decode()


def test_the_report_says_what_was_run(home: Path) -> None:
    told = said(ran(home, "first"), "report.json")
    assert told["settings"]["strategy"] == {"use": "own.py:Own", "n": 4}
    assert told["receipt"]["job_hash"] == said(home / RUNS / "first", "receipt.json")["job_hash"]
    assert told["ran"]["mode"] == "local" and told["ran"]["folder"] == str(home)


def test_every_job_comes_back_from_its_toml() -> None:
    """All that a job can leave out says the same left out."""
    import tomli_w

    for path in sorted(Path("examples").rglob("*.toml")):
        if "strategy" not in path.read_text():
            continue
        job = Job.load(path)
        again = Job.parse(tomllib.loads(tomli_w.dumps(without_nothing(job.plain()))))
        assert again.plain() == job.plain(), path


def test_runs_are_listed_sorted_found_and_removed(home: Path) -> None:
    runs = home / RUNS
    first, second = ran(home, "aa1"), ran(home, "ab2", 'name="other"', "strategy.n=9")
    listed = kept_runs(runs)
    assert [one.id for one in listed] == ["ab2", "aa1"]
    assert (listed[0].name, listed[0].strategy, dict(listed[0].parameters)) == ("other", "own.py:Own", {"n": 9})
    assert (listed[0].first_session, listed[0].kind) == ("2020-01-01", "run")
    by_return = [one.total_return or 0.0 for one in sorted_by(listed, "return")]
    assert by_return == sorted(by_return, reverse=True)
    assert [one.name for one in sorted_by(listed, "name")] == ["mine", "other"]
    assert [one.name for one in sorted_by(listed, "-name")] == ["other", "mine"]
    with pytest.raises(UsageError, match="choose one of when, return"):
        sorted_by(listed, "luck")
    assert find_run("ab", runs) == find_run("other", runs) == find_run(str(second), runs) == latest_run(runs) == second
    with pytest.raises(JobError, match=r"'a' could be 2 runs: ab2 \(other, .*\), aa1 \(mine, .*\); give one's id"):
        find_run("a", runs)
    with pytest.raises(JobError, match=r"no run 'zz' in .*; the latest is ab2 \(other\)"):
        find_run("zz", runs)
    remove_run(second)
    assert [one.id for one in kept_runs(runs)] == ["aa1"] and not second.exists() and first.exists()


def test_only_what_lies_among_the_runs_is_removed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = home / RUNS
    inside = ran(home, "aa1")
    precious = ran(home, "../precious/p1")
    (precious / "thesis.txt").write_text("all of it")
    monkeypatch.chdir(precious)
    for outside in (".", "../p1", str(precious), f"{inside}/../../precious/p1"):
        with pytest.raises(UsageError, match=r"only runs in .* are removed; delete it by hand"):
            find_removable(outside, runs)
    for name in ("aa1", "a", "mine", str(inside), "../../runs/aa1/", f"{runs}/../runs/aa1"):
        assert find_removable(name, runs) == inside
    monkeypatch.chdir(inside)
    with pytest.raises(UsageError, match="only runs in"):
        find_removable(".", runs)  # the current folder does not go from under who asks
    assert (precious / "thesis.txt").is_file() and (precious / "report.json").is_file()


def test_of_a_link_to_a_run_the_link_alone_is_removed(home: Path) -> None:
    outside = ran(home, "../precious/p1")
    before = sorted(path.name for path in outside.iterdir())
    link = home / RUNS / "link0000"
    link.symlink_to(outside)
    for name in ("link", str(link)):
        assert find_removable(name, home / RUNS) == link
    remove_run(find_removable("link", home / RUNS))
    assert not link.is_symlink() and sorted(path.name for path in outside.iterdir()) == before


def test_a_damaged_run_is_listed_with_its_problem(home: Path) -> None:
    ran(home, "whole")
    report = ran(home, "cut") / "report.json"
    report.write_text(report.read_text()[:100])
    found = {one.id: one for one in kept_runs(home / RUNS)}
    assert (found["cut"].kind, found["whole"].kind) == ("damaged", "run")
    assert "cannot be read" in found["cut"].problem and "report.json" in found["cut"].problem
    (home / RUNS / "cut" / "report.json").write_text("{}")
    assert "of another version" in {one.id: one for one in kept_runs(home / RUNS)}["cut"].problem


def test_runs_that_would_read_the_same_are_listed_with_the_settings_in_which_they_differ(home: Path) -> None:
    dear = ("execution.commission.model=bps", "execution.commission.bps=5.0", "portfolio.shorts=true")
    ran(home, "plain")
    ran(home, "dear", *dear, "run.block=7")
    ran(home, "slower", "strategy.n=9", "portfolio.cash=5000.0")  # its parameters tell it from the others
    listed = CliRunner().invoke(app, ["runs", "--json"]).stdout
    apart = {one["id"]: one["differs_in"] for one in json.loads(listed)["runs"]}
    assert apart["slower"] == {}
    assert apart["dear"] == {
        "execution.commission.bps": 5.0, "execution.commission.model": "bps", "execution.commission.order": 0.0,
        "portfolio.shorts": True,
    }  # fmt: skip
    assert apart["plain"] == {
        "execution.commission.bps": None, "execution.commission.model": "none", "execution.commission.order": None,
        "portfolio.shorts": False,
    }  # fmt: skip
    shown = {line.split()[0]: line for line in CliRunner().invoke(app, ["runs"]).stdout.splitlines()}
    assert (
        "execution.commission.bps 5.0, execution.commission.model bps, execution.commission.order 0.0" in shown["dear"]
    )
    assert "  execution.commission.model none, portfolio.shorts false  " in shown["plain"]
    assert "portfolio" not in shown["slower"]
    remove_run(home / RUNS / "dear")
    assert "Differs in" not in CliRunner().invoke(app, ["runs"]).stdout


def test_a_list_without_a_run_says_whether_there_is_none_or_none_that_was_asked_for(home: Path) -> None:
    assert "there is no run in var/runs yet; `backbus run" in CliRunner().invoke(app, ["runs"]).stdout
    ran(home, "first")
    told = CliRunner().invoke(app, ["runs", "--name", "other"]).stdout
    assert told.startswith("no run in var/runs matches these options;")


@pytest.mark.parametrize(("kind", "told"), [("sweep", (7.98, {"fast": 3})), ("monte_carlo", (None, {}))])
def test_of_made_markets_none_is_shown_as_the_best(tmp_path: Path, kind: str, told: tuple[Any, ...]) -> None:
    best = {"params": {"strategy.fast": 3}, "metrics": {"total_return": 7.98, "sharpe": 1.36, "max_drawdown": -0.1}}
    said = {"kind": kind, "job": {"name": "x", "strategy": {"use": "SmaCross"}}, "best": best, "table_sha256": "00"}
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "sweep.json").write_text(json.dumps(said))
    (found,) = kept_runs(tmp_path)
    assert (found.kind, (found.total_return, dict(found.parameters))) == (kind, told)
    with pytest.raises(JobError, match=r"is of a (sweep|monte carlo), and orders are told of single runs: .*rerun one"):
        explain(tmp_path / "one")


def test_a_run_is_read_by_the_text_of_its_path(home: Path) -> None:
    folder = ran(home, "first")
    assert read_run(str(folder)).fingerprint == said(folder, "report.json")["fingerprint"]


def test_of_a_report_that_is_another_the_field_is_named(home: Path) -> None:
    path = ran(home, "first") / "report.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "metrics": {**whole["metrics"], "sharpe": "high"}}))
    with pytest.raises(DataError, match=r"cannot be read as the report of a run: metrics\.sharpe: .*number.*; run the"):
        read_report(path.parent)
