"""A running stack for tests that type what a user types: free ports, temporary state, the real services."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture(scope="session")
def stack_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user whose stack is up; it is stopped at the end."""
    orchestrator, bus_in, bus_out = _free_ports(3)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BACKBUS_")} | {
        "BACKBUS_ORCHESTRATOR": f"tcp://127.0.0.1:{orchestrator}",
        "BACKBUS_BUS_IN": f"tcp://127.0.0.1:{bus_in}",
        "BACKBUS_BUS_OUT": f"tcp://127.0.0.1:{bus_out}",
        "BACKBUS_STATE": str(tmp_path_factory.mktemp("stack")),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "120",
    }
    if "BACKBUS_CACHE" in os.environ:
        environment["BACKBUS_CACHE"] = os.environ["BACKBUS_CACHE"]

    def backbus(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "backbus.cli", *arguments],
            env=environment,
            cwd=environment["BACKBUS_STATE"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    started = backbus("up", "--timeout", "240")
    assert started.returncode == 0, started.stderr
    try:
        yield environment
    finally:
        stopped = backbus("down")
        assert stopped.returncode == 0, stopped.stderr


@pytest.fixture
def working_folder(tmp_path: Path) -> Path:
    """A folder of a user's own with the examples in it, their prices written out."""
    subprocess.run([sys.executable, str(ROOT / "examples" / "sample_data.py")], check=True, capture_output=True)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path
