"""An event: some records of one stream, and the tick through which that stream is now complete.

``begin`` and ``end`` count records of the stream, so that a reader sees what it missed and what it already has; they
are equal in an event that only says ``through``. Run, attempt and wire format belong to the bus, not to the event.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

from backbus.market.panel import Block
from backbus.trading.account_rows import BookRows, EquityRows
from backbus.trading.records import Records


class Kind(StrEnum):
    """The kinds of event on the bus; a run has one stream of each, and one PROGRESS per reader of the source."""

    NEW_DATA = "NEW_DATA"
    SIGNAL = "SIGNAL"
    ORDER = "ORDER"
    FILL = "FILL"
    BOOK = "BOOK"
    EQUITY = "EQUITY"
    PROGRESS = "PROGRESS"


Payload = Block | Records | EquityRows | BookRows | None


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
    """``Block`` in NEW_DATA, records in SIGNAL, ORDER and FILL, ``EquityRows``, ``BookRows``; None where empty."""

    def after(self, record: int) -> Event:
        """This event without the records before ``record``, for a reader that already has those."""
        if record <= self.begin:
            return self
        if record >= self.end or self.payload is None:
            return Event(self.kind, self.source, record, max(record, self.end), self.through, None)
        skip = record - self.begin
        payload = self.payload
        rest: Payload
        if isinstance(payload, Block | EquityRows | BookRows):
            rest = payload.rows(skip, len(payload))
        else:
            rest = payload[skip:]
        return Event(self.kind, self.source, record, self.end, self.through, rest)


class Handler(Protocol):
    """A state machine without sockets, clock or randomness: an event in, what follows from it out."""

    def start(self) -> Iterable[Event]:
        """What can be said before anything has been heard."""
        ...

    def receive(self, event: Event) -> Iterable[Event]:
        """Take one event; say everything that can be said now."""
        ...
