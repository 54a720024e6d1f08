"""Processes that tests start: waiting for facts about them, finding them, and knowing what a run has left behind."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backbus.jit.sources import cache_folder
from backbus.stack.processes import marked

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 90.0
"""For a loaded machine; a fact that has not come true by then never will."""
LOOK_S = 0.05
CommandLine = Callable[..., "subprocess.CompletedProcess[str]"]
"""What a test types, as words after ``backbus``."""
FORK_SERVER = "backbus.sweep.workers.fork_server"
"""In the command of a process that others are forked from, and of these."""
RUN_MARK = "TESTS_OF_BACKBUS"
"""Environment variable that everything carries that a run of the tests has started, however far down."""


def wait_for(fact: Callable[[], Any], what: str = "a fact", limit_s: float = PATIENCE_S) -> Any:
    """The first value of ``fact`` that is true; fails the test after ``limit_s``."""
    limit = time.monotonic() + limit_s
    while not (found := fact()):
        assert time.monotonic() < limit, f"waited {limit_s:g} s in vain for {what}"
        time.sleep(LOOK_S)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def running(mark: str, command: str = "") -> list[int]:
    """The living processes, but for this one, with this ``NAME=value`` in their environment and these words in their
    command."""
    return [pid for pid in marked(mark) if pid != os.getpid() and command in _command(pid)]


def computing(mark: str) -> list[int]:
    """The living processes with this mark that compute points: forked from a fork server, which is one itself."""
    servers = running(mark, FORK_SERVER)
    return [pid for pid in servers if _parent(pid) in servers and alive(pid)]


def computing_for(owner: int) -> list[int]:
    """Those whose fork server is this process's."""
    return [pid for pid in running(f"{RUN_MARK}={os.environ[RUN_MARK]}", FORK_SERVER) if _parent(_parent(pid)) == owner]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def own_cache(folder: Path) -> Path:
    """A cache in ``folder`` that has compiled code, which is the caller's, and nothing else: no blobs, no panels."""
    compiled = cache_folder()
    compiled.mkdir(parents=True, exist_ok=True)
    (folder / "cache").mkdir(parents=True)
    (folder / "cache" / compiled.name).symlink_to(compiled)
    return folder / "cache"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@contextmanager
def alone() -> Iterator[None]:
    """Held while a stack starts: two at once would each take longer than "up" waits. One holder among all workers."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def leave_nothing_running() -> subprocess.Popen[bytes]:
    """Have a process of its own end whatever this one starts from now on and does not outlive, even if it is killed."""
    os.environ[RUN_MARK] = uuid.uuid4().hex
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.reaper", f"{RUN_MARK}={os.environ[RUN_MARK]}"],
        stdin=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name != RUN_MARK} | {"PYTHONPATH": paths()},
        cwd=ROOT,
        start_new_session=True,
    )


def paths() -> str:
    """PYTHONPATH of a child that imports the tests, wherever it is started."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
