"""A history larger than anyone's memory: a hundred million bars through the services, and what each process took."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from backbus.data import write_panel
from backbus.market.panel import FIELDS, Block, Panel
from benchmarks import prices
from benchmarks.bench import Bench
from benchmarks.cross import STRATEGIES
from benchmarks.measure import Check, Hold, Line, duration, rate, short
from benchmarks.memory import Watch, status
from benchmarks.stack import BACKBUS, Stack

ROW = "streamed"
ROWS = 100_000_000
LIMIT_MB = 1000.0

JOB = """
name = "streamed"
data = {{ files = "panel.arrow" }}
strategy = {{ use = "{use}", every = 100000 }}
portfolio = {{ cash = 1e6, sizing = {{ model = "fixed_quantity", quantity = 100 }} }}
run = {{ stall_s = 600, max_attempts = 1 }}
"""


def run(bench: Bench) -> Iterator[Line | Check]:
    """One run by the command line, the client's memory counted too."""
    rows = bench.pick(ROWS, 3_000_000)
    # a stack of its own: the peaks of others' runs would hide this one's
    stack = Stack()
    try:
        with tempfile.TemporaryDirectory(prefix="backbus-bench-") as folder:
            bench.say(f"writing {short(rows)} bars ({short(rows * 56)}B)")
            write(Path(folder) / "panel.arrow", rows)
            bench.say("submitting them")
            yield from _submit(stack, Path(folder), rows)
    finally:
        stack.close()


def _submit(stack: Stack, folder: Path, rows: int) -> Iterator[Line | Check]:
    use = STRATEGIES / "now_and_then.py"
    (folder / "job.toml").write_text(JOB.format(use=f"{use}:NowAndThen"), encoding="utf-8")
    processes = stack.processes()
    started = time.monotonic()
    client = subprocess.Popen(
        [str(BACKBUS), "submit", "job.toml", "--wait", "--json"],
        cwd=folder,
        env=stack.variables,
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
