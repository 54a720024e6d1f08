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
from backbus.streams.topology import Kind
from backbus.trading import records as rec
from backbus.trading.account_rows import BookRows, EquityRows
from backbus.trading.codes import Action, Cap, FillRule, InForce, OrderType, SignalKind
from backbus.transport import control


def records(dtype: np.dtype[np.void], *rows: tuple[Any, ...]) -> rec.Records:
    return np.array(list(rows), dtype=dtype)


def floats(*values: Any) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=np.float64)


ORDER = (
    10,
    1 << 31,
    1,
    Action.PLACE,
    -3.0,
    -5.0,
    3,
    1,
    OrderType.STOP_LIMIT,
    InForce.GOOD_TILL_DATE,
    98.0,
    99.0,
    0.5,
    19_000,
    -1,
    8,
)
FILL = (13, 1 << 31, 1, FillRule.STOP_TOUCHED, Cap.VOLUME, -3.0, 99.5, 100.0, 1.25, 2.0, -2.0)

EVENTS = {
    "NEW_DATA": Event(
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
    ),
    "SIGNAL": Event(Kind.SIGNAL, "strategy", 0, 1, 600, records(rec.SIGNAL, (9, 1, SignalKind.WEIGHT, -0.25))),
    "ORDER": Event(Kind.ORDER, "portfolio", 4, 5, 16, records(rec.ORDER, ORDER)),
    "FILL": Event(Kind.FILL, "execution", 0, 1, 14, records(rec.FILL, FILL)),
    "BOOK": Event(
        Kind.BOOK, "portfolio", 0, 1, 4, BookRows(0, floats(10.0), floats(7.0), floats([3.0]), floats([1.0]))
    ),
    "news": Event(
        Kind.BOOK,
        "portfolio",
        1,
        2,
        10,
        BookRows(
            1,
            floats(10.0),
            floats(7.0),
            floats([3.0]),
            floats([1.0]),
            records(rec.ORDER, ORDER),
            records(rec.FILL, FILL, FILL),
        ),
    ),
    "EQUITY": Event(Kind.EQUITY, "portfolio", 7, 8, 48, EquityRows(7, floats(10.0), floats(7.0), floats(3.0))),
    "PROGRESS": Event(Kind.PROGRESS, "performance", 64, 64, 384),
    "silence": Event(Kind.FILL, "execution", 5, 5, 1234),
}

GOLDEN: dict[str, str] = {
    "NEW_DATA": (
        "8ba17602a46b696e64a84e45575f44415441a372756ea36a6f62a7617474656d707403a673747265616da464617461a46672"
        "6f6d02a2746f03a77468726f75676812a3726f7702a661737365747302a7636f6c756d6e7387a3656e64c408005847f80d00"
        "0000a773657373696f6ec408384a000000000000a46f70656ec410000000000000f83f000000000000f87fa468696768c410"
        "0000000000000040000000000000f87fa36c6f77c410000000000000f03f000000000000f87fa5636c6f7365c41000000000"
        "0000fc3f000000000000f87fa6766f6c756d65c4100000000000005940000000000000f87f"
    ),
    "SIGNAL": (
        "89a17602a46b696e64a65349474e414ca372756ea36a6f62a7617474656d707403a673747265616da87374726174656779a4"
        "66726f6d00a2746f01a77468726f756768cd0258a77265636f726473c4180900000000000000010000000100000000000000"
        "0000d0bf"
    ),
    "ORDER": (
        "89a17602a46b696e64a54f52444552a372756ea36a6f62a7617474656d707403a673747265616da9706f7274666f6c696fa4"
        "66726f6d04a2746f05a77468726f75676810a77265636f726473c4680a000000000000000000008000000000010000000000"
        "000000000000000008c000000000000014c00300000001000000030000000200000000000000008058400000000000c05840"
        "000000000000e03f384a000000000000ffffffffffffffff0800000000000000"
    ),
    "FILL": (
        "89a17602a46b696e64a446494c4ca372756ea36a6f62a7617474656d707403a673747265616da9657865637574696f6ea466"
        "726f6d00a2746f01a77468726f7567680ea77265636f726473c4480d00000000000000000000800000000001000000050001"
        "0000000000000008c00000000000e058400000000000005940000000000000f43f000000000000004000000000000000c0"
    ),
    "BOOK": (
        "8ba17602a46b696e64a4424f4f4ba372756ea36a6f62a7617474656d707403a673747265616da9706f7274666f6c696fa466"
        "726f6d00a2746f01a77468726f75676804a3726f7700a661737365747301a7636f6c756d6e7384a6657175697479c4080000"
        "000000002440a463617368c4080000000000001c40a8706f736974696f6ec4080000000000000840ac617665726167655f63"
        "6f7374c408000000000000f03f"
    ),
    "news": (
        "8ba17602a46b696e64a4424f4f4ba372756ea36a6f62a7617474656d707403a673747265616da9706f7274666f6c696fa466"
        "726f6d01a2746f02a77468726f7567680aa3726f7701a661737365747301a7636f6c756d6e7386a6657175697479c4080000"
        "000000002440a463617368c4080000000000001c40a8706f736974696f6ec4080000000000000840ac617665726167655f63"
        "6f7374c408000000000000f03fa66f7264657273c4680a000000000000000000008000000000010000000000000000000000"
        "000008c000000000000014c00300000001000000030000000200000000000000008058400000000000c05840000000000000"
        "e03f384a000000000000ffffffffffffffff0800000000000000a566696c6c73c4900d000000000000000000008000000000"
        "010000000500010000000000000008c00000000000e058400000000000005940000000000000f43f00000000000000400000"
        "0000000000c00d000000000000000000008000000000010000000500010000000000000008c00000000000e0584000000000"
        "00005940000000000000f43f000000000000004000000000000000c0"
    ),
    "EQUITY": (
        "8ba17602a46b696e64a6455155495459a372756ea36a6f62a7617474656d707403a673747265616da9706f7274666f6c696f"
        "a466726f6d07a2746f08a77468726f75676830a3726f7707a661737365747300a7636f6c756d6e7383a6657175697479c408"
        "0000000000002440a463617368c4080000000000001c40a567726f7373c4080000000000000840"
    ),
    "PROGRESS": (
        "88a17602a46b696e64a850524f4752455353a372756ea36a6f62a7617474656d707403a673747265616dab706572666f726d"
        "616e6365a466726f6d40a2746f40a77468726f756768cd0180"
    ),
    "silence": (
        "88a17602a46b696e64a446494c4ca372756ea36a6f62a7617474656d707403a673747265616da9657865637574696f6ea466"
        "726f6d05a2746f05a77468726f756768cd04d2"
    ),
    "PROBE": ("85a17602a46b696e64a550524f4245a372756ea36a6f62a7617474656d707403a673747265616da464617461"),
}


def same(one: Any, other: Any) -> bool:
    """Equality of payloads, bit for bit."""
    if one is None or other is None or isinstance(one, np.ndarray):
        return (one is None and other is None) or (one.dtype == other.dtype and one.tobytes() == other.tobytes())
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)]
    return type(one) is type(other) and all(same(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_has_these_bytes_and_no_others(name: str) -> None:
    topic, body = codec.encode(EVENTS[name], "job", 3)
    assert topic == f"job/3/{EVENTS[name].kind}/".encode()
    assert body.hex() == GOLDEN[name]


def test_a_probe_has_these_bytes_and_no_others() -> None:
    topic, body = codec.encode_probe("job", 3, "data")
    assert topic == b"job/3/PROBE/data/"
    assert body.hex() == GOLDEN["PROBE"]
    assert codec.decode([topic, body])[1] is None


def test_the_protocol_page_tells_the_versions() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert f"`v` is {codec.VERSION} on the bus and {control.VERSION} in control messages." in page
    assert re.findall(r'"v": (\d+), "kind": "PROBE"', page) == [str(codec.VERSION)]
    assert f"| `v` | int | always | {codec.VERSION}," in page


def test_every_kind_has_its_golden_bytes() -> None:
    assert {kind.value for kind in Kind} <= GOLDEN.keys()


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
    good = msgpack.unpackb(codec.encode(EVENTS["FILL"], "job", 3)[1])
    return [b"job/3/FILL/", msgpack.packb({name: v for name, v in {**good, **changes}.items() if v != "left out"})]


BLOCK = msgpack.unpackb(codec.encode(EVENTS["NEW_DATA"], "job", 3)[1])["columns"]


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
    codec.decode(codec.encode(EVENTS["FILL"], "job", 3))
    with pytest.raises(ProtocolError):
        codec.decode(changed(**changes))


def test_a_message_of_a_known_topic_may_leave_out_what_has_a_default() -> None:
    codec.decode(codec.encode(EVENTS["FILL"], "job", 3))
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
