"""Sweeps on a real Dask cluster on this machine: the same table as here, whatever dies, and nothing left behind."""

from __future__ import annotations

import functools
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from backbus.api.run_sweep import run_sweep
from backbus.api.sweep_result import SweepResult
from backbus.errors import BackbusError, StrategyError, UsageError
from backbus.jit.sources import identity
from backbus.sweep.clusters import agent, dask
from backbus.sweep.clusters import cluster as cluster_module
from backbus.sweep.workers.wire import pack_chunk
from tests.integration.hurtful import here, setup_of, values_of, write_inputs
from tests.processes import computing, computing_for, own_cache, running, wait_for
from tests.unit.small_prices import write_prices

pytestmark = pytest.mark.timeout(120)

MARK = "BACKBUS_TEST_DASK"
JOB = """
[data]
files = "prices.csv"
[strategy]
use = "own.py:Own"
[sweep]
objective = "sharpe"
resamples = 20
{more}
[sweep.parameters]
{parameters}
"""
STRATEGY = """
import os
import time
from backbus import Strategy, param
from beside import WAIT_S

class Own(Strategy):
    fast: int = param(2, ge=1)
    slow: int = param(9, ge=2)
    harm: bool = param(False)

    def signals(self, bars):
        time.sleep(WAIT_S)
        if self.harm and self.fast == 4:
            os._exit(3)
        return self.hold_long(bars.sma(self.fast) > bars.sma(self.slow))
"""
GRID = "fast = [2, 3, 5]\nslow = [4, 5, 9]\n"
LONG = "fast = { low = 1, high = 20 }\nslow = { low = 21, high = 40 }\n"


def write_job(folder: Path, parameters: str = GRID, more: str = "", wait_s: float = 0.0) -> Path:
    """Inputs that no worker has seen before."""
    write_prices(folder, 120)
    (folder / "own.py").write_text(f"# {uuid.uuid4()}\n{STRATEGY}", encoding="utf-8")
    (folder / "beside.py").write_text(f"WAIT_S = {wait_s}\n", encoding="utf-8")
    path = folder / "job.toml"
    path.write_text(JOB.format(parameters=parameters, more=more), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that has compiled code and nothing else."""
    return own_cache(tmp_path_factory.mktemp("dask"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Any]:
    with started(tmp_path_factory.mktemp("dask"), cache, 2) as two:
        yield two
    wait_for(lambda: not running(two.mark))


def started(folder: Path, cache: Path, workers: int) -> Any:
    import distributed

    mark = uuid.uuid4().hex
    cluster = distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        local_directory=str(folder),
        env={MARK: mark, "BACKBUS_CACHE": str(cache)},
    )
    cluster.mark = f"{MARK}={mark}"
    return cluster


def children(cluster: Any) -> list[int]:
    """The processes of the cluster that compute points."""
    return computing(cluster.mark)


def swept(cluster: Any, folder: Path, job: Path, **options: Any) -> SweepResult:
    address = cluster.scheduler_address.replace("tcp://", "dask://")
    try:
        return run_sweep(job, on=address, folder=folder / "there", **options)
    finally:
        wait_for(lambda: not children(cluster))


def sha256(result: SweepResult) -> str:
    return str(result.summary["table_sha256"])


def test_the_table_is_the_one_of_this_process_for_a_strategy_that_no_worker_has_seen(
    cluster: Any, tmp_path: Path
) -> None:
    job = write_job(tmp_path)
    told: list[tuple[int, int]] = []
    there = swept(cluster, tmp_path, job, progress=lambda done, of: told.append((done, of)))
    assert sha256(there) == sha256(run_sweep(job, workers=0, folder=tmp_path / "here"))
    assert told[-1] == (9, 9)


def test_an_adaptive_search_hears_its_results_from_the_cluster(cluster: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, LONG, 'method = "adaptive"\npoints = 24\ngeneration = 8\nseed = 4')
    there = swept(cluster, tmp_path, job)
    assert sha256(there) == sha256(run_sweep(job, workers=0, folder=tmp_path / "here"))


def test_a_point_that_ends_its_process_fails_alone(cluster: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, "fast = [2, 3, 4, 5, 6]\nharm = [true]\n")
    there = swept(cluster, tmp_path, job)
    rows = there.tables.read("table").to_pylist()
    assert [row["failure"] for row in rows] == [None, None, "killed", None, None]
    assert rows[2]["message"] == "its process ended with status 3"


def test_a_dask_worker_that_is_lost_loses_and_doubles_no_point(cluster: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, LONG, 'method = "latin_hypercube"\npoints = 300', wait_s=0.02)
    killed: list[int] = []

    def kill(done: int, of: int) -> None:
        if not killed and done < of / 2:
            busy = children(cluster)
            assert len(busy) == 2
            killed.append(parent_of(busy[0]))
            os.kill(killed[0], signal.SIGKILL)
            wait_for(lambda: busy[0] not in children(cluster))

    there = swept(cluster, tmp_path, job, progress=kill)
    assert killed
    (tmp_path / "beside.py").write_text("WAIT_S = 0\n", encoding="utf-8")
    assert sha256(there) == sha256(run_sweep(job, workers=0, folder=tmp_path / "here"))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def test_what_is_broken_off_leaves_nothing_under_way(cluster: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, LONG, 'method = "random"\npoints = 5000', wait_s=0.02)

    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(cluster, tmp_path, job, progress=interrupt)
    assert not (tmp_path / "there").exists()


def test_a_cluster_that_ends_meanwhile_is_one_error(cache: Path, tmp_path: Path) -> None:
    job = write_job(tmp_path, LONG, 'method = "random"\npoints = 5000', wait_s=0.02)
    lost = pytest.raises(BackbusError, match=r"connection to the Dask scheduler at tcp://.* is lost")
    with started(tmp_path / "dask", cache, 1) as ending, lost:
        swept(ending, tmp_path, job, progress=lambda done, of: ending.close())
    wait_for(lambda: not running(ending.mark))


def test_an_error_of_a_child_is_the_same_error_here(cluster: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    text = (tmp_path / "own.py").read_text(encoding="utf-8")
    text += f"\nif os.getpid() != {os.getpid()}:\n    raise RuntimeError('not there')\n"
    (tmp_path / "own.py").write_text(text, encoding="utf-8")
    with pytest.raises(StrategyError, match=r"own\.py cannot be loaded: RuntimeError: not there"):
        swept(cluster, tmp_path, job)


def test_workers_of_another_installation_are_refused(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, other = write_job(tmp_path), identity().replace("numpy=", "numpy=0.")
    for module in (cluster_module, dask):
        monkeypatch.setattr(module, "identity", lambda: other)
    with pytest.raises(BackbusError, match=r"worker tcp://.* has another installation.*: numpy [\d.]+ \(here 0\."):
        swept(cluster, tmp_path, job)
    # A worker that comes later is asked when it has been given points.
    monkeypatch.setattr(dask.DaskCluster, "_send_files", send_unasked)
    with pytest.raises(BackbusError, match=r"a worker has another installation of backbus: numpy [\d.]+ \(here 0\."):
        swept(cluster, tmp_path, job)


def send_unasked(self: Any) -> None:
    for parts in self._parcel.parts(self._parcel.blobs):
        self._client.run(agent.take, parts)


MISTAKES = {
    "scheme": ("ray://host:1", "there is dask://HOST:PORT"),
    "no scheme": ("host:8786", "there is dask://HOST:PORT"),
    "no host": ("dask://:8786", "is no address"),
    "port": ("dask://host:port", "is no address"),
    "path": ("dask://host:1/there", "is no address"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_wrong_address_is_one_error(tmp_path: Path, name: str) -> None:
    address, message = MISTAKES[name]
    with pytest.raises(UsageError, match=message):
        run_sweep(write_job(tmp_path), on=address)


def test_a_cluster_that_is_not_there_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "CONNECT_S", 0.5)
    with pytest.raises(BackbusError, match=r"there is no Dask scheduler at tcp://127\.0\.0\.1:1 that can be reached"):
        run_sweep(write_job(tmp_path), on="dask://127.0.0.1:1", folder=tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_without_dask_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match='needs its client: pip install "distributed'):
        run_sweep(write_job(tmp_path), on="dask://127.0.0.1:1")


def test_options_that_do_not_go_with_a_cluster_are_refused(tmp_path: Path, backbus: Any) -> None:
    job = write_job(tmp_path)
    ended = backbus("sweep", job, "--on", "dask://127.0.0.1:1", "--workers", "2", cwd=tmp_path)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "--on" in ended.stderr and "--workers" in ended.stderr
    with pytest.raises(UsageError, match="no workers"):
        run_sweep(job, on="dask://127.0.0.1:1", workers=2)


def test_a_process_keeps_files_checks_them_and_ends_a_child_that_nobody_asks(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKBUS_CACHE", str(cache))
    monkeypatch.setattr(agent, "IDLE_S", 0.5)
    agent._folder.cache_clear()
    setup, points = setup_of(write_inputs(tmp_path, f"# {uuid.uuid4()}\n{OTHER}")), values_of([0, 0, 0])
    parcel = cluster_module.Parcel(setup)
    compute = functools.partial(agent.compute_points, parcel.spec, msgpack.packb(points))
    read = functools.partial(cluster_module.read_answer, points=3, resamples=parcel.resamples)
    assert read(compute()) is None
    assert set(agent.greet(parcel.blobs)["lacking"]) == set(parcel.blobs)
    monkeypatch.setattr(cluster_module, "PART_BYTES", 1000)
    parts = list(parcel.parts(parcel.blobs))
    assert len(parts) > 2
    blob, _, _, data = parts[-1][-1]
    assert "damaged" in (agent.take([(blob, len(data), 0, b"\0" * len(data))]) or "")
    assert [agent.take(part) for part in parts] == [None] * len(parts)
    kept = agent._folder().path(parcel.blobs[0])
    kept.write_bytes(b"damaged since")
    assert read(compute()) is None
    assert agent.greet(parcel.blobs)["lacking"] == [parcel.blobs[0]]
    for part in parcel.parts(parcel.blobs[:1]):
        agent.take(part)
    expected = pack_chunk(here(setup).compute(points))
    for _ in range(2):
        found = read(compute())
        assert found is not None
        assert pack_chunk(found[0]) == expected
        assert len(computing_for(os.getpid())) == 1
    wait_for(lambda: not computing_for(os.getpid()))
    agent.leave(parcel.spec)
    assert read(compute()) is None
    agent._folder.cache_clear()


OTHER = """
from backbus import Strategy, param

class Other(Strategy):
    length: int = param(3, ge=2)
    harm: int = param(0)

    def signals(self, bars):
        return self.hold_long(bars.close > bars.sma(self.length))
"""
