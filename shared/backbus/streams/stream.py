"""Both ends of a stream, without sockets: a writer that counts its records, a reader that misses none.

A reader expects each event to begin where the last one ended. What it already has is trimmed; what is missing raises
``StreamGap``, also when only a repeated high-water mark tells of it.
"""

from __future__ import annotations

from backbus.errors import StreamGap
from backbus.streams.digest import StreamDigest
from backbus.streams.event import Event, Payload
from backbus.streams.topology import Kind


class StreamWriter:
    """Numbers the records of one stream and remembers its high-water mark."""

    __slots__ = ("digest", "end", "kind", "source", "through")

    def __init__(self, kind: Kind, source: str) -> None:
        self.kind, self.source = kind, source
        self.end = 0
        self.through = 0
        self.digest = StreamDigest()

    def write(self, payload: Payload, through: int) -> Event:
        """The next event of the stream. ``payload`` None only moves ``through``."""
        count = 0 if payload is None else len(payload)
        event = Event(self.kind, self.source, self.end, self.end + count, through, payload if count else None)
        self.end += count
        self.through = through
        self.digest.add(event)
        return event

    def high_water_mark(self) -> Event:
        """An empty event that says how far the stream has come."""
        return Event(self.kind, self.source, self.end, self.end, self.through)


class StreamReader:
    """Follows one stream record by record."""

    __slots__ = ("digest", "kind", "next", "through")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.next = 0
        self.through = 0
        self.digest = StreamDigest()

    def accept(self, event: Event) -> Event | None:
        """What is new in ``event``: its unseen records, or None. ``through`` only ever grows."""
        if event.begin > self.next:
            raise StreamGap(event.kind, self.next, event.begin)
        if event.end < self.next or (event.end == self.next and event.through <= self.through):
            return None
        fresh = event.after(self.next)
        self.through = max(self.through, fresh.through)
        self.next = fresh.end
        self.digest.add(fresh)
        return fresh
