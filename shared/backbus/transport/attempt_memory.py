"""A member's part in the memory of an attempt's blocks: it lends some, where it is the source, or borrows it, or does
without.

Before READY the source makes memory and every member says whose it could open. START tells whether all can: it has the
place of the memory, or not, and is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backbus.streams.event import Event
from backbus.streams.placed import BlockPlace
from backbus.streams.topology import READERS, Kind
from backbus.transport.block_memory import BlockMemory, BorrowedMemory, where
from backbus.transport.role import Assignment, Role

FACT = "memory"


class AttemptMemory:
    """What one member has of it, attempt after attempt."""

    def __init__(self, role: Role, log: Any, *, wanted: bool) -> None:
        self._role, self._log, self._wanted = role, log, wanted
        self._lent: BlockMemory | None = None
        self.borrowed: BorrowedMemory | None = None
        """Where blocks lie that messages do not carry."""
        self.where = ""
        """Whose memory this member can open, for READY."""

    def prepare(self) -> dict[str, Any]:
        """Have memory for blocks, in a source; the fact that tells where."""
        self.where = where() if self._wanted else ""
        if not self.where:
            return {}
        try:
            self._lent = self._role.memory()
        except OSError as error:
            self._log.warning("no memory for blocks that others could read: they go over the bus", reason=str(error))
        return {} if self._lent is None else {FACT: self._lent.fact()}

    def begin(self, assignment: Assignment, facts: Mapping[str, Any]) -> None:
        """START came: open the memory that it tells of, or let go of that which it does not."""
        fact = facts.get(FACT)
        if fact is None:
            self._close()
        elif self._role.name in READERS:
            self.borrowed = BorrowedMemory.opened(fact, assignment.run, assignment.attempt, self._role.name)

    def place(self, event: Event) -> BlockPlace | None:
        """Where a block is to lie; None where it goes over the bus."""
        lent = self._lent
        if lent is None or event.kind is not Kind.NEW_DATA or event.payload is None:
            return None
        place, full = lent.take(), lent.full
        if full is not None:
            lent.full = None
            self._log.warning("no more memory for blocks: some go over the bus", reason=str(full))
        return place

    def forget(self) -> None:
        """The attempt is over."""
        self._close()
        self.borrowed = None

    def _close(self) -> None:
        if self._lent is not None:
            self._lent.close()
            self._lent = None
