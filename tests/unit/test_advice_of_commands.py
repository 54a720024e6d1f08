"""What commands print for a job's file is a job's file, and what they refuse leads on."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from backbus import run
from backbus.cli.app import app
from backbus.errors import JobError, UsageError
from backbus.job.job import Job
from tests.unit.small_prices import write_prices

MARKET = """
[simulator]
rows = 50
[[simulator.assets]]
symbol = "A"
path = { model = "random_walk", volatility = 0.2 }
"""
STRATEGY = '[strategy]\nuse = "BuyAndHold"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_prices(tmp_path, 60)
    return tmp_path


def said(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def written(folder: Path, text: str) -> str:
    path = folder / "job.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_job_reads_a_dataset_by_what_its_import_prints(folder: Path) -> None:
    printed = said("data", "import", "prices.csv", "--name", "mine")
    table = printed.partition("a job reads it by\n\n")[2].partition("\n\n")[0]
    assert run(Job.load(Path(written(folder, f"{table}\n{STRATEGY}"))), tables=False).summary.rows == 60


def test_a_job_reads_a_simulated_market_by_what_is_printed(folder: Path) -> None:
    job = written(folder, STRATEGY)
    with pytest.raises(JobError, match=r"no market to simulate: add \[simulator\]"):
        said("simulate", job, "--out", "made")
    printed = said("simulate", written(folder, STRATEGY + MARKET), "--out", "made")
    table = printed.partition("a job reads them by\n\n")[2].partition("\n\n")[0]
    assert run(Job.load(Path(written(folder, f"{table}\n{STRATEGY}"))), tables=False).summary.rows == 50


def swept(folder: Path, text: str) -> str:
    """The name of the only sweep that there is then."""
    before = set((folder / "var" / "runs").glob("*")) if (folder / "var").exists() else set()
    said("sweep", written(folder, text), "--workers", "0")
    (found,) = (path.name for path in set((folder / "var" / "runs").glob("*")) - before if path.is_dir())
    return found


def test_every_search_has_a_figure_and_one_that_it_has_not_is_told(folder: Path) -> None:
    grid = '[data]\nfiles = "prices.csv"\n[sweep.parameters]\nfast = [2, 3]\n[strategy]\nuse = "SmaCross"\n'
    with pytest.raises(UsageError, match="there is no figure 'fan' of a sweep; choose one of"):
        said("results", swept(folder, grid), "--figure", "fan.html", "--draw", "fan")
    said("results", swept(folder, f"{STRATEGY}{MARKET}[sweep.monte_carlo]\nmarkets = 2\n"), "--figure", "fan.html")
    assert (folder / "fan.html").stat().st_size
