"""What is given as the id of a job and can be none is told, whether a stack is there or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backbus.api.client import Client
from backbus.cli.app import app
from backbus.errors import UsageError

NO_IDS = ["no/such", "a b", "/etc", "é", "x" * 300, ""]


@pytest.mark.parametrize("job", NO_IDS)
@pytest.mark.parametrize("asked", ["show", "cancel", "pause", "resume"])
def test_a_client_refuses_what_is_no_id(job: str, asked: str) -> None:
    with Client() as client, pytest.raises(UsageError, match=r"`backbus runs` lists .* `backbus jobs`"):
        getattr(client, asked)(job)


@pytest.mark.parametrize("command", ["show", "cancel", "pause", "resume", "fetch"])
def test_so_does_each_command(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some" / "folder").mkdir(parents=True)
    for job in ("no/such", "some/folder", "a b", f"{tmp_path}{os.sep}some"):
        error = CliRunner().invoke(app, [command, job]).exception
        assert isinstance(error, UsageError) and repr(job) in str(error), error
