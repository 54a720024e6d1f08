"""What a finished sweep is to whoever asked for it: its summary and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.api.result import Finished

if TYPE_CHECKING:
    from backbus.runs.folder import Ran
    from backbus.runs.receipt import Receipt


@dataclass(frozen=True)
class SweepResult(Finished):
    """A finished sweep or walk-forward. Its table does not depend on where it was computed."""

    job: str
    """Its id; the last part of its folder."""
    summary: dict[str, Any]
    """What ``sweep.json`` holds."""
    artifacts: dict[str, Path]
    """Files by name: table (of points, folds or splits) and summary; paths or fan where the search has them."""
    ran: Ran
    """Where it was computed, and when."""
    receipt: Receipt | None = None
    """What it was made of; None of sweeps of before."""

    def plain(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        shown = {name: value for name, value in self.summary.items() if name not in ("job", "folder", "receipt", "ran")}
        shown = {"job": self.job, "mode": self.mode, "cached": self.cached, **shown}
        shown["settings"] = self.summary.get("job")
        shown["receipt"] = None if self.receipt is None else self.receipt.hashes()
        shown["begun_at"], shown["elapsed_s"] = self.ran.begun_at, round(self.elapsed_s, 6)
        if "best" in self.summary and self.elapsed_s > 0.0:
            shown["points_per_s"] = round(self.summary["points"] / self.elapsed_s, 1)
        return {**shown, "artifacts": {name: str(path) for name, path in self.artifacts.items()}}
