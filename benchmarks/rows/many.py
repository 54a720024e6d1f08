"""A sweep of a million points: what it needs does not grow with them, where results are given away as they come."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.measure import Check, Hold, Line, duration, rate, short
from benchmarks.rows.sweep import own_process

ROW = "many"
BARS = 500
GROWTH_MB = 10.0


def run(bench: Bench) -> Iterator[Line | Check]:
    """Resident memory after a tenth of the points and after all."""
    points = bench.pick(1_000_000, 20_000)
    ours = own_process(bench, BARS, daily=True)
    bench.say(f"{short(points)} points on {BARS} bars")
    seconds = ours.run(json.dumps({"points": points, "drop": points // 10}))
    early, *_, late = ours.last["resident"]
    yield Line(
        ROW,
        f"resident growth from {short(points // 10)} to {short(points)} points on {BARS} daily bars",
        f"from {short(early)}B to {short(late)}B; {duration(seconds)}, {rate(points, seconds, 'points/s')}",
        hold=Hold((late - early) / 1e6, GROWTH_MB, "MB", at_most=True),
        runs=([seconds],),
    )
    ours.close()
