"""The identity of a run's outcome: digests of its fills and of its equity, and the fingerprint made of both.

Fills and equity flow in as they come, in any cut; the same records give the same value. Numbers are hashed in canonical
little-endian bytes: one NaN, no negative zero. Nothing of the clock, the machine or the path taken goes in.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.compiled import loop
from backbus.market.panel import Floats
from backbus.market.records import Records

FILL_COLUMNS = ("tick", "order", "asset", "quantity", "price", "fee")
"""The columns of a fill that its digest covers, in this order."""

_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd numbers without pattern: 2⁶⁴ over the golden ratio, and xxHash's second prime. Each lane begins with its own."""
_SHIFT_FIRST, _SHIFT_SECOND = np.uint64(32), np.uint64(29)
_MAGNITUDE, _INFINITY = np.uint64(0x7FFFFFFFFFFFFFFF), np.uint64(0x7FF0000000000000)
_NAN, _SIGN, _ZERO = np.uint64(0x7FF8000000000000), np.uint64(0x8000000000000000), np.uint64(0)


def canonical(column: NDArray[Any]) -> NDArray[Any]:
    """A column as contiguous little-endian values with one NaN and no -0.0; the array itself where it is so already.

    A column that is positive throughout, which one fast reduction proves, is not copied.
    """
    column = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
    if column.dtype.kind != "f" or not len(column) or column.min() > 0.0:
        return column
    clean = column + 0.0  # turns -0.0 into +0.0 and nothing else
    clean[np.isnan(clean)] = np.nan
    return clean


@loop
def mix(words: NDArray[np.uint64], lanes: NDArray[np.uint64]) -> None:
    """Take float64 bit patterns into two 64-bit lanes, one after the other.

    For each word w, modulo 2⁶⁴: a ← (a xor w) × FIRST, a ← a xor (a >> 32); b ← (b + w) × SECOND, b ← b xor (b >> 29).
    Every step can be undone, so two columns that differ in one word never meet again by that step alone.
    """
    first, second = lanes[0], lanes[1]
    for index in range(len(words)):
        word = words[index]
        if word & _MAGNITUDE > _INFINITY:
            word = _NAN
        elif word == _SIGN:
            word = _ZERO
        first = (first ^ word) * _FIRST
        first ^= first >> _SHIFT_FIRST
        second = (second + word) * _SECOND
        second ^= second >> _SHIFT_SECOND
    lanes[0], lanes[1] = first, second


class EquityDigest:
    """A 128-bit digest of a column of float64: for telling runs apart, not for telling friend from foe.

    BLAKE2b of one number per row took longer than trading on them; ``mix`` reads them at memory's pace.
    """

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes = np.array([_FIRST, _SECOND], dtype=np.uint64)

    def update(self, column: Floats) -> None:
        """Take in the next numbers."""
        words = np.ascontiguousarray(column, dtype="<f8").view(np.uint64)
        words.flags.writeable = False
        with np.errstate(over="ignore"):
            mix(words, self._lanes)

    def digest(self) -> bytes:
        """Both lanes, little-endian: 16 bytes."""
        return self._lanes.astype("<u8").tobytes()


class Fingerprint:
    """Running digests of a run's fills and equity."""

    __slots__ = ("_columns", "_equity")

    def __init__(self) -> None:
        self._columns = [hashlib.blake2b(digest_size=32) for _ in FILL_COLUMNS]
        self._equity = EquityDigest()

    def add_fills(self, fills: Records) -> None:
        """Take in the next fills of the stream, [fills] ``FILL`` records."""
        if len(fills):
            for name, digest in zip(FILL_COLUMNS, self._columns, strict=True):
                digest.update(canonical(fills[name]).data)

    def add_equity(self, equity: Floats) -> None:
        """Take in the equity of the next traded rows, [rows] in cash units."""
        self._equity.update(equity)

    def fills_digest(self) -> str:
        """Hex BLAKE2b-256 over the digests of the fills' columns."""
        return self._fills().hex()

    def equity_digest(self) -> str:
        """Hex digest of the equity column, as ``mix`` defines it."""
        return self._equity.digest().hex()

    def value(self) -> str:
        """The fingerprint: hex BLAKE2b-128 over both digests. More may be added after it."""
        return hashlib.blake2b(self._fills() + self._equity.digest(), digest_size=16).hexdigest()

    def _fills(self) -> bytes:
        return hashlib.blake2b(b"".join(digest.digest() for digest in self._columns), digest_size=32).digest()
