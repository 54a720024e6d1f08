"""Start the data service. In: PROGRESS of all readers. Out: NEW_DATA."""

from __future__ import annotations

from typing import Any

from backbus.data import OpenPanel, open_panel
from backbus.data.handler import DataHandler, block_and_window
from backbus.events.event import Kind
from backbus.link.member import serve
from backbus.link.role import Assignment, Role
from backbus.market.panel import Layout

RELEASE_ROWS = 1 << 16
READERS = ("strategy", "portfolio", "execution", "performance")


class Data(Role):
    """History as a stream."""

    name = "data"
    hears = (Kind.PROGRESS,)

    def __init__(self) -> None:
        self._open: OpenPanel | None = None

    def prepare(self, assignment: Assignment) -> dict[str, Any]:
        """Fetch and read the job's files."""
        job = assignment.job
        self._open = open_panel(job.data, assignment.fetch(assignment.data))
        panel = self._open.panel
        layout = panel.layout
        _, window = block_and_window(layout.assets, job.run.block, job.run.window)
        return {
            "symbols": list(layout.symbols),
            "rows": layout.rows,
            "warmup": layout.warmup,
            "interval_ns": layout.interval_ns,
            "notes": list(panel.notes),
            "window": window,
        }

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> DataHandler:
        """The source of the run."""
        self._released = 0
        assert self._open is not None
        run = assignment.job.run
        block, window = block_and_window(layout.assets, run.block, run.window)
        return DataHandler(self._open.panel, block=block, window=window, readers=READERS)

    def after(self, handler: DataHandler) -> None:
        """Let go of the memory of rows that all have worked off."""
        assert self._open is not None
        if handler.slowest - self._released >= RELEASE_ROWS:
            self._released = handler.slowest
            self._open.release(self._released)

    def leave(self) -> None:
        """Let go of the panel."""
        self._open = None


if __name__ == "__main__":
    serve(Data())
