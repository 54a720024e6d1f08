"""Both ends of a stream, without sockets: a writer that counts its records, a reader that misses none.

A reader expects each event to begin where the last one ended. What it already has is trimmed; what is missing raises
``StreamGap``, also when only a repeated high mark tells of it.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.errors import StreamGap
from backbus.events.event import Event, Kind, Payload
from backbus.market.accounts import BookRows, EquityRows
from backbus.market.panel import FIELDS, Block
from backbus.market.records import Records

WINDOW_LIMIT_ROWS = 65_536
"""Rows that a source may be ahead of its slowest reader, at the most."""
MESSAGES_PER_ROW = 6
"""Messages that one row can bring to one reader, at the most: SIGNAL, and ORDER and FILL twice each where a strategy
reads the book; blocks and batches come on top and are few."""


def _columns(payload: Block | EquityRows | BookRows | Records) -> tuple[NDArray[Any], ...]:
    if isinstance(payload, np.ndarray):
        return (payload,)
    if isinstance(payload, Block):
        return (payload.end, payload.session, *(getattr(payload, name) for name in FIELDS))
    if isinstance(payload, EquityRows):
        return (payload.equity, payload.cash, payload.gross)
    return (payload.equity, payload.cash, payload.position, payload.average_cost)


class StreamDigest:
    """Running CRC-32 of each column of a stream; how the stream was cut into events does not change it."""

    __slots__ = ("_columns", "records")

    def __init__(self) -> None:
        self.records = 0
        self._columns: list[int] = []

    def add(self, event: Event) -> None:
        """Take in an event's records."""
        self.records = event.end
        payload = event.payload
        if payload is None:
            return
        if not self._columns:
            self._columns = [0] * len(_columns(payload))
        if isinstance(payload, np.ndarray):
            # Bytes, because a buffer of records has to describe its fields each time.
            self._columns[0] = zlib.crc32(payload.tobytes(), self._columns[0])
            return
        for index, column in enumerate(_columns(payload)):
            data = column if column.flags.c_contiguous else np.ascontiguousarray(column)
            self._columns[index] = zlib.crc32(data.data, self._columns[index])

    def value(self) -> str:
        """The digest as hex; equal for equal streams."""
        return "".join(f"{crc:08x}" for crc in self._columns)


class StreamWriter:
    """Numbers the records of one stream and remembers its high mark."""

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

    def high_mark(self) -> Event:
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
