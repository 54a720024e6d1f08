"""A history larger than anyone's memory: a hundred million bars are opened, run here, and run by the services."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from backbus.data import Catalog, write_panel
from backbus.job.data import DataSettings
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Panel
from benchmarks import prices
from benchmarks.bench import Bench
from benchmarks.cross import STRATEGIES
from benchmarks.measure import Check, Hold, Line, duration, rate, short
from benchmarks.memory import Watch, status
from benchmarks.stack import BACKBUS, Stack

ROW = "streamed"
ROWS = 100_000_000
LIMIT_MB, OPEN_MS = 1000.0, 50.0

JOB = """
name = "streamed"
data = {{ dataset = "streamed" }}
strategy = {{ use = "{use}", every = 100000 }}
portfolio = {{ cash = 1e6, sizing = {{ model = "fixed_quantity", quantity = 100 }} }}
run = {{ stall_s = 600, max_attempts = 1 }}
"""

HERE = """
import json, statistics, sys, time
from pathlib import Path
from backbus import Job, run
from backbus.engine.inputs import complete, open_inputs
import pyarrow
job = Job.load("job.toml")
opened = []
for _ in range(20):
    started = time.perf_counter()
    open_inputs(complete(job))
    opened.append(time.perf_counter() - started)
started = time.perf_counter()
run(job, tables=False)
took = time.perf_counter() - started
peak = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line[:5] == "VmHWM")
json.dump({"open_s": statistics.median(opened), "opened": opened, "run_s": took, "resident": peak * 1024}, sys.stdout)
"""


def run(bench: Bench) -> Iterator[Line | Check]:
    """One run by the command line, the client's memory counted too."""
    rows = bench.pick(ROWS, 3_000_000)
    # a stack of its own: the peaks of others' runs would hide this one's
    stack = Stack()
    try:
        with tempfile.TemporaryDirectory(prefix="backbus-bench-") as folder:
            bench.say(f"writing {short(rows)} bars ({short(rows * 56)}B)")
            made, catalog = Path(folder) / "panel.arrow", Path(folder) / "datasets"
            write(made, rows)
            bench.say("importing them")
            Catalog(catalog).add("streamed", {made.name: made}, DataSettings())
            made.unlink()
            use = STRATEGIES / "now_and_then.py"
            (Path(folder) / "job.toml").write_text(JOB.format(use=f"{use}:NowAndThen"), encoding="utf-8")
            variables = {**stack.variables, "BACKBUS_DATASETS": str(catalog)}
            bench.say("running them here")
            yield from _here(Path(folder), variables, rows)
            bench.say("submitting them")
            yield from _submit(stack, Path(folder), variables, rows)
    finally:
        stack.close()


def _here(folder: Path, variables: dict[str, str], rows: int) -> Iterator[Line | Check]:
    """In a process of its own, whose peak of memory is that of the run."""
    found = subprocess.run(
        [sys.executable, "-P", "-c", HERE], cwd=folder, env=variables, stdout=subprocess.PIPE, text=True, check=False
    )
    if found.returncode:
        yield Check(ROW, f"{short(rows)} bars in one process", False)
        return
    told = json.loads(found.stdout)
    yield Line(
        ROW,
        f"opening a dataset of {short(rows)} bars by its name, in a warm process",
        duration(told["open_s"]),
        hold=Hold(told["open_s"] * 1e3, OPEN_MS, "ms", at_most=True),
        runs=(told["opened"],),
    )
    yield Line(
        ROW,
        f"one process, {short(rows)} bars: resident",
        f"{short(told['resident'])}B; {duration(told['run_s'])}, {rate(rows, told['run_s'])}",
        hold=Hold(told["resident"] / 1e6, LIMIT_MB, "MB", at_most=True),
        runs=([told["run_s"]],),
    )


def _submit(stack: Stack, folder: Path, variables: dict[str, str], rows: int) -> Iterator[Line | Check]:
    processes = stack.processes()
    started = time.monotonic()
    client = subprocess.Popen(
        [str(BACKBUS), "submit", "job.toml", "--wait", "--json"],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with Watch({**processes, "client": client.pid}) as watch:
        output, client_peak = _wait(client)
    watch.resident["client"] = client_peak
    took = time.monotonic() - started
    if client.returncode:
        yield Check(ROW, f"{short(rows)} bars through the services", False)
    else:
        done = json.loads(output)
        yield Check(
            ROW, f"{done['rows']} rows, {done['fills']} fills, attempt {done['attempts']}", done["rows"] == rows
        )
    name = max(watch.resident, key=watch.resident.__getitem__)
    peaks = ", ".join(
        f"{one} {short(watch.resident[one])}B ({short(watch.anonymous[one])}B without files)"
        for one in sorted(watch.resident, key=watch.resident.__getitem__, reverse=True)
    )
    yield Line(
        ROW,
        f"services, {short(rows)} bars: the largest process, resident",
        f"{name}: {short(watch.resident[name])}B; {duration(took)} with the upload, {rate(rows, took)}",
        hold=Hold(watch.resident[name] / 1e6, LIMIT_MB, "MB", at_most=True),
        note=f"peaks: {peaks}",
        runs=([took],),
    )


def _wait(client: subprocess.Popen[str]) -> tuple[str, int]:
    peak = 0
    while True:
        try:
            output, _ = client.communicate(timeout=0.1)
            return output, peak
        except subprocess.TimeoutExpired:
            peak = max(peak, status(client.pid, "VmHWM"))


def write(path: Path, rows: int) -> None:
    """A panel file of the first ``rows`` bars, chunk by chunk: laid out with empty columns, then filled in place."""
    with tempfile.NamedTemporaryFile(dir=path.parent) as empty:
        empty.truncate(8 * rows)  # a hole in the file system: read as zeros, and takes no room
        zeros = np.memmap(empty.name, dtype=np.float64, mode="r", shape=(rows, 1))
        whole = zeros.view(np.int64).reshape(-1)
        write_panel(Panel(prices.layout(rows), Block(0, whole, whole, *([zeros] * len(FIELDS)))), path)
    columns = {
        name: np.memmap(
            path, dtype=np.int64 if name in ("end", "session") else np.float64, mode="r+", offset=at, shape=rows
        )
        for name, at in _places(path).items()
    }
    for first, chunk in prices.chunks(rows):
        for name, column in columns.items():
            column[first : first + len(chunk[name])] = chunk[name]


def _places(path: Path) -> dict[str, int]:
    """At which byte of a panel file each column's values begin."""
    with pa.memory_map(str(path)) as file:
        whole = file.read_buffer()
        batch = pa.ipc.open_file(whole).get_batch(0)
        return {name: batch.column(name).buffers()[-1].address - whole.address for name in batch.schema.names}
