"""The thread that writes a run's tables while the run goes on: pieces go in, files come out, whole or not at all.

It is at most ``WAITING`` bursts of pieces behind; whoever brings more waits. What goes wrong in it is raised where the
next pieces are brought, or at the end.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from pathlib import Path

from backbus.performance.artifacts import ArtifactWriter
from backbus.performance.report import Report
from backbus.performance.tables import Piece

WAITING = 4
"""Bursts of pieces, each of at most a quarter of a window of rows: some megabytes."""


class WritingThread:
    """Writes into ``writer`` in a thread of its own, from the first pieces on. End it by ``close`` or ``abort``."""

    def __init__(self, writer: ArtifactWriter) -> None:
        self._writer = writer
        self._bursts: queue.Queue[Sequence[Piece] | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._given_up = False
        self._thread = threading.Thread(target=self._work, name="tables", daemon=True)
        self._thread.start()

    def write(self, pieces: Sequence[Piece]) -> None:
        """Have pieces appended to their tables; raises what went wrong with those before."""
        self._raise()
        if pieces:
            self._bursts.put(pieces)

    def end(self) -> None:
        """No more pieces will come: have the tables ended, while the caller does something else."""
        self._bursts.put(None)

    def close(self, report: Report) -> dict[str, Path]:
        """Wait for the tables, which must have been ended, and make all visible; the files by name."""
        self._thread.join()
        self._raise()
        return self._writer.close(report)

    def hash_of(self, name: str) -> str | None:
        """The hash of a table's file, once it is whole; None of what is no table."""
        return self._writer.hash_of(name)

    def abort(self) -> None:
        """Write nothing more, and remove what was written."""
        self._given_up = True
        if self._thread.is_alive():
            self._bursts.put(None)
            self._thread.join()
        self._writer.abort()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (pieces := self._bursts.get()) is not None:
            if self._given_up or self._error is not None:
                continue  # whoever brings pieces must not wait for room for ever
            try:
                self._writer.write(pieces)
            except BaseException as error:
                self._error = error
        if self._given_up or self._error is not None:
            return
        try:
            self._writer.end_tables()
        except BaseException as error:
            self._error = error
