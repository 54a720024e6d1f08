"""``backbus keys``: what it makes, who may read it, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backbus.cli.app import app
from backbus.errors import StackError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BACKBUS_KEYS", raising=False)


def keys(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments])


def test_init_makes_three_keys_under_var_that_only_their_owner_reads(tmp_path: Path) -> None:
    said = keys("init")
    assert said.exit_code == 0
    folder = tmp_path / "var" / "keys"
    assert f"export BACKBUS_KEYS={folder}" in said.stdout
    secrets = sorted(folder.glob("*.key_secret"))
    assert [path.stem for path in secrets] == ["client", "server", "service"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *secrets])
    assert sorted(path.name for path in (folder / "authorized").iterdir()) == ["client.key", "service.key"]


def test_the_setting_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKBUS_KEYS", str(tmp_path / "elsewhere"))
    assert json.loads(keys("init", "--json").stdout)["folder"] == str(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "server.key").exists()


def test_add_lets_one_more_in(tmp_path: Path) -> None:
    keys("init", "--folder", "k")
    told = json.loads(keys("add", "alice", "--folder", "k", "--json").stdout)
    assert told == {"folder": str(tmp_path / "k"), "key": "alice", "secret": str(tmp_path / "k" / "alice.key_secret")}
    assert (tmp_path / "k" / "authorized" / "alice.key").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    keys("init", "--folder", "k")
    before = (tmp_path / "k" / "server.key_secret").read_bytes()
    assert isinstance(keys("init", "--folder", "k").exception, StackError)
    assert isinstance(keys("add", "client", "--folder", "k").exception, StackError)
    assert isinstance(keys("add", "../up", "--folder", "k").exception, StackError)
    assert (tmp_path / "k" / "server.key_secret").read_bytes() == before


def test_add_before_init_says_what_comes_first() -> None:
    refusal = keys("add", "alice", "--folder", "k").exception
    assert isinstance(refusal, StackError)
    assert "backbus keys init" in str(refusal)
