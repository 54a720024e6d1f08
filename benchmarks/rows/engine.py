"""One run in one process: the engine with statistics and fingerprint, beside engines that run the same cross."""

from __future__ import annotations

import math
from collections.abc import Iterator

from backbus.performance.report import Report
from benchmarks.bench import Bench
from benchmarks.cross import Run, job
from benchmarks.environments import Absent, version_of, versions
from benchmarks.measure import Check, Hold, Line, duration, interleaved, median, rate, seconds_of, short
from benchmarks.peer import Peer

ROW = "engine"
OTHERS = (("backtesting", "backtesting.py", 200_000, 3), ("backtrader", "backtrader", 10_000, 3))
"""Peers that are slow, with the bars and repeats that they are given."""


def series(bench: Bench) -> Iterator[Line | Check]:
    """The engine beside those that are compiled, and the fastest of them."""
    rows = bench.pick(1_000_000, 100_000)
    yield from _beside_compiled(bench, Run(bench.panel(rows), job()), rows, bench.pick(11, 3))


def run(bench: Bench) -> Iterator[Line | Check]:
    """Beside vectorbt with and without its statistics, then beside each other one."""
    rows, repeats = bench.pick(1_000_000, 100_000), bench.pick(11, 3)
    ours = Run(bench.panel(rows), job())
    peer = bench.peer("vectorbt", rows)
    bench.say(f"{repeats} runs of {short(rows)} bars in turns")
    what = f"engine, SMA 10/30 on {short(rows)} minute bars, statistics and fingerprint"
    if isinstance(peer, Absent):
        (taken,) = interleaved(repeats, lambda: seconds_of(ours))
        yield Line(ROW, what, speed(rows, taken), f"vectorbt absent: {peer}", runs=(taken,))
    else:
        yield from _beside_vectorbt(peer, ours, what, repeats)
    report = ours.report
    yield Check(
        ROW,
        f"{report.counts.fills} fills in {short(rows)} bars; final equity {report.final_equity:,.2f} > 0",
        (report.final_equity or 0.0) > 0.0,
    )
    for name, title, whole, times in OTHERS:
        yield from _beside(bench, name, title, min(whole, rows), bench.pick(times, 1))


COMPILED = {
    "vectorbt": "vectorbt, its numba engine",
    "vectorbt_rust": "vectorbt, its Rust engine",
    "raptorbt": "raptorbt",
}
"""Peers whose loops are compiled."""


def _beside_compiled(bench: Bench, ours: Run, rows: int, repeats: int) -> Iterator[Line]:
    there = {name: bench.peer(name, rows) for name in COMPILED}
    peers = {name: peer for name, peer in there.items() if not isinstance(peer, Absent)}
    bench.say(f"{repeats} runs of {short(rows)} bars in turns, of us and of {len(peers)} others")
    taken, *others = interleaved(repeats, lambda: seconds_of(ours), *(peer.run for peer in peers.values()))
    theirs = dict(zip(peers, others, strict=True))
    scaled = 1e3 * median(taken) * bench.scale() * 1_000_000 / rows
    what = f"engine, SMA 10/30 on {short(rows)} minute bars, statistics and fingerprint"
    hold = Hold(scaled, 16, "ms for 1 M bars, scaled", at_most=True)
    yield Line(ROW, what, speed(rows, taken), hold=hold, runs=(taken,))
    if theirs:
        fastest = min(theirs, key=lambda name: median(theirs[name]))
        runs = taken, theirs[fastest]
        ratio = median(runs[1]) / median(taken)
        title = f"the fastest of {len(theirs)}: {COMPILED[fastest]}, {duration(median(runs[1]))}"
        yield Line(ROW, "the same beside it", speed(rows, taken), title, ratio, Hold(ratio, 5, "×", goal=8), runs=runs)
    for name, seconds in theirs.items():
        title = f"{COMPILED[name]} {version_of(name)}: {duration(median(seconds))}"
        yield Line(ROW, "the same", speed(rows, taken), title, median(seconds) / median(taken), runs=(taken, seconds))
    for peer in peers.values():
        peer.close()


def _beside_vectorbt(peer: Peer, ours: Run, what: str, repeats: int) -> Iterator[Line | Check]:
    title, rows = f"vectorbt {versions('vectorbt')['vectorbt']}", peer.rows
    taken, theirs = interleaved(repeats, lambda: seconds_of(ours), peer.run)
    ratio = median(theirs) / median(taken)
    shown = f"{title}, no statistics: {speed(rows, theirs)}"
    yield Line(ROW, what, speed(rows, taken), shown, ratio, runs=(taken, theirs))
    peer.run("statistics")  # they compile at their first use
    taken, theirs = interleaved(max(3, repeats // 3), lambda: seconds_of(ours), lambda: peer.run("statistics"))
    ratio = median(theirs) / median(taken)
    shown = f"{title}, its statistics too: {speed(rows, theirs)}"
    yield Line(ROW, what, speed(rows, taken), shown, ratio, runs=(taken, theirs))
    peer.run("check")
    yield same_orders(ROW, ours.report, peer)
    equity, own = float(peer.last["equity"]), ours.report.final_equity or 0.0
    yield Check(
        ROW,
        f"final equity, vectorbt filling at the next open too: {equity:,.4f}; backbus: {own:,.4f}",
        math.isclose(equity, own, rel_tol=1e-9),
    )
    peer.close()


def _beside(bench: Bench, name: str, title: str, rows: int, repeats: int) -> Iterator[Line | Check]:
    what = f"the same on {short(rows)} bars"
    peer = bench.peer(name, rows)
    if isinstance(peer, Absent):
        yield Line(ROW, what, "", f"{title} absent: {peer}")
        return
    ours = Run(bench.panel(rows), job())
    taken, theirs = interleaved(repeats, lambda: seconds_of(ours), peer.run)
    ratio = median(theirs) / median(taken)
    shown = f"{title} {versions(name)[name]}: {speed(rows, theirs)}"
    yield Line(ROW, what, speed(rows, taken), shown, ratio, runs=(taken, theirs))
    yield same_orders(ROW, ours.report, peer)
    peer.close()


def same_orders(row: str, report: Report, peer: Peer) -> Check:
    """Whether a peer filled as many orders as we did; one decided on the last bar has no open to fill at."""
    fills, orders = report.counts.fills, int(peer.last["orders"])
    return Check(
        row, f"fills on {short(peer.rows)} bars: {peer.name} {orders}, backbus {fills}", abs(fills - orders) <= 1
    )


def speed(rows: int, seconds: list[float]) -> str:
    """The median's duration and bars a second."""
    taken = median(seconds)
    return f"{duration(taken)}, {rate(rows, taken)}"
