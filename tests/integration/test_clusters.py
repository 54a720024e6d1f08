"""A cluster that is somebody else's package: installed beside backbus, it computes a sweep, unknown to backbus."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from backbus.api.run_sweep import run_sweep
from backbus.errors import UsageError
from backbus.sweep.clusters.registry import GROUP, cluster_at, kinds
from tests.processes import own_cache
from tests.unit.small_prices import write_prices

JOB = """
[data]
files = "prices.csv"
[strategy]
use = "sma_cross"
[sweep]
objective = "sharpe"
resamples = 20
[sweep.parameters]
fast = [2, 3, 5]
slow = [8, 9]
"""
PACKAGE = '''
"""A cluster of one machine, this one: what stands behind an address is asked for no more than four points at once."""

import msgpack

from backbus.sweep.clusters import agent
from backbus.sweep.clusters.cluster import Parcel, read_answer

AT_ONCE = 4


def connect(address):
    return lambda setup: Tortoise(address.host, Parcel(setup))


class Tortoise:
    def __init__(self, host, parcel):
        self.host, self.parcel = host, parcel

    def __enter__(self):
        lacking = agent.greet(self.parcel.blobs)["lacking"]
        for parts in self.parcel.parts(lacking):
            assert agent.take(parts) is None
        return self

    def __exit__(self, *error):
        agent.leave(self.parcel.spec)

    def run(self, count, points):
        for first in range(0, count, AT_ONCE):
            stop = min(first + AT_ONCE, count)
            answer = agent.compute_points(self.parcel.spec, msgpack.packb(points(first, stop)))
            chunk, _ = read_answer(answer, points=stop - first, resamples=self.parcel.resamples)
            yield first, chunk
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages with one that brings ``tortoise://``, and one whose module has gone."""
    there = tmp_path / "site-packages"
    for name, value in (("tortoise", "tortoise_cluster:connect"), ("hare", "hare_cluster:connect")):
        facts = there / f"{name}_cluster-1.0.dist-info"
        facts.mkdir(parents=True)
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-cluster\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {value}\n")
    (there / "tortoise_cluster.py").write_text(PACKAGE, encoding="utf-8")
    monkeypatch.syspath_prepend(there)
    importlib.invalidate_caches()
    return there


@pytest.mark.usefixtures("installed")
def test_the_table_of_a_cluster_that_was_installed_is_the_one_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKBUS_CACHE", str(own_cache(tmp_path)))
    write_prices(tmp_path, 120)
    job = tmp_path / "job.toml"
    job.write_text(JOB, encoding="utf-8")
    there = run_sweep(job, on="tortoise://garden", folder=tmp_path / "there")
    here = run_sweep(job, workers=0, folder=tmp_path / "here")
    assert there.summary["table_sha256"] == here.summary["table_sha256"]
    assert (there.mode, there.summary["points"], there.summary["failed"]) == ("tortoise", 6, 0)


@pytest.mark.usefixtures("installed")
def test_an_address_of_no_cluster_is_told_of_all_that_there_are() -> None:
    assert set(kinds()) >= {"dask", "hare", "tortoise"}
    with pytest.raises(UsageError, match=r"'snail://garden'; there is dask://HOST:PORT, hare://.*, tortoise://"):
        cluster_at("snail://garden")


@pytest.mark.usefixtures("installed")
def test_a_cluster_that_cannot_be_loaded_names_its_package() -> None:
    with pytest.raises(
        UsageError, match=r"the cluster 'hare' of hare-cluster \(hare_cluster:connect\) cannot be loaded"
    ):
        cluster_at("hare://garden")


def test_the_cluster_that_we_have_is_found_as_others_are() -> None:
    found = kinds()["dask"]
    assert (found.group, found.value) == (GROUP, "backbus.sweep.clusters.dask:connect")
