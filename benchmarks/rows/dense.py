"""The chain of services where decisions are dense: one about every 26 bars; and a careful attempt, in which each is
worth a round trip."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.parquet as pq

from backbus.job.job import Job
from benchmarks import round_trip
from benchmarks.bench import Bench
from benchmarks.cross import Run, job
from benchmarks.environments import Absent, versions
from benchmarks.measure import Check, Hold, Line, duration, median, rate, short
from benchmarks.peer import Peer
from benchmarks.rows.engine import same_orders, speed
from benchmarks.stack import Served

ROW = "dense"
MEASURED = "from the attempt's assignment to the commit of its result"
NAUTILUS_ROWS = 50_000
NAUTILUS_BEFORE = 13_000
"""Bars a second that nautilus_trader was measured at when the bound was set: used where it cannot be installed."""


def series(bench: Bench) -> Iterator[Line | Check]:
    """The cross on the stack beside nautilus_trader, in turns."""
    rows, repeats = bench.pick(1_000_000, 100_000), bench.pick(5, 2)
    panel, stack, scale = bench.panel(rows), bench.stack(), bench.scale()
    stack.run(job(), panel)  # inputs are fetched and everything is loaded
    peer = bench.peer("nautilus_trader", min(rows, NAUTILUS_ROWS))
    bench.say(f"{repeats} times in turns: the services on {short(rows)} bars, nautilus_trader")
    taken: list[float] = []
    theirs: list[float] = []
    for _ in range(repeats):
        served = stack.run(job(), panel)
        taken.append(served.seconds)
        if not isinstance(peer, Absent):
            theirs.append(peer.run())
    decisions = served.result.summary.counts.orders
    pace = rows / median(taken)
    yield Line(
        ROW,
        f"services, SMA 10/30 on {short(rows)} minute bars, {decisions} decisions",
        speed(rows, taken),
        hold=Hold(pace, 700e3 * scale, "bars/s", goal=2e6 * scale),
        note=f"{MEASURED}; {served.spent(decisions)}",
        runs=(taken,),
    )
    yield _beside_nautilus(peer, pace, (taken, theirs))
    yield from checks(ROW, served, Run(panel, job()))
    if not isinstance(peer, Absent):
        yield same_orders(ROW, Run(bench.panel(peer.rows), job()).report, peer)
        peer.close()


def run(bench: Bench) -> Iterator[Line | Check]:
    """Carefully: where everyone waits for what others say, a decision is a round trip."""
    rows, repeats = bench.pick(200_000, 50_000), bench.pick(3, 1)
    panel, stack = bench.panel(rows), bench.stack()
    careful = careful_of(job())
    stack.run(careful, panel)
    trips: list[float] = []
    taken: list[float] = []
    bench.say(f"{repeats} times in turns: a round trip's median, a careful attempt on {short(rows)} bars")
    for _ in range(repeats):
        trips.append(round_trip.measure(stack.settings))
        served = stack.run(careful, panel)
        taken.append(served.seconds)
    decisions = served.result.summary.counts.orders
    bound = decisions * median(trips)
    held = bound / median(taken)
    yield Line(
        ROW,
        f"a careful attempt on {short(rows)} bars, {decisions} decisions",
        f"{speed(rows, taken)}, {duration(median(taken) / decisions)} a decision",
        f"bound: {decisions} round trips of {duration(median(trips))}: {duration(bound)}",
        held,
        Hold(held, 0.6, "of the bound"),
        served.spent(decisions),
        (taken, trips),
    )
    yield from checks(ROW, served, Run(panel, careful))


def careful_of(plain: Job) -> Job:
    """The job, without predictions."""
    return Job.parse({**plain.plain(), "run": {"predict": False}})


def _beside_nautilus(peer: Peer | Absent, pace: float, runs: tuple[list[float], ...]) -> Line:
    what = "the same, bars a second beside an engine in one process"
    if isinstance(peer, Absent):
        other, runs = float(NAUTILUS_BEFORE), runs[:1]
        shown = f"nautilus_trader absent: {peer}; {rate(other, 1.0)} as once measured"
    else:
        other = peer.rows / median(runs[1])
        title = f"nautilus_trader {versions('nautilus_trader')['nautilus_trader']}, {short(peer.rows)} bars"
        shown = f"{title}: {rate(other, 1.0)}"
    return Line(ROW, what, rate(pace, 1.0), shown, pace / other, Hold(pace / other, 30, "×"), runs=runs)


def checks(row: str, served: Served, own: Run) -> Iterator[Check]:
    """The services gave the engine's answer, were solvent throughout and traded to the end."""
    report, artifacts = served.result.summary, served.result.artifacts
    same = own.report.fingerprint == report.fingerprint
    yield Check(row, f"fingerprint: engine {own.report.fingerprint}, services {report.fingerprint}", same)
    last = pq.read_table(artifacts["fills"], columns=["row"]).column("row")[-1].as_py()
    yield Check(row, f"last fill in row {last} of {report.rows}", last >= 0.99 * report.rows)
    least = float(pq.read_table(artifacts["equity"], columns=["equity"]).column("equity").to_numpy().min())
    yield Check(row, f"least equity {least:,.2f} > 0", least > 0.0)
