"""Sweeps of the cross over all pairs of 46 windows: on one core beside vectorbt, raptorbt and backtesting.py, and on
two."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial

import numpy as np

from backbus.market.panel import Ints
from benchmarks.bench import Bench
from benchmarks.environments import Absent, versions
from benchmarks.measure import Check, Hold, Line, duration, interleaved, median, rate, seconds_of, short
from benchmarks.peer import OURS, Peer
from benchmarks.peers.serve import FEW_WINDOWS, WINDOWS
from benchmarks.pools import pools

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
    ("of a file, with our averages", "sma_in_file.py:SmaInFile", 5, 100e6),
    ("in plain numpy", "sma_in_numpy.py:SmaInNumpy", 3, 60e6),
    ("in plain Python, bar by bar", "sma_by_hand.py:SmaByHand", 1, None),
)
"""Strategies that users would write, how often each sweeps, and bar-points a second to hold."""
VECTORBT = ("vectorbt", "vectorbt_rust")
"""Its two engines, each in an environment of its own."""
KERNELS = {
    "run_points": "trading and counting",
    "run_groups": "trading and counting eight side by side",
    "observe_returns": "observing returns",
    "take_sums": "observing returns that were summed side by side",
}


def series(bench: Bench) -> Iterator[Line | Check]:
    """The dense grid: daily bars beside vectorbt, daily and minute bars beside raptorbt."""
    days, minutes = _sizes(bench)
    ours = own_process(bench, days, daily=True)
    yield from _beside_vectorbt(bench, ours, days, bench.pick(7, 2), daily=True)
    yield from _beside_raptorbt(bench, ours, days, bench.pick(5, 2), DENSE, daily=True)
    ours.close()
    ours = own_process(bench, minutes, daily=False)
    yield from _beside_raptorbt(bench, ours, minutes, bench.pick(3, 1), DENSE, daily=False)
    ours.close()


def _sizes(bench: Bench) -> tuple[int, int]:
    """Daily bars and minute bars."""
    return bench.pick(5000, 1000), bench.pick(100_000, 10_000)


def run(bench: Bench) -> Iterator[Line | Check]:
    """The sparse grid, resamples, exits, others' strategies, another peer and a second process; then minute bars."""
    days, minutes = _sizes(bench)
    ours = own_process(bench, days, daily=True)
    yield from _with_resamples(bench, ours, days, bench.pick(7, 2), daily=True)
    yield from _beside_raptorbt(bench, ours, days, bench.pick(5, 1), RARE, daily=True)
    yield from _with_exits(bench, ours, days)
    yield from _own_strategies(bench, ours, days)
    yield from _beside_backtesting(bench, ours, days)
    ours.close()
    yield from _two_processes(bench, days)
    ours = own_process(bench, minutes, daily=False)
    yield from _beside_vectorbt(bench, ours, minutes, bench.pick(3, 1), daily=False)
    yield from _with_resamples(bench, ours, minutes, bench.pick(3, 1), daily=False)
    yield from _beside_raptorbt(bench, ours, minutes, bench.pick(3, 1), RARE, daily=False)
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
    bars = _bars(rows, daily)
    what = f"{POINTS} points of SMA crosses on {bars}, one core"
    bench.say(f"{repeats} sweeps of {bars} in turns")
    if isinstance(peer, Absent):
        (taken,) = interleaved(repeats, lambda: ours.run(PLAIN))
        yield Line(ROW, what, pace(taken), f"vectorbt absent: {peer}", note=shares(ours), runs=(taken,))
    else:

        def run_peer() -> float:
            seconds = peer.run()
            peaks.append(peer.resident)  # the first counts: more sweeps in one process leave more behind
            return seconds

        taken, theirs = interleaved(repeats, lambda: ours.run(PLAIN), run_peer)
        ratio = median(theirs) / median(taken)
        title = f"vectorbt {versions('vectorbt')['vectorbt']} ({faster}), three statistics: {pace(theirs)}"
        hold, runs = Hold(ratio, 35, "×") if daily else None, (taken, theirs)
        yield Line(ROW, what, pace(taken), title, ratio, hold, note=shares(ours), runs=runs)
    yield Line(
        ROW,
        f"resident memory of a process that sweeps {POINTS} points on {bars}",
        f"{short(memory)}B",
        f"vectorbt: {short(peaks[0])}B" if peaks else "",
        hold=Hold(memory / 1e6, 300, "MB", at_most=True),
    )
    if not isinstance(peer, Absent):
        yield from _compared(ours, peer, rows)
        peer.close()


def _bars(rows: int, daily: bool) -> str:
    return f"{short(rows)} {'daily' if daily else 'minute'} bars"


def _with_resamples(bench: Bench, ours: Peer, rows: int, repeats: int, *, daily: bool) -> Iterator[Line]:
    bench.say(f"{repeats} sweeps of {_bars(rows, daily)} with resamples and without, in turns")
    plain, honest = interleaved(repeats, lambda: ours.run(PLAIN), lambda: ours.run(HONEST))
    yield Line(
        ROW,
        f"{POINTS} points on {_bars(rows, daily)} with 500 resamples, so that the best can be judged",
        pace(honest),
        f"without: {pace(plain)}",
        median(plain) / median(honest),
        runs=(honest, plain),
    )


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


Grid = tuple[str, str, str, dict[bool, tuple[float, float | None, float | None]]]
"""Its name, what is asked of us and of raptorbt, and for daily (True) and for minute bars: bar-points a second to hold
and to aim at, and times raptorbt."""
DENSE: Grid = ("dense", PLAIN, "plain", {True: (110e6, 170e6, 8.0), False: (180e6, None, None)})
RARE: Grid = ("sparse", SPARSE, "sparse", {True: (130e6, 230e6, None), False: (300e6, 400e6, 15.0)})


def _beside_raptorbt(
    bench: Bench, ours: Peer, rows: int, repeats: int, which: Grid, *, daily: bool
) -> Iterator[Line | Check]:
    """A grid, in bar-points a second, beside raptorbt on one thread: it invests a part of equity, so its orders are as
    many and not as large."""
    peer, scale = bench.peer("raptorbt", rows, "sweep", daily=daily), bench.scale()
    bars = _bars(rows, daily)
    grid, own, asked, limits = which
    least, goal, times = limits[daily]
    bench.say(f"{repeats} sweeps of the {grid} grid on {bars} in turns")
    measures = [lambda: ours.run(own)]
    if not isinstance(peer, Absent):
        measures.append(lambda: peer.run(asked))
    taken, *others = interleaved(repeats, *measures)
    cells = POINTS * rows
    held = cells / median(taken)
    hold = Hold(held, least * scale, "bar-points/s", goal=None if goal is None else goal * scale)
    what = f"{POINTS} points of the {grid} grid on {bars}, one core"
    yield Line(ROW, what, f"{short(held)} bar-points/s", hold=hold, runs=(taken,))
    if others:
        ratio = median(others[0]) / median(taken)
        title = f"raptorbt {versions('raptorbt')['raptorbt']}: {short(cells / median(others[0]))} bar-points/s"
        beside = None if times is None else Hold(ratio, times, "×")
        what, runs = f"the {grid} grid on {bars} beside it", (taken, others[0])
        yield Line(ROW, what, f"{short(held)} bar-points/s", title, ratio, beside, runs=runs)
    if isinstance(peer, Absent):
        return
    if which is DENSE:  # whose run was the last that raptorbt did
        ours.run(TELL)
        closed, theirs = int(sum(ours.last["trades"])), int(sum(peer.last["trades"]))
        apart = abs(closed - theirs) / closed
        yield Check(ROW, f"trades of all points on {bars}: raptorbt {theirs}, backbus {closed}", apart < 0.01)
    peer.close()


def _with_exits(bench: Bench, ours: Peer, rows: int) -> Iterator[Line | Check]:
    """The cross with a stop and a target for each entry."""
    own, plain = interleaved(bench.pick(2, 1), partial(ours.run, EXITS), partial(ours.run, PLAIN))
    what = f"{POINTS} points on {short(rows)} daily bars with a stop and a target"
    shown = f"{short(POINTS * rows / median(own))} bar-points/s"
    yield Line(ROW, what, shown, f"without: {pace(plain)}", median(plain) / median(own), runs=(own, plain))


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
        yield Line(ROW, what, pace(own), shown, median(builtin) / median(own), hold, runs=(own, builtin))
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
    yield Line(ROW, what, pace(taken), title, ratio, runs=(taken, theirs))
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
    with pools(bench.panel(rows, True), points, (1, 2)) as (one, two):
        prints = {one(), two()}  # and all of their processes are ready
        bench.say(f"{points} points by one and by two processes in turns")
        alone, both = interleaved(bench.pick(5, 1), lambda: seconds_of(one), lambda: seconds_of(two))
    ratio = median(alone) / median(both)
    yield Line(
        ROW,
        f"{short(points)} points on {short(rows)} daily bars by two processes",
        pace(both, points),
        f"by one: {pace(alone, points)}",
        ratio,
        Hold(ratio, 1.9, "×"),
        runs=(both, alone),
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
