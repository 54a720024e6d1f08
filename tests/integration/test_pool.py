"""Points computed by child processes, some of which a strategy kills: real processes, and what is left of them."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus.data import load_panel, resolve_files
from backbus.errors import BackbusError, JobError, StrategyError
from backbus.job.job import Job
from backbus.strategy import bundle, load_strategy
from backbus.sweep.search.plan import plan_of, sessions_of
from backbus.sweep.workers import chunk_sizes
from backbus.sweep.workers import pool as pool_module
from backbus.sweep.workers import watcher as watching
from backbus.sweep.workers.chunk import KILLED, RAISED, REFUSED, TOO_LONG, TOO_MUCH, Chunk, Chunks, joined
from backbus.sweep.workers.pool import Pool, Worker
from backbus.sweep.workers.process import PointLimits, Setup
from backbus.sweep.workers.wire import pack_chunk

LIMIT_S = 60.0
MARK = "BACKBUS_TEST_CREW"
LIMITS = PointLimits(point_s=1.0, memory_bytes=256 << 20)
STRATEGY = """
import mmap
import os
import signal
import sys
import time

import numpy as np

from backbus import Strategy, param

KEPT = []


class Hurtful(Strategy):
    length: int = param(3, ge=2)
    harm: int = param(0, ge=0, le=20)

    def signals(self, bars):
        harm = self.harm
        if harm == 1:
            raise ValueError("not this one \\udc80")
        if harm == 2:
            while True:
                pass
        if harm == 3:
            KEPT.append(np.ones(1 << 27))
        if harm == 4:
            os._exit(3)
        if harm == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        if harm == 6:
            print("garbage")
            os.write(1, b"\\xff" * 9)
            sys.stdout.flush()
        if harm == 11 and (sys.stdin.read() or os.read(0, 1)):
            raise ValueError("there is something to read")
        if harm == 7:
            room = mmap.mmap(-1, 1 << 29)
            while True:
                for page in range(0, 1 << 29, 4096):
                    room[page] = 1
        if harm == 8:
            time.sleep(3600)
        if harm == 10:
            KEPT.append(np.ones(6_000_000))  # not much, but kept
        return self.hold_long(bars.close > bars.sma(self.length))
"""
KINDS = {1: RAISED, 2: TOO_LONG, 3: TOO_MUCH, 4: KILLED, 5: KILLED, 7: TOO_MUCH, 8: TOO_LONG, 21: REFUSED}


def write_inputs(folder: Path, strategy: str = STRATEGY) -> Job:
    steps = np.random.Generator(np.random.Philox(5)).integers(-9, 10, (300, 2))
    prices = 100.0 + np.cumsum(steps / 64.0, axis=0)
    day = np.datetime64("2020-01-01")
    lines = ["date,symbol,open,high,low,close,volume"]
    for row, line in enumerate(prices):
        for symbol, price in zip("AB", line, strict=True):
            lines.append(f"{day + row},{symbol},{price},{price + 1},{price - 1},{price + 0.25},1000")
    (folder / "prices.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "hurtful.py").write_text(strategy, encoding="utf-8")
    sweep = {"objective": "sharpe", "resamples": 20, "parameters": {"length": [2, 3]}}
    job = Job.parse({"data": {"files": "prices.csv"}, "strategy": {"use": "hurtful.py"}, "sweep": sweep})
    job.come_from(folder)
    return job


def setup_of(job: Job) -> Setup:
    files = resolve_files(job.data, job.folder)
    return Setup(job, files, bundle(job.strategy.use, job.folder), sessions_of(load_panel(job.data, files)))


def here(setup: Setup) -> Chunks:
    job = setup.job
    panel = load_panel(job.data, setup.data)
    return Chunks(job, panel, load_strategy(job.strategy.use, setup.strategy), plan_of(job, panel))


def values_of(harms: list[int]) -> list[dict[str, Any]]:
    return [{"strategy.length": 2 + place % 40, "strategy.harm": harm} for place, harm in enumerate(harms)]


def computed(pool: Pool, points: list[dict[str, Any]]) -> Chunk:
    limit = time.monotonic() + LIMIT_S
    found = {}
    for first, chunk in pool.run(len(points), lambda begin, stop: points[begin:stop]):
        found[first] = chunk
        assert time.monotonic() < limit
    return joined([found[first] for first in sorted(found)])


def marked(mark: str) -> list[int]:
    """The processes that are there with this mark in their environment, but for this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                alive = (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
                if alive and mark.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def wait_for(fact: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    limit = time.monotonic() + limit_s
    while not fact():
        assert time.monotonic() < limit, "it did not become true"
        time.sleep(0.02)


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every process that a test starts has it; at its end none must be left."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    yield mark
    left = marked(mark)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def test_only_the_bad_points_fail_each_with_its_kind(
    tmp_path: Path, mark: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
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
    tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch
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


def test_a_process_that_is_killed_before_it_is_ready_is_followed_by_another(tmp_path: Path, mark: str) -> None:
    setup = setup_of(write_inputs(tmp_path))
    harmless = values_of([0] * 4)
    with Pool(setup, 1, LIMITS) as pool:
        first = pool.pids
        os.kill(first[0], signal.SIGKILL)
        assert pack_chunk(computed(pool, harmless)) == pack_chunk(here(setup).compute(harmless))
        assert pool.pids != first


def test_a_strategy_is_looked_at_once_whatever_dies_after_that(
    tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []

    class Child(pool_module.Child):
        def __init__(self, setup: Setup, limits: PointLimits) -> None:
            started.append(setup.check)
            super().__init__(setup, limits)

    monkeypatch.setattr(pool_module, "Child", Child)
    with Pool(setup_of(write_inputs(tmp_path)), 1, LIMITS) as pool:
        os.kill(pool.pids[0], signal.SIGKILL)  # before it has looked
        computed(pool, values_of([0]))
        os.kill(pool.pids[0], signal.SIGKILL)
        computed(pool, values_of([0]))
    assert started == [True, True, False]


def test_memory_that_many_points_have_taken_together_is_blamed_on_none(tmp_path: Path, mark: str) -> None:
    setup = setup_of(write_inputs(tmp_path))
    points = values_of([10] * 8)
    with Pool(setup, 1, LIMITS) as pool:
        pid = pool.pids
        chunk = computed(pool, points)
        assert pool.pids != pid
    assert chunk.failures == {}
    assert pack_chunk(chunk) == pack_chunk(here(setup).compute([{**each, "strategy.harm": 0} for each in points]))


def test_memory_is_flat_however_many_points_are_computed(tmp_path: Path, mark: str) -> None:
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
    tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch
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
    tmp_path: Path, mark: str, strategy: str, error: type[BackbusError], told: str
) -> None:
    setup = setup_of(write_inputs(tmp_path, strategy))
    with Pool(setup, 1) as pool, pytest.raises(error, match=told) as raised:
        computed(pool, values_of([0]))
    if error is StrategyError:
        assert isinstance(raised.value, StrategyError)
        assert "line 1" in (raised.value.traceback or "")


def test_a_job_error_keeps_its_field(tmp_path: Path, mark: str) -> None:
    setup = setup_of(write_inputs(tmp_path))
    without = Setup(setup.job, setup.data, {}, setup.sessions)
    with Pool(without, 1) as pool, pytest.raises(JobError, match="the bundle has no file") as raised:
        computed(pool, values_of([0]))
    assert raised.value.field == "strategy.use"


WATCHER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_pool import setup_of, values_of, write_inputs
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
def test_children_in_an_endless_loop_are_gone_when_their_watcher_is(
    tmp_path: Path, mark: str, number: signal.Signals
) -> None:
    script = WATCHER.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
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
    wait_for(functools.partial(lambda: not marked(mark)))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
