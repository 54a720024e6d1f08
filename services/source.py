"""What every source of a run is: it opens a market, and sends it as fast as its readers follow."""

from __future__ import annotations

from typing import Any

from backbus.data.handler import DataHandler, block_and_window
from backbus.engine.inputs import Inputs, inputs_of
from backbus.market.panel import Layout
from backbus.streams.topology import READERS
from backbus.transport.block_memory import BlockMemory
from backbus.transport.role import Assignment, Role

RELEASE_ROWS = 1 << 16


class SourceRole(Role):
    """A market as a stream."""

    def __init__(self) -> None:
        self._inputs: Inputs | None = None
        self._sizes = (0, 0)
        """Rows of a block, and of the window."""

    def prepare(self, assignment: Assignment) -> dict[str, Any]:
        """Fetch the job's files, if its market needs any, and open it."""
        job = assignment.job
        self._inputs = inputs_of(job, assignment.fetch(assignment.data))
        source = self._inputs.source
        layout = source.layout
        self._sizes = block_and_window(layout.assets, job.run.block, job.run.window)
        _, window = self._sizes
        return {**layout.facts(), "notes": list(source.notes), "window": window}

    def memory(self) -> BlockMemory | None:
        """Memory for the blocks of the run that was prepared. Raises OSError where there is none."""
        assert self._inputs is not None
        return BlockMemory(self._inputs.source.layout, *self._sizes)

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> DataHandler:
        """The source of the run."""
        self._released = 0
        assert self._inputs is not None
        block, window = self._sizes
        return DataHandler(self._inputs.source, block=block, window=window, readers=READERS)

    def after(self, handler: DataHandler) -> None:
        """Let go of the memory of rows that all have worked off."""
        assert self._inputs is not None
        if handler.slowest - self._released >= RELEASE_ROWS:
            self._released = handler.slowest
            self._inputs.release(self._released)

    def leave(self) -> None:
        """Let go of the market."""
        self._inputs = None
