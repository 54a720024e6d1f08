"""Chunks as bytes: between a process and its child, from a worker to the orchestrator, and in its store.

A chunk is one msgpack map; arrays are raw little-endian bytes, row by row, so that what is read is what was computed,
to the last bit, NaN and infinities included:

=============  =====================================================================================================
``v``          1
``points``     how many points
``figures``    float64 [points, figures], figures in the order of ``performance.metrics.FIGURES``; NaN: not defined
``prints``     uint8 [points, 16]: fingerprints; zeros where a point failed
``failures``   [place, kind, message] of each point that failed, by ascending place; kinds are ``chunk.FAILURES``
``observed``   [points] ``statistics.POINT``, packed
``maxima``     float64 [4, resamples + 1]
``returns``    float64 [points, sessions], or empty where the search does not ask for them
=============  =====================================================================================================

Points travel as a list of maps {dotted path: value}. Between processes each map is a frame: four bytes, the
little-endian length, then the map. Dtypes and shapes come from here, never from the sender; every length is checked
before an array is made. Whatever cannot be read raises ``ProtocolError`` and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Annotated, Any, BinaryIO, Literal

import msgpack
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backbus.errors import ProtocolError
from backbus.performance.metrics import FIGURES
from backbus.sweep.statistics import POINT
from backbus.sweep.workers.chunk import FAILURES, Chunk, Failure
from backbus.trading.records import Records

VERSION = 1
FRAME_BYTES = 1 << 28
"""Longest frame that is taken: chosen far above a chunk of a hundred thousand points."""
_LENGTH = struct.Struct("<I")
_PRINT_BYTES = 16
_MAXIMA_ROWS = 4

Place = Annotated[int, Field(ge=0)]


class PlainChunk(BaseModel):
    """The map of a chunk. Unknown keys are refused: another version has another number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    v: Literal[1]
    points: Place
    figures: bytes
    prints: bytes
    failures: list[tuple[Place, str, str]]
    observed: bytes
    maxima: bytes
    returns: bytes


def plain_of(chunk: Chunk) -> dict[str, Any]:
    """A chunk as a map that msgpack takes."""
    return {
        "v": VERSION,
        "points": len(chunk.figures),
        "figures": chunk.figures.astype("<f8", copy=False).tobytes(),
        "prints": chunk.fingerprints.tobytes(),
        "failures": [[place, failed.kind, failed.message] for place, failed in sorted(chunk.failures.items())],
        "observed": chunk.observed.tobytes(),
        "maxima": chunk.maxima.astype("<f8", copy=False).tobytes(),
        "returns": b"" if chunk.returns is None else chunk.returns.astype("<f8", copy=False).tobytes(),
    }


def chunk_of(plain: object, *, points: int, resamples: int) -> Chunk:
    """The chunk of a map, which must have this many points and resamples; ``ProtocolError`` where it has not."""
    try:
        # From Python's own lists, where a strict tuple would be refused.
        read = PlainChunk.model_validate(_with_tuples(plain))
    except ValidationError as error:
        first = error.errors()[0]
        raise ProtocolError(f"a chunk with {'.'.join(map(str, first['loc'])) or 'no map'}: {first['msg']}") from None
    if read.points != points:
        raise ProtocolError(f"a chunk of {read.points} points where {points} were expected")
    _check_length("figures", read.figures, points * len(FIGURES) * 8)
    _check_length("prints", read.prints, points * _PRINT_BYTES)
    _check_length("observed", read.observed, points * POINT.itemsize)
    _check_length("maxima", read.maxima, _MAXIMA_ROWS * (resamples + 1) * 8)
    if len(read.returns) % (points * 8 or 1):
        raise ProtocolError(f"a chunk whose returns have {len(read.returns)} bytes for {points} points")
    failures: dict[int, Failure] = {}
    last = -1
    for place, kind, message in read.failures:
        if not last < place < points or kind not in FAILURES:
            raise ProtocolError(f"a chunk with a failure of kind {kind!r} at place {place} of {points}")
        failures[place] = Failure(kind, message)
        last = place
    observed: Records = np.frombuffer(read.observed, dtype=POINT)
    return Chunk(
        np.frombuffer(read.figures, dtype="<f8").reshape(points, len(FIGURES)),
        np.frombuffer(read.prints, dtype=np.uint8).reshape(points, _PRINT_BYTES),
        failures,
        observed,
        np.frombuffer(read.maxima, dtype="<f8").reshape(_MAXIMA_ROWS, resamples + 1),
        np.frombuffer(read.returns, dtype="<f8").reshape(points, -1) if read.returns else None,
    )


def _with_tuples(plain: object) -> object:
    if isinstance(plain, dict) and isinstance(plain.get("failures"), list):
        failures = [tuple(each) if isinstance(each, list) else each for each in plain["failures"]]
        return {**plain, "failures": failures}
    return plain


def _check_length(name: str, data: bytes, expected: int) -> None:
    if len(data) != expected:
        raise ProtocolError(f"a chunk whose {name} have {len(data)} bytes where {expected} were expected")


def pack_chunk(chunk: Chunk) -> bytes:
    """A chunk as one msgpack map."""
    packed: bytes = msgpack.packb(plain_of(chunk))
    return packed


def unpack_chunk(data: bytes, *, points: int, resamples: int) -> Chunk:
    """The chunk of a msgpack map; ``ProtocolError`` where it is none, or not of this size."""
    return chunk_of(_unpack(data), points=points, resamples=resamples)


def write_chunk(file: BinaryIO, first: int, points: int, packed: bytes, values: list[dict[str, Any]] | None) -> None:
    """Add a packed chunk to a file, with the values of its points where these follow from results."""
    file.write(pack_frame({"first": first, "points": points, "chunk": packed, "values": values}))


def read_chunks(
    file: BinaryIO, record: Callable[[list[dict[str, Any]]], None], resamples: int
) -> Iterator[tuple[int, Chunk]]:
    """The chunks of a file in its order, each with its first point's number; values of points go to ``record``."""
    reader = FrameReader()
    while data := file.read(1 << 20):
        for frame in reader.feed(data):
            if frame["values"] is not None:
                record(frame["values"])
            yield frame["first"], unpack_chunk(frame["chunk"], points=frame["points"], resamples=resamples)


def pack_frame(message: dict[str, Any]) -> bytes:
    """A map with its length before it."""
    packed: bytes = msgpack.packb(message)
    return _LENGTH.pack(len(packed)) + packed


def read_frame(file: BinaryIO) -> dict[str, Any] | None:
    """The map of the next frame of a file; None where it ends before. ``ProtocolError`` where it is none."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > FRAME_BYTES:
        raise ProtocolError(f"a frame of {size} bytes")
    data = file.read(size)
    if len(data) < size:
        return None
    message = _unpack(data)
    if not isinstance(message, dict):
        raise ProtocolError("a frame without a map")
    return message


class FrameReader:
    """Frames from bytes as they come."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that these bytes complete; ``ProtocolError`` where they are none."""
        self._left += data
        found = []
        while len(self._left) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._left)
            if size > FRAME_BYTES:
                raise ProtocolError(f"a frame of {size} bytes")
            stop = _LENGTH.size + size
            if len(self._left) < stop:
                break
            with memoryview(self._left) as whole, whole[_LENGTH.size : stop] as frame:
                message = _unpack(frame)
            del self._left[:stop]
            if not isinstance(message, dict):
                raise ProtocolError("a frame without a map")
            found.append(message)
        return found


def _unpack(data: bytes | memoryview) -> Any:
    try:
        return msgpack.unpackb(data, strict_map_key=True)
    except (ValueError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError(f"{len(data)} bytes that are not one msgpack map: {error}") from None
