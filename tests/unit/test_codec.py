"""The wire format, byte for byte: whoever changes it is told here, and has a version to raise and pages to mend."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.errors import ProtocolError
from backbus.events import codec
from backbus.events import control as c
from backbus.events.event import Event, Kind
from backbus.market.panel import Block
from backbus.trading import records as rec
from backbus.trading.account_rows import BookRows, EquityRows
from backbus.trading.codes import Action, Cap, FillRule, InForce, OrderType, SignalKind

BLOB = "ab" * 32


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

KNOWN = {"job": {"strategy": {"use": "SmaCross"}}, "data": {"a.csv": BLOB}}
PLACE = {"run": "r", "attempt": 2}
MESSAGES: dict[str, c.Message] = {
    "OK": c.Ok(id="i", value={"epoch": 3}),
    "ERROR": c.Error(id="i", message="no", usage=False),
    "HELLO": c.Hello(id="i", role="data", instance="d-1", host="h", pid=7, version="x"),
    "BEAT": c.Beat(id="i", instance="d-1", **PLACE, rows=9, busy_s=0.5, where="w"),
    "READY": c.Ready(id="i", instance="d-1", **PLACE, facts={"rows": 10}),
    "END": c.End(
        id="i",
        instance="d-1",
        **PLACE,
        streams=[c.StreamEnd(kind="FILL", written=True, records=3, digest="0a")],
    ),
    "FAULT": c.Fault(id="i", instance="d-1", **PLACE, fatal=True, message="m", traceback=None),
    "REPORT": c.Report(id="i", instance="d-1", **PLACE, report={"rows": 1}, artifacts={"report.json": BLOB}),
    "ASSIGN": c.Assign(id="1.2", epoch=1, **PLACE, **KNOWN, strategy={}),
    "START": c.Start(id="1.3", epoch=1, **PLACE, facts={"window": 8}),
    "RELEASE": c.Release(id="1.4", epoch=1, **PLACE),
    "HAVE_BLOBS": c.HaveBlobs(id="i", hashes=[BLOB]),
    "PUT_BLOB": c.PutBlob(id="i", hash=BLOB, size=3, offset=1, data=b"yz"),
    "GET_BLOB": c.GetBlob(id="i", hash=BLOB, offset=1),
    "SUBMIT": c.Submit(id="i", submission="12345678", **KNOWN, strategy={"s.py": BLOB}, fresh=True),
    "JOBS": c.Jobs(id="i", limit=5),
    "SHOW": c.Show(id="i", job="j", wait_s=1.5),
    "CANCEL": c.Cancel(id="i", job="j"),
    "STATUS": c.Status(id="i"),
    "LEASE": c.Lease(
        id="1.5", epoch=1, number=7, job="j", work="points", first=2, stop=4, points=[{"strategy.fast": 3}], trials=9
    ),
    "TOTAL": c.Total(id="i", instance="d-1", job="j", points=9),
    "WANT": c.Want(id="i", instance="d-1", prepared=["j"]),
    "GET_INPUTS": c.GetInputs(id="i", job="j"),
    "GET_CHUNKS": c.GetChunks(id="i", job="j", first=2),
    "GET_POINTS": c.GetPoints(id="i", job="j", first=2),
    "CHUNK": c.Chunk(
        id="i",
        instance="d-1",
        job="j",
        first=2,
        stop=4,
        seconds=0.5,
        failed=1,
        best_point=3,
        best_score=1.5,
        result=b"yz",
    ),
    "POINTS": c.Points(id="i", instance="d-1", job="j", first=2, points=[{"strategy.fast": 3}]),
    "TABLE": c.Table(id="i", instance="d-1", job="j", report={"points": 4}, artifacts={"t.parquet": BLOB}),
    "LEASE_FAULT": c.LeaseFault(id="i", instance="d-1", number=7, fatal=True, message="m"),
    "PAUSE": c.Pause(id="i", job="j"),
    "RESUME": c.Resume(id="i", job="j"),
}
FROM_ORCHESTRATOR = {"LEASE", "ASSIGN", "START", "RELEASE"}

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
    "OK": "84a17601a26964a169a46b696e64a24f4ba576616c756581a565706f636803",
    "ERROR": "85a17601a26964a169a46b696e64a54552524f52a76d657373616765a26e6fa57573616765c2",
    "HELLO": (
        "88a17601a26964a169a46b696e64a548454c4c4fa4726f6c65a464617461a8696e7374616e6365a3642d31a4686f7374a168"
        "a370696407a776657273696f6ea178"
    ),
    "BEAT": (
        "89a17601a26964a169a46b696e64a442454154a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a4726f"
        "777309a6627573795f73cb3fe0000000000000a57768657265a177"
    ),
    "READY": (
        "87a17601a26964a169a46b696e64a55245414459a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a566"
        "6163747381a4726f77730a"
    ),
    "END": (
        "87a17601a26964a169a46b696e64a3454e44a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a7737472"
        "65616d739184a46b696e64a446494c4ca77772697474656ec3a77265636f72647303a6646967657374a23061"
    ),
    "FAULT": (
        "89a17601a26964a169a46b696e64a54641554c54a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a566"
        "6174616cc3a76d657373616765a16da974726163656261636bc0"
    ),
    "REPORT": (
        "88a17601a26964a169a46b696e64a65245504f5254a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a6"
        "7265706f727481a4726f777301a961727469666163747381ab7265706f72742e6a736f6ed940616261626162616261626162"
        "6162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162"
        "6162"
    ),
    "ASSIGN": (
        "89a17601a26964a3312e32a46b696e64a641535349474ea565706f636801a372756ea172a7617474656d707402a36a6f6281"
        "a8737472617465677981a3757365a8536d6143726f7373a46461746181a5612e637376d94061626162616261626162616261"
        "6261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261"
        "62a8737472617465677980"
    ),
    "START": (
        "87a17601a26964a3312e33a46b696e64a55354415254a565706f636801a372756ea172a7617474656d707402a56661637473"
        "81a677696e646f7708"
    ),
    "RELEASE": "86a17601a26964a3312e34a46b696e64a752454c45415345a565706f636801a372756ea172a7617474656d707402",
    "HAVE_BLOBS": (
        "84a17601a26964a169a46b696e64aa484156455f424c4f4253a668617368657391d940616261626162616261626162616261"
        "62616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162"
    ),
    "PUT_BLOB": (
        "87a17601a26964a169a46b696e64a85055545f424c4f42a468617368d9406162616261626162616261626162616261626162"
        "6162616261626162616261626162616261626162616261626162616261626162616261626162616261626162a473697a6503"
        "a66f666673657401a464617461c402797a"
    ),
    "GET_BLOB": (
        "85a17601a26964a169a46b696e64a84745545f424c4f42a468617368d9406162616261626162616261626162616261626162"
        "6162616261626162616261626162616261626162616261626162616261626162616261626162616261626162a66f66667365"
        "7401"
    ),
    "SUBMIT": (
        "88a17601a26964a169a46b696e64a65355424d4954aa7375626d697373696f6ea83132333435363738a36a6f6281a8737472"
        "617465677981a3757365a8536d6143726f7373a46461746181a5612e637376d9406162616261626162616261626162616261"
        "6261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162a87374"
        "72617465677981a4732e7079d940616261626162616261626162616261626162616261626162616261626162616261626162"
        "61626162616261626162616261626162616261626162616261626162a56672657368c3"
    ),
    "JOBS": "84a17601a26964a169a46b696e64a44a4f4253a56c696d697405",
    "SHOW": "85a17601a26964a169a46b696e64a453484f57a36a6f62a16aa6776169745f73cb3ff8000000000000",
    "CANCEL": "84a17601a26964a169a46b696e64a643414e43454ca36a6f62a16a",
    "LEASE": (
        "8ba17601a26964a3312e35a46b696e64a54c45415345a565706f636801a66e756d62657207a36a6f62a16aa4776f726ba670"
        "6f696e7473a5666972737402a473746f7004a6706f696e74739181ad73747261746567792e6661737403a6747269616c7309"
    ),
    "TOTAL": "86a17601a26964a169a46b696e64a5544f54414ca8696e7374616e6365a3642d31a36a6f62a16aa6706f696e747309",
    "WANT": "85a17601a26964a169a46b696e64a457414e54a8696e7374616e6365a3642d31a8707265706172656491a16a",
    "GET_INPUTS": "84a17601a26964a169a46b696e64aa4745545f494e50555453a36a6f62a16a",
    "GET_CHUNKS": "85a17601a26964a169a46b696e64aa4745545f4348554e4b53a36a6f62a16aa5666972737402",
    "GET_POINTS": "85a17601a26964a169a46b696e64aa4745545f504f494e5453a36a6f62a16aa5666972737402",
    "CHUNK": (
        "8ca17601a26964a169a46b696e64a54348554e4ba8696e7374616e6365a3642d31a36a6f62a16aa5666972737402a473746f"
        "7004a77365636f6e6473cb3fe0000000000000a66661696c656401aa626573745f706f696e7403aa626573745f73636f7265"
        "cb3ff8000000000000a6726573756c74c402797a"
    ),
    "POINTS": (
        "87a17601a26964a169a46b696e64a6504f494e5453a8696e7374616e6365a3642d31a36a6f62a16aa5666972737402a6706f"
        "696e74739181ad73747261746567792e6661737403"
    ),
    "TABLE": (
        "87a17601a26964a169a46b696e64a55441424c45a8696e7374616e6365a3642d31a36a6f62a16aa67265706f727481a6706f"
        "696e747304a961727469666163747381a9742e70617271756574d94061626162616261626162616261626162616261626162"
        "616261626162616261626162616261626162616261626162616261626162616261626162616261626162"
    ),
    "LEASE_FAULT": (
        "88a17601a26964a169a46b696e64ab4c454153455f4641554c54a8696e7374616e6365a3642d31a66e756d62657207a56661"
        "74616cc3a76d657373616765a16da974726163656261636bc0"
    ),
    "PAUSE": "84a17601a26964a169a46b696e64a55041555345a36a6f62a16a",
    "RESUME": "84a17601a26964a169a46b696e64a6524553554d45a36a6f62a16a",
    "STATUS": "83a17601a26964a169a46b696e64a6535441545553",
}


def read(name: str, frame: bytes) -> Any:
    return c.read_order(frame) if name in FROM_ORCHESTRATOR else c.read_request(frame)


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


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_these_bytes_and_no_others(name: str) -> None:
    assert c.pack(MESSAGES[name]).hex() == GOLDEN[name]


def test_every_kind_has_its_golden_bytes() -> None:
    assert {kind.value for kind in Kind} <= GOLDEN.keys()
    kinds = {type(message).model_fields["kind"].default for message in MESSAGES.values()}
    declared = {
        value.model_fields["kind"].default
        for value in vars(c).values()
        if isinstance(value, type) and issubclass(value, c.Message) and "kind" in value.model_fields
    }
    assert kinds == declared == set(MESSAGES)


@pytest.mark.parametrize("name", EVENTS)
def test_what_is_encoded_is_decoded(name: str) -> None:
    event = EVENTS[name]
    envelope, found = codec.decode(codec.encode(event, "job", 3))
    assert (envelope.run, envelope.attempt) == ("job", 3)
    assert found is not None
    assert (found.kind, found.source, found.begin, found.end, found.through) == (
        event.kind,
        event.source,
        event.begin,
        event.end,
        event.through,
    )
    assert same(found.payload, event.payload)


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_packed_is_read(name: str) -> None:
    assert read(name, c.pack(MESSAGES[name])) == MESSAGES[name]


@given(
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**19), st.integers(0, 1), st.floats()), max_size=20),
)
@settings(deadline=None)
def test_any_signals_come_back_as_they_were(begin: int, through: int, rows: list[tuple[int, int, int, float]]) -> None:
    payload = records(rec.SIGNAL, *rows) if rows else None
    event = Event(Kind.SIGNAL, "strategy", begin, begin + len(rows), through, payload)
    _, found = codec.decode(codec.encode(event, "a-run.1", 10))
    assert found is not None
    assert (found.begin, found.end, found.through) == (event.begin, event.end, event.through)
    assert same(found.payload, payload)


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
    assert (found.begin, found.end, found.through, found.payload) == (0, 0, 12, None)


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


@given(st.data(), st.sampled_from(sorted(MESSAGES)))
@settings(deadline=None)
def test_a_damaged_message_is_read_or_is_a_protocol_error(data: st.DataObject, name: str) -> None:
    frame = c.pack(MESSAGES[name])
    place = data.draw(st.integers(0, len(frame) - 1))
    damaged = frame[:place] + bytes([data.draw(st.integers(0, 255))]) + frame[place + data.draw(st.integers(0, 2)) :]
    try:
        read(name, damaged)
    except ProtocolError:
        assert isinstance(c.id_of(damaged), str)


def test_a_message_that_is_nested_too_deeply_to_be_packed_again_is_refused() -> None:
    deep: Any = "x"
    for _ in range(c.DEEPEST + 1):
        deep = [deep]
    with pytest.raises(ProtocolError, match="deep"):
        c.read_request(msgpack.packb({**MESSAGES["READY"].model_dump(), "facts": {"deep": deep}}))


def test_orders_are_numbered_and_strange_ids_have_no_number() -> None:
    assert c.order_number(c.order_name(3, 14)) == 14
    assert [c.order_number(name) for name in ("", "x", "1.", "1.-2", "1.²", "1." + "9" * 40)] == [0] * 6
