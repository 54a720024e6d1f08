"""Sweeps of the cross over all pairs of 46 windows, on one core, beside vectorbt and backtesting.py."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from benchmarks.bench import Bench
from benchmarks.environments import Absent, versions
from benchmarks.measure import Check, Hold, Line, duration, interleaved, median, rate, short
from benchmarks.peer import OURS, Peer

ROW = "sweep"
POINTS = 1035
COMPARED = ("total_return", "sharpe", "max_drawdown")
CLOSE = 1e-9
PLAIN = json.dumps({})
HONEST = json.dumps({"resamples": 500})
TELL = json.dumps({"tell": True})
PROFILE = json.dumps({"profile": True})
KERNELS = {"run_points": "trading and counting", "observe_returns": "observing returns"}


def run(bench: Bench) -> Iterator[Line | Check]:
    """Daily bars and minute bars beside vectorbt."""
    daily, minutes = bench.pick(5000, 1000), bench.pick(100_000, 10_000)
    yield from _beside_vectorbt(bench, daily, bench.pick(7, 2), daily=True)
    yield from _beside_vectorbt(bench, minutes, bench.pick(3, 1), daily=False)


def _beside_vectorbt(bench: Bench, rows: int, repeats: int, *, daily: bool) -> Iterator[Line | Check]:
    ours, peer = _children(bench, rows, daily=daily)
    what = f"{POINTS} points of SMA crosses on {short(rows)} {'daily' if daily else 'minute'} bars, one core"
    bench.say(f"{repeats} sweeps of {short(rows)} bars in turns")
    if isinstance(peer, Absent):
        (taken,) = interleaved(repeats, lambda: ours.run(PLAIN))
        yield Line(ROW, what, pace(taken), f"vectorbt absent: {peer}", note=shares(ours))
    else:
        title = f"vectorbt {versions('vectorbt')['vectorbt']}"
        taken, theirs = interleaved(repeats, lambda: ours.run(PLAIN), peer.run)
        ratio = median(theirs) / median(taken)
        yield Line(ROW, what, pace(taken), f"{title}: {pace(theirs)}", ratio, Hold(ratio, 50, "×"), note=shares(ours))
    yield Line(
        ROW,
        "the same, memory of the process that did it",
        f"{short(ours.resident)}B",
        "" if isinstance(peer, Absent) else f"vectorbt: {short(peer.resident)}B",
        hold=Hold(ours.resident / 1e6, 300, "MB", at_most=True),
    )
    plain, honest = interleaved(repeats, lambda: ours.run(PLAIN), lambda: ours.run(HONEST))
    yield Line(
        ROW,
        "the same with 500 resamples for the statistics of the best point",
        pace(honest),
        f"without: {pace(plain)}",
        median(plain) / median(honest),
    )
    if not isinstance(peer, Absent):
        yield from _compared(ours, peer, rows)
        peer.close()
    ours.close()


def _children(bench: Bench, rows: int, *, daily: bool) -> tuple[Peer, Peer | Absent]:
    ours = bench.peer(OURS, rows, "sweep", daily=daily)
    if isinstance(ours, Absent):
        raise RuntimeError(f"our own process ended: {ours}")
    return ours, bench.peer("vectorbt", rows, "sweep", daily=daily)


def _compared(ours: Peer, peer: Peer, rows: int) -> Iterator[Check]:
    """Whether each point has the same figures by the same rules."""
    ours.run(TELL)
    peer.run("check")
    for name in COMPARED:
        own, other = np.array(ours.last[name]), np.array(peer.last[name])
        apart = float(np.abs(own - other).max()) if len(own) == len(other) else np.inf
        yield Check(
            ROW, f"{name} of {len(own)} points on {short(rows)} bars is vectorbt's, within {apart:.1g}", apart <= CLOSE
        )
    fills = 2 * np.array(ours.last["trades"]) + np.array(ours.last["open_trades"])
    theirs = np.array(peer.last["orders"])
    yield Check(
        ROW,
        f"fills of all points on {short(rows)} bars: vectorbt {theirs.sum():.0f}, backbus {fills.sum():.0f}",
        np.array_equal(fills, theirs),
    )


def shares(ours: Peer) -> str:
    """Where the time of a sweep goes, from one run that measures its loops."""
    seconds = ours.run(PROFILE)
    spent = dict(ours.last["spent"])
    inside = sum(spent.values())
    known = [f"{title} {spent.get(name, 0.0) / seconds:.0%}" for name, title in KERNELS.items()]
    strategies = inside - sum(spent.get(name, 0.0) for name in KERNELS)
    return (
        f"of {seconds / POINTS * 1e6:.0f} µs a point, in compiled loops: {', '.join(known)}, strategies "
        f"{strategies / seconds:.0%}; outside of them {1 - inside / seconds:.0%}"
    )


def pace(seconds: list[float], points: int = POINTS) -> str:
    """The median's duration and points a second."""
    taken = median(seconds)
    return f"{duration(taken)}, {rate(points, taken, 'points/s')}"
