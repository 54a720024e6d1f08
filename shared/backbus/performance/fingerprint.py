"""The identity of a run's outcome: digests of its fills and of its equity, and the fingerprint made of both.

Fills and equity flow in as they come, in any cut; the same records give the same value. Numbers are taken in canonical
bit patterns: one NaN, no negative zero. Nothing of the clock, the machine or the path taken goes in.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop, step
from backbus.trading.records import FILL, Records

FILL_COLUMNS = ("tick", "order", "asset", "quantity", "price", "fee")
"""The columns of a fill that its digest covers, in this order."""

Words = NDArray[np.uint64]
Six: TypeAlias = tuple[Any, Any, Any, Any, Any, Any]

_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd numbers without pattern: 2⁶⁴ over the golden ratio, and xxHash's second prime. The lanes begin with them."""
_SHIFT = np.uint64(32)
_ONE, _MAGNITUDE, _INFINITY = np.uint64(1), np.uint64(0x7FFFFFFFFFFFFFFF), np.uint64(0x7FF0000000000000)
_NAN, _SIGN, _ZERO = np.uint64(0x7FF8000000000000), np.uint64(0x8000000000000000), np.uint64(0)

WORDS_OF_FILL = FILL.itemsize // 8
_TICK, _ORDER, _ASSET, _QUANTITY, _PRICE, _FEE = (dict(FILL.fields or {})[name][1] // 8 for name in FILL_COLUMNS)
_LOW_HALF = np.uint64(0xFFFFFFFF)


def new_lanes(columns: int = 1) -> Words:
    """The state of a digest before its first number: [columns, 2] lanes."""
    return np.array([[_FIRST, _SECOND]] * columns, dtype=np.uint64)


@step
def mix(lane: np.uint64, word: np.uint64) -> np.uint64:
    """A lane after ``word``: a ← (a xor w) × FIRST, a ← a xor (a >> 32), modulo 2⁶⁴.

    The two lanes of a column take turns, so that the processor works on both at once. Each step can be undone: two
    columns that differ in one word differ in their digests.
    """
    lane = (lane ^ word) * _FIRST
    return lane ^ (lane >> _SHIFT)


@step
def canonical(word: np.uint64) -> np.uint64:
    """A float64's bit pattern with one NaN and no negative zero."""
    if word - _ONE >= _INFINITY:  # neither positive nor positive infinity, which nearly all are
        if word & _MAGNITUDE > _INFINITY:
            return _NAN
        if word == _SIGN:
            return _ZERO
    return word


@step
def fill_lanes(lanes: Words, which: int) -> Six:
    """One of the two lanes of each column, [columns, 2]."""
    return lanes[0, which], lanes[1, which], lanes[2, which], lanes[3, which], lanes[4, which], lanes[5, which]


@step
def put_fill_lanes(lanes: Words, which: int, found: Six) -> None:
    """Write them back."""
    lanes[0, which], lanes[1, which], lanes[2, which] = found[0], found[1], found[2]
    lanes[3, which], lanes[4, which], lanes[5, which] = found[3], found[4], found[5]


@step
def words_of(fill: Any) -> Six:
    """The words of a FILL record's columns."""
    return (
        np.uint64(fill["tick"]), np.uint64(fill["order"]), np.uint64(fill["asset"]),
        np.float64(fill["quantity"]).view(np.uint64), np.float64(fill["price"]).view(np.uint64),
        np.float64(fill["fee"]).view(np.uint64),
    )  # fmt: skip


@step
def mix_fill(lanes: Six, fill: Six) -> Six:
    """The lanes of six columns after a fill, whose words these are."""
    tick, order, asset, quantity, price, fee = fill
    return (
        mix(lanes[0], tick),
        mix(lanes[1], order),
        mix(lanes[2], asset & _LOW_HALF),
        mix(lanes[3], canonical(quantity)),
        mix(lanes[4], canonical(price)),
        mix(lanes[5], canonical(fee)),
    )


@loop
def mix_fills(fills: Words, lanes: Words) -> None:
    """Take FILL records as words, [fills, 7], into the lanes of each column, [columns, 2]."""
    first, second = fill_lanes(lanes, 0), fill_lanes(lanes, 1)
    for index in range(fills.shape[0]):
        if (fills[index, _QUANTITY] << _ONE) == _ZERO:  # what else became of an order
            continue
        words = (
            fills[index, _TICK], fills[index, _ORDER], fills[index, _ASSET], fills[index, _QUANTITY],
            fills[index, _PRICE], fills[index, _FEE],
        )  # fmt: skip
        first, second = second, mix_fill(first, words)
    put_fill_lanes(lanes, 0, first)
    put_fill_lanes(lanes, 1, second)


class FillsDigest:
    """The digest of a run's fills: of each column 128 bits, and BLAKE2b over these.

    The columns' digests tell runs apart, not friend from foe. BLAKE2b of every number took longer than trading.
    """

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes = new_lanes(len(FILL_COLUMNS))

    def add(self, fills: Records) -> None:
        """Take in the next fills of the stream, [fills] ``FILL`` records."""
        words = read_only(np.ascontiguousarray(fills).view(np.uint64).reshape(-1, WORDS_OF_FILL))
        with np.errstate(over="ignore"):
            mix_fills(words, self._lanes)

    def digest(self) -> bytes:
        """32 bytes."""
        return fills_digest(self._lanes)


def lanes_digest(lanes: Words) -> bytes:
    """16 bytes for each column: its lanes, little-endian."""
    return lanes.astype("<u8").tobytes()


def fills_digest(lanes: Words) -> bytes:
    """32 bytes: BLAKE2b-256 over the digests of all columns."""
    return _over_columns(lanes_digest(lanes))


def _over_columns(digests: bytes) -> bytes:
    return hashlib.blake2b(digests, digest_size=32).digest()


def fingerprint(fills: bytes, equity: bytes) -> str:
    """Hex BLAKE2b-128 over the digest of the fills and that of the equity."""
    return hashlib.blake2b(fills + equity, digest_size=16).hexdigest()


def fingerprints(fills: Words, equity: Words) -> list[str]:
    """The same of many runs at once, from the lanes of their fills [runs, columns, 2] and equity [runs, 1, 2]."""
    parts = zip(_split(fills), _split(equity), strict=True)
    return [fingerprint(_over_columns(columns), curve) for columns, curve in parts]


def _split(lanes: Words) -> list[bytes]:
    size, whole = lanes[:1].nbytes, lanes_digest(lanes)
    return [whole[begin : begin + size] for begin in range(0, len(whole), size)]
