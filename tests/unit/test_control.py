"""Control messages, byte for byte: whoever changes them is told here, and has a version to raise and pages to mend."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.errors import ProtocolError
from backbus.transport import control as c
from backbus.transport import control_codec

BLOB = "ab" * 32


KNOWN = {"job": {"strategy": {"use": "SmaCross"}}, "data": {"a.csv": BLOB}}
PLACE = {"run": "r", "attempt": 2}
MESSAGES: dict[str, c.Message] = {
    "OK": c.Ok(id="i", value={"epoch": 3}),
    "ERROR": c.Error(id="i", message="no", usage=False),
    "HELLO": c.Hello(id="i", role="data", instance="d-1", host="h", pid=7, version="x"),
    "BEAT": c.Heartbeat(id="i", instance="d-1", **PLACE, rows=9, busy_s=0.5, where="w"),
    "READY": c.Ready(id="i", instance="d-1", **PLACE, facts={"rows": 10}),
    "END": c.End(
        id="i",
        instance="d-1",
        **PLACE,
        streams=[c.StreamEnd(kind="FILL", written=True, records=3, digest="0a")],
    ),
    "FAULT": c.Fault(id="i", instance="d-1", **PLACE, fatal=True, message="m", traceback=None),
    "REPORT": c.PutReport(id="i", instance="d-1", **PLACE, report={"rows": 1}, artifacts={"report.json": BLOB}),
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
    "CHUNK": c.PutChunk(
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
    "POINTS": c.PutPoints(id="i", instance="d-1", job="j", first=2, points=[{"strategy.fast": 3}]),
    "TABLE": c.PutTable(id="i", instance="d-1", job="j", report={"points": 4}, artifacts={"t.parquet": BLOB}),
    "LEASE_FAULT": c.LeaseFault(id="i", instance="d-1", number=7, fatal=True, message="m"),
    "PAUSE": c.Pause(id="i", job="j"),
    "RESUME": c.Resume(id="i", job="j"),
}
FROM_ORCHESTRATOR = {"LEASE", "ASSIGN", "START", "RELEASE"}

GOLDEN: dict[str, str] = {
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
        "89a17601a26964a169a46b696e64a55245414459a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a566"
        "6163747381a4726f77730aa76361726566756cc2a57768657265a0"
    ),
    "END": (
        "87a17601a26964a169a46b696e64a3454e44a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a7737472"
        "65616d739184a46b696e64a446494c4ca77772697474656ec3a77265636f72647303a6646967657374a23061"
    ),
    "FAULT": (
        "8aa17601a26964a169a46b696e64a54641554c54a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a566"
        "6174616cc3a56361757365a56572726f72a76d657373616765a16da974726163656261636bc0"
    ),
    "REPORT": (
        "88a17601a26964a169a46b696e64a65245504f5254a8696e7374616e6365a3642d31a372756ea172a7617474656d707402a6"
        "7265706f727481a4726f777301a961727469666163747381ab7265706f72742e6a736f6ed940616261626162616261626162"
        "6162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162"
        "6162"
    ),
    "ASSIGN": (
        "8aa17601a26964a3312e32a46b696e64a641535349474ea565706f636801a372756ea172a7617474656d707402a36a6f6281"
        "a8737472617465677981a3757365a8536d6143726f7373a46461746181a5612e637376d94061626162616261626162616261"
        "6261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261"
        "62a8737472617465677980a76361726566756cc2"
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
        "8ca17601a26964a3312e35a46b696e64a54c45415345a565706f636801a66e756d62657207a36a6f62a16aa4776f726ba6706f696e74"
        "73a5666972737402a473746f7004a6706f696e74739181ad73747261746567792e6661737403a6747269616c7309a4746f6c64a0"
    ),
    "TOTAL": "86a17601a26964a169a46b696e64a5544f54414ca8696e7374616e6365a3642d31a36a6f62a16aa6706f696e747309",
    "WANT": "85a17601a26964a169a46b696e64a457414e54a8696e7374616e6365a3642d31a8707265706172656491a16a",
    "GET_INPUTS": "84a17601a26964a169a46b696e64aa4745545f494e50555453a36a6f62a16a",
    "GET_CHUNKS": "85a17601a26964a169a46b696e64aa4745545f4348554e4b53a36a6f62a16aa5666972737402",
    "GET_POINTS": "85a17601a26964a169a46b696e64aa4745545f504f494e5453a36a6f62a16aa5666972737402",
    "CHUNK": (
        "8da17601a26964a169a46b696e64a54348554e4ba8696e7374616e6365a3642d31a36a6f62a16aa5666972737402a473746f"
        "7004a77365636f6e6473cb3fe0000000000000a66661696c656401aa626573745f706f696e7403aa626573745f73636f7265"
        "cb3ff8000000000000a6726573756c74c402797aa87072657061726564c0"
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
    return control_codec.read_order(frame) if name in FROM_ORCHESTRATOR else control_codec.read_request(frame)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_these_bytes_and_no_others(name: str) -> None:
    assert control_codec.pack(MESSAGES[name]).hex() == GOLDEN[name]


def test_every_message_has_its_golden_bytes() -> None:
    kinds = {type(message).model_fields["kind"].default for message in MESSAGES.values()}
    declared = {
        value.model_fields["kind"].default
        for value in vars(c).values()
        if isinstance(value, type) and issubclass(value, c.Message) and "kind" in value.model_fields
    }
    assert kinds == declared == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_packed_is_read(name: str) -> None:
    assert read(name, control_codec.pack(MESSAGES[name])) == MESSAGES[name]


@given(st.data(), st.sampled_from(sorted(MESSAGES)))
@settings(deadline=None)
def test_a_damaged_message_is_read_or_is_a_protocol_error(data: st.DataObject, name: str) -> None:
    frame = control_codec.pack(MESSAGES[name])
    place = data.draw(st.integers(0, len(frame) - 1))
    damaged = frame[:place] + bytes([data.draw(st.integers(0, 255))]) + frame[place + data.draw(st.integers(0, 2)) :]
    try:
        read(name, damaged)
    except ProtocolError:
        assert isinstance(control_codec.id_of(damaged), str)


def test_a_message_that_is_nested_too_deeply_to_be_packed_again_is_refused() -> None:
    deep: Any = "x"
    for _ in range(control_codec.DEEPEST + 1):
        deep = [deep]
    with pytest.raises(ProtocolError, match="deep"):
        control_codec.read_request(msgpack.packb({**MESSAGES["READY"].model_dump(), "facts": {"deep": deep}}))


def test_orders_are_numbered_and_strange_ids_have_no_number() -> None:
    assert control_codec.order_number(control_codec.order_name(3, 14)) == 14
    assert [control_codec.order_number(name) for name in ("", "x", "1.", "1.-2", "1.²", "1." + "9" * 40)] == [0] * 6
