"""One sweep as a worker of the fleet sees it: its inputs, its points, and the child that computes them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backbus.errors import StackError
from backbus.job.job import Job
from backbus.job.sweep import Objective
from backbus.market.panel import Floats
from backbus.runs.receipt import made_here
from backbus.sweep.search.kinds import search_for
from backbus.sweep.search.plan import resamples_of, search_of
from backbus.sweep.search.search import Search
from backbus.sweep.trials import Family
from backbus.sweep.workers.chunk import Chunk
from backbus.sweep.workers.pool import Worker
from backbus.sweep.workers.process import Setup
from backbus.sweep.workers.wire import unpack_chunk, write_chunk
from backbus.transport import control as c
from backbus.transport.blobs import hash_of_file
from backbus.transport.request import Requester

Fetch = Callable[[Mapping[str, str]], dict[str, Path]]


class PreparedSweep:
    """Prepared for one sweep. The child starts at once."""

    def __init__(self, name: str, inputs: Mapping[str, Any], fetch: Fetch) -> None:
        self.name = name
        self._job = job = Job.parse(inputs["job"])
        self._folder = tempfile.TemporaryDirectory(prefix="backbus-")
        job.come_from(Path(self._folder.name))
        self.search: Search | None = None
        """Its points; None until the child has looked at the data."""
        self._wanted: tuple[int, int, list[dict[str, Any]] | None] | None = None
        self._open = range(0)
        """The round that was asked for and has not been told its results."""
        self.used_at = time.monotonic()
        self._worker = Worker(Setup(job, fetch(inputs["data"]), fetch(inputs["strategy"]), check=True))

    def close(self) -> None:
        """End the child."""
        self._worker.close()
        self._folder.cleanup()

    @property
    def goal(self) -> Objective:
        """What points are compared by."""
        return search_of(self._job).objectives[0]

    def fileno(self) -> int:
        """Readable when the child has said something; another one after each ``work``."""
        return self._worker.fileno()

    def compute(self, first: int, stop: int, values: list[dict[str, Any]] | None) -> None:
        """Compute points; ``work`` gives what they came to."""
        self._wanted = first, stop, values

    def work(self) -> Chunk | None:
        """Look after the child; the chunk, once it is done."""
        chunk = self._worker.work()
        if self.search is None and self._worker.facts is not None:
            facts = self._worker.facts
            self.search = search_for(self._job.measured_by(float(facts["year"])), int(facts["sessions"]))
        if self.search is not None and self._wanted is not None:
            first, stop, values = self._wanted
            if values is not None and len(values) != stop - first:
                raise StackError(f"a lease of points {first} to {stop} came with values of {len(values)}")
            self._wanted = None
            self._worker.give(range(first, stop) if values is None else values)
        return chunk

    def abandon(self) -> None:
        """Forget what is to be done."""
        self._wanted = None
        self._worker.abandon()

    # --- what is done once -----------------------------------------------------------------------------------------

    def ask(self, requester: Requester, first: int) -> list[dict[str, Any]]:
        """The values of the points from ``first`` on, which follow from the results of all before them."""
        search = self.search
        assert search is not None
        while True:
            if not self._open:
                self._open = search.next()
            if self._open.start >= first:
                return search.values(self._open.start, self._open.stop)
            search.tell(self._figures(requester, self._open))
            self._open = range(0)

    def _figures(self, requester: Requester, points: range) -> Floats:
        parts = []
        for first, stop, packed in self._chunks(requester, points.start, points.stop):
            chunk = unpack_chunk(packed, points=stop - first, resamples=resamples_of(self._job))
            parts.append(chunk.figures)
        return np.concatenate(parts)

    def _chunks(self, requester: Requester, first: int, stop: int) -> Iterator[tuple[int, int, bytes]]:
        while first < stop:
            found = requester.ask(c.GetChunks(job=self.name, first=first))["chunks"]
            for begin, end, packed in found:
                if begin != first:
                    raise StackError(f"results of points {first} to {begin} are missing")
                if begin < stop:
                    yield begin, end, packed
                first = end
            if not found:
                raise StackError(f"results of points from {first} on are missing")

    def finish(self, requester: Requester, points: int, family: Family) -> None:
        """Fetch all results, and have the child make the table of them; ``finished`` tells when it has."""
        values: list[dict[str, Any]] = []
        if search_of(self._job).method == "adaptive":
            for _, _, some in requester.ask(c.GetPoints(job=self.name, first=0))["rounds"]:
                values += some
        path = Path(self._folder.name) / "chunks"
        with path.open("wb") as file:
            for first, stop, packed in self._chunks(requester, 0, points):
                write_chunk(file, first, stop - first, packed, values[first:stop] if values else None)
        runs = self.search.runs_at_end if self.search is not None else points
        self._worker.finish(path, Path(self._folder.name) / "table", family, runs)

    @property
    def finished(self) -> bool:
        """Whether the table is made."""
        return self._worker.finished is not None

    def upload(self, requester: Requester) -> tuple[dict[str, Any], dict[str, str]]:
        """Send the tables; returns the summary, and the files' hashes by their names, that of the table first."""
        assert self._worker.finished is not None
        blobs = {}
        for path in (Path(file) for name, file in self._worker.finished["files"].items() if name != "summary"):
            blobs[path.name] = hash_of_file(path)
            requester.put(blobs[path.name], path)
        told = {**self._worker.finished["summary"], "folder": None, "made_with": made_here().model_dump()}
        return told, blobs
