"""``backbus doctor``: what it finds wrong is wrong, and is well again after what it says to do."""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from backbus.api import compiled
from backbus.cli.app import app
from backbus.jit.sources import identity
from backbus.settings import Settings
from backbus.stack import installation, kernels, surroundings
from backbus.stack.installation import HealthCheck
from backbus.stack.services import SERVICES
from backbus.transport.curve import init_keys
from tests.processes import free_ports


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("BACKBUS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BACKBUS_CACHE", str(tmp_path / "cache"))
    for name, port in zip(("ORCHESTRATOR", "BUS_IN", "BUS_OUT"), free_ports(3), strict=True):
        monkeypatch.setenv(f"BACKBUS_{name}", f"tcp://127.0.0.1:{port}")


def nobody(_: Settings) -> None:
    """What no stack answers."""


def around(what: str, status: dict[str, Any] | None = None) -> list[HealthCheck]:
    return [one for one in surroundings.surroundings(ask=lambda _: status) if one.what == what]


def states(found: list[HealthCheck]) -> list[str]:
    return [one.state for one in found]


def status(**more: Any) -> dict[str, Any]:
    members = [{"role": one.role, "pid": 1} for one in SERVICES if one.role]
    return {"members": members, "version": identity(), "now": time.time(), "held_up": 0, **more}


def test_the_command_says_ok_and_ends_with_1_only_where_something_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = CliRunner().invoke(app, ["doctor", "--json"])
    told = json.loads(said.stdout)
    assert (said.exit_code, told["well"]) == (0, True)
    names = {one["what"] for one in told["checks"]}
    assert names >= {
        "python",
        "libraries",
        "processes",
        "kernels",
        "cache",
        "keys",
        "ports",
        "stack",
        "clock",
        "figures",
    }
    monkeypatch.setenv("BACKBUS_KEYS", str(tmp_path / "none"))
    said = CliRunner().invoke(app, ["doctor"])
    assert said.exit_code == 1
    assert f"wrong  keys       there is no folder {tmp_path / 'none'}\n" in said.stdout
    assert said.stdout.endswith(" are wrong\n")


def test_a_library_that_is_too_old_or_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "pyzmq":
            raise importlib.metadata.PackageNotFoundError
        return "1.9.30" if name == "numpy" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = next(one for one in installation.installation() if one.what == "libraries")
    assert found.state == "wrong"
    assert "numpy is 1.9.30, and >=2.0 is asked for" in found.told
    assert "pyzmq is missing" in found.told
    monkeypatch.undo()
    assert next(one for one in installation.installation() if one.what == "libraries").state == "ok"


def test_kernels_are_ok_once_they_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> HealthCheck:
        return next(one for one in installation.installation() if one.what == "kernels")

    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert "plain Python" in told().told
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
    assert (told().state, told().mend) == ("note", "`backbus compile` compiles all")
    assert kernels.USUALLY in told().told
    assert not compiled.are_compiled_for("run")
    old = kernels.cache_home() / "compiled-before" / "place.compiled"
    old.parent.mkdir(parents=True)
    old.write_text("68\n")
    assert "about 68 s, as it took before" in told().told
    compiled.marker().parent.mkdir(parents=True)
    compiled.marker().touch()
    assert told().state == "ok"
    assert compiled.are_compiled_for("sweep")


def test_numba_keeps_code_where_we_look_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core.caching import _CacheLocator

    source = compiled.PACKAGE / "engine" / "loop.py"
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
    folder = kernels.cache_folder() / _CacheLocator.get_suitable_cache_subpath(str(source))
    folder.mkdir(parents=True)
    (folder / "loop.run_rows-194.py311.nbi").touch()
    assert not compiled.are_compiled_for("run")  # the first order with a limit would wait for a minute, without a word
    (folder / "loop.run_lists-218.py311.nbi").touch()
    assert compiled.are_compiled_for("run")
    assert not compiled.are_compiled_for("sweep")
    assert not compiled.are_compiled_for("check")
    (folder / "points.run_points-147.py311.nbi").touch()
    assert compiled.are_compiled_for("sweep")


def test_a_folder_that_cannot_be_written_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert states(around("cache")) == ["ok"]
    assert not (tmp_path / "cache").exists()
    (tmp_path / "cache").write_text("a file")
    found = around("cache")
    assert states(found) == ["wrong"]
    assert "set BACKBUS_CACHE to a folder that can be written" in found[0].mend
    monkeypatch.setenv("BACKBUS_CACHE", str(tmp_path / "other"))
    assert states(around("cache")) == ["ok"]


def test_little_room_is_told_and_none_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((1 << 20, "wrong"), (500 << 20, "note"), (5 << 30, "ok")):
        monkeypatch.setattr(surroundings.shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert states(around("state")) == [state]


def test_settings_that_cannot_be_read_or_that_nothing_reads_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert states(around("settings")) == ["ok"]
    monkeypatch.setenv("BACKBUS_STAT", "elsewhere")
    assert [(one.state, one.mend) for one in around("settings")] == [("wrong", "unset BACKBUS_STAT")]
    assert "did you mean BACKBUS_STATE?" in around("settings")[0].told
    monkeypatch.delenv("BACKBUS_STAT")
    monkeypatch.setenv("BACKBUS_BEAT_S", "often")
    found = list(surroundings.surroundings(ask=nobody))
    assert [(one.what, one.state) for one in found] == [("settings", "wrong")]
    assert "BACKBUS_BEAT_S" in found[0].told


def test_keys_that_others_read_or_that_are_not_there_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init_keys(tmp_path / "var" / "keys")
    assert states(around("keys")) == ["note"]
    folder = tmp_path / "var" / "keys"
    monkeypatch.setenv("BACKBUS_KEYS", str(folder))
    assert states(around("keys")) == ["ok"]
    (folder / "client.key_secret").chmod(0o644)
    found = around("keys")
    assert states(found) == ["wrong"]
    assert found[0].mend == f"chmod 600 {folder / 'client.key_secret'}"
    (folder / "client.key_secret").chmod(0o600)
    monkeypatch.setenv("BACKBUS_KEY_NAME", "alice")
    assert "alice.key_secret" in around("keys")[0].told
    monkeypatch.delenv("BACKBUS_KEY_NAME")
    monkeypatch.delenv("BACKBUS_KEYS")
    monkeypatch.setenv("BACKBUS_ORCHESTRATOR", "tcp://10.0.0.1:5570")
    assert states(around("keys")) == ["wrong"]


def test_a_port_that_another_program_has_is_wrong_unless_a_stack_answers() -> None:
    assert states(around("ports")) == ["ok"]
    port = int(Settings().orchestrator.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        found = around("ports")
        assert states(found) == ["wrong"]
        assert "another program listens there" in found[0].told
        assert states(around("ports", status())) == ["ok"]


def test_a_machine_that_only_asks_needs_no_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORCHESTRATOR", "BUS_IN", "BUS_OUT"):
        monkeypatch.setenv(f"BACKBUS_{name}", "tcp://backbus.example:5570")
    assert [one.told for one in around("ports")] == [
        "none of this machine: the stack is to be at tcp://backbus.example:5570"
    ]


def test_a_stack_without_a_member_and_one_of_other_sources_are_told() -> None:
    assert states(around("stack")) == ["note"]
    assert states(around("stack", status())) == ["ok"]
    members = [one for one in status()["members"] if one["role"] != "portfolio"]
    found = around("stack", status(members=members))
    assert states(found) == ["wrong"]
    assert found[0].told.endswith("has no portfolio")
    assert states(around("stack", status(version="another"))) == ["ok", "note"]
    assert states(around("stack", status(held_up=3))) == ["ok", "wrong"]


def test_clocks_that_differ_are_told() -> None:
    assert states(around("clock", status())) == ["ok"]
    found = around("clock", status(now=time.time() + 60))
    assert states(found) == ["wrong"]
    assert "60 s ahead of ours" in found[0].told
    assert "behind ours" in around("clock", status(now=time.time() - 60))[0].told
