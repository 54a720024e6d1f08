"""Events on the bus, byte for byte: whoever changes them is told here, and has a version to raise and pages to mend."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.errors import ProtocolError
from backbus.market.panel import Block
from backbus.streams import codec
from backbus.streams.event import Event
from backbus.streams.placed import BlockPlace
from backbus.streams.topology import Kind
from backbus.trading import records as rec
from backbus.trading.account_rows import BookRows, EquityRows
from backbus.trading.codes import Cap, FillRule
from backbus.transport import control
from tools.stream_tables import sample

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def records(dtype: np.dtype[np.void], *rows: tuple[Any, ...]) -> rec.Records:
    return np.array(list(rows), dtype=dtype)


def floats(*values: Any) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=np.float64)


FILL = (13, 1 << 31, 1, FillRule.STOP_TOUCHED, Cap.VOLUME, -3.0, 99.5, 100.0, 1.25, 2.0, -2.0)
FILLED = Event(Kind.FILL, "execution", 0, 1, 14, records(rec.FILL, FILL))
ROWS = Event(
    Kind.NEW_DATA,
    "data",
    2,
    3,
    18,
    Block(
        2,
        np.array([60_000_000_000], dtype=np.int64),
        np.array([19_000], dtype=np.int64),
        *(floats([value, np.nan]) for value in (1.5, 2.0, 1.0, 1.75, 100.0)),
    ),
)

EVENTS = {
    **{kind.value: sample(kind) for kind in Kind},
    "BOOK without news": Event(
        Kind.BOOK, "portfolio", 0, 1, 4, BookRows(0, floats(10.0), floats(7.0), floats([3.0]), floats([1.0]))
    ),
    "EQUITY without bookings": Event(
        Kind.EQUITY, "portfolio", 7, 8, 48, EquityRows(7, floats(10.0), floats(7.0), floats(3.0))
    ),
    "silence": Event(Kind.FILL, "execution", 5, 5, 1234),
    "a fill": FILLED,
    "a hole": ROWS,
}

LEFT_OUT: dict[str, str] = {
    "BOOK without news": (
        "8ba17602a46b696e64a4424f4f4ba372756ea36a6f62a7617474656d707403a673747265616da9706f7274666f6c696fa466"
        "726f6d00a2746f01a77468726f75676804a3726f7700a661737365747301a7636f6c756d6e7384a6657175697479c4080000"
        "000000002440a463617368c4080000000000001c40a8706f736974696f6ec4080000000000000840ac617665726167655f63"
        "6f7374c408000000000000f03f"
    ),
    "EQUITY without bookings": (
        "8ba17602a46b696e64a6455155495459a372756ea36a6f62a7617474656d707403a673747265616da9706f7274666f6c696f"
        "a466726f6d07a2746f08a77468726f75676830a3726f7707a661737365747300a7636f6c756d6e7383a6657175697479c408"
        "0000000000002440a463617368c4080000000000001c40a567726f7373c4080000000000000840"
    ),
    "silence": (
        "88a17602a46b696e64a446494c4ca372756ea36a6f62a7617474656d707403a673747265616da9657865637574696f6ea466"
        "726f6d05a2746f05a77468726f756768cd04d2"
    ),
}
"""What no message of the protocol's page shows."""


def on_the_page() -> dict[str, tuple[bytes, str]]:
    """Topic and bytes, in hexadecimal digits, of the message of each kind that the protocol's page shows."""
    shown = PAGE.partition("<!-- streams: messages -->\n```text\n")[2].partition("```")[0]
    found = re.findall(r"^(job/3/(\w+)/\S*)\n((?:  [0-9a-f]+\n)+)", shown, re.MULTILINE)
    return {kind: (topic.encode(), "".join(digits.split())) for topic, kind, digits in found}


def same(one: Any, other: Any) -> bool:
    """Equality of payloads, bit for bit."""
    if one is None or other is None or isinstance(one, np.ndarray):
        return (one is None and other is None) or (one.dtype == other.dtype and one.tobytes() == other.tobytes())
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)]
    return type(one) is type(other) and all(same(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


def test_a_message_of_each_kind_has_the_bytes_of_the_protocols_page_and_no_others() -> None:
    ours = {kind.value: codec.encode(sample(kind), "job", 3) for kind in Kind}
    ours["PROBE"] = codec.encode_probe("job", 3, "reader")
    assert {kind: (topic, body.hex()) for kind, (topic, body) in ours.items()} == on_the_page()
    assert codec.decode(ours["PROBE"])[1] is None


def test_a_block_in_memory_and_its_message_have_the_bytes_of_the_protocols_page() -> None:
    shown = PAGE.partition("<!-- streams: placed -->\n```text\n")[2].partition("```")[0].split()
    data = np.zeros(1024, dtype=np.uint8)
    topic, body = codec.encode(sample(Kind.NEW_DATA), "job", 3, BlockPlace(1, 5, data))
    assert (topic, body.hex()) == (shown[0].encode(), "".join(shown[1:]))
    fields = msgpack.unpackb(body)
    assert (fields["slot"], fields["turn"], fields["places"]["close"]) == (1, 5, 320)
    # end and session of the one row, then the five fields of both assets, each at a multiple of 64 bytes.
    words = data.view("<i8").reshape(-1, 8)
    assert words[:2, 0].tolist() == [1, 2]
    assert data.view("<f8").reshape(-1, 8)[2:7, :2].ravel().tolist() == list(range(3, 13))


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_message_without_something_has_these_bytes_and_no_others(name: str) -> None:
    topic, body = codec.encode(EVENTS[name], "job", 3)
    assert topic == f"job/3/{EVENTS[name].kind}/".encode()
    assert body.hex() == LEFT_OUT[name]


def test_the_protocol_page_tells_the_versions() -> None:
    assert f"`v` is {codec.VERSION} on the bus and {control.VERSION} in control messages." in PAGE
    assert re.findall(r'"v": (\d+), "kind": "PROBE"', PAGE) == [str(codec.VERSION)]
    assert f"| `v` | int | always | {codec.VERSION}," in PAGE


@pytest.mark.parametrize("name", EVENTS)
def test_what_is_encoded_is_decoded(name: str) -> None:
    event = EVENTS[name]
    envelope, found = codec.decode(codec.encode(event, "job", 3))
    assert (envelope.run, envelope.attempt) == ("job", 3)
    assert found is not None
    assert (found.kind, found.source, found.begin, found.end, found.watermark) == (
        event.kind,
        event.source,
        event.begin,
        event.end,
        event.watermark,
    )
    assert same(found.payload, event.payload)


@given(
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**19), st.integers(0, 1), st.floats()), max_size=20),
)
@settings(deadline=None)
def test_any_signals_come_back_as_they_were(
    begin: int, watermark: int, rows: list[tuple[int, int, int, float]]
) -> None:
    payload = records(rec.SIGNAL, *rows) if rows else None
    event = Event(Kind.SIGNAL, "strategy", begin, begin + len(rows), watermark, payload)
    _, found = codec.decode(codec.encode(event, "a-run.1", 10))
    assert found is not None
    assert (found.begin, found.end, found.watermark) == (event.begin, event.end, event.watermark)
    assert same(found.payload, payload)


@pytest.mark.slow
@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 10**6), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_any_rows_come_back_as_they_were(rows: int, assets: int, first: int, chance: Any) -> None:
    def cells(width: int | None) -> np.ndarray[Any, Any]:
        size = rows * (width or 1)
        values = np.frombuffer(bytes(chance.getrandbits(8) for _ in range(8 * size)), dtype="<f8")
        return values.reshape(rows, width) if width else values

    stamps = np.arange(rows, dtype=np.int64)
    for kind, payload in (
        (Kind.NEW_DATA, Block(first, stamps, stamps, *(cells(assets) for _ in range(5)))),
        (Kind.EQUITY, EquityRows(first, cells(None), cells(None), cells(None))),
        (Kind.BOOK, BookRows(first, cells(None), cells(None), cells(assets), cells(assets))),
    ):
        event = Event(kind, "any", first, first + rows, 6, payload)
        _, found = codec.decode(codec.encode(event, "run", 1))
        assert found is not None
        assert same(found.payload, payload)


def changed(**changes: Any) -> list[bytes]:
    good = msgpack.unpackb(codec.encode(FILLED, "job", 3)[1])
    return [b"job/3/FILL/", msgpack.packb({name: v for name, v in {**good, **changes}.items() if v != "left out"})]


BLOCK = msgpack.unpackb(codec.encode(ROWS, "job", 3)[1])["columns"]


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b"job/3/FILL/"],
        [*changed(), b""],
        [b"", b""],
        [b"job/3/FILL/", b""],
        [b"job/3/FILL/", b"\xc1"],
        [b"job/3/FILL/", b"\x91" * 5000],
        [b"job/3/FILL/", b"\xdd\xff\xff\xff\xff"],
        [b"job/3/FILL/", b"\xc6\xff\xff\xff\xff"],
        [b"job/3/FILL/", msgpack.packb([1, 2])],
        [b"job/3/FILL/", changed()[1][:-1]],
        [b"job/3/FILL/", changed()[1] + b"\x00"],
        [b"job/3/ORDER/", changed()[1]],
        [b"job/30/FILL/", changed()[1]],
        [b"job/3/FILL", changed()[1]],
        changed(v=1),
        changed(v=3),
        changed(v="2"),
        changed(v="left out"),
        changed(kind="FILLS"),
        changed(kind=None),
        changed(run="a/b"),
        changed(run=""),
        changed(run="x" * 101),
        changed(attempt=-1),
        changed(attempt=1.0),
        changed(surplus=1),
        changed(begin=0),
        changed(watermark=14),
        changed(to=0),
        changed(to=2),
        changed(to=1 << 61),
        changed(to=1 << 63),
        changed(**{"from": 2}),
        changed(through="6"),
        changed(records=b""),
        changed(records="x" * 72),
        changed(records="left out"),
        changed(records=b"\x00" * 71),
        changed(records=b"\x00" * 57),
        changed(kind="PROGRESS"),
        changed(kind="NEW_DATA"),
        [b"job/3/NEW_DATA/", changed(kind="NEW_DATA", records=None)[1]],
        [b"job/3/NEW_DATA/", changed(kind="NEW_DATA", records=None, assets=2, columns={})[1]],
        [b"job/3/NEW_DATA/", changed(kind="NEW_DATA", records=None, assets=3, columns=BLOCK)[1]],
        [b"job/3/NEW_DATA/", changed(kind="NEW_DATA", records=None, assets=1 << 40, columns=BLOCK)[1]],
        [b"job/3/NEW_DATA/", changed(kind="NEW_DATA", records=None, assets=2, columns={**BLOCK, "x": b""})[1]],
        [
            b"job/3/NEW_DATA/",
            changed(kind="NEW_DATA", records=None, assets=2, columns={**BLOCK, "low": BLOCK["low"][:-1]})[1],
        ],
    ],
)
def test_every_malformed_event_is_a_protocol_error(frames: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        codec.decode(frames)


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": 3.0},
        {"from": True},
        {"through": 2**62},
        {"through": -1},
        {"through": "6"},
        {"run": "other"},
        {"kind": "ORDER"},
        {"more": 1},
        {"records": "text"},
        {"records": None},
        {"to": 0},
    ],
)
def test_a_known_topic_opens_no_door(changes: dict[str, Any]) -> None:
    codec.decode(codec.encode(FILLED, "job", 3))
    with pytest.raises(ProtocolError):
        codec.decode(changed(**changes))


def test_a_message_of_a_known_topic_may_leave_out_what_has_a_default() -> None:
    codec.decode(codec.encode(FILLED, "job", 3))
    fields = {"v": codec.VERSION, "kind": "FILL", "run": "job", "attempt": 3, "stream": "execution", "through": 12}
    found = codec.decode([b"job/3/FILL/", msgpack.packb(fields)])[1]
    assert found is not None
    assert (found.begin, found.end, found.watermark, found.payload) == (0, 0, 12, None)


@given(st.lists(st.binary(max_size=200), max_size=4))
@settings(deadline=None)
def test_random_frames_are_a_protocol_error(frames: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        codec.decode(frames)


@given(st.data(), st.sampled_from(sorted(EVENTS)))
@settings(deadline=None)
def test_a_damaged_event_is_read_or_is_a_protocol_error(data: st.DataObject, name: str) -> None:
    topic, body = codec.encode(EVENTS[name], "job", 3)
    place = data.draw(st.integers(0, len(body) - 1))
    damaged = body[:place] + bytes([data.draw(st.integers(0, 255))]) + body[place + data.draw(st.integers(0, 2)) :]
    with suppress(ProtocolError):
        codec.decode([topic, damaged])
