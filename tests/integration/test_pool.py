"""Points computed by child processes, some of which a strategy kills: real processes, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backbus.errors import BackbusError, JobError, StrategyError
from backbus.job.job import Job
from backbus.sweep.search.kinds import search_for
from backbus.sweep.search.search import PointsAfter
from backbus.sweep.workers import chunk_sizes
from backbus.sweep.workers import pool as pool_module
from backbus.sweep.workers import watcher as watching
from backbus.sweep.workers.chunk import RAISED, REFUSED, TOO_LONG, Chunk, joined
from backbus.sweep.workers.pool import Pool, Worker
from backbus.sweep.workers.process import PointLimits, Setup
from backbus.sweep.workers.wire import pack_chunk
from tests.integration.hurtful import KINDS, here, setup_of, values_of, write_inputs
from tests.processes import ROOT, computing_for, running, wait_for

LIMIT_S = 240.0
MARK = "BACKBUS_TEST_CREW"
LIMITS = PointLimits(point_s=1.0, memory_bytes=256 << 20)


def computed(pool: Pool, points: list[dict[str, Any]]) -> Chunk:
    limit = time.monotonic() + LIMIT_S
    found = {}
    for first, chunk in pool.run(len(points), lambda begin, stop: points[begin:stop]):
        found[first] = chunk
        assert time.monotonic() < limit
    return joined([found[first] for first in sorted(found)])


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    """No child may outlive its test."""
    yield
    assert computing_for(os.getpid()) == []


def a_child(pool: Pool) -> int:
    """The first child's process id, as soon as it has one."""
    pids: list[int] = wait_for(lambda: pool._work() or pool.pids)
    return pids[0]


def test_only_the_bad_points_fail_each_with_its_kind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_sizes, "MOST_POINTS", 16)
    harms = [0] * 160
    for place, harm in {3: 1, 17: 2, 18: 6, 40: 3, 60: 4, 75: 5, 90: 6, 91: 11, 101: 7, 159: 21}.items():
        harms[place] = harm
    setup, points = setup_of(write_inputs(tmp_path)), values_of(harms)
    with Pool(setup, 2, LIMITS) as pool:
        chunk = computed(pool, points)
    assert {place: failure.kind for place, failure in chunk.failures.items()} == {
        place: KINDS[harm] for place, harm in enumerate(harms) if harm in KINDS
    }
    assert chunk.failures[17].message == "took more than 1 s of processor time"
    assert chunk.failures[40].message == "took more than 256 MiB of memory"
    assert chunk.failures[60].message == "its process ended with status 3"
    assert chunk.failures[75].message == "its process was ended by SIGKILL"
    killing = {harm for harm, kind in KINDS.items() if kind not in (RAISED, REFUSED)}
    good = [place for place, harm in enumerate(harms) if harm not in killing]
    expected = here(setup).compute([{**points[place], "strategy.harm": 0} for place in good])
    for name in ("figures", "fingerprints", "observed"):
        ours = getattr(chunk, name)
        for row, place in enumerate(good):
            if place not in chunk.failures:
                assert ours[place].tobytes() == getattr(expected, name)[row].tobytes(), (name, place)
    assert not chunk.fingerprints[list(chunk.failures)].any()
    assert capfd.readouterr().out == ""


def test_the_bytes_are_those_of_this_process_however_chunks_are_cut_and_what_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = setup_of(write_inputs(tmp_path))
    harmless = values_of([0, 1, 6, 0, 21, 0] * 30)
    expected = pack_chunk(here(setup).compute(harmless))
    with Pool(setup, 2, LIMITS) as pool:
        for first, largest in ((1, 1), (7, 50), (180, 180)):
            monkeypatch.setattr(chunk_sizes, "MOST_POINTS", largest)
            pool._sizes._largest = first
            assert pack_chunk(computed(pool, harmless)) == expected
        os.kill(pool.pids[0], signal.SIGKILL)
        assert pack_chunk(computed(pool, harmless)) == expected


def test_points_by_their_numbers_are_those_by_their_values_also_where_some_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_sizes, "MOST_POINTS", 5)
    job = write_inputs(tmp_path)
    assert job.sweep is not None
    plain = job.plain()
    plain["sweep"]["parameters"] = {"length": {"from": 2, "to": 11, "step": 1}, "harm": [0, 1, 4]}
    job = Job.parse(plain)
    job.come_from(tmp_path)
    setup = setup_of(job)
    assert setup.sessions is not None
    search = search_for(job, setup.sessions)
    points = search.values(0, len(search))

    def refuse(first: int, stop: int) -> list[dict[str, Any]]:
        raise AssertionError("the child makes them itself")

    monkeypatch.setattr(search, "values", refuse)
    with Pool(setup, 2, LIMITS) as pool:
        found = dict(pool.run(len(points), PointsAfter(search)))
    assert len(found) > 2  # some have followed others
    chunk = joined([found[first] for first in sorted(found)])
    harms = [each["strategy.harm"] for each in points]
    assert {place: failure.kind for place, failure in chunk.failures.items()} == {
        place: KINDS[harm] for place, harm in enumerate(harms) if harm
    }
    good = [place for place, harm in enumerate(harms) if not harm]
    expected = here(setup).compute([points[place] for place in good])
    assert chunk.figures[good].tobytes() == expected.figures.tobytes()
    assert chunk.fingerprints[good].tobytes() == expected.fingerprints.tobytes()


def test_a_worker_goes_on_with_the_chunk_that_follows_and_gives_both_in_order(tmp_path: Path) -> None:
    setup = setup_of(write_inputs(tmp_path))
    worker = Worker(setup, LIMITS)
    found: list[Chunk] = []
    try:
        worker.give(range(1))
        worker.give(range(1, 2))
        assert not worker.room
        with pytest.raises(ValueError, match="two chunks at a time"):
            worker.give(range(2))
        wait_for(lambda: found.extend(filter(None, [worker.work()])) or len(found) == 2)
        assert worker.room
        assert not worker.busy
    finally:
        worker.close()
    expected = here(setup).compute([{"strategy.length": 2}, {"strategy.length": 3}])
    assert pack_chunk(joined(found)) == pack_chunk(expected)


def test_a_process_that_is_killed_before_it_is_ready_is_followed_by_another(tmp_path: Path) -> None:
    setup = setup_of(write_inputs(tmp_path))
    harmless = values_of([0] * 4)
    with Pool(setup, 1, LIMITS) as pool:
        first = a_child(pool)
        os.kill(first, signal.SIGKILL)
        assert pack_chunk(computed(pool, harmless)) == pack_chunk(here(setup).compute(harmless))
        assert pool.pids != [first]


def test_a_strategy_is_looked_at_once_whatever_dies_after_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []

    class Child(pool_module.Child):
        def __init__(self, setup: Setup, limits: PointLimits) -> None:
            started.append(setup.check)
            super().__init__(setup, limits)

        def _write(self, message: dict[str, Any]) -> None:
            if len(started) > 1:
                super()._write(message)
            else:  # before it knows what to look at
                self.kill()

    monkeypatch.setattr(pool_module, "Child", Child)
    with Pool(setup_of(write_inputs(tmp_path)), 1, LIMITS) as pool:
        computed(pool, values_of([0]))
        os.kill(pool.pids[0], signal.SIGKILL)
        computed(pool, values_of([0]))
    assert started == [True, True, False]


def test_memory_that_many_points_have_taken_together_is_blamed_on_none(tmp_path: Path) -> None:
    setup = setup_of(write_inputs(tmp_path))
    points = values_of([10] * 8)
    with Pool(setup, 1, LIMITS) as pool:
        pid = a_child(pool)
        chunk = computed(pool, points)
        assert pool.pids != [pid]
    assert chunk.failures == {}
    assert pack_chunk(chunk) == pack_chunk(here(setup).compute([{**each, "strategy.harm": 0} for each in points]))


def test_memory_is_flat_however_many_points_are_computed(tmp_path: Path) -> None:
    setup = setup_of(write_inputs(tmp_path))
    points = values_of([0] * 18_000)
    resident = []
    with Pool(setup, 1) as pool:
        for count in (2_000, 18_000):
            computed(pool, points[:count])
            status = Path(f"/proc/{pool.pids[0]}/status").read_text()
            resident.append(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")))
    assert resident[1] - resident[0] < 8 * 1024


def test_a_point_that_waits_for_ever_fails_and_a_chunk_can_be_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = setup_of(write_inputs(tmp_path))
    worker = Worker(setup, LIMITS)

    def whole() -> Chunk:
        found: list[Chunk] = []
        wait_for(lambda: found.extend(filter(None, [worker.work()])) or bool(found))
        return found[0]

    try:
        worker.give(values_of([8, 0]))
        wait_for(lambda: worker.work() is None and worker.ready)
        assert worker.facts is not None
        assert (worker.facts["rows"], worker.facts["assets"], worker.facts["pid"]) == (300, 2, worker.pid)
        worker.abandon()
        assert not worker.busy
        monkeypatch.setattr(pool_module, "WAIT_FACTOR", 1.0)
        monkeypatch.setattr(watching, "MOST_TRIES", 1)
        worker.give(values_of([1, 8]))
        kinds = {place: failure.kind for place, failure in whole().failures.items()}
        assert kinds == {0: RAISED, 1: TOO_LONG}
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("strategy", "error", "told"),
    [
        ("raise ValueError('no luck')", StrategyError, "hurtful.py cannot be loaded: ValueError: no luck"),
        ("import os\nos._exit(5)", BackbusError, "was not ready: its process ended with status 5"),
    ],
)
def test_a_child_that_cannot_start_says_why(
    tmp_path: Path, strategy: str, error: type[BackbusError], told: str
) -> None:
    setup = setup_of(write_inputs(tmp_path, strategy))
    with Pool(setup, 1) as pool, pytest.raises(error, match=told) as raised:
        computed(pool, values_of([0]))
    if error is StrategyError:
        assert isinstance(raised.value, StrategyError)
        assert "line 1" in (raised.value.traceback or "")


def test_a_job_error_keeps_its_field(tmp_path: Path) -> None:
    setup = setup_of(write_inputs(tmp_path))
    without = Setup(setup.job, setup.data, {}, setup.sessions)
    with Pool(without, 1) as pool, pytest.raises(JobError, match="the bundle has no file") as raised:
        computed(pool, values_of([0]))
    assert raised.value.field == "strategy.use"


WATCHER = """
from pathlib import Path
from tests.integration.hurtful import setup_of, values_of, write_inputs
from backbus.sweep.workers.pool import Pool

setup = setup_of(write_inputs(Path({folder!r})))
points = values_of([2])
with Pool(setup, 1) as pool:
    for worker in pool._workers:
        while not worker.ready:
            worker.work()
    print(*pool.pids, flush=True)
    for _ in pool.run(1, lambda begin, stop: points[begin:stop]):
        pass
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_children_in_an_endless_loop_are_gone_when_their_watcher_is(tmp_path: Path, number: signal.Signals) -> None:
    script, mark = WATCHER.format(folder=str(tmp_path)), uuid.uuid4().hex
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as watcher:
        try:
            assert watcher.stdout is not None
            children = [int(word) for word in watcher.stdout.readline().split()]
            assert len(children) == 1
            before = [cpu_s(pid) for pid in children]
            wait_for(lambda: all(cpu_s(pid) > known + 0.1 for pid, known in zip(children, before, strict=True)))
            watcher.send_signal(number)
            watcher.wait(LIMIT_S)
        finally:
            watcher.kill()
    wait_for(lambda: not running(f"{MARK}={mark}"))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
