"""A sweep of the cross over several assets, on one core: it goes another way than one asset does."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.environments import Absent
from benchmarks.measure import Check, Line, interleaved, median, short
from benchmarks.peer import OURS
from benchmarks.rows.sweep import PLAIN, POINTS, fills_of, pace

ROW = "assets"
ASSETS = 10


def run(bench: Bench) -> Iterator[Line | Check]:
    """All points over the ten, beside one of them alone."""
    rows, repeats = bench.pick(5000, 500), bench.pick(5, 2)
    ours = bench.wide_peer(OURS, rows, ASSETS, "sweep")
    if isinstance(ours, Absent):
        raise RuntimeError(f"our own process ended: {ours}")
    bench.say(f"{repeats} sweeps of {ASSETS} assets in turns with sweeps of one of them")
    many, one = interleaved(repeats, lambda: ours.run(PLAIN), lambda: ours.run(json.dumps({"asset": 0})))
    cells, alone = (POINTS * rows * count / median(taken) for count, taken in ((ASSETS, many), (1, one)))
    yield Line(
        ROW,
        f"{POINTS} points on {ASSETS} assets × {short(rows)} daily bars, one core",
        f"{pace(many)}, {short(cells)} bar-points/s",
        f"one of the assets: {short(alone)} bar-points/s",
        cells / alone,
        runs=(many, one),
    )
    ours.run(json.dumps({"tell": True}))
    together = fills_of(ours)
    apart = together * 0
    for asset in range(ASSETS):
        ours.run(json.dumps({"tell": True, "asset": asset}))
        apart += fills_of(ours)
    text = f"fills of all points: the {ASSETS} assets in one account {together.sum()}, each by itself {apart.sum()}"
    yield Check(ROW, text, bool((together == apart).all() and together.min() > 0))
    ours.close()
