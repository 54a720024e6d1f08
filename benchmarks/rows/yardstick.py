"""How fast the machine is: what bounds in bars a second are scaled by."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import YARDSTICK, Bench
from benchmarks.measure import Check, Line, short

ROW = "yardstick"


def series(bench: Bench) -> Iterator[Line | Check]:
    """A sweep of raptorbt on one thread, before all else of a series."""
    scale = bench.scale()
    shown = "absent" if bench.yardstick is None else f"{short(bench.yardstick)} bar-points/s"
    what = "raptorbt on one thread, 1035 points of SMA crosses on daily bars"
    runs = (bench.yardstick_runs,) if bench.yardstick_runs else ()
    note = f"bounds in bars a second are for {short(YARDSTICK)}, and scaled by it"
    yield Line(ROW, what, "", shown, scale, note=note, runs=runs)


def run(_: Bench) -> Iterator[Line | Check]:
    """Nothing beside it."""
    yield from ()
