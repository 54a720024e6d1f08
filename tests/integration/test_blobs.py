"""Blobs on the way to a stack: whole, by their hash, resumed where they were interrupted, never anywhere else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from backbus import Job, run
from backbus.errors import BackbusError, StackError
from backbus.transport import control as c
from backbus.transport.request import Requester

if TYPE_CHECKING:
    from tests.stacks import Stack

ABOVE = ("../../../escaped.py", "/tmp/escaped.py", "a/../../escaped.py")


@pytest.fixture
def requester(stack: Stack) -> Iterator[Requester]:
    context: zmq.Context[Any] = zmq.Context()
    made = Requester(context, stack.settings, timeout_s=30.0)
    yield made
    made.close()
    context.term()


def name_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def send(requester: Requester, blob: str, data: bytes, offset: int, size: int | None = None) -> int:
    part = data[offset : offset + c.PART_BYTES]
    size = len(data) if size is None else size
    return int(requester.ask(c.PutBlob(hash=blob, size=size, offset=offset, data=part))["received"])


def fetched(requester: Requester, blob: str) -> bytes:
    data, size = b"", 1
    while len(data) < size:
        part = requester.ask(c.GetBlob(hash=blob, offset=len(data)))
        data, size = data + part["data"], part["size"]
    return data


def upload(requester: Requester, data: bytes) -> str:
    received = 0
    while received < len(data):
        received = send(requester, name_of(data), data, received)
    return name_of(data)


def test_an_interrupted_upload_goes_on_where_it_ended(requester: Requester) -> None:
    data = os.urandom(3 * c.PART_BYTES + 5)
    blob = name_of(data)
    assert send(requester, blob, data, 0) == c.PART_BYTES
    assert send(requester, blob, data, c.PART_BYTES) == 2 * c.PART_BYTES
    assert requester.ask(c.HaveBlobs(hashes=[blob])) == {"missing": [blob]}
    # Somebody who begins anew is told how much is there; a part out of place is not taken.
    assert send(requester, blob, data, 0) == 2 * c.PART_BYTES
    assert send(requester, blob, data, 3 * c.PART_BYTES) == 2 * c.PART_BYTES
    assert send(requester, blob, data, 2 * c.PART_BYTES) == 3 * c.PART_BYTES
    with pytest.raises(StackError):
        requester.ask(c.GetBlob(hash=blob, offset=0))
    assert send(requester, blob, data, 3 * c.PART_BYTES) == len(data)
    assert requester.ask(c.HaveBlobs(hashes=[blob])) == {"missing": []}
    assert fetched(requester, blob) == data


def test_what_does_not_match_its_hash_is_refused_and_can_be_sent_again(requester: Requester) -> None:
    data = os.urandom(1000)
    blob = name_of(data)
    with pytest.raises(StackError, match="damaged"):
        send(requester, blob, data[:-1] + b"?" if data[-1:] != b"?" else data[:-1] + b"!", 0)
    assert requester.ask(c.HaveBlobs(hashes=[blob])) == {"missing": [blob]}
    assert send(requester, blob, data, 0) == len(data)
    assert fetched(requester, blob) == data


def test_what_is_longer_than_it_was_said_to_be_is_refused(requester: Requester) -> None:
    data = os.urandom(1000)
    with pytest.raises(StackError):
        send(requester, name_of(data), data, 0, size=999)
    assert requester.ask(c.HaveBlobs(hashes=[name_of(data)]))["missing"]


@pytest.mark.parametrize("name", ABOVE)
def test_names_that_lead_elsewhere_write_nothing_there(
    stack: Stack, requester: Requester, sample_data: Path, tmp_path: Path, name: str
) -> None:
    prices = (sample_data / "IBM.csv").read_bytes()
    code = (
        b"from backbus import Strategy\n\n\nclass Mine(Strategy):\n    def on_bar(self, bar):\n        self.go_long()\n"
    )
    job = Job.parse({"data": {"files": [name]}, "strategy": {"use": f"{name}:Mine"}})
    submitted = requester.ask(
        c.Submit(
            submission=os.urandom(8).hex(),
            job=job.plain(),
            data={name: upload(requester, prices)},
            strategy={name: upload(requester, code)},
            fresh=True,
        )
    )
    with stack.client() as client:
        shown = client.wait(submitted["job"])
    assert shown["state"] in ("done", "failed")
    assert not list(stack.folder.parent.rglob("*escaped*"))
    assert not Path("/tmp/escaped.py").exists()
    assert not Path("/escaped.py").exists()


def test_an_artifact_s_name_cannot_lead_out_of_its_folder(stack: Stack, sample_data: Path, tmp_path: Path) -> None:
    job = Job.parse({"data": {"files": ["IBM.csv"]}, "strategy": {"use": "BuyAndHold"}})
    job._folder = sample_data
    with stack.client() as client:
        shown = client.wait(client.submit(job)["job"])
        blob = shown["artifacts"]["fills.parquet"]
        for name in ("../escaped", "/tmp/escaped", ".."):
            with pytest.raises(BackbusError, match="not the name of a file"):
                client.result({**shown, "artifacts": {name: blob}}, folder=tmp_path / "runs" / "one")
        assert client.result(shown, folder=tmp_path / "runs" / "one").summary == run(job, tables=False).summary
        other = Job.parse({**job.plain(), "portfolio": {"cash": 5000.0}})
        other._folder = sample_data
        dearer = client.wait(client.submit(other)["job"])
        with pytest.raises(
            BackbusError, match=r"holds another run, .* with other settings \(portfolio\.cash\), and that"
        ):
            client.result(dearer, folder=tmp_path / "runs" / "one")
        assert client.result(shown, folder=tmp_path / "runs" / "one").summary.final_equity > 50_000.0
    assert not list(tmp_path.rglob("escaped*"))
