"""The first commands of somebody new: a project that runs, what strategies there are, errors that programs can read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backbus import Job, check, run
from backbus.api.project import init
from backbus.errors import UsageError


def said(*words: str, at: Path) -> tuple[int, Any, str]:
    """Status, what was printed as JSON, and what went to standard error."""
    done = subprocess.run(
        (sys.executable, "-m", "backbus", *words), cwd=at, capture_output=True, text=True, check=False
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_new_project_runs_and_its_strategy_looks_at_no_future(tmp_path: Path) -> None:
    files = init(tmp_path / "demo")
    assert [path.name for path in files] == [
        "job.toml", "strategy.py", "test_strategy.py", "README.md", "ACME.csv", "GLOBEX.csv",
    ]  # fmt: skip
    job = Job.load(tmp_path / "demo" / "job.toml")
    assert run(job, tables=False).summary.counts.fills > 10
    assert check(job).clean
    assert job.sweep is not None
    with pytest.raises(UsageError, match="is there already, and not empty: name another folder"):
        init(tmp_path / "demo")


def test_what_comes_with_backbus_is_listed_with_its_parameters(tmp_path: Path) -> None:
    status, told, _ = said("strategies", "--json", at=tmp_path)
    assert status == 0
    cross = next(one for one in told["strategies"] if one["name"] == "SmaCross")
    assert cross["parameters"][0] == {
        "name": "fast", "type": "int", "default": 10, "required": False, "bounds": ">= 1",
        "description": "bars of the fast average",
    }  # fmt: skip


def test_errors_are_json_where_json_was_asked_for(tmp_path: Path) -> None:
    status, told, text = said("run", "none.toml", "--json", at=tmp_path)
    assert (status, told["error"]["kind"], told["error"]["file"]) == (2, "JobError", "none.toml")
    assert text.startswith("error: none.toml: no such job file")
    status, told, text = said("nothing", "--json", at=tmp_path)
    assert (status, told) == (2, {"error": {"kind": "UsageError", "message": "No such command 'nothing'."}})
    assert "Usage:" in text


def test_what_a_strategy_prints_goes_to_standard_error(tmp_path: Path) -> None:
    init(tmp_path / "demo")
    path = tmp_path / "demo" / "strategy.py"
    path.write_text(path.read_text().replace("        return", '        print("hello")\n        return'))
    status, told, text = said("run", "job.toml", "--json", at=tmp_path / "demo")
    assert (status, told["name"]) == (0, "demo")
    assert "hello\n" in text


def test_a_command_that_needs_a_stack_says_at_once_that_none_is_there(tmp_path: Path) -> None:
    import time

    from backbus.api.client import Client
    from backbus.errors import StackError
    from backbus.settings import Settings

    begun = time.monotonic()
    nowhere, says = Settings(orchestrator="tcp://127.0.0.1:1"), "nobody listens there; is the stack up"
    with Client(nowhere, timeout_s=60.0) as client, pytest.raises(StackError, match=says):
        client.jobs()
    assert time.monotonic() - begun < 30.0


def test_what_is_neither_a_run_here_nor_on_a_stack_is_told_as_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKBUS_ORCHESTRATOR", "tcp://127.0.0.1:1")
    status, told, _ = said("show", "nix", "--json", at=tmp_path)
    assert status == 1
    says = "there is no run 'nix' in var/runs, and the stack does not tell: no answer from "
    assert says in json.dumps(told)
