"""The chain of services where the strategy reads the book in every row, beside the same in one process."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.cross import Run, job
from benchmarks.measure import Check, Hold, Line, median, seconds_of, short
from benchmarks.rows.dense import MEASURED, checks
from benchmarks.rows.engine import speed
from benchmarks.rows.events import FILE

ROW = "book"


def run(bench: Bench) -> Iterator[Line | Check]:
    """The cross by hand, reading the book."""
    rows, repeats = bench.pick(100_000, 20_000), bench.pick(5, 2)
    panel, stack, one = bench.panel(rows), bench.stack(), job(f"{FILE}:SmaByBook")
    here = Run(panel, one)
    stack.run(one, panel)
    bench.say(f"{repeats} runs of {short(rows)} bars by the services and in one process, in turns")
    taken: list[float] = []
    alone: list[float] = []
    for _ in range(repeats):
        served = stack.run(one, panel)
        taken.append(served.seconds)
        alone.append(seconds_of(here))
    pace, ratio = rows / median(taken), median(alone) / median(taken)
    what = f"services, a strategy that reads the book on {short(rows)} minute bars"
    hold = Hold(pace, 25e3 * bench.scale(), "bars/s")
    yield Line(ROW, what, speed(rows, taken), hold=hold, note=f"{MEASURED}; {served.spent(rows)}", runs=(taken,))
    beside = f"one process: {speed(rows, alone)}"
    hold = Hold(ratio, 0.5, "×", goal=0.8)
    yield Line(ROW, "the same beside one process", speed(rows, taken), beside, ratio, hold, runs=(taken, alone))
    yield from checks(ROW, served, here)
