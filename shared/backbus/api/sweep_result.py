"""What a finished sweep is to whoever asked for it: its summary and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SweepResult:
    """A finished sweep or walk-forward. Its table does not depend on where it was computed."""

    job: str
    """Its id; the last part of its folder."""
    summary: dict[str, Any]
    """What ``sweep.json`` holds."""
    artifacts: dict[str, Path]
    """Files by name: table (of points, folds or splits) and summary; paths or fan where the search has them."""
    elapsed_s: float
    mode: str = "engine"
    """``engine``: this machine; ``services``: a fleet; else the kind of cluster, such as ``dask``."""
    cached: bool = False

    def plain(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        shown = {name: value for name, value in self.summary.items() if name not in ("job", "folder")}
        shown = {"job": self.job, "mode": self.mode, "cached": self.cached, **shown}
        shown["elapsed_s"] = round(self.elapsed_s, 6)
        if "best" in self.summary:
            shown["points_per_s"] = round(self.summary["points"] / self.elapsed_s, 1)
        return {**shown, "artifacts": {name: str(path) for name, path in self.artifacts.items()}}
