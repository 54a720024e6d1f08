"""Blocks that lie in memory which both ends of NEW_DATA have: a message then says where, and carries no column.

Memory is cut into slots, each for one block at a time; ``turn`` counts the blocks that were put into any of them, so
that slot and turn name one block of an attempt. Each column begins at a multiple of ``ALIGNED`` bytes of its slot.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from backbus.market.columns import FIELDS
from backbus.market.panel import Layout

ALIGNED = 64
NARROW = ("end", "session")
"""Columns with one number a row, as are those that tell when longer bars end."""

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]


class BlockPlace(NamedTuple):
    """Where a block is to lie."""

    slot: int
    turn: int
    data: Bytes
    """The slot's own bytes."""


class SourceMemory(Protocol):
    """What a reader has of the memory of an attempt's source."""

    def look(self, run: str, attempt: int, slot: int, turn: int) -> Bytes | None:
        """The bytes of a slot, read-only; the block that was put there at ``turn`` stays for as long as anything made
        of them is there. None where it is gone, because this reader has let go of it, or is another attempt's. Raises
        ``ProtocolError`` where there is no such slot."""
        ...


def size_of(layout: Layout, rows: int) -> int:
    """Bytes that a block of so many rows takes at the most."""
    narrow, wide = len(NARROW) + len(layout.timeframes), len(FIELDS) + len(layout.columns)
    return narrow * _aligned(8 * rows) + wide * _aligned(8 * rows * layout.assets)


def put(columns: Iterable[tuple[str, str, Any]], data: Bytes) -> dict[str, int]:
    """Copy columns (name, type, values) into a slot; where each begins."""
    places: dict[str, int] = {}
    begin = 0
    for name, dtype, values in columns:
        array = np.ascontiguousarray(values, dtype=dtype)
        data[begin : begin + array.nbytes].view(dtype).reshape(array.shape)[...] = array
        places[name] = begin
        begin += _aligned(array.nbytes)
    return places


def part(data: Bytes, begin: int, size: int) -> Bytes | None:
    """Bytes of a slot that are a column's; None where they do not lie in it, or not where numbers can lie."""
    return data[begin : begin + size] if begin % 8 == 0 and begin + size <= len(data) else None


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED
