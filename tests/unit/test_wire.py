"""Chunks as bytes, and frames: what is read is what was written, and nothing else can be read."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
import numpy as np
import pytest

from backbus.errors import ProtocolError
from backbus.performance.metrics import FIGURES
from backbus.sweep.statistics import POINT
from backbus.sweep.workers.chunk import RAISED, TOO_LONG, Chunk, Failure
from backbus.sweep.workers.wire import FrameReader, chunk_of, pack_chunk, pack_frame, plain_of, unpack_chunk

POINTS, RESAMPLES = 3, 4


def some_chunk() -> Chunk:
    """Figures with every kind of number whose bits are easily lost."""
    figures = np.arange(POINTS * len(FIGURES), dtype=np.float64).reshape(POINTS, -1) / 7.0
    figures[0, :4] = [-0.0, np.inf, 5e-324, np.nan]
    figures[1, 0] = np.array([0xFFF8DEADBEEF0001], dtype=np.uint64).view(np.float64)[0]
    observed = np.zeros(POINTS, dtype=POINT)
    observed["mean"], observed["sums"] = 0.1, -1e-300
    maxima = np.full((4, RESAMPLES + 1), -np.inf)
    maxima[0] = 0.5
    prints = np.arange(POINTS * 16, dtype=np.uint8).reshape(POINTS, 16)
    failures = {2: Failure(TOO_LONG, "took more than 1 s"), 0: Failure(RAISED, "ValueError: ü \n\0")}
    return Chunk(figures, prints, failures, observed, maxima)


def test_a_chunk_is_read_as_it_was_written_to_the_last_bit() -> None:
    chunk = some_chunk()
    packed = pack_chunk(chunk)
    read = unpack_chunk(packed, points=POINTS, resamples=RESAMPLES)
    for name in ("figures", "fingerprints", "observed", "maxima"):
        written, found = getattr(chunk, name), getattr(read, name)
        assert (found.shape, found.dtype) == (written.shape, written.dtype)
        assert found.tobytes() == written.tobytes()
    assert read.failures == chunk.failures
    assert pack_chunk(read) == packed


def test_a_chunk_of_nothing_is_a_chunk() -> None:
    none = np.zeros(0)
    empty = Chunk(
        none.reshape(0, len(FIGURES)), np.zeros((0, 16), np.uint8), {}, np.zeros(0, POINT), np.full((4, 1), -np.inf)
    )
    assert len(unpack_chunk(pack_chunk(empty), points=0, resamples=0).figures) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"v": 2},
        {"points": POINTS + 1},
        {"points": -1},
        {"points": True},
        {"figures": b"\0" * 8},
        {"figures": "text"},
        {"prints": b""},
        {"observed": b"\0" * (POINTS * POINT.itemsize - 1)},
        {"maxima": b"\0" * 32},
        {"more": 1},
        {"failures": [[3, RAISED, ""]]},
        {"failures": [[-1, RAISED, ""]]},
        {"failures": [[1, RAISED, ""], [0, RAISED, ""]]},
        {"failures": [[1, RAISED, ""], [1, RAISED, ""]]},
        {"failures": [[0, "tired", ""]]},
        {"failures": [[0, RAISED]]},
        {"failures": [[0, RAISED, b""]]},
        {"failures": {0: "time"}},
        {"failures": 7},
    ],
)
def test_a_map_that_is_not_this_chunk_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        chunk_of({**plain_of(some_chunk()), **wrong}, points=POINTS, resamples=RESAMPLES)


def test_a_chunk_of_another_size_than_expected_is_refused() -> None:
    packed = pack_chunk(some_chunk())
    with pytest.raises(ProtocolError, match="3 points where 4"):
        unpack_chunk(packed, points=4, resamples=RESAMPLES)
    with pytest.raises(ProtocolError, match="maxima"):
        unpack_chunk(packed, points=POINTS, resamples=RESAMPLES + 1)


@pytest.mark.parametrize(
    "garbage", [b"", b"\xc1", b"\x81", b"\x01", b"\x80\x80", b"\x91" * 5000, b"\xdf\xff\xff\xff\xff"]
)
def test_bytes_that_are_no_chunk_are_refused(garbage: bytes) -> None:
    with pytest.raises(ProtocolError):
        unpack_chunk(garbage, points=POINTS, resamples=RESAMPLES)


def test_no_prefix_of_a_chunk_is_a_chunk() -> None:
    packed = pack_chunk(some_chunk())
    for stop in range(0, len(packed), 97):
        with pytest.raises(ProtocolError):
            unpack_chunk(packed[:stop], points=POINTS, resamples=RESAMPLES)


def test_frames_are_found_wherever_the_bytes_are_cut() -> None:
    messages: list[dict[str, Any]] = [{"points": [{"strategy.fast": 3, "x.y": None}]}, {}, {"chunk": b"\0" * 700}]
    stream = b"".join(map(pack_frame, messages))
    for size in (1, 3, 64, len(stream)):
        reader = FrameReader()
        pieces = [stream[begin : begin + size] for begin in range(0, len(stream), size)]
        assert [message for piece in pieces for message in reader.feed(piece)] == messages


@pytest.mark.parametrize(
    "stream", [b"hello, world", struct.pack("<I", 1) + b"\x01", struct.pack("<I", 2) + b"\xc1\xc1"]
)
def test_what_is_no_frame_is_refused(stream: bytes) -> None:
    with pytest.raises(ProtocolError):
        FrameReader().feed(stream)


def test_keys_are_text() -> None:
    packed = msgpack.packb({1: 2})
    with pytest.raises(ProtocolError):
        FrameReader().feed(struct.pack("<I", len(packed)) + packed)
