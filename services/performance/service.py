"""The performance service: the report of one run, and the tables that are uploaded with it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from backbus.engine.warm import warm_handlers
from backbus.market.panel import Layout
from backbus.performance.artifacts import ArtifactWriter
from backbus.performance.handler import PerformanceHandler
from backbus.runs.receipt import made_here
from backbus.services.performance.writing_thread import WritingThread
from backbus.transport import control as c
from backbus.transport.blobs import hash_of_file
from backbus.transport.request import Requester
from backbus.transport.role import Assignment, Role, batch_rows


class Performance(Role):
    """One report."""

    name = "performance"
    linger_s = 0.015

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._writer: WritingThread | None = None
        self._notes: list[str] = []
        self._parameters: dict[str, Any] | None = None

    def warm(self) -> None:
        """Load the kernels, and the library that writes tables."""
        import pyarrow.parquet  # noqa: F401

        warm_handlers(strategies=False)

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> PerformanceHandler:
        """The statistics' state machine, and a folder for this attempt's artifacts."""
        self._folder = Path(tempfile.mkdtemp(prefix="backbus-artifacts-"))
        self._writer = WritingThread(ArtifactWriter(self._folder, layout.symbols, hashed=True))
        self._parameters = facts.get("parameters")
        self._notes = [*facts["notes"], *facts.get("own_models", {}).get("notes", [])]
        return PerformanceHandler(assignment.job, layout, batch_rows(facts), marks=True)

    def after(self, handler: PerformanceHandler) -> None:
        """Hand on what the handler has worked off, to be written."""
        if self._writer is not None:
            self._writer.write(handler.take_pieces())

    def finish(self, handler: PerformanceHandler, requester: Requester) -> tuple[dict[str, Any], dict[str, str]]:
        """Close the artifacts and upload them."""
        assert self._writer is not None
        self.after(handler)
        self._writer.end()
        report = handler.report(self._notes)
        artifacts: dict[str, str] = {}
        for name, path in self._writer.close(report).items():
            blob = self._writer.hash_of(name) or hash_of_file(path)
            if requester.ask(c.HaveBlobs(hashes=[blob]))["missing"]:
                requester.put(blob, path)
            artifacts[path.name] = blob
        self._writer = None
        marks = handler.statistics.marks
        market = None if marks is None else marks.model_dump()
        return {
            **json.loads(report.model_dump_json()),
            "market": market,
            "parameters": self._parameters,
            "made_with": made_here().model_dump(),
        }, artifacts

    def leave(self) -> None:
        """Remove the attempt's folder."""
        if self._writer is not None:
            self._writer.abort()
            self._writer = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
