"""Start the data service. In: PROGRESS of all readers. Out: NEW_DATA."""

from __future__ import annotations

from typing import Any

from backbus.data import DataHandler, block_and_window, load_panel
from backbus.events.event import Kind
from backbus.link.member import serve
from backbus.link.role import Assignment, Role
from backbus.market.panel import Layout, Panel

READERS = ("strategy", "portfolio", "execution", "performance")


class Data(Role):
    """History as a stream."""

    name = "data"
    hears = (Kind.PROGRESS,)

    def __init__(self) -> None:
        self._panel: Panel | None = None

    def prepare(self, assignment: Assignment) -> dict[str, Any]:
        """Fetch and read the job's files."""
        job = assignment.job
        self._panel = load_panel(job.data, assignment.fetch(assignment.data))
        layout = self._panel.layout
        _, window = block_and_window(layout.assets, job.run.block, job.run.window)
        return {
            "symbols": list(layout.symbols),
            "rows": layout.rows,
            "warmup": layout.warmup,
            "interval_ns": layout.interval_ns,
            "notes": list(self._panel.notes),
            "window": window,
        }

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> DataHandler:
        """The source of the run."""
        assert self._panel is not None
        run = assignment.job.run
        block, window = block_and_window(layout.assets, run.block, run.window)
        return DataHandler(self._panel, block=block, window=window, readers=READERS)

    def leave(self) -> None:
        """Let go of the panel."""
        self._panel = None


if __name__ == "__main__":
    serve(Data())
