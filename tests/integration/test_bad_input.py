"""Whatever arrives at a socket of a stack is counted and logged; no process dies of it, and jobs go on being served."""

from __future__ import annotations

import random
import socket as sockets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
import numpy as np
import pandas as pd
import pytest
import zmq

from backbus import Job, run
from backbus.streams import codec

if TYPE_CHECKING:
    from backbus.api.client import Client
    from tests.stacks import Stack

KINDS = ("NEW_DATA", "SIGNAL", "ORDER", "FILL", "BOOK", "EQUITY", "PROGRESS", "PROBE")
JOB = Job.parse(
    {
        "strategy": {"use": "SmaCross", "fast": 2, "slow": 3},
        "portfolio": {"cash": 1e6},
        "run": {"block": 64, "window": 256},
    }
)


@pytest.fixture
def context() -> Iterator[zmq.Context[Any]]:
    made: zmq.Context[Any] = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    rows = 20_000
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.001, rows)))
    columns = dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": np.full(rows, 1.0)}
    return pd.DataFrame(columns, index=pd.date_range("2024-01-01", periods=rows, freq="min", tz="UTC"))


@pytest.fixture(autouse=True)
def unharmed(stack: Stack, prices: pd.DataFrame, tmp_path: Path) -> Iterator[None]:
    """After each of these tests the same processes run, and the next job gets its right answer at once."""
    before = stack.pids()
    yield
    with stack.client() as client:
        result = client.run(JOB, prices[:2000], fresh=True, folder=tmp_path / "after")
    assert result.summary == run(JOB, prices[:2000], tables=False).summary
    assert result.attempts == 1
    stack.wait_ready()
    assert stack.pids() == before


def dropped(client: Client) -> int:
    count: int = client.status()["dropped_messages"]
    return count


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def garbage(seed: int, count: int) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.choice((0, 1, 2, 7, 50, 1000))) for _ in range(count)]


def bad_bodies() -> list[bytes]:
    """Messages for the orchestrator that are wrong in every way that we could think of, random ones beside them."""
    values: list[Any] = [
        None,
        7,
        "SUBMIT",
        [],
        {},
        {"kind": "NOBODY_KNOWS", "v": 1, "id": "1"},
        {"kind": "STATUS", "v": 2, "id": "1"},
        {"kind": "STATUS", "v": 1, "id": ""},
        {"kind": "STATUS", "v": 1, "id": "1", "more": 1},
        {"kind": ["STATUS"], "v": 1, "id": "1"},
        {"kind": "SHOW", "v": 1, "id": "1", "job": "../../etc/passwd"},
        {"kind": "SHOW", "v": 1, "id": "1", "job": 5},
        {"kind": "SHOW", "v": 1, "id": "1", "job": "x", "wait_s": 1e300},
        {"kind": "JOBS", "v": 1, "id": "1", "limit": -1},
        {"kind": "GET_BLOB", "v": 1, "id": "1", "hash": "../" * 20, "offset": 0},
        {"kind": "PUT_BLOB", "v": 1, "id": "1", "hash": "0" * 64, "size": -1, "offset": 0, "data": b""},
        {"kind": "PUT_BLOB", "v": 1, "id": "1", "hash": "0" * 64, "size": 1 << 63, "offset": 0, "data": b""},
        {"kind": "SUBMIT", "v": 1, "id": "1", "submission": "x" * 8, "job": [], "data": {}},
        {"kind": "SUBMIT", "v": 1, "id": "1", "submission": "x" * 8, "job": {}, "data": {"a": "b"}},
        {"kind": "BEAT", "v": 1, "id": "1", "instance": "x", "rows": -1},
        {"kind": "SUBMIT", "v": 1, "id": "1", "submission": "x" * 8, "job": {"deep": nested(300)}, "data": {}},
        {"kind": "READY", "v": 1, "id": "1", "instance": "x", "run": "x", "attempt": 1, "facts": {"x": nested(60)}},
    ]
    bodies = [msgpack.packb(value) for value in values]
    return [
        *bodies,
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff\x01",
        msgpack.packb({"v": 1, "kind": "STATUS", "id": "1"})[:-1],
        msgpack.packb({"v": 1, "kind": "STATUS", "id": "1"}) + b"\x00",
        *garbage(1, 300),
    ]


def test_the_orchestrator_counts_what_it_cannot_read(stack: Stack, context: zmq.Context[Any]) -> None:
    dealer = context.socket(zmq.DEALER)
    dealer.connect(stack.settings.orchestrator)
    bodies = bad_bodies()
    frames = [[body] for body in bodies] + [[b"", body] for body in bodies[:20]] + [[b"x"] * 500, [b"", b"", b""]]
    with stack.client() as client:
        before = dropped(client)
        for message in frames:
            dealer.send_multipart(message)
            while dealer.poll(0):
                assert msgpack.unpackb(dealer.recv())["kind"] == "ERROR"
        dealer.send(msgpack.packb({"v": 1, "kind": "STATUS", "id": "last"}))
        while msgpack.unpackb(dealer.recv())["id"] != "last":
            pass
        assert dropped(client) - before == len(frames)
    assert "message dropped" in stack.log("orchestrator")


def test_requests_that_can_be_read_and_make_no_sense_are_answered_with_an_error(
    stack: Stack, context: zmq.Context[Any]
) -> None:
    dealer = context.socket(zmq.DEALER)
    dealer.connect(stack.settings.orchestrator)
    known = {"instance": "x", "run": "x", "attempt": 1}
    requests: list[dict[str, Any]] = [
        {"kind": "SHOW", "job": "unknown"},
        {"kind": "CANCEL", "job": "unknown"},
        {"kind": "GET_BLOB", "hash": "0" * 64, "offset": 0},
        {"kind": "PUT_BLOB", "hash": "0" * 64, "size": 3, "offset": 0, "data": b"abc"},
        {"kind": "PUT_BLOB", "hash": "0" * 64, "size": 1, "offset": 0, "data": b"abc"},
        {"kind": "SUBMIT", "submission": "nonsense", "job": {"strategy": {"use": 5}}, "data": {}},
        {"kind": "SUBMIT", "submission": "nonsense", "job": {"strategy": {"use": "SmaCross"}}, "data": {}},
        {"kind": "SUBMIT", "submission": "nonsense", "job": {"strategy": {"use": "a"}}, "data": {"a": "0" * 64}},
        {"kind": "HELLO", "role": "data", "instance": "x", "host": "", "pid": 1, "version": "another"},
        {"kind": "REPORT", **known, "report": {}, "artifacts": {"a": "0" * 64}},
    ]
    for number, request in enumerate(requests):
        dealer.send(msgpack.packb({"v": 1, "id": str(number), **request}))
        reply = msgpack.unpackb(dealer.recv())
        assert (reply["id"], reply["kind"]) == (str(number), "ERROR"), request
        assert reply["message"]
    strangers = [
        {"kind": "BEAT", **known, "rows": 5},
        {"kind": "READY", **known, "facts": {"rows": "many"}},
        {"kind": "END", **known, "streams": []},
        {"kind": "FAULT", **known, "fatal": True, "message": "no", "traceback": None},
    ]
    for request in strangers:
        dealer.send(msgpack.packb({"v": 1, "id": "stranger", **request}))
        assert msgpack.unpackb(dealer.recv())["kind"] == "OK", "a member that is not assigned changes nothing"


def test_bytes_that_are_not_zeromq_at_all_harm_no_port(stack: Stack) -> None:
    for address in (stack.settings.orchestrator, stack.settings.bus_in, stack.settings.bus_out):
        port = int(address.rpartition(":")[2])
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, *garbage(2, 20)):
            with sockets.create_connection(("127.0.0.1", port), timeout=5) as peer:
                peer.sendall(data)


def raw_subscriber(address: str) -> sockets.socket:
    """A ZMTP 3.0 peer made by hand, which can say what no library would."""
    peer = sockets.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=10)
    peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    heard = b""
    while len(heard) < 64:
        heard += peer.recv(64 - len(heard))
    ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x04XSUB"
    peer.sendall(bytes([4, len(ready)]) + ready)
    assert peer.recv(1) == b"\x04"
    return peer


def test_subscribers_cannot_silence_the_bus(stack: Stack, context: zmq.Context[Any]) -> None:
    upstream = context.socket(zmq.XSUB)
    upstream.connect(stack.settings.bus_out)
    for message in (b"\x01", b"\x00", b"\x02unheard of", b"", *garbage(3, 100)):
        upstream.send(message)
        upstream.send_multipart([message, message])
    peer = raw_subscriber(stack.settings.bus_out)
    # Unsubscriptions of what was never subscribed to: handed on to the publishers, they would end the broker's own.
    for message in [b"\x00", b"\x00/", b"\x01", b"\x00"] * 10 + garbage(4, 50):
        peer.sendall(
            (bytes([0, len(message)]) if len(message) < 256 else b"\x02" + len(message).to_bytes(8, "big")) + message
        )
    peer.close()


def test_members_drop_what_comes_over_the_bus_under_their_run_s_own_topic(
    stack: Stack, context: zmq.Context[Any], prices: pd.DataFrame, tmp_path: Path
) -> None:
    expected = run(JOB, prices, tables=False).summary
    publisher = context.socket(zmq.PUB)
    publisher.set_hwm(0)
    publisher.connect(stack.settings.bus_in)
    chance = random.Random(5)
    sent = 0
    with stack.client() as client:
        job = client.submit(JOB, prices, fresh=True)["job"]
        while not client.show(job).get("progress", {}).get("started"):
            time.sleep(0.005)
        while client.show(job)["state"] == "running" and sent < 4000:
            for kind in KINDS:
                topic = codec.topic(job, 1, kind)
                for body in bad_events(job, kind, chance):
                    publisher.send_multipart([topic, body])
                    sent += 1
                publisher.send_multipart([topic])
                publisher.send_multipart([topic, b"", b""])
                publisher.send_multipart([topic] + [b"x"] * 300)
        shown = client.wait(job)
        result = client.result(shown, folder=tmp_path / "run")
    assert sent > 100
    assert result.summary == expected
    assert result.attempts == 1
    for role in ("data", "strategy", "portfolio", "execution", "performance"):
        assert "message dropped" in stack.log(role), role


def bad_events(job: str, kind: str, chance: random.Random) -> list[bytes]:
    good = {"v": 1, "kind": kind, "run": job, "attempt": 1, "stream": "data", "from": 0, "to": 2, "through": 6}
    changes: list[dict[str, Any]] = [
        {"v": 2},
        {"v": "1"},
        {"kind": "NOTHING"},
        {"kind": None},
        {"run": "../" + job},
        {"run": "another"},
        {"attempt": 2},
        {"attempt": -1},
        {"attempt": 1 << 63},
        {"from": 5, "to": 4},
        {"to": 1 << 61, "records": b"x"},
        {"records": b"short"},
        {"records": "text"},
        {"columns": {"open": b"\x00" * 16}},
        {"columns": dict.fromkeys(("end", "session", "open", "high", "low", "close", "volume"), b"\x00" * 8)},
        {"columns": nested(50)},
        {"assets": 1 << 40},
        {"through": 1e9},
        {"row": -3},
        {"stream": ""},
        {"surplus": nested(500)},
    ]
    bodies = [msgpack.packb({**good, **change}) for change in changes]
    whole = msgpack.packb(good)
    return [
        *bodies,
        whole[: chance.randrange(len(whole))],
        b"\xc6\xff\xff\xff\xff",
        chance.randbytes(chance.randrange(200)),
    ]
