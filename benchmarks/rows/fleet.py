"""The orchestrator alone against a thousand workers: what it bears, how long they wait, what it takes; and what a
second worker on a second core adds."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import zmq

from backbus.api.client import Client
from backbus.job.job import Job
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport.request import Requester
from benchmarks import prices
from benchmarks.bench import Bench
from benchmarks.cross import sweep
from benchmarks.measure import Check, Hold, Line, duration, short
from benchmarks.memory import status
from benchmarks.stack import Stack
from benchmarks.workers import BYTES, Workers

ROW = "fleet"
WORKERS = 1000
NOMINAL_S = 10.0
"""A worker is busy for so long with a chunk: a hundred chunks a second in all."""


def run(bench: Bench) -> Iterator[Line | Check]:
    """As fast as it can, and at a steady load."""
    workers, seconds = bench.pick(WORKERS, 50), bench.pick(15, 2)
    for title, work_s, warm_s in (
        ("computing nothing", 0.0, 2.0),
        (f"busy {NOMINAL_S:g} s with each chunk", NOMINAL_S, 12.0),
    ):
        with _orchestrator() as (settings, pid):
            _submit(settings)
            crowd = Workers(settings, workers, work_s)
            try:
                crowd.run(bench.pick(int(warm_s), 1))
                before, spent, done = status(pid, "VmRSS"), _processor_s(pid), len(crowd.recorded)
                crowd.lease_s.clear()
                crowd.kept_s.clear()
                began = time.monotonic()
                crowd.run(seconds)
                took = time.monotonic() - began
                share = (_processor_s(pid) - spent) / took
                chunks = (len(crowd.recorded) - done) / took
                waits = f"WANT to LEASE {_percentiles(crowd.lease_s)}, CHUNK to OK {_percentiles(crowd.kept_s)}"
                memory = f"{short(before)}B resident, {short(status(pid, 'VmRSS'))}B at the end"
                yield Line(
                    ROW,
                    f"the orchestrator with {workers} workers, {title}",
                    f"{chunks:.0f} chunks/s of {BYTES / 1000:.0f} kB",
                    note=f"{waits}; {share:.0%} of a core, {memory}",
                    runs=([took],),
                )
            finally:
                crowd.close()
            yield Check(
                ROW,
                f"{len(crowd.recorded)} acknowledged chunks of {workers} workers are on disk, each point once",
                _kept(settings) >= crowd.recorded > set(),
            )
    yield from _second_worker(bench)


def _second_worker(bench: Bench) -> Iterator[Line | Check]:
    """A stack whose sweeps are computed by one worker and by two."""
    points, rows = bench.pick(60_000, 4000), bench.pick(5000, 500)
    job, panel = sweep(points=points), prices.make_panel(rows, daily=True)
    stack = Stack()
    try:
        paces: dict[int, list[float]] = {1: [], 2: []}
        tables = set()
        with Client(stack.settings, timeout_s=60.0) as client:
            for workers in (2, 1) * bench.pick(4, 1):
                bench.say(f"{points} points by a fleet of {workers}")
                stack.scale(workers)
                submitted = client.submit(job, panel, fresh=True)
                taken = _watched(client, submitted["job"])
                shown = client.wait(submitted["job"])
                tables.add(shown["report"]["table_sha256"])
                paces[workers].append(taken)
        # The first of each waits for its children to load the data.
        runs = tuple(paces[workers][bench.pick(1, 0) :] for workers in (2, 1))
        both, alone = map(median, runs)
    finally:
        stack.close()
    yield Line(
        ROW,
        f"{short(points)} points on {short(rows)} daily bars by a fleet of two workers",
        f"{short(both)} points/s",
        f"by one: {short(alone)} points/s",
        both / alone,
        Hold(both / alone, 1.9, "×"),
        runs=runs,
    )
    yield Check(ROW, f"the table of {points} points by one worker and by two, each time", len(tables) == 1)


def _watched(client: Client, job: str) -> float:
    """Points a second, from the first that were recorded to the last."""
    seen: list[tuple[float, int]] = []
    done, points, state = 0, 1, "queued"
    while done < points and state in ("queued", "running"):
        shown = client.show(job, wait_s=0.02)
        state, points = shown["state"], shown["points"] or 1
        done = points if state == "done" else shown.get("progress", {"done": 0})["done"]
        if done > (seen[-1][1] if seen else 0):
            seen.append((time.monotonic(), done))
    (began, first), (ended, last) = seen[0], seen[-1]
    return (last - first) / (ended - began)


@contextmanager
def _orchestrator() -> Iterator[tuple[Settings, int]]:
    with tempfile.TemporaryDirectory(prefix="backbus-bench-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings = Settings(orchestrator=f"tcp://127.0.0.1:{free.getsockname()[1]}", state=Path(folder))
        free.close()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "backbus.services.orchestrator"],
            env={
                **os.environ,
                "BACKBUS_ORCHESTRATOR": settings.orchestrator,
                "BACKBUS_STATE": folder,
                "BACKBUS_LOG_LEVEL": "error",
            },
            stdin=subprocess.DEVNULL,
        )
        try:
            _await(settings)
            yield settings, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(settings: Settings) -> None:
    """Until it answers: a client asks who is there already."""
    context: zmq.Context[Any] = zmq.Context()
    requester = Requester(context, settings, timeout_s=60.0)
    try:
        requester.ask(c.Status())
    finally:
        requester.close()
        context.term()


def _submit(settings: Settings) -> None:
    axis = {"from": 2, "to": 1001, "step": 1}
    fields = {
        "strategy": {"use": "SmaCross"},
        "sweep": {"parameters": {"fast": axis, "slow": axis}},
    }
    with Client(settings, timeout_s=30.0) as client:
        client.submit(Job.parse(fields), prices.make_panel(100, daily=True))


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _percentiles(seconds: list[float]) -> str:
    if not seconds:
        return "not seen"
    middle, late = np.percentile(seconds, (50, 99)).tolist()
    return f"{duration(middle)} (99 %: {duration(late)})"


def _kept(settings: Settings) -> set[tuple[int, int]]:
    """Chunks in the orchestrator's file; a point that is in two of them makes it empty."""
    with closing(sqlite3.connect(settings.state / "orchestrator.sqlite")) as database:
        found = database.execute("SELECT first, stop FROM chunks ORDER BY first").fetchall()
    apart = all(one[1] <= two[0] for one, two in itertools.pairwise(found))
    return set(found) if apart else set()
