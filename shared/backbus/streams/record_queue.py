"""Records that have arrived and are not used up: one growing-and-shrinking tail per record stream."""

from __future__ import annotations

import numpy as np

from backbus.trading.records import Records, joined, read_only_copy


class RecordQueue:
    """The unread records of one stream as one contiguous array, so that a compiled loop can walk it.

    The array is always read-only, as everything is that came with an event: compiled loops are made for one kind of
    array, and a writable one would have them compiled a second time in the middle of a run.
    """

    __slots__ = ("_none", "pending")

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self._none: Records = np.frombuffer(b"", dtype=dtype)
        self.pending = self._none

    def add(self, records: Records) -> None:
        """Append records that have just arrived."""
        if len(self.pending):
            self.pending = joined([self.pending, records])
        else:
            self.pending = read_only_copy(records) if records.flags.writeable else records

    def drop(self, count: int) -> None:
        """Forget the first ``count`` records: they are used up."""
        if count == len(self.pending):
            self.pending = self._none
        elif count:
            self.pending = self.pending[count:]
