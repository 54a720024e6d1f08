"""Blocks in memory that members of one machine share: the same answer, and nothing of it outlives whoever is killed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
import zmq

from backbus.transport.curve import secure_client
from tests.integration.test_faults import (
    PAUSE_S,
    ROWS,
    STRATEGIES,
    done_share,
    engine_s_answer,
    job_of,
    prices,
    reach_a_fifth,
    reasons,
)
from tests.processes import wait_for

if TYPE_CHECKING:
    from tests.stacks import Stack

pytestmark = pytest.mark.timeout(900)
MEMBERS = ("data", "strategy", "portfolio", "execution", "performance")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("strategies")
    (place / "mine.py").write_text(STRATEGIES, encoding="utf-8")
    return place


@contextmanager
def onlooker(stack: Stack) -> Iterator[list[dict[str, Any]]]:
    """All NEW_DATA that passes by, in the list that is given once it is over."""
    heard: list[dict[str, Any]] = []
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber, context.socket(zmq.PUB) as publisher:
        secure_client(subscriber, stack.settings, stack.settings.bus_out)
        subscriber.connect(stack.settings.bus_out)
        publisher.connect(stack.settings.bus_in)
        subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        fields = {"v": 2, "kind": "PROBE", "run": "watch", "attempt": 0, "stream": "me"}
        while not subscriber.poll(100):
            publisher.send_multipart([b"watch/0/PROBE/me/", msgpack.packb(fields)])
        yield heard
        while subscriber.poll(500):
            topic, body = subscriber.recv_multipart()
            if b"/NEW_DATA/" in topic:
                heard.append(msgpack.unpackb(body))
        publisher.close(0)


def carried(stack: Stack, folder: Path, tmp_path: Path) -> tuple[str, set[tuple[bool, bool]]]:
    """The fingerprint of a job, and how its blocks came: whether with columns, and whether with places."""
    with onlooker(stack) as heard, stack.client() as client:
        shown = client.wait(client.submit(job_of(folder, "Crosses"), prices(ROWS["Crosses"]), fresh=True)["job"])
        result = client.result(shown, folder=tmp_path)
    assert result.attempts == 1
    blocks = [message for message in heard if message["to"] > message["from"]]
    assert sum(message["to"] - message["from"] for message in blocks) == ROWS["Crosses"]
    return result.summary.fingerprint, {("columns" in message, "places" in message) for message in blocks}


def test_blocks_in_memory_and_over_the_bus_give_one_answer(stack_to_break: Stack, folder: Path, tmp_path: Path) -> None:
    from tests.stacks import Stack

    expected = engine_s_answer(folder, "Crosses").fingerprint
    there, ways = carried(stack_to_break, folder, tmp_path / "shared")
    # Blocks that found all slots looked at still went over the bus: which ones is chance, that there are others is not.
    assert there == expected and (False, True) in ways
    names = ("orchestrator", "broker", *MEMBERS)
    with Stack(tmp_path / "stack", names, by_tcp=True, shared_memory=False) as without:
        assert carried(without, folder, tmp_path / "bus") == (expected, {(True, False)})


def memory_of(pid: int) -> list[str]:
    """What of such memory a process has open or mapped."""
    try:
        mapped = (Path("/proc") / str(pid) / "maps").read_text(encoding="ascii").splitlines()
        opened = [str(file.readlink()) for file in (Path("/proc") / str(pid) / "fd").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [line for line in (*mapped, *opened) if "backbus-blocks" in line]


def in_shared_folder() -> set[str]:
    """Memory that has a name on this machine; semaphores are none, and other tests' libraries make them meanwhile."""
    place = Path("/dev/shm")
    return {path.name for path in place.iterdir() if not path.name.startswith("sem.")} if place.is_dir() else set()


@pytest.mark.parametrize("victim", ["data", "performance"])
def test_nothing_is_left_of_the_memory_when_one_who_has_it_is_killed(
    stack_to_break: Stack, folder: Path, tmp_path: Path, victim: str
) -> None:
    stack = stack_to_break
    expected = engine_s_answer(folder, "Crosses")
    named = in_shared_folder()
    before = {name: stack.pid(name) for name in MEMBERS}
    with stack.client() as client:
        one = job_of(folder, "Crosses", pause_s=PAUSE_S["Crosses"])
        job = client.submit(one, prices(ROWS["Crosses"]), fresh=True)["job"]
        reach_a_fifth(stack, job)
        assert all(memory_of(pid) for pid in before.values())
        assert in_shared_folder() == named
        killed = stack.send(victim, signal.SIGKILL)
        wait_for(lambda: stack.pid(victim) != killed, f"another {victim}")
        wait_for(lambda: done_share(stack, job) < 0.2, "the attempt to end")
        pids = {*before.values(), *(stack.pid(name) for name in MEMBERS)}
        wait_for(lambda: not any(memory_of(pid) for pid in pids), "all to let go of the memory")
        wait_for(lambda: done_share(stack, job) > 0.02, "the next attempt to run")
        assert not any(memory_of(pid) for pid in pids)  # it has its blocks over the bus
        shown = client.wait(job)
        result = client.result(shown, folder=tmp_path)
    assert result.summary == expected
    assert len(reasons(shown)) == 1 and victim in reasons(shown)[0]
    assert in_shared_folder() == named


def test_an_attempt_that_is_over_has_no_memory(stack_to_break: Stack, folder: Path, tmp_path: Path) -> None:
    stack = stack_to_break
    with stack.client() as client:
        shown = client.wait(client.submit(job_of(folder, "Crosses"), prices(ROWS["Crosses"]), fresh=True)["job"])
        assert client.result(shown, folder=tmp_path).attempts == 1
    pids = [stack.pid(name) for name in MEMBERS]
    wait_for(lambda: not any(memory_of(pid) for pid in pids), "all to let go of the memory")
