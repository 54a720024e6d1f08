"""Records that have arrived and are not used up: one growing-and-shrinking tail per record stream."""

from __future__ import annotations

import numpy as np

from backbus.market.records import Records


class RecordQueue:
    """The unread records of one stream as one contiguous array, so that a compiled loop can walk it."""

    __slots__ = ("pending",)

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.pending: Records = np.zeros(0, dtype=dtype)

    def add(self, records: Records) -> None:
        """Append records that have just arrived."""
        self.pending = records if not len(self.pending) else np.concatenate((self.pending, records))

    def drop(self, count: int) -> None:
        """Forget the first ``count`` records: they are used up."""
        if count:
            self.pending = self.pending[count:]
