"""What the handlers of a run's readers have in common: their streams, what is new in an event, and how far they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from backbus.market.panel import Layout
from backbus.market.ticks import PHASES
from backbus.streams.event import Event
from backbus.streams.stream import StreamReader, StreamWriter
from backbus.streams.topology import Kind, read_by, written_by


class RunHandler(ABC):
    """A role that reads the source. ``progress_rows`` bounds the rows between two PROGRESS events."""

    def __init__(self, role: str, layout: Layout, progress_rows: int, *, reads_book: bool = True) -> None:
        self.readers = {kind: StreamReader(kind) for kind in read_by(role, reads_book=reads_book)}
        self.writers = {kind: StreamWriter(kind, role) for kind in written_by(role, reads_book=reads_book)}
        self.vouched: dict[Kind, StreamWriter] = {}
        """Streams of others that are worked out here too: both ends are to agree, as where they are heard."""
        self._role, self._layout = role, layout
        self._progress_rows = max(1, progress_rows)
        self._end = PHASES * layout.rows
        self._told = 0
        """Rows worked off at the last PROGRESS."""

    @property
    @abstractmethod
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""

    @property
    def done(self) -> bool:
        """Whether every row is worked off and every input is at its end."""
        return self.rows_done == self._layout.rows and all(r.watermark >= self._end for r in self.readers.values())

    def start(self) -> Iterable[Event]:
        """What can be said before anything has been heard; mostly nothing."""
        return ()

    def receive(self, event: Event) -> Iterable[Event]:
        """Take one event; say everything that can be said now. Raises ``StreamGap`` where records are missing."""
        reader = self.readers.get(event.kind)
        fresh = None if reader is None else reader.accept(event)
        return () if fresh is None else self._take(fresh)

    @abstractmethod
    def _take(self, event: Event) -> Iterable[Event]:
        """Take in what is new in an event, and say what follows."""

    def _progress(self) -> tuple[Event, ...]:
        """PROGRESS where it is due: after so many rows, and at the end."""
        rows = self.rows_done
        if rows - self._told < self._progress_rows and not (rows == self._layout.rows and self._told < rows):
            return ()
        self._told = rows
        return (Event(Kind.PROGRESS, self._role, rows, rows, PHASES * rows),)
