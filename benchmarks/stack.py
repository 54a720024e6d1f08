"""A stack of local processes for the bench alone: free ports, a folder of its own, gone when the bench ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbus.api.client import Client
from backbus.api.result import Result
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.settings import Settings
from backbus.stack.folder import Folder

BACKBUS = Path(sys.executable).parent / "backbus"


@dataclass(frozen=True)
class Served:
    """A job that the stack has done, and what the orchestrator's store says of its one attempt."""

    result: Result
    seconds: float
    """From the moment the attempt was recorded and assigned until its result was committed: inputs read, the barrier,
    the run itself, the artifacts written and uploaded."""
    processor_s: dict[str, float]
    """Processor time that each service took, submission and download included."""

    def spent(self, decisions: int) -> str:
        """What a decision cost each service, in words: what bounds a run on few processors."""
        each = {name: 1e6 * seconds / decisions for name, seconds in self.processor_s.items()}
        most = sorted(each, key=each.__getitem__, reverse=True)
        listed = ", ".join(f"{name} {each[name]:.0f}" for name in most)
        return f"µs of processor time a decision: {sum(each.values()):.0f} in all ({listed})"


class Stack:
    """Started by ``backbus up`` and stopped by ``backbus down``, as a user would."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="backbus-bench-")
        folder = Path(self._folder.name)
        held = [socket.socket() for _ in range(3)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in held]
        for one in held:
            one.close()
        names = ("orchestrator", "bus_in", "bus_out")
        addresses = {name: f"tcp://127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)}
        self.state = folder / "state"
        self.settings = Settings(state=self.state, bus_here=Folder.of(Settings(state=self.state)).bus_here, **addresses)
        self.variables = {
            **os.environ,
            "BACKBUS_STATE": str(self.state),
            **{f"BACKBUS_{name.upper()}": address for name, address in addresses.items()},
        }
        self._jobs = 0
        self.ready_s = self._up()

    def scale(self, workers: int) -> None:
        """Have so many workers of the fleet."""
        self._command("scale", str(workers), "--timeout", "60", "--json")

    def _up(self) -> float:
        return float(self._command("up", "--timeout", "60", "--json")["elapsed_s"])

    def _command(self, *words: str) -> dict[str, Any]:
        done = subprocess.run(
            [str(BACKBUS), *words],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(f"backbus {words[0]} failed: {done.stderr.strip()[-500:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def restart(self) -> float:
        """Down and up again; seconds until it was ready."""
        self._down()
        return self._up()

    def processes(self) -> dict[str, int]:
        """Process ids by service."""
        return {path.stem: int(path.read_text()) for path in (self.state / "run").glob("*.pid")}

    def run(self, job: Job, panel: Panel) -> Served:
        """Run a job on the stack. Raises where it fails or needs a second attempt."""
        self._jobs += 1
        before = self._processor_s()
        with Client(self.settings, timeout_s=60.0) as client:
            submitted = client.submit(job, panel, fresh=True)
            shown = client.wait(submitted["job"])
            result = client.result(shown, folder=Path(self._folder.name) / "artifacts" / str(self._jobs))
        spent = {name: seconds - before.get(name, 0.0) for name, seconds in self._processor_s().items()}
        return Served(result, _seconds(shown), spent)

    def _processor_s(self) -> dict[str, float]:
        ticks = os.sysconf("SC_CLK_TCK")
        found = {}
        for name, pid in self.processes().items():
            fields = (Path("/proc") / str(pid) / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
            found[name] = (int(fields[11]) + int(fields[12])) / ticks
        return found

    def _down(self) -> None:
        subprocess.run(
            [str(BACKBUS), "down"], env=self.variables, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )

    def close(self) -> None:
        """Stop everything and remove the folder."""
        self._down()
        self._folder.cleanup()


def _seconds(shown: dict[str, Any]) -> float:
    attempts = shown["attempts"]
    if len(attempts) != 1:
        reasons = "; ".join(str(attempt["reason"]) for attempt in attempts)
        raise RuntimeError(f"the job took {len(attempts)} attempts, which measures nothing: {reasons}")
    return float(attempts[0]["ended_at"] - attempts[0]["started_at"])
