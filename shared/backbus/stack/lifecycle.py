"""Starting and stopping a stack. What ``up`` cannot bring to readiness it takes down again, whole."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from backbus.errors import StackError
from backbus.settings import Settings
from backbus.stack import kernels, logs, ports, processes, readiness, supervisor
from backbus.stack.config import STOP_S, configuration
from backbus.stack.environment import environment_of
from backbus.stack.folder import Folder
from backbus.stack.services import SERVICES, WORKER, Service, with_workers, workers_among

READY_S = 60.0
"""How long ``up`` waits for readiness, kernels being compiled before."""
POLL_S = 0.1
TAIL_LINES = 20


@dataclass(frozen=True, slots=True)
class Up:
    """What ``up`` found or did."""

    already: bool
    elapsed_s: float
    services: list[str]
    folder: str


@contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """One start or stop of this stack at a time; a second one waits for the first."""
    folder.make()
    with folder.lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def compile_kernels(settings: Settings) -> None:
    """Compile before the clock of readiness starts; shows its own progress on standard error."""
    command = [sys.executable, "-P", "-m", "backbus.cli", "compile"]
    if not kernels.apart([command], environment=environment_of(settings), said=True):
        raise StackError("the kernels could not be compiled; the reason is printed above")


def up(
    settings: Settings,
    services: Sequence[Service] = with_workers(1),
    *,
    ready_s: float = READY_S,
    prepare: Callable[[Settings], None] = compile_kernels,
    ask: readiness.Ask = readiness.ask_orchestrator,
) -> Up:
    """Start the stack and return when every service is ready, or leave nothing running and say what was missing."""
    folder = Folder.of(settings)
    started = time.monotonic()
    with _alone(folder):
        told = supervisor.ask(folder)
        if told is not None:
            services = _among(services, told)
        names = [service.name for service in services]
        if told is not None:
            _wait(settings, folder, services, None, ready_s, ask)
            return Up(True, time.monotonic() - started, names, str(folder.state))
        processes.end_all(folder, STOP_S)
        folder.clear()
        folder.make_socket_folder()
        ports.require_free(settings)
        prepare(settings)
        started = time.monotonic()
        folder.config.write_text(configuration(folder, services), encoding="utf-8")
        for service in services:
            log = folder.log(service.name)
            if log.exists():
                log.replace(log.with_suffix(".log.previous"))
        try:
            child = supervisor.start(folder, environment_of(settings))
            _wait(settings, folder, services, child, ready_s, ask)
        except BaseException:
            _end(folder)
            raise
        return Up(False, time.monotonic() - started, names, str(folder.state))


def scale(
    settings: Settings,
    workers: int,
    *,
    ready_s: float = READY_S,
    ask: readiness.Ask = readiness.ask_orchestrator,
) -> int:
    """Have so many workers run beside the rest of the stack, which must be up. Returns how many there were.

    Those that go are told to stop; what they had leased is leased to others.
    """
    folder = Folder.of(settings)
    with _alone(folder):
        told = supervisor.ask(folder)
        if told is None:
            raise StackError(f"no stack is up with its state in {folder.state}; start it with `backbus up`")
        services = with_workers(workers)
        folder.config.write_text(configuration(folder, services), encoding="utf-8")
        supervisor.renew(folder)
        _wait(settings, folder, services, None, ready_s, ask)
        return workers_among(one["name"] for one in told)


def _among(services: Sequence[Service], told: Sequence[dict[str, Any]]) -> Sequence[Service]:
    """The services of a stack that runs: as many workers as its supervisor has."""
    others = [service for service in services if service.role != WORKER.role]
    return [*others, *with_workers(workers_among(one["name"] for one in told))[len(SERVICES) :]]


def _pids(told: Sequence[dict[str, Any]]) -> readiness.Pids:
    return {one["name"]: one["pid"] for one in told}


def _wait(
    settings: Settings,
    folder: Folder,
    services: Sequence[Service],
    child: subprocess.Popen[bytes] | None,
    ready_s: float,
    ask: readiness.Ask,
) -> None:
    limit = time.monotonic() + ready_s
    while True:
        if child is not None and child.poll() is not None:
            raise StackError(f"the supervisor ended at once (status {child.returncode}): {supervisor.words(folder)}")
        told = supervisor.ask(folder)
        absent = readiness.missing(services, ask(settings), _pids(told or ()))
        if not absent:
            return
        if time.monotonic() >= limit:
            raise StackError(_not_ready(folder, absent, ready_s))
        time.sleep(POLL_S)


def _not_ready(folder: Folder, absent: Sequence[Service], ready_s: float) -> str:
    text = f"not ready within {ready_s:g} s: {', '.join(service.name for service in absent)}"
    for service in absent:
        path = folder.log(service.name)
        lines = logs.tail(path, TAIL_LINES)
        text += f"\n--- last lines of {path}" + "".join(f"\n{line}" for line in lines or ["(nothing was written)"])
    return text


def down(settings: Settings) -> int:
    """Stop every process of this stack, those that a killed supervisor left behind included. Returns how many."""
    folder = Folder.of(settings)
    if not folder.state.is_dir():
        return 0
    with _alone(folder):
        return _end(folder)


def _end(folder: Folder) -> int:
    running = len(processes.processes_of(folder))
    pid = _supervisor_pid(folder)
    if pid is not None:
        # the supervisor first, so that it stops its services in order and starts none again
        processes.ask_to_end(pid)
        limit = time.monotonic() + 2 * STOP_S
        while _supervisor_pid(folder) == pid and time.monotonic() < limit:
            time.sleep(0.05)
    processes.end_all(folder, STOP_S)
    folder.clear()
    return running


def _supervisor_pid(folder: Folder) -> int | None:
    try:
        pid = int(folder.pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if pid in processes.processes_of(folder) else None


def orphans(settings: Settings) -> int:
    """How many processes of this stack run although no supervisor answers for them."""
    folder = Folder.of(settings)
    return 0 if supervisor.ask(folder) is not None else len(processes.processes_of(folder))


def states(
    settings: Settings,
    services: Sequence[Service] = SERVICES,
    *,
    ask: readiness.Ask = readiness.ask_orchestrator,
) -> list[dict[str, Any]]:
    """One row a service: ``service, state, pid, uptime_s, ready``; empty where no supervisor answers."""
    told = supervisor.ask(Folder.of(settings))
    if told is None:
        return []
    services = _among(services, told)
    status = ask(settings)
    absent = {service.name for service in readiness.missing(services, status, _pids(told))}
    if status is None:
        absent = {service.name for service in services}
    rank = {service.name: place for place, service in enumerate(services)}
    return [
        {
            "service": one["name"],
            "state": one["statename"].lower(),
            "pid": one["pid"] or None,
            "uptime_s": one["now"] - one["start"] if one["pid"] else None,
            "ready": one["name"] not in absent,
        }
        for one in sorted(told, key=lambda one: rank.get(one["name"], len(rank)))
    ]
