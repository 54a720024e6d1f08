"""Sweeps on a fleet of real processes: the table is the one that this machine computes alone, whatever happens."""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus import Job, run_sweep
from backbus.api.client import Client
from backbus.api.rerun import rerun, rerun_fold, rerun_split
from backbus.api.sweep_result import SweepResult
from backbus.errors import JobError, JobFailed, UsageError
from tests.processes import wait_for
from tests.stacks import Stack

pytestmark = pytest.mark.timeout(600)

KILLS = int(os.environ.get("BACKBUS_KILLS", "12"))
STRATEGY = """
import os
import time
from backbus import Strategy, param

HURRY = "the path of a file"

class Crosses(Strategy):
    fast: int = param(5, ge=2)
    slow: int = param(20, ge=3)
    pause_s: float = param(0.0, ge=0)
    harm: str = param("")

    def signals(self, bars):
        if self.pause_s and not os.path.exists(HURRY):
            time.sleep(self.pause_s)
        if self.harm == "raise":
            raise ValueError("no good")
        if self.harm == "exit":
            os._exit(3)
        while self.harm == "loop":
            pass
        hoard = []
        while self.harm == "eat":
            hoard.append(bytearray(1 << 24))
        return self.hold_long(bars.sma(self.fast) > bars.sma(self.slow))
"""
HURRY = "hurry"
"""Where this file is, points wait no more: what was to be seen of slow ones has been seen."""
LEAK = """
from backbus import Strategy


class Leak(Strategy):
    fast: int = 1

    def signals(self, bars):
        later = bars.close.values[-1]
        return self.hold_long(bars.close < later)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("theirs")
    dice = np.random.default_rng(4)
    close = 100 * np.exp(np.cumsum(dice.normal(0, 0.01, (400, 2)), axis=0))
    for column, symbol in enumerate(("AAA", "BBB")):
        days = pd.bdate_range("2021-01-04", periods=400).date
        price = close[:, column].round(4)
        frame = pd.DataFrame(
            {"date": days, "open": price, "high": price + 1, "low": price - 1, "close": price, "volume": 1000}
        )
        frame.to_csv(folder / f"{symbol}.csv", index=False)
    (folder / "mine.py").write_text(STRATEGY.replace("the path of a file", str(folder / HURRY)), encoding="utf-8")
    (folder / "leak.py").write_text(LEAK, encoding="utf-8")
    return folder


def job_of(folder: Path, sweep: dict[str, Any], **sections: Any) -> Job:
    sweep = {"resamples": 40, "constraints": ["fast < slow"], **sweep}
    job = Job.parse({"data": {"files": "*.csv"}, "strategy": {"use": "mine.py"}, "sweep": sweep, **sections})
    job.come_from(folder)
    return job


def swept(stack: Stack, job: Job, place: Path) -> SweepResult:
    with stack.client() as client:
        result = client.run(job, folder=place, fresh=True)
    assert isinstance(result, SweepResult)
    return result


GRID = {"parameters": {"fast": {"from": 2, "to": 20, "step": 1}, "slow": {"from": 10, "to": 60, "step": 2}}}
LARGE = {
    "parameters": {"fast": {"from": 2, "to": 2500, "step": 1}, "slow": {"from": 3, "to": 2502, "step": 1}},
    "constraints": ["slow == fast * 20 + 3"],
}
HARMFUL = {
    "parameters": {"fast": [3], "slow": [20, 30], "harm": ["", "raise", "exit", "loop", "eat"]},
    "constraints": ["harm == '' or harm == 'raise' or slow == 20"],
    "point_s": 1.0,
    "memory_mib": 200,
}
SEARCHES: dict[str, dict[str, Any]] = {
    "a grid": GRID,
    "points that a worker counts": LARGE,
    "points that fail in each way": HARMFUL,
    "random points": {**GRID, "method": "random", "points": 60, "seed": 3},
    "points that follow from results": {**GRID, "method": "adaptive", "points": 30, "generation": 8},
    "folds": {**GRID, "method": "random", "points": 9, "walk_forward": {"train": 150, "test": 60}},
    "folds of points that follow from results": {
        **GRID,
        "method": "adaptive",
        "points": 7,
        "generation": 3,
        "walk_forward": {"train": 200, "test": 90},
    },
    "splits": {**GRID, "method": "random", "points": 9, "cpcv": {"groups": 5, "purge": 20}},
    "simulated markets": {"constraints": [], "monte_carlo": {"markets": 40}},
    "costs and sizes": {"parameters": {"portfolio.sizing.percent": [10, 50], "execution.slippage.bps": [0, 5, 20]}},
}
MADE: dict[str, Any] = {
    "data": {},
    "simulator": {"rows": 300, "assets": [{"symbol": "A", "path": {"model": "gbm", "volatility": 0.3}}]},
    "strategy": {"use": "SmaCross", "fast": 3, "slow": 9},
}
SECTIONS = {
    "portfolio": {"sizing": {"model": "percent_of_equity", "percent": 20}},
    "execution": {"slippage": {"model": "bps", "bps": 1}},
}


@pytest.mark.parametrize("search", SEARCHES)
def test_the_table_is_that_of_this_machine_alone(stack: Stack, folder: Path, tmp_path: Path, search: str) -> None:
    sweep = {**SEARCHES[search]}
    if search == "costs and sizes":
        sweep["constraints"] = []
    job = job_of(folder, sweep, **SECTIONS, **(MADE if search == "simulated markets" else {}))
    workers = 1 if search == "points that fail in each way" else 0
    there, here = swept(stack, job, tmp_path / "there"), run_sweep(job, workers=workers, folder=tmp_path / "here")
    apart = ("folder", "statistics", "trials_family_told")  # what each place counted before
    assert {k: v for k, v in there.summary.items() if k not in apart} == {
        k: v for k, v in here.summary.items() if k not in apart
    }
    if search == "simulated markets":
        assert set(there.artifacts) == {"table", "fan", "summary"} and there.summary["points"] == 40
        assert rerun(tmp_path / "there", 17).fingerprint
        return
    if "folds" in search:
        assert len(there.summary["folds"]) >= 3
        assert rerun_fold(tmp_path / "there", 1).fingerprint == there.summary["folds"][1]["fingerprint"]
        return
    if search == "splits":
        assert rerun_split(tmp_path / "there", 2).fingerprint == there.summary["splits"][2]["fingerprints"][0]
        assert {"table", "paths", "summary"} == set(there.artifacts) == set(here.artifacts)
        return
    shared = {name: value for name, value in here.summary["statistics"].items() if "family" not in name}
    assert shared == {name: there.summary["statistics"][name] for name in shared}
    if search == "points that fail in each way":
        assert there.summary["failures"] == {"killed": 1, "memory": 1, "raised": 2, "time": 1}
    again = rerun(tmp_path / "there")
    assert there.summary["best"]["fingerprint"] == again.fingerprint


def test_the_same_sweep_again_is_answered_from_the_store(stack: Stack, folder: Path, tmp_path: Path) -> None:
    job = job_of(folder, {**GRID, "points": 7, "method": "latin_hypercube"})
    first = swept(stack, job, tmp_path / "first")
    with stack.client() as client:
        again = client.run(job, folder=tmp_path / "again")
        reordered = {"fast": GRID["parameters"]["fast"], "slow": GRID["parameters"]["slow"]}
        turned = job_of(folder, {"parameters": dict(reversed(reordered.items())), "points": 7, "method": "random"})
        assert not client.submit(turned)["cached"]
    assert isinstance(again, SweepResult) and again.cached
    assert again.summary["table_sha256"] == first.summary["table_sha256"]


def test_trials_are_counted_across_edits_of_the_code(stack: Stack, folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for path in folder.iterdir():
        (mine / path.name).write_bytes(path.read_bytes())
    (mine / "other.py").write_text(STRATEGY, encoding="utf-8")

    number = itertools.count()

    def family(values: list[int]) -> int:
        sweep = {"resamples": 40, "constraints": [], "parameters": {"fast": values}}
        job = job_of(mine, sweep, strategy={"use": "other.py"})
        return int(swept(stack, job, tmp_path / f"out-{next(number)}").summary["statistics"]["trials_family"])

    assert family([2, 3, 4]) == 3
    (mine / "other.py").write_text(STRATEGY + "\n# edited\n", encoding="utf-8")
    assert family([2, 3, 4, 5]) == 7
    assert family([2, 3, 4, 5]) == 7


MISTAKES = {
    "a parameter that the strategy lacks": ({"parameters": {"fest": [1, 2]}, "constraints": []}, "fast"),
    "no such objective": ({**GRID, "objective": "sharp"}, "sharp"),
    "a billion points": (
        {"parameters": {"fast": {"from": 2, "to": 40000, "step": 1}, "slow": {"from": 2, "to": 40000, "step": 1}},
         "constraints": []},
        "points",
    ),
    "constraints that reject everything": ({**GRID, "constraints": ["fast > slow + 100"]}, "constraint"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_before_anything_travels(stack: Stack, folder: Path, mistake: str) -> None:
    sweep, names = MISTAKES[mistake]
    with stack.client() as client, pytest.raises((JobError, UsageError), match=names):
        client.submit(job_of(folder, sweep))


def test_a_strategy_that_knows_the_future_is_refused_by_the_fleet(stack: Stack, folder: Path, tmp_path: Path) -> None:
    sweep = {"parameters": {"fast": [1, 2]}, "constraints": []}
    job = job_of(folder, sweep, strategy={"use": "leak.py"})
    with pytest.raises(JobFailed, match="does not pass `backbus check`"):
        swept(stack, job, tmp_path)
    allowed = job_of(folder, {**sweep, "allow_look_ahead": True}, strategy={"use": "leak.py"})
    assert swept(stack, allowed, tmp_path).summary["failed"] == 0


def slow_grid(points: int, pause_s: float) -> dict[str, Any]:
    """Points that wait. Nobody looks whether they know the future: that would wait several hundred times."""
    parameters = {"fast": {"from": 2, "to": points + 1, "step": 1}, "pause_s": [pause_s]}
    return {"parameters": parameters, "constraints": [], "allow_look_ahead": True}


@contextmanager
def hurrying(folder: Path) -> Iterator[None]:
    """Points wait no more in here."""
    (folder / HURRY).touch()
    try:
        yield
    finally:
        (folder / HURRY).unlink()


def done(client: Client, job: str) -> int:
    shown = client.show(job)
    return int(shown["progress"]["done"]) if "progress" in shown else 0


def test_a_sweep_pauses_goes_on_and_is_cancelled(stack: Stack, folder: Path) -> None:
    with stack.client() as client:
        job = client.submit(job_of(folder, slow_grid(2000, 0.02)), fresh=True)["job"]
        wait_for(lambda: done(client, job) > 0, "the first points")
        assert client.pause(job)["paused"]
        wait_for(lambda: client.show(job)["progress"]["workers"] == 0, "the leases to end")
        before = done(client, job)
        time.sleep(1.5)  # nothing tells that nothing happens
        assert done(client, job) == before
        assert client.show(job)["progress"]["seconds_left"] is None
        client.resume(job)
        wait_for(lambda: done(client, job) > before, "more points")
        shown = client.show(job)["progress"]
        assert shown["best"] is not None and shown["rate"] > 0
        assert client.cancel(job)["state"] == "cancelled"
        wait_for(lambda: all(m["state"] == "idle" for m in (stack.status() or {})["members"]), "idle workers")


def test_of_two_sweeps_the_one_of_higher_priority_ends_first(stack: Stack, folder: Path) -> None:
    with stack.client() as client:
        slow = client.submit(job_of(folder, slow_grid(800, 0.02)), fresh=True)["job"]
        wait_for(lambda: done(client, slow) > 0, "the first points")
        urgent = client.submit(job_of(folder, {**slow_grid(40, 0.01), "priority": 5}), fresh=True)["job"]
        assert client.wait(urgent)["state"] == "done"
        assert client.show(slow)["state"] == "running"
        client.cancel(slow)


def recorded(stack: Stack, job: str) -> Counter[int]:
    """How often each point has a result in the orchestrator's file."""
    path = stack.folder / "state" / "orchestrator.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        found = database.execute("SELECT first, stop FROM chunks WHERE job = ?", (job,)).fetchall()
    return Counter(point for first, stop in found for point in range(first, stop))


def test_kills_and_frozen_workers_change_nothing(folder: Path, tmp_path: Path) -> None:
    points = 50 * KILLS
    job = job_of(folder, slow_grid(points, 0.04))
    undisturbed = run_sweep(job_of(folder, slow_grid(points, 0.0)), workers=2, folder=tmp_path / "here")
    names = ("optimizer-1", "optimizer-2", "optimizer-3", "orchestrator", "broker")
    dice = random.Random(11)
    with (
        Stack(tmp_path / "stack", ("orchestrator", "broker"), workers=3, dead_s=1.5) as stack,
        stack.client() as client,
    ):
        name = client.submit(job, fresh=True)["job"]
        kills: Counter[str] = Counter()
        while sum(kills.values()) < KILLS:
            time.sleep(dice.uniform(0.2, 1.6))
            assert client.show(name)["state"] in ("queued", "running"), "it ended before all kills"
            victim = dice.choice(names)
            if victim.startswith("optimizer") and dice.random() < 0.2:
                stack.send(victim, signal.SIGSTOP)
                time.sleep(2.5)
                stack.send(victim, signal.SIGCONT)
            else:
                stack.send(victim, signal.SIGKILL)
            kills[victim] += 1
        with hurrying(folder):
            shown = client.wait(name)
        result = client.result(shown, folder=tmp_path / "there")
        assert isinstance(result, SweepResult)
        assert recorded(stack, name) == Counter(range(points))
    mine, theirs = (
        pd.read_parquet(r.artifacts["table"]).drop(columns="strategy.pause_s") for r in (undisturbed, result)
    )
    pd.testing.assert_frame_equal(mine, theirs)
    assert result.summary["failed"] == 0


def test_a_full_disk_holds_results_up_and_loses_none(stack_to_break: Stack, folder: Path) -> None:
    stack, job = stack_to_break, job_of(folder, slow_grid(400, 0.01))
    with stack.client() as client:
        name = client.submit(job, fresh=True)["job"]
        wait_for(lambda: done(client, name) > 0, "the first points")
        pid = stack.pid("orchestrator")
        free = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, free[1]))  # no file may grow any more
        wait_for(lambda: client.status()["held_up"], "results that are held up")
        held = recorded(stack, name)
        time.sleep(2.0)  # nothing tells that nothing happens
        assert recorded(stack, name) == held
        assert client.show(name)["state"] == "running"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, free)
        with hurrying(folder):
            assert client.wait(name)["state"] == "done"
    assert stack.pid("orchestrator") == pid
    assert recorded(stack, name) == Counter(range(400))


def test_the_command_line_shows_a_sweep(stack: Stack, folder: Path, tmp_path: Path, backbus: Any) -> None:
    text = (
        '[data]\nfiles = "*.csv"\n[strategy]\nuse = "mine.py"\n[sweep]\nresamples = 40\n'
        "[sweep.parameters]\nfast = [2, 3, 4]\n"
    )
    (folder / "job.toml").write_text(text, encoding="utf-8")
    environment = stack.user_elsewhere()
    told = backbus("submit", folder / "job.toml", "--wait", "--json", "--fresh", cwd=tmp_path, env=environment)
    answer = json.loads(told.stdout)
    assert {"job", "points", "failed", "best", "table_sha256", "statistics", "elapsed_s", "points_per_s"} <= set(answer)
    assert answer["mode"] == "stack" and answer["points"] == 3
    assert backbus("rerun", answer["job"], "--best", cwd=tmp_path, env=environment).returncode == 0
    assert answer["table_sha256"] in backbus("show", answer["job"], cwd=tmp_path, env=environment).stdout
