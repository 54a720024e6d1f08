"""The digest of a stream as one of its ends saw it; how the stream was cut into events does not change it.

Both ends of every stream pay for it on the data path. Records come in small events, for which CRC-32 costs least; the
columns of NEW_DATA and EQUITY are megabytes, and four lanes of multiply-and-xor take a sixth of CRC-32's time.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop, step
from backbus.market.panel import Block
from backbus.streams.event import Event
from backbus.streams.topology import STREAMS, PayloadRows, StreamType

Words = NDArray[np.uint64]

_FACTOR, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_FIRST_LANES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)
_ALL = (1 << 64) - 1


@step
def mix(lane: np.uint64, word: np.uint64) -> np.uint64:
    """A lane after ``word``: x ← (x xor w) × FACTOR, x ← x xor (x >> 32), modulo 2⁶⁴."""
    lane = (lane ^ word) * _FACTOR
    return lane ^ (lane >> _SHIFT)


@loop
def mix_words(words: Words, lanes: Words) -> None:
    """Take in the words of a column, [words], by four lanes in turn: the processor works on all of them at once."""
    a, b, c, d = lanes[0], lanes[1], lanes[2], lanes[3]
    for index in range(words.shape[0]):
        a, b, c, d = b, c, d, mix(a, words[index])
    lanes[0], lanes[1], lanes[2], lanes[3] = a, b, c, d


class _Lanes:
    """The running digest of a column of 8-byte values."""

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes = np.array(_FIRST_LANES, dtype=np.uint64)

    def add(self, column: NDArray[Any]) -> None:
        words = read_only(np.ascontiguousarray(column).reshape(-1).view(np.uint64))
        with np.errstate(over="ignore"):
            mix_words(words, self._lanes)

    def value(self) -> str:
        folded, *others = (int(lane) for lane in self._lanes)
        for lane in others:
            folded = (folded ^ lane) * int(_FACTOR) & _ALL
            folded ^= folded >> 32
        return f"{folded:016x}"


class _Crc:
    """The running CRC-32 of bytes."""

    __slots__ = ("_crc",)

    def __init__(self) -> None:
        self._crc = 0

    def add(self, column: NDArray[Any]) -> None:
        # Bytes, because a buffer of records has to describe its fields each time.
        self._crc = zlib.crc32(column.tobytes(), self._crc)

    def value(self) -> str:
        return f"{self._crc:08x}"


class StreamDigest:
    """Running digests of a stream's columns; packed records are one column."""

    __slots__ = ("_columns", "records")

    def __init__(self) -> None:
        self.records = 0
        self._columns: list[_Lanes | _Crc] = []

    def add(self, event: Event) -> None:
        """Take in an event's records."""
        self.records = event.end
        payload = event.payload
        if payload is None:
            return
        if isinstance(payload, np.ndarray) and self._columns:
            self._columns[0].add(payload)  # nearly every event of a run that decides often
            return
        stream = STREAMS[event.kind]
        columns = [payload] if isinstance(payload, np.ndarray) else _columns(payload, stream)
        if not self._columns:
            self._columns = [_Lanes() if stream.digest == "lanes" else _Crc() for _ in columns]
        for digest, column in zip(self._columns, columns, strict=True):
            digest.add(column)

    def value(self) -> str:
        """The digest as hex; equal for equal streams, empty for one without records."""
        return "".join(digest.value() for digest in self._columns)


def _columns(payload: PayloadRows, stream: StreamType) -> list[NDArray[Any]]:
    columns = [getattr(payload, column.name) for column in stream.columns]
    if isinstance(payload, Block):
        columns += payload.extra.values()
    return columns + [getattr(payload, each.name) for each in stream.records if each.digested]
