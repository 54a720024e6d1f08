"""``backbus up | ps | logs | down`` with the real services, as a user types them, from a folder of the user's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import alive, alone, wait_for
from tests.stacks import addresses, as_variables

BACKBUS = [sys.executable, "-P", "-m", "backbus.cli"]


class Shell:
    """A terminal in a folder, with a stack of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables = {**os.environ, **as_variables(addresses())}

    def type(self, *arguments: str, status: int | None = 0) -> str:
        """What it prints; None: with whatever status."""
        done = subprocess.run(
            [*BACKBUS, *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert status is None or done.returncode == status, done.stdout + done.stderr
        return done.stdout or done.stderr

    def json(self, *arguments: str, status: int | None = 0) -> Any:
        return json.loads(self.type(*arguments, "--json", status=status))

    def ps(self, status: int | None = 0) -> dict[str, dict[str, Any]]:
        return {row["service"]: row for row in self.json("ps", status=status)["services"]}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    one = Shell(tmp_path_factory.mktemp("stack"))
    yield one
    one.type("down")


RUNS = ["data", "simulator", "strategy", "portfolio", "execution", "performance"]
SERVICES = ["orchestrator", "broker", *RUNS, "optimizer-1"]


def test_the_life_of_a_stack(shell: Shell) -> None:
    assert shell.json("ps", status=1)["services"] == []
    assert "backbus up" in shell.type("logs", status=1)

    with alone():
        done = shell.json("up", "--timeout", "240")
    assert done["services"] == SERVICES
    assert done["elapsed_s"] > 0
    assert done["folder"] == str(shell.folder / "var" / "stack")

    rows = shell.ps()
    assert list(rows) == SERVICES
    assert all(row["state"] == "running" and row["ready"] for row in rows.values())
    assert "broker" in shell.type("ps")
    assert shell.json("up")["already"]

    assert all(shell.json("logs", "--lines", "5")["logs"][name] for name in SERVICES)
    assert shell.type("logs", "broker").strip()
    assert "there is no service 'brocker'" in shell.type("logs", "brocker", status=2)

    killed = rows["execution"]["pid"]
    os.kill(killed, signal.SIGKILL)
    # Not before the supervisor has seen that it died does "up" wait for another one.
    wait_for(lambda: shell.ps(status=None)["execution"]["pid"] not in (killed, 0, None), "another execution")
    assert shell.json("up", "--timeout", "240")["already"]
    now = shell.ps()
    assert now["broker"]["pid"] == rows["broker"]["pid"]

    assert shell.json("scale", "3") == {"workers": 3, "before": 1}
    scaled = shell.ps()
    assert list(scaled) == [*SERVICES, "optimizer-2", "optimizer-3"]
    assert {name: scaled[name]["pid"] for name in SERVICES} == {name: now[name]["pid"] for name in SERVICES}
    assert shell.json("scale", "1") == {"workers": 1, "before": 3}
    assert list(shell.ps()) == SERVICES

    supervisor = int((shell.folder / "var" / "stack" / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    assert shell.json("down")["stopped"] == len(SERVICES)
    assert not any(alive(row["pid"]) for row in now.values())
    assert shell.json("down")["stopped"] == 0


def test_doctor_finds_a_stack_well_and_its_ports_free_where_none_is(shell: Shell) -> None:
    def checks() -> dict[str, dict[str, str]]:
        return {one["what"]: one for one in shell.json("doctor", status=None)["checks"]}

    assert checks()["stack"]["state"] == "note"
    shell.type("up")
    found = checks()
    assert {found[what]["state"] for what in ("stack", "ports", "clock", "keys")} == {"ok"}
    assert "1 portfolio" in found["stack"]["told"]
    shell.type("down")
    assert checks()["ports"]["state"] == "ok"


def test_a_stack_with_keys_starts_and_answers_its_own_client_only(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.type("keys", "init")
    shell.variables["BACKBUS_KEYS"] = "var/keys"
    try:
        with alone():
            assert not shell.json("up", "--timeout", "240")["already"]
        assert all(row["ready"] for row in shell.ps().values())
        without = {name: value for name, value in shell.variables.items() if name != "BACKBUS_KEYS"}
        shell.variables, kept = without, shell.variables
        assert not any(row["ready"] for row in shell.json("ps", status=1)["services"])
        shell.variables = kept
    finally:
        shell.type("down")
