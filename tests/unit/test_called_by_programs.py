"""What commands offer to programs: jobs without a file, bounds, no stack, errors that can be told apart."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from backbus.cli.job_file import job_of, refuse_more_points
from backbus.errors import JobError, RunNotFound, TooManyPoints
from backbus.job.job import Job
from backbus.runs.library import find_run, latest_run


def test_a_job_is_read_from_standard_input_with_paths_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def given(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    given('[strategy]\nuse = "SmaCross"\nfast = 2\n')
    with job_of("-", ["strategy.fast=3"]) as job:
        assert (job.strategy.params, job.folder) == ({"fast": 3}, Path())
    given("[strategy\n")
    with pytest.raises(JobError, match=r"^standard input: is not valid TOML"), job_of("-"):
        pass
    given('[strategy]\nuse = "SmaCross"\n[datas]\n')
    told = r"^standard input:3: datas: there is no such setting; did you mean 'data'"
    with pytest.raises(JobError, match=told), job_of("-"):
        pass


def test_a_sweep_of_too_many_points_is_told_a_way_that_is_let_pass() -> None:
    fields = {"strategy": {"use": "SmaCross"}, "sweep": {"parameters": {"fast": [1, 2, 3], "slow": [5, 6]}}}
    job = Job.parse(fields)
    refuse_more_points(job, None)
    refuse_more_points(job, 6)
    with pytest.raises(TooManyPoints, match=r'has 6 points, and --max-points lets 5 pass: .* "random" with points = 5'):
        refuse_more_points(job, 5)
    fields["sweep"] |= {"method": "random", "points": 5}
    refuse_more_points(Job.parse(fields), 5)
    refuse_more_points(Job.parse({"strategy": {"use": "SmaCross"}}), 1)


def test_runs_that_nobody_finds_are_an_error_of_their_own(tmp_path: Path) -> None:
    for look in (
        lambda: find_run("none", tmp_path),
        lambda: latest_run(tmp_path),
    ):
        with pytest.raises(RunNotFound):
            look()


def test_show_asks_no_stack_where_it_is_told_so(tmp_path: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "backbus", "show", "--here", "--json", "none"),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["kind"] == "RunNotFound"
