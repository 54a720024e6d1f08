"""Many assets: 500 of them over ten years, once a month into the 50 that have risen most, beside vectorbt and bt."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.cross import Run, rebalance_job
from benchmarks.environments import Absent, versions
from benchmarks.measure import Check, Hold, Line, duration, interleaved, median, rate, seconds_of

ROW = "rebalance"
ASSETS = 500


def run(bench: Bench) -> Iterator[Line | Check]:
    """The engine beside vectorbt, whose orders it must match, and bt."""
    rows, repeats = bench.pick(2520, 504), bench.pick(9, 3)
    ours = Run(bench.wide(rows, ASSETS), rebalance_job())
    what = f"{ASSETS} assets × {rows} days, monthly into 50, statistics and fingerprint"
    cells = rows * ASSETS
    for name, hold in (("vectorbt", 10.0), ("bt", None)):
        peer = bench.wide_peer(name, rows, ASSETS)
        if isinstance(peer, Absent):
            (taken,) = interleaved(repeats, lambda: seconds_of(ours))
            yield Line(ROW, what, duration(median(taken)), f"{name} absent: {peer}", runs=(taken,))
            continue
        taken, theirs = interleaved(repeats, lambda: seconds_of(ours), peer.run)
        ratio = median(theirs) / median(taken)
        yield Line(
            ROW,
            what,
            f"{duration(median(taken))}, {rate(cells, median(taken))}",
            f"{name} {versions(name)[name]}: {duration(median(theirs))}",
            ratio,
            Hold(ratio, hold, "×") if hold is not None else None,
            runs=(taken, theirs),
        )
        if name == "vectorbt":
            peer.run("check")
            orders, equity = int(peer.last["orders"]), float(peer.last["equity"])
            fills, own = ours.report.counts.fills, ours.report.final_equity or 0.0
            yield Check(ROW, f"fills: vectorbt at the next open too {orders}, backbus {fills}", orders == fills)
            text = f"final equity: vectorbt {equity:,.4f}, backbus {own:,.4f}"
            yield Check(ROW, text, math.isclose(equity, own, rel_tol=1e-9))
        peer.close()
