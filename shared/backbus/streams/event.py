"""An event: some records of one stream, and the tick through which that stream is now complete.

``begin`` and ``end`` count records of the stream, so that a reader sees what it missed and what it already has; they
are equal in an event that only says ``through``. Run, attempt and wire format belong to the bus, not to the event.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np

from backbus.streams.topology import Kind, PayloadRows
from backbus.trading.records import Records

Payload = Records | PayloadRows | None


class Event(NamedTuple):
    """Records ``begin`` to ``end`` of the stream ``kind`` that ``source`` writes."""

    kind: Kind
    source: str
    """The role that says it: data, strategy, portfolio, execution or performance."""
    begin: int
    end: int
    through: int
    """The stream is complete up to, not including, this tick. In PROGRESS: 6 × rows worked off."""
    payload: Payload = None
    """Records, or rows with their columns, as the topology has it of this kind; None where empty."""

    def after(self, record: int) -> Event:
        """This event without the records before ``record``, for a reader that already has those."""
        if record <= self.begin:
            return self
        if record >= self.end or self.payload is None:
            return Event(self.kind, self.source, record, max(record, self.end), self.through, None)
        skip = record - self.begin
        payload = self.payload
        rest: Payload = payload[skip:] if isinstance(payload, np.ndarray) else payload.rows(skip, len(payload))
        return Event(self.kind, self.source, record, self.end, self.through, rest)


class Handler(Protocol):
    """A state machine without sockets, clock or randomness: an event in, what follows from it out."""

    def start(self) -> Iterable[Event]:
        """What can be said before anything has been heard."""
        ...

    def receive(self, event: Event) -> Iterable[Event]:
        """Take one event; say everything that can be said now."""
        ...
