"""A stack as it runs for a user, inside a test: real services under their supervisor, on free ports.

Its state, blobs and logs are temporary and its own; only compiled code is shared with the caller. Tests wait for facts
(STATUS, SHOW), and every process that is ended here was started here and is known by its id.
"""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backbus.api.client import Client
from backbus.errors import StackError
from backbus.jit.sources import cache_folder
from backbus.settings import Settings
from backbus.stack import lifecycle, logs, supervisor
from backbus.stack.folder import Folder
from backbus.stack.services import WORKER, with_workers
from tests.processes import alone, free_ports, own_cache, wait_for

START_S = 240.0
"""Ten processes that load the same libraries at once take seconds, and minutes where others want the processors too."""
TAIL_LINES = 60

RUNNING: list[Stack] = []
"""Stacks whose logs are shown when a test fails."""


def addresses() -> dict[str, str]:
    """Where a stack of its own can be, by setting."""
    names = ("orchestrator", "bus_in", "bus_out")
    return dict(zip(names, (f"tcp://127.0.0.1:{port}" for port in free_ports(3)), strict=True))


def as_variables(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as a user's shell has them."""
    return {f"BACKBUS_{name.upper()}": str(value) for name, value in settings.items()}


@functools.cache
def compile_once(folder: Path) -> None:
    """As "up" does, once for all stacks that have their compiled code in ``folder``."""
    subprocess.run([sys.executable, "-P", "-m", "backbus.cli", "compile"], check=True, capture_output=True, timeout=300)


class Stack:
    """All services or only ``only`` these, and workers beside them; a context that has it run.

    A user's members reach their broker by Unix sockets; ``by_tcp`` has them do what members on other machines do.
    """

    def __init__(
        self, folder: Path, only: tuple[str, ...] = (), *, workers: int = 0, by_tcp: bool = False, **settings: Any
    ) -> None:
        self.folder = folder
        self.settings = Settings(state=folder / "state", datasets=folder / "datasets", **addresses(), **settings)
        self._place = Folder.of(self.settings)
        changed = ("env", *(("-u", "BACKBUS_BUS_HERE") if by_tcp else ()), f"BACKBUS_CACHE={own_cache(folder)}")
        self._services = [
            replace(service, command=(*changed, *service.command))
            for service in with_workers(workers)
            if not only or service.name in only or service.role == WORKER.role
        ]

    # --- life ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Start all, and return when the orchestrator lists a member of every role."""
        compile_once(cache_folder())
        with alone():
            lifecycle.up(self.settings, self._services, ready_s=START_S, prepare=lambda _: None)
        RUNNING.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        RUNNING.remove(self)
        lifecycle.down(self.settings)

    def pids(self) -> dict[str, int]:
        """Of all services; a service that died and came back has another."""
        told = wait_for(lambda: supervisor.ask(self._place), "the supervisor's answer")
        return {one["name"]: one["pid"] for one in told}

    def pid(self, name: str) -> int:
        """Of the process that is this service at the moment."""
        return self.pids()[name]

    def send(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a service; returns the process id that got it."""
        pid: int = wait_for(lambda: self.pid(name), f"{name} to run")
        os.kill(pid, number)
        return pid

    # --- facts -----------------------------------------------------------------------------------------------------

    def user(self) -> dict[str, str]:
        """The environment of a user at whose machine it runs."""
        told = {name: getattr(self.settings, name) for name in (*addresses(), "state")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, **as_variables(told), "PATH": path, "COLUMNS": "120"}

    def user_elsewhere(self) -> dict[str, str]:
        """What a user's shell on another machine has to know of it: its address, nothing of its folders."""
        return {**os.environ, "BACKBUS_ORCHESTRATOR": self.settings.orchestrator}

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
        roles = {service.name: service.role for service in self._services}

        def ready() -> bool:
            status = self.status()
            expected = {(roles[name], pid) for name, pid in self.pids().items() if roles[name]}
            return status is not None and {(m["role"], m["pid"]) for m in status["members"]} == expected

        wait_for(ready, "a living member of every role")

    def log(self, name: str) -> str:
        """What a service has said since it was first started."""
        return self._place.log(name).read_text(encoding="utf-8", errors="replace")

    def tails(self) -> dict[str, str]:
        """The last lines of each service's log."""
        return {
            service.name: "\n".join(logs.tail(self._place.log(service.name), TAIL_LINES)) for service in self._services
        }
