"""How much memory processes take: their resident peak as the kernel kept it, and the part that no file backs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

EVERY_S = 0.1


def status(pid: int, field: str) -> int:
    """Bytes of a field of ``/proc/PID/status``; 0 where the process is gone."""
    try:
        lines = (Path("/proc") / str(pid) / "status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), 0)


class Watch:
    """Watches processes from ``with`` to its end; then ``anonymous`` and ``resident`` hold their peaks by name."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.anonymous = dict.fromkeys(processes, 0)
        """Bytes; looked at every tenth of a second."""
        self.resident: dict[str, int] = {}
        """Bytes, pages of mapped files included; the kernel's own high-water mark."""

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.resident = {name: status(pid, "VmHWM") for name, pid in self._processes.items()}
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY_S):
            for name, pid in self._processes.items():
                self.anonymous[name] = max(self.anonymous[name], status(pid, "RssAnon"))
