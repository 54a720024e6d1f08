"""Which runs are this user's own, so that the code that lies with them may be run without a question."""

from __future__ import annotations

from pathlib import Path

from backbus.folders import RUNS


def ran_here(folder: Path) -> bool:
    """Whether a run's folder lies among the runs of the current folder, which commands put there. One that lies
    elsewhere, or is a link to elsewhere, may have been sent: nothing that it says is believed where that would run
    code."""
    return folder.resolve().parent == RUNS.resolve()
