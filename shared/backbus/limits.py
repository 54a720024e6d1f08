"""What users' code may not do in a process: take more memory than it is let (an allocation that needs more fails, and
the process goes on), and run jobs while its file is executed for what it defines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

_EXECUTED: ContextVar[str] = ContextVar("executed", default="")


def limit_memory(mib: int, *, for_good: bool = False) -> None:
    """Let nothing take more than ``mib`` MiB beyond what is taken now.

    With ``for_good`` it cannot be lifted again, and a process that dies writes no memory to disk. Where there is no
    /proc nothing is limited."""
    with contextlib.suppress(OSError, ImportError, StopIteration, ValueError):
        import resource

        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        used = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
        most = used + (mib << 20)
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most if for_good else hard))
        if for_good:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def unlimit_memory() -> None:
    """Let anything be taken again."""
    with contextlib.suppress(OSError, ImportError, ValueError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


@contextlib.contextmanager
def executing(file: str) -> Iterator[None]:
    """Have a user's file known as being executed."""
    before = _EXECUTED.set(file)
    try:
        yield
    finally:
        _EXECUTED.reset(before)


def executed_file() -> str:
    """The user's file that is being executed here for what it defines; empty where none is."""
    return _EXECUTED.get()
