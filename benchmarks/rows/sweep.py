"""Sweeps of the cross over all pairs of 46 windows: on one core beside vectorbt, raptorbt and backtesting.py, and on
two."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from backbus.data import resolve_files, write_panel
from backbus.market.panel import Ints
from backbus.strategy import bundle
from backbus.sweep.search.plan import points_between, search_of, sessions_of
from backbus.sweep.space.space import Space
from backbus.sweep.workers.pool import Pool
from backbus.sweep.workers.process import Setup
from benchmarks.bench import Bench
from benchmarks.cross import sweep
from benchmarks.environments import Absent, versions
from benchmarks.measure import Check, Hold, Line, duration, interleaved, median, rate, seconds_of, short
from benchmarks.peer import OURS, Peer
from benchmarks.peers.serve import FEW_WINDOWS, WINDOWS

ROW = "sweep"
POINTS = len(WINDOWS) * (len(WINDOWS) - 1) // 2
COMPARED = ("total_return", "sharpe", "max_drawdown")
CLOSE = 1e-9
PLAIN = json.dumps({})
HONEST = json.dumps({"resamples": 500})
TELL = json.dumps({"tell": True})
PROFILE = json.dumps({"profile": True})
SPARSE = json.dumps({"sparse": True})
EXITS = json.dumps({"exits": True})
OWN = (
    ("in plain numpy", "sma_in_numpy.py:SmaInNumpy", 3, 60e6),
    ("in plain Python, bar by bar", "sma_by_hand.py:SmaByHand", 1, None),
)
VECTORBT = ("vectorbt", "vectorbt_rust")
"""Its two engines, each in an environment of its own."""
"""Strategies that users would write, and how often each sweeps."""
KERNELS = {
    "run_points": "trading and counting",
    "run_groups": "trading and counting eight side by side",
    "observe_returns": "observing returns",
    "take_sums": "observing returns that were summed side by side",
}


def run(bench: Bench) -> Iterator[Line | Check]:
    """Daily bars and minute bars beside vectorbt; then others' strategies, another peer and a second process."""
    days, minutes = bench.pick(5000, 1000), bench.pick(100_000, 10_000)
    ours = own_process(bench, days, daily=True)
    yield from _beside_vectorbt(bench, ours, days, bench.pick(7, 2), daily=True)
    yield from _beside_raptorbt(bench, ours, days, bench.pick(5, 1), daily=True)
    yield from _with_exits(bench, ours, days)
    yield from _own_strategies(bench, ours, days)
    yield from _beside_backtesting(bench, ours, days)
    ours.close()
    yield from _two_processes(bench, days)
    ours = own_process(bench, minutes, daily=False)
    yield from _beside_vectorbt(bench, ours, minutes, bench.pick(3, 1), daily=False)
    yield from _beside_raptorbt(bench, ours, minutes, bench.pick(2, 1), daily=False)
    ours.close()


def own_process(bench: Bench, rows: int, *, daily: bool) -> Peer:
    """A process of ours that sweeps; it has done so once."""
    ours = bench.peer(OURS, rows, "sweep", daily=daily)
    if isinstance(ours, Absent):
        raise RuntimeError(f"our own process ended: {ours}")
    return ours


def _beside_vectorbt(bench: Bench, ours: Peer, rows: int, repeats: int, *, daily: bool) -> Iterator[Line | Check]:
    memory = ours.resident
    peaks: list[int] = []
    peer, faster = _faster(bench, rows, daily=daily)
    bars = f"{short(rows)} {'daily' if daily else 'minute'} bars"
    what = f"{POINTS} points of SMA crosses on {bars}, one core"
    bench.say(f"{repeats} sweeps of {bars} in turns")
    if isinstance(peer, Absent):
        (taken,) = interleaved(repeats, lambda: ours.run(PLAIN))
        yield Line(ROW, what, pace(taken), f"vectorbt absent: {peer}", note=shares(ours))
    else:

        def run_peer() -> float:
            seconds = peer.run()
            peaks.append(peer.resident)  # the first counts: more sweeps in one process leave more behind
            return seconds

        taken, theirs = interleaved(repeats, lambda: ours.run(PLAIN), run_peer)
        ratio = median(theirs) / median(taken)
        title = f"vectorbt {versions('vectorbt')['vectorbt']} ({faster}), three statistics: {pace(theirs)}"
        yield Line(ROW, what, pace(taken), title, ratio, Hold(ratio, 35, "×") if daily else None, note=shares(ours))
    yield Line(
        ROW,
        f"resident memory of a process that sweeps {POINTS} points on {bars}",
        f"{short(memory)}B",
        f"vectorbt: {short(peaks[0])}B" if peaks else "",
        hold=Hold(memory / 1e6, 300, "MB", at_most=True),
    )
    plain, honest = interleaved(repeats, lambda: ours.run(PLAIN), lambda: ours.run(HONEST))
    yield Line(
        ROW,
        f"{POINTS} points on {bars} with 500 resamples, so that the best can be judged",
        pace(honest),
        f"without: {pace(plain)}",
        median(plain) / median(honest),
    )
    if not isinstance(peer, Absent):
        yield from _compared(ours, peer, rows)
        peer.close()


def _faster(bench: Bench, rows: int, *, daily: bool) -> tuple[Peer | Absent, str]:
    """The faster of vectorbt's engines, and its name."""
    there = {name: bench.peer(name, rows, "sweep", daily=daily) for name in VECTORBT}
    running = {name: peer for name, peer in there.items() if not isinstance(peer, Absent)}
    if not running:
        return there[VECTORBT[0]], ""
    taken = {name: peer.run() for name, peer in running.items()}
    fastest = min(taken, key=taken.__getitem__)
    for name, peer in running.items():
        if name != fastest:
            peer.close()
    return running[fastest], {"vectorbt": "its numba engine", "vectorbt_rust": "its Rust engine"}[fastest]


GRIDS = (
    # the grid, what is asked of us and of raptorbt, and for daily and for minute bars: bar-points a second to hold
    # and to aim at, and times raptorbt
    ("dense", PLAIN, "plain", {True: (110e6, 170e6, 8.0), False: (180e6, None, None)}),
    ("sparse", SPARSE, "sparse", {True: (130e6, 230e6, None), False: (300e6, 400e6, 15.0)}),
)


def _beside_raptorbt(bench: Bench, ours: Peer, rows: int, repeats: int, *, daily: bool) -> Iterator[Line | Check]:
    """Both grids, in bar-points a second, beside raptorbt on one thread: it invests a part of equity, so its orders are
    as many and not as large."""
    peer, scale = bench.peer("raptorbt", rows, "sweep", daily=daily), bench.scale()
    bars = f"{short(rows)} {'daily' if daily else 'minute'} bars"
    for grid, own, asked, limits in GRIDS:
        least, goal, times = limits[daily]
        bench.say(f"{repeats} sweeps of the {grid} grid on {bars} in turns")
        measures = [lambda own=own: ours.run(own)]
        if not isinstance(peer, Absent):
            measures.append(lambda asked=asked: peer.run(asked))
        taken, *others = interleaved(repeats, *measures)
        cells = POINTS * rows
        held = cells / median(taken)
        hold = Hold(held, least * scale, "bar-points/s", goal=None if goal is None else goal * scale)
        what = f"{POINTS} points of the {grid} grid on {bars}, one core"
        yield Line(ROW, what, f"{short(held)} bar-points/s", hold=hold)
        if others:
            ratio = median(others[0]) / median(taken)
            title = f"raptorbt {versions('raptorbt')['raptorbt']}: {short(cells / median(others[0]))} bar-points/s"
            beside = None if times is None else Hold(ratio, times, "×")
            yield Line(ROW, f"the {grid} grid on {bars} beside it", f"{short(held)} bar-points/s", title, ratio, beside)
    if not isinstance(peer, Absent):
        ours.run(TELL)
        peer.run("plain")
        closed, theirs = int(sum(ours.last["trades"])), int(sum(peer.last["trades"]))
        apart = abs(closed - theirs) / closed
        yield Check(ROW, f"trades of all points on {bars}: raptorbt {theirs}, backbus {closed}", apart < 0.01)
        peer.close()


def _with_exits(bench: Bench, ours: Peer, rows: int) -> Iterator[Line | Check]:
    """The cross with a stop and a target for each entry."""
    own, plain = interleaved(bench.pick(2, 1), partial(ours.run, EXITS), partial(ours.run, PLAIN))
    what = f"{POINTS} points on {short(rows)} daily bars with a stop and a target"
    shown = f"{short(POINTS * rows / median(own))} bar-points/s"
    yield Line(ROW, what, shown, f"without: {pace(plain)}", median(plain) / median(own))


def _own_strategies(bench: Bench, ours: Peer, rows: int) -> Iterator[Line | Check]:
    """The cross as users write it, beside ours."""
    ours.run(TELL)
    expected = fills_of(ours)
    for title, use, times, least in OWN:
        asked = json.dumps({"use": use, "tell": True})
        own, builtin = interleaved(bench.pick(times, 1), partial(ours.run, asked), partial(ours.run, PLAIN))
        what = f"{POINTS} points on {short(rows)} daily bars, the strategy {title}"
        held = POINTS * rows / median(own)
        hold = None if least is None else Hold(held, least * bench.scale(), "bar-points/s")
        shown = f"built in: {pace(builtin)}"
        yield Line(ROW, what, pace(own), shown, median(builtin) / median(own), hold)
        ours.run(asked)
        found = fills_of(ours)
        yield Check(
            ROW,
            f"fills of all points, the strategy {title}: {found.sum():.0f}, built in: {expected.sum():.0f}",
            np.array_equal(found, expected),
        )


def _beside_backtesting(bench: Bench, ours: Peer, rows: int) -> Iterator[Line | Check]:
    few = list(itertools.combinations(FEW_WINDOWS, 2))
    what = f"{POINTS} points on {short(rows)} daily bars beside {len(few)} of them"
    peer = bench.peer("backtesting", rows, "sweep", daily=True)
    if isinstance(peer, Absent):
        yield Line(ROW, what, "", f"backtesting.py absent: {peer}")
        return
    taken, theirs = interleaved(bench.pick(3, 1), lambda: ours.run(PLAIN), peer.run)
    ratio = (POINTS / median(taken)) / (len(few) / median(theirs))
    title = f"backtesting.py {versions('backtesting')['backtesting']}, optimize: {pace(theirs, len(few))}"
    yield Line(ROW, what, pace(taken), title, ratio)
    ours.run(TELL)
    places = {pair: place for place, pair in enumerate(itertools.combinations(WINDOWS, 2))}
    other = {tuple(pair): value for pair, value in zip(peer.last["points"], peer.last["total_return"], strict=True)}
    close = bench.panel(rows, True).block.close[:, 0]
    # where the first averages lie the other way, backtesting.py sees no crossing
    below = [pair for pair in few if close[pair[1] - pair[0] : pair[1]].mean() < close[: pair[1]].mean()]
    apart = max(abs(ours.last["total_return"][places[pair]] - other.get(pair, np.inf)) for pair in below)
    yield Check(
        ROW,
        f"total_return of the {len(below)} points whose fast average begins below is backtesting.py's, "
        f"within {apart:.1g}",
        apart <= CLOSE,
    )
    peer.close()


def _two_processes(bench: Bench, rows: int) -> Iterator[Line | Check]:
    """The pool of a sweep, of one and of two, whose processes are ready."""
    points = bench.pick(20_000, 2000)
    with tempfile.TemporaryDirectory(prefix="backbus-bench-") as folder:
        file = Path(folder) / "panel.arrow"
        panel = bench.panel(rows, True)
        write_panel(panel, file)
        job = sweep(points=points, files=str(file))
        space = Space(search_of(job))
        use = bundle(job.strategy.use, job.folder)
        setup = Setup(job, resolve_files(job.data, job.folder), use, sessions_of(panel))
        with Pool(setup, 1) as one, Pool(setup, 2) as two:

            def compute(pool: Pool) -> bytes:
                chunks = sorted(pool.run(points, partial(points_between, space)), key=lambda each: each[0])
                return b"".join(chunk.fingerprints.tobytes() for _, chunk in chunks)

            prints = {compute(pool) for pool in (one, two)}  # and all of their processes are ready
            bench.say(f"{points} points by one and by two processes in turns")
            alone, both = interleaved(
                bench.pick(5, 1), lambda: seconds_of(lambda: compute(one)), lambda: seconds_of(lambda: compute(two))
            )
    ratio = median(alone) / median(both)
    yield Line(
        ROW,
        f"{short(points)} points on {short(rows)} daily bars by two processes",
        pace(both, points),
        f"by one: {pace(alone, points)}",
        ratio,
        Hold(ratio, 1.9, "×"),
    )
    yield Check(ROW, f"fingerprints of {points} points by one process and by two", len(prints) == 1)


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
    fills = fills_of(ours)
    theirs = np.array(peer.last["orders"])
    yield Check(
        ROW,
        f"fills of all points on {short(rows)} bars: vectorbt {theirs.sum():.0f}, backbus {fills.sum():.0f}",
        np.array_equal(fills, theirs),
    )


def fills_of(ours: Peer) -> Ints:
    """[points] fills of the last sweep that told: a trade is closed by one, and each began with one."""
    closed, still_open = (np.array(ours.last[name], dtype=np.int64) for name in ("trades", "open_trades"))
    return np.asarray(2 * closed + still_open)


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
