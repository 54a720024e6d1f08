"""What a finished sweep is to whoever asked for it: its summary, and its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.api.notebook import sweep_html
from backbus.api.result import Finished
from backbus.runs.shown import SweepShown
from backbus.runs.tables import Tables
from backbus.sweep.files import SUMMARY_FILE

if TYPE_CHECKING:
    import pandas as pd

    from backbus.market.panel import Panel
    from backbus.runs.folder import Ran
    from backbus.runs.receipt import Receipt


@dataclass(frozen=True, repr=False)
class SweepResult(SweepShown, Finished):
    """A finished sweep or walk-forward. Its table does not depend on where it was computed."""

    job: str
    """Its id; the last part of its folder, where it has one."""
    summary: dict[str, Any]
    """What ``sweep.json`` holds."""
    tables: Tables
    """By name: ``table`` (of points, folds or splits); ``paths`` or ``fan`` where the search has them."""
    ran: Ran
    """Where it was computed, and when."""
    receipt: Receipt | None = None
    """What it was made of; None of sweeps of before."""
    folder: Path | None = None
    """Where its files lie; None where nothing was written."""
    market: Callable[[], Panel] | None = None
    """Opens the bars that it searched; None where they are not at hand."""

    def __repr__(self) -> str:
        counted = f"{self.count('table')} {'folds' if self.kind == 'walk_forward' else 'rows'}"
        return f"<SweepResult {self.summary['name']!r}: {self.kind}, job {self.job}, {counted}>"

    @property
    def artifacts(self) -> dict[str, Path]:
        """Files by name: the tables, and the summary; empty where nothing was written."""
        return {} if self.folder is None else {**self.tables.files, "summary": self.folder / SUMMARY_FILE}

    @property
    def table(self) -> pd.DataFrame:
        """The points with their parameters and figures; of a walk-forward its folds, of a cross-validation its
        splits."""
        return self.tables.frame("table")

    def _repr_html_(self) -> str:
        return sweep_html(self)

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
