"""A job submitted, watched and checked by a program that knows the protocol and nothing of backbus."""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
import zmq

from backbus.data import Catalog
from backbus.job.data import DataSettings
from backbus.job.job import Job

if TYPE_CHECKING:
    from tests.stacks import Stack

Ask = Any


@pytest.fixture
def context() -> Iterator[zmq.Context[Any]]:
    made: zmq.Context[Any] = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def ask(stack: Stack, context: zmq.Context[Any]) -> Ask:
    """Send a request and repeat it with the same id until its answer comes."""
    socket = context.socket(zmq.DEALER)
    socket.connect(stack.settings.orchestrator)

    def send(kind: str, **fields: Any) -> Any:
        name = uuid.uuid4().hex
        for _ in range(30):
            socket.send(msgpack.packb({"v": 1, "id": name, "kind": kind, **fields}))
            while socket.poll(1000 + 1000 * int(fields.get("wait_s", 0))):
                reply = msgpack.unpackb(socket.recv())
                if reply["id"] == name:
                    assert reply["kind"] == "OK", reply
                    return reply["value"]
        raise AssertionError(f"no answer to {kind}")

    return send


def upload(ask: Ask, data: bytes) -> str:
    blob = hashlib.blake2b(data, digest_size=32).hexdigest()
    if ask("HAVE_BLOBS", hashes=[blob])["missing"]:
        received = 0
        while received < len(data):
            part = data[received : received + (1 << 20)]
            received = ask("PUT_BLOB", hash=blob, size=len(data), offset=received, data=part)["received"]
    return blob


def submission(ask: Ask, sample_data: Path) -> dict[str, Any]:
    return {
        "submission": uuid.uuid4().hex,
        "job": {
            "name": "plain",
            "data": {"files": ["IBM.csv", "MSFT.csv"], "adjust": "adj_close"},
            "strategy": {"use": "SmaCross", "fast": 5, "slow": 20},
            "portfolio": {"sizing": {"model": "equal_weight"}},
            "execution": {"commission": {"model": "bps", "bps": 1.0}},
        },
        "data": {name: upload(ask, (sample_data / name).read_bytes()) for name in ("IBM.csv", "MSFT.csv")},
        "fresh": True,
    }


def wait(ask: Ask, job: str) -> dict[str, Any]:
    while True:
        shown: dict[str, Any] = ask("SHOW", job=job, wait_s=5.0)
        if shown["state"] in ("done", "failed", "cancelled"):
            assert shown["state"] == "done", shown["error"]
            return shown


def test_a_job_is_submitted_and_its_tables_fetched(ask: Ask, sample_data: Path) -> None:
    job = ask("SUBMIT", **submission(ask, sample_data))["job"]
    shown = wait(ask, job)
    assert shown["report"]["symbols"] == ["IBM", "MSFT"]
    assert shown["report"]["counts"]["fills"] > 100
    for name, blob in shown["artifacts"].items():
        data, size = b"", 1
        while len(data) < size:
            part = ask("GET_BLOB", hash=blob, offset=len(data))
            data, size = data + part["data"], part["size"]
        assert hashlib.blake2b(data, digest_size=32).hexdigest() == blob
        assert data[:4] == (b"PAR1" if name.endswith(".parquet") else b"{\n  ")


def test_a_dataset_of_the_orchestrator_s_catalog_needs_no_upload(
    stack: Stack, ask: Ask, sample_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = {name: sample_data / name for name in ("IBM.csv", "MSFT.csv")}
    place = stack.settings.datasets
    Catalog(place).add("two", files, DataSettings())
    with_files = submission(ask, sample_data)
    fields = {**with_files["job"], "data": {"dataset": "two", "adjust": "adj_close"}}
    by_name = ask("SUBMIT", submission=uuid.uuid4().hex, job=fields, data={}, strategy={}, fresh=True)["job"]
    by_files = ask("SUBMIT", **with_files)["job"]
    assert wait(ask, by_name)["report"]["fingerprint"] == wait(ask, by_files)["report"]["fingerprint"]
    with stack.client() as client:  # one that has the dataset itself sends it, by the same hash
        monkeypatch.setenv("BACKBUS_DATASETS", str(place))
        result = client.run(Job.parse(fields), folder=tmp_path / "run")
    assert result.cached


@pytest.mark.parametrize("dataset", ["../../etc/passwd", "/etc/passwd", "a/../b", "none"])
def test_no_path_can_be_asked_for(ask: Ask, dataset: str) -> None:
    fields = {"data": {"dataset": dataset}, "strategy": {"use": "SmaCross"}}
    with pytest.raises(AssertionError, match=r"is no name of a dataset|there is no dataset 'none'"):
        ask("SUBMIT", submission=uuid.uuid4().hex, job=fields, data={}, strategy={})


def test_a_query_is_never_run_by_a_stack(ask: Ask) -> None:
    fields = {"data": {"query": "SELECT * FROM '/etc/passwd'"}, "strategy": {"use": "SmaCross"}}
    with pytest.raises(AssertionError, match=r"data\.query is run by the client|data\.query.*never here"):
        ask("SUBMIT", submission=uuid.uuid4().hex, job=fields, data={}, strategy={})


def test_a_submission_that_is_repeated_is_one_job(ask: Ask, sample_data: Path) -> None:
    wanted = submission(ask, sample_data)
    before = sum(ask("STATUS")["jobs"].values())
    jobs = {ask("SUBMIT", **wanted)["job"] for _ in range(3)}
    assert len(jobs) == 1
    wait(ask, *jobs)
    assert ask("SUBMIT", **wanted) == {"job": jobs.pop(), "state": "done", "cached": False}
    assert sum(ask("STATUS")["jobs"].values()) == before + 1


def test_an_independent_subscriber_computes_the_fills_digest(
    ask: Ask, stack: Stack, context: zmq.Context[Any], sample_data: Path
) -> None:
    publisher, bus = context.socket(zmq.PUB), context.socket(zmq.SUB)
    bus.set_hwm(100_000)
    publisher.connect(stack.settings.bus_in)
    bus.connect(stack.settings.bus_out)
    bus.subscribe(b"")
    while not bus.poll(50):
        publisher.send_multipart([b"subscriber/0/PROBE/", b""])
    job = ask("SUBMIT", **submission(ask, sample_data))["job"]
    fills: list[tuple[Any, ...]] = []
    report = None
    while report is None or len(fills) < report["counts"]["fills"]:
        if not bus.poll(200):
            report = wait(ask, job)["report"]
            continue
        topic, body = bus.recv_multipart()
        if not topic.startswith(f"{job}/1/FILL/".encode()):
            continue
        event = msgpack.unpackb(body)
        assert event["from"] <= len(fills), "a gap"
        records = list(struct.iter_unpack("<qqihhdddddd", event["records"])) if "records" in event else []
        fills += records[len(fills) - event["from"] :]
    digests = b""
    for column, layout in ((0, "q"), (1, "q"), (2, "q"), (5, "d"), (6, "d"), (8, "d")):
        first, second = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
        for fill in fills:
            (word,) = struct.unpack("<Q", struct.pack(f"<{layout}", fill[column] + 0))
            mixed = (first ^ word) * 0x9E3779B97F4A7C15 % 2**64
            first, second = second, mixed ^ (mixed >> 32)
        digests += struct.pack("<QQ", first, second)
    assert len(fills) == report["counts"]["fills"]
    assert hashlib.blake2b(digests, digest_size=32).hexdigest() == report["fills_digest"]
