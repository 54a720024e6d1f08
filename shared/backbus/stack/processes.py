"""The processes of one stack, found by the mark in their environment, never by their name.

A killed supervisor leaves its services behind, and nothing but the mark tells them from those of another stack.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from backbus.stack.folder import MARKER, Folder

_PROC = Path("/proc")


def _marked_in_proc(mark: bytes) -> list[int]:
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended, or belongs to somebody else
        if mark in variables:
            found.append(int(entry.name))
    return found


def _marked_in_ps(mark: str) -> list[int]:
    """For systems without /proc: BSD's ``ps`` prints the environment after the command."""
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=False)
    lines = (line.strip().partition(" ") for line in listed.stdout.splitlines())
    return [int(pid) for pid, _, rest in lines if f" {mark} " in f"{rest} "]


def marked(mark: str) -> list[int]:
    """Every live process with this ``NAME=value`` in the environment that it was started in."""
    return _marked_in_proc(os.fsencode(mark)) if (_PROC / "self" / "environ").exists() else _marked_in_ps(mark)


def _own_line() -> set[int]:
    """This process and those that it was started by: a shell inside a service's environment must survive ``down``."""
    line = {os.getpid(), os.getppid()}
    pid = os.getppid()
    while pid > 1:
        try:
            stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
        line.add(pid)
    return line


def processes_of(folder: Folder) -> list[int]:
    """Every live process of the stack with this state folder, the supervisor included."""
    ours = _own_line()
    return sorted(pid for pid in marked(f"{MARKER}={folder.state}") if pid not in ours)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it may have ended by itself
        os.kill(pid, number)


def ask_to_end(pid: int) -> None:
    """Ask a process to end, and wake it where it was stopped: a frozen process cannot hear."""
    _send(pid, signal.SIGTERM)
    _send(pid, signal.SIGCONT)


def end_all(folder: Folder, grace_s: float) -> int:
    """Ask every process of the stack to end and kill what is left after ``grace_s``. Returns how many there were."""
    seen: set[int] = set()
    limit = time.monotonic() + grace_s
    while running := processes_of(folder):
        late = time.monotonic() >= limit
        for pid in running:
            if late:
                _send(pid, signal.SIGKILL)
            elif pid not in seen:
                ask_to_end(pid)
        seen.update(running)
        time.sleep(0.05)
    return len(seen)
