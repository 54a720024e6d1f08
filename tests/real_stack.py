"""A stack as it runs for a user, inside a test: the seven processes on free ports, started again when they die.

Its state, blobs and working folder are temporary and its own; only compiled code is shared with the caller. Tests wait
for facts (STATUS, SHOW), and every process that is ended here was started here and is known by its id.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from backbus.api.client import Client
from backbus.errors import StackError
from backbus.jit.sources import cache_folder
from backbus.settings import Settings

SERVICES = ("orchestrator", "broker", "data", "simulator", "strategy", "portfolio", "execution", "performance")
PATIENCE_S = 90.0
"""For a loaded machine; a fact that has not come true by then never will."""
RESTART_PAUSE_S = 0.2
LOOK_S = 0.05
TAIL_LINES = 60

RUNNING: list[Stack] = []
"""Stacks whose logs are shown when a test fails."""


def wait_for(fact: Callable[[], Any], what: str = "a fact", limit_s: float = PATIENCE_S) -> Any:
    """The first value of ``fact`` that is true; fails the test after ``limit_s``."""
    limit = time.monotonic() + limit_s
    while not (found := fact()):
        assert time.monotonic() < limit, f"waited {limit_s:g} s in vain for {what}"
        time.sleep(LOOK_S)
    return found


def role_of(name: str) -> str:
    """The role of a process; workers are numbered."""
    return name.partition("-")[0]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with_all = [socket.socket() for _ in range(count)]
    try:
        for one in with_all:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in with_all]
    finally:
        for one in with_all:
            one.close()


def without_settings() -> dict[str, str]:
    """This process's environment without any setting of backbus but the place of compiled code."""
    return {k: v for k, v in os.environ.items() if not k.startswith("BACKBUS_") or k == "BACKBUS_CACHE"}


@functools.cache
def compile_once(folder: Path) -> None:
    """As "up" does: seven processes that each compile the same, into ``folder``, would take minutes."""
    subprocess.run([sys.executable, "-P", "-m", "backbus.cli", "compile"], check=True, capture_output=True, timeout=300)


class Stack:
    """Seven processes, or those of ``services``, workers beside them, and a thread that starts again whatever died."""

    def __init__(self, folder: Path, services: tuple[str, ...] = SERVICES, workers: int = 0, **settings: Any) -> None:
        self.folder = folder
        self._names = [*services, *(f"optimizer-{number}" for number in range(1, workers + 1))]
        self.cwd = folder / "elsewhere"
        self.cwd.mkdir(parents=True)
        self.logs = folder / "logs"
        self.logs.mkdir()
        ports = free_ports(3)
        addresses = dict(
            zip(("orchestrator", "bus_in", "bus_out"), (f"tcp://127.0.0.1:{port}" for port in ports), strict=True)
        )
        self._variables = {"state": folder / "state", "cache": self._own_cache(), **addresses, **settings}
        self.settings = Settings(**self._variables)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._old: list[subprocess.Popen[bytes]] = []
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def _own_cache(self) -> Path:
        """A cache without blobs: what the services fetch must come over the wire. Compiled code is the caller's."""
        cache, compiled = self.folder / "cache", cache_folder()
        cache.mkdir()
        compiled.mkdir(parents=True, exist_ok=True)
        (cache / compiled.name).symlink_to(compiled)
        return cache

    def environment(self, **more: str) -> dict[str, str]:
        """The variables that a process needs to be, or to reach, this stack."""
        ours = {f"BACKBUS_{name.upper()}": str(value) for name, value in self._variables.items()}
        return {**without_settings(), **ours, **more}

    def client_environment(self) -> dict[str, str]:
        """What a user's shell has to know of this stack: its address, nothing of its folders."""
        return {**without_settings(), "BACKBUS_ORCHESTRATOR": self.settings.orchestrator}

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> Stack:
        """Start all, and return when the orchestrator lists a member of every role."""
        compile_once(cache_folder())
        RUNNING.append(self)
        try:
            with self._lock:
                for name in self._names:
                    self._spawn(name)
            self._keeper.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _spawn(self, name: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", f"backbus.services.{role_of(name)}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cwd,
                env=self.environment(BACKBUS_KEY_NAME="service"),
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._ending.wait(RESTART_PAUSE_S):
            with self._lock:
                for name, process in list(self._processes.items()):
                    if process.poll() is not None and not self._ending.is_set():
                        self._spawn(name)

    def stop(self) -> None:
        """End every process that was started here, and wait until it is gone."""
        self._ending.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
                process.send_signal(signal.SIGCONT)
        limit = time.monotonic() + 10.0
        for process in self._processes.values():
            try:
                process.wait(max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self in RUNNING:
            RUNNING.remove(self)

    def pid(self, name: str) -> int:
        """Of the process that is this service at the moment."""
        with self._lock:
            return self._processes[name].pid

    def pids(self) -> dict[str, int]:
        """Of all services; a service that died and came back has another."""
        with self._lock:
            return {name: process.pid for name, process in self._processes.items()}

    def send(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a service; returns the process id that got it."""
        with self._lock:
            process = self._processes[name]
            process.send_signal(number)
            return process.pid

    # --- facts -----------------------------------------------------------------------------------------------------

    def client(self, timeout_s: float = 30.0, **settings: Any) -> Client:
        """A client of this stack."""
        return Client(self.settings.model_copy(update=settings), timeout_s=timeout_s)

    def status(self) -> dict[str, Any] | None:
        """STATUS, or None where the orchestrator does not answer."""
        try:
            with self.client(timeout_s=2.0) as client:
                return client.status()
        except StackError:
            return None

    def wait_ready(self) -> None:
        """Wait until the members are the processes that run now, one of each role, and none that died."""

        def ready() -> bool:
            status = self.status()
            pids = self.pids()
            return status is not None and {(m["role"], m["pid"]) for m in status["members"]} == {
                (role_of(name), pid) for name, pid in pids.items() if name != "orchestrator"
            }

        wait_for(ready, "a living member of every role")

    def log(self, name: str) -> str:
        """What a service has said since it was first started."""
        return (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def tails(self) -> Mapping[str, str]:
        """The last lines of each service's log."""
        return {name: "\n".join(self.log(name).splitlines()[-TAIL_LINES:]) for name in self._names}
