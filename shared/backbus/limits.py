"""How much memory users' code may take in a process: an allocation that needs more fails, and the process goes on."""

from __future__ import annotations

import contextlib
from pathlib import Path


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
