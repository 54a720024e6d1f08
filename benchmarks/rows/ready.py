"""How long ``backbus up`` takes until every service is ready, kernels compiled before."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.measure import Check, Hold, Line, duration, median

ROW = "ready"


def run(bench: Bench) -> Iterator[Line | Check]:
    """Three starts."""
    stack = bench.stack()
    taken = [stack.ready_s, *(stack.restart() for _ in range(bench.pick(2, 0)))]
    hold = Hold(median(taken), 4, "s", at_most=True)
    yield Line(ROW, "backbus up until all are ready", duration(median(taken)), hold=hold, runs=(taken,))
