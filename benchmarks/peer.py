"""A peer at work: its script in its own environment, told by a line on standard input when to run once more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.environments import HERE, ROOT, Absent, python_of
from benchmarks.memory import status

OURS = "backbus"
SCRIPTS = {"vectorbt_rust": "vectorbt"}
"""Peers that run another's scripts, in an environment of their own: this one finds its compiled part by itself."""


class Peer:
    """A process of ``peers/<name>_<work>.py`` over the first ``rows`` bars of a folder, warm when this returns.

    ``backbus`` is a peer too where a process of its own is wanted: its script runs in this environment.
    """

    def __init__(self, name: str, work: str, folder: Path, rows: int, say: Callable[[str], None]) -> None:
        if name == OURS:
            command = [sys.executable, "-m", f"benchmarks.peers.{name}_{work}"]
        else:
            command = [str(python_of(name, say)), str(HERE / "peers" / f"{SCRIPTS.get(name, name)}_{work}.py")]
        self.name = name
        self.rows = rows
        self.last: dict[str, Any] = {}
        variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "NUMBA"))}
        self._process = subprocess.Popen(
            [*command, str(folder), str(rows)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=variables,
        )
        self._answer()

    def run(self, how: str = "plain") -> float:
        """Seconds of one more run; ``last`` then holds what else it answered, orders and final equity among it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{how}\n")
        self._process.stdin.flush()
        self.last = self._answer()
        return float(self.last["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            last = errors.strip().splitlines()[-1:] or ["no reason given"]
            raise Absent(f"it ended: {last[0]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def resident(self) -> int:
        """Bytes of the process at their highest so far."""
        return status(self._process.pid, "VmHWM")

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.communicate()
