"""The chain of services where orders of every kind may work: each entry brings a stop and a target."""

from __future__ import annotations

from collections.abc import Iterator

from backbus.job.job import Job
from benchmarks.bench import Bench
from benchmarks.cross import Run, job
from benchmarks.measure import Check, Hold, Line, median, short
from benchmarks.rows.dense import MEASURED, checks
from benchmarks.rows.engine import speed

ROW = "lists"


def run(bench: Bench) -> Iterator[Line | Check]:
    """The cross with exits."""
    rows, repeats = bench.pick(200_000, 50_000), bench.pick(5, 2)
    plain = job().plain()
    plain["portfolio"]["exits"] = {"stop_loss": 0.01, "take_profit": 0.02}
    panel, stack, one = bench.panel(rows), bench.stack(), Job.parse(plain)
    stack.run(one, panel)
    bench.say(f"{repeats} runs of the services on {short(rows)} bars")
    served = [stack.run(one, panel) for _ in range(repeats)]
    taken = [each.seconds for each in served]
    counts = served[-1].result.summary.counts
    yield Line(
        ROW,
        f"services, SMA 10/30 with stop and target on {short(rows)} minute bars, {counts.orders} orders",
        speed(rows, taken),
        hold=Hold(rows / median(taken), 500e3 * bench.scale(), "bars/s"),
        note=f"{MEASURED}; {served[-1].spent(counts.orders)}",
        runs=(taken,),
    )
    yield from checks(ROW, served[-1], Run(panel, one))
