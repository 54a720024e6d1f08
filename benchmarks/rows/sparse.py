"""The chain of services where decisions are rare: blocks fly, and bars are what bounds it."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.cross import Run, job
from benchmarks.measure import Check, Hold, Line, median, short
from benchmarks.rows.dense import MEASURED, checks
from benchmarks.rows.engine import speed

ROW = "sparse"


def run(bench: Bench) -> Iterator[Line | Check]:
    """A decision every thousand bars."""
    rows, repeats = bench.pick(3_000_000, 300_000), bench.pick(5, 2)
    panel, stack, one = bench.panel(rows), bench.stack(), job("now_and_then.py:NowAndThen")
    stack.run(one, panel)  # inputs are fetched and everything is loaded
    bench.say(f"{repeats} runs of the services on {short(rows)} bars")
    served = [stack.run(one, panel) for _ in range(repeats)]
    taken = [each.seconds for each in served]
    pace = rows / median(taken)
    yield Line(
        ROW,
        f"services, a decision every 1000 bars on {short(rows)} bars",
        speed(rows, taken),
        hold=Hold(pace, 1.5e6 * bench.scale(), "bars/s", goal=3e6 * bench.scale()),
        note=f"{MEASURED}; {served[-1].spent(served[-1].result.summary.counts.orders)}",
        runs=(taken,),
    )
    yield from checks(ROW, served[-1], Run(panel, one))
