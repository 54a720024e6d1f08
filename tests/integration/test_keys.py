"""Who may talk to a stack: with keys those on its list, without keys this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zmq

from backbus import Job, run
from backbus.api.client import Client
from backbus.errors import StackError
from backbus.streams import codec
from backbus.transport.curve import add_key, init_keys
from tests.processes import wait_for
from tests.stacks import Stack, addresses, as_variables


@pytest.fixture
def stack(stack_with_keys: Stack) -> Stack:
    return stack_with_keys


JOB = Job.parse({"data": {"files": ["IBM.csv"], "adjust": "adj_close"}, "strategy": {"use": "SmaCross"}})


def refused(stack: Stack, **settings: Any) -> str:
    with pytest.raises(StackError) as caught, stack.client(timeout_s=2.5, **settings) as client:
        client.status()
    return str(caught.value)


def test_a_client_with_a_key_is_served(stack: Stack, sample_data: Path, tmp_path: Path) -> None:
    job = JOB.model_copy()
    job._folder = sample_data
    with stack.client() as client:
        result = client.run(job, fresh=True, folder=tmp_path)
    assert result.summary == run(job, tables=False).summary


def test_a_client_without_a_key_is_refused_and_told_what_to_look_at(stack: Stack) -> None:
    told = refused(stack, keys=None)
    assert "no answer from the orchestrator" in told
    assert "keys" in told


def test_a_client_with_a_key_of_its_own_making_is_refused(stack: Stack, keys: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    init_keys(forged)
    (forged / "server.key").write_bytes((keys / "server.key").read_bytes())
    assert "no answer" in refused(stack, keys=forged)


def test_a_client_that_takes_another_server_for_ours_is_refused(stack: Stack, keys: Path, tmp_path: Path) -> None:
    mistaken = tmp_path / "mistaken"
    init_keys(mistaken)
    for name in ("client.key", "client.key_secret"):
        (mistaken / name).write_bytes((keys / name).read_bytes())
    assert "no answer" in refused(stack, keys=mistaken)


def test_a_key_is_added_and_taken_away_while_the_stack_runs(stack: Stack, keys: Path) -> None:
    add_key(keys, "guest")
    assert wait_for(lambda: served(stack, "guest"), "the new key to be accepted")
    (keys / "authorized" / "guest.key").unlink()
    assert wait_for(lambda: not served(stack, "guest"), "the removed key to be refused")
    assert served(stack, "client")


def served(stack: Stack, name: str) -> bool:
    try:
        with stack.client(timeout_s=2.5, key_name=name) as client:
            return bool(client.status()["members"])
    except StackError:
        return False


def test_nobody_listens_to_the_bus_or_speaks_on_it_without_a_key(stack: Stack, keys: Path) -> None:
    context: zmq.Context[Any] = zmq.Context()
    try:

        def socket(kind: int, address: str, *, key: bool) -> zmq.Socket[Any]:
            made = context.socket(kind)
            if key:
                made.curve_publickey, made.curve_secretkey = zmq.auth.load_certificate(keys / "client.key_secret")
                made.curve_serverkey, _ = zmq.auth.load_certificate(keys / "server.key")
            if kind == zmq.SUB:
                made.subscribe(b"")
            made.connect(address)
            return made

        ours, theirs = (socket(zmq.SUB, stack.settings.bus_out, key=key) for key in (True, False))
        speaker, stranger = (socket(zmq.PUB, stack.settings.bus_in, key=key) for key in (True, False))

        def heard() -> bool:
            stranger.send_multipart([b"stranger/", b""])
            speaker.send_multipart(codec.encode_probe("keys", 1, "speaker"))
            return bool(ours.poll(50))

        wait_for(heard, "the bus to carry what a key's owner says")
        for _ in range(20):
            heard()
        topics = set()
        while ours.poll(200):
            topics.add(ours.recv_multipart()[0])
        assert topics == {codec.encode_probe("keys", 1, "speaker")[0]}
        assert not theirs.poll(500)
    finally:
        context.destroy(linger=0)


@pytest.mark.parametrize("service", ["orchestrator", "broker"])
def test_a_server_that_others_could_reach_does_not_start_without_keys(service: str, tmp_path: Path) -> None:
    here = addresses()
    open_ = {f"{name}_bind": address.replace("127.0.0.1", "0.0.0.0") for name, address in here.items()}
    done = subprocess.run(
        [sys.executable, "-P", "-m", f"backbus.services.{service}"],
        env={**os.environ, **as_variables({**here, **open_, "state": tmp_path})},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "is reachable from other machines and has no keys" in done.stderr
    assert "backbus keys init" in done.stderr


def test_a_client_sends_nothing_in_the_clear_to_another_machine(stack: Stack) -> None:
    settings = stack.settings.model_copy(update={"keys": None, "orchestrator": "tcp://192.0.2.1:5570"})
    with pytest.raises(StackError, match="has no keys"):
        Client(settings)


def test_a_stack_without_its_list_of_keys_lets_nobody_in(keys: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("server.key", "server.key_secret"):
        (bare / name).write_bytes((keys / name).read_bytes())
    settings = {"keys": bare, "state": tmp_path / "state", "orchestrator": addresses()["orchestrator"]}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "backbus.services.orchestrator"],
        env={**os.environ, **as_variables(settings)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "authorized" in done.stderr
