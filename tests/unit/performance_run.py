"""A made-up run: its panel, its streams and the ways to hand them out. Nothing in it has to make sense as trading."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from backbus.job.job import Job
from backbus.market.panel import Block, Floats, Layout
from backbus.performance.report import Report
from backbus.performance.statistics import Statistics
from backbus.streams.event import Event
from backbus.streams.stream import StreamWriter
from backbus.streams.topology import PERFORMANCE, Kind, read_by
from backbus.trading.account_rows import EquityRows
from backbus.trading.codes import Action, BookingKind, Reason
from backbus.trading.records import BOOKING, FILL, ORDER, SIGNAL, Records, order_id

ROWS, WARMUP, PER_SESSION = 200, 23, 6


@dataclass(frozen=True)
class Run:
    """Everything that the performance handler is told of one run."""

    job: Job
    layout: Layout
    block: Block
    equity: EquityRows
    signals: Records
    orders: Records
    fills: Records

    def payload(self, kind: Kind, begin: int, end: int) -> Block | EquityRows | Records:
        """Records ``begin`` to ``end`` of a stream."""
        if kind is Kind.NEW_DATA:
            return self.block.rows(begin, end)
        if kind is Kind.EQUITY:
            return self.equity.rows(begin, end)
        return {Kind.SIGNAL: self.signals, Kind.ORDER: self.orders, Kind.FILL: self.fills}[kind][begin:end]


def some_run(seed: int = 0, *, rows: int = ROWS, warmup: int = WARMUP, **settings: object) -> Run:
    """A run of two assets with holes, that signals, orders and fills here and there, and is paid dividends."""
    rng = np.random.default_rng(seed)
    close: Floats = 50.0 + rng.uniform(-1.0, 1.0, (rows, 2)).cumsum(axis=0)
    close[rng.random((rows, 2)) < 0.1] = np.nan
    ends = 1_600_000_000_000_000_000 + np.arange(rows) * 60_000_000_000
    block = Block(0, ends, 18_000 + np.arange(rows) // PER_SESSION, close, close, close, close, close)
    equity = 100_000.0 + rng.normal(0.0, 300.0, rows - warmup).cumsum()
    gross = np.where(rng.random(rows - warmup) < 0.4, 0.0, 0.5 * equity)
    decided = np.sort(rng.choice(np.arange(warmup, rows - 1), (rows - warmup) // 4, replace=False))
    count = len(decided)
    signals, orders = np.zeros(count, SIGNAL), np.zeros(count, ORDER)
    signals["tick"], orders["tick"] = 6 * decided + 3, 6 * decided + 4
    signals["asset"] = orders["asset"] = rng.integers(0, 2, count)
    signals["value"] = rng.choice([-1.0, 0.0, 1.0], count)
    orders["kind"] = rng.choice([Action.PLACE, Action.PLACE, Action.PLACE, Action.CANCEL, Action.REFUSE], count)
    orders["order"] = [order_id(int(row), int(asset), 0) for row, asset in zip(decided, orders["asset"], strict=True)]
    orders["reason"] = np.where(orders["kind"] == Action.REFUSE, Reason.SHORTS_NOT_ALLOWED, 0)
    orders["wanted"] = rng.integers(-9, 9, count) * 10.0
    orders["quantity"] = np.where(rng.random(count) < 0.2, orders["wanted"] / 2.0, orders["wanted"])
    placed = orders[orders["kind"] == Action.PLACE]
    filled = placed[rng.random(len(placed)) < 0.8]
    fills = np.zeros(len(filled), FILL)
    fills["tick"] = filled["tick"] + 3
    for name in ("order", "asset", "quantity"):
        fills[name] = filled[name]
    fills["reference"] = rng.uniform(40.0, 60.0, len(fills))
    fills["price"] = fills["reference"] + np.sign(fills["quantity"]) * 0.05
    fills["fee"] = 1.25
    fills["unit"] = 1.0
    paid = np.sort(rng.choice(np.arange(warmup, rows), (rows - warmup) // 8, replace=False))
    bookings = np.zeros(len(paid), BOOKING)
    bookings["tick"], bookings["kind"] = 6 * paid, BookingKind.DIVIDEND
    bookings["asset"], bookings["amount"] = rng.integers(0, 2, len(paid)), rng.normal(0.0, 50.0, len(paid))
    job = Job.parse({"name": "made up", "strategy": {"use": "None"}, "performance": {"benchmark": "B"}, **settings})
    layout = Layout(("A", "B"), rows, warmup, 60_000_000_000)
    account = EquityRows(warmup, equity, equity - gross, gross, bookings)
    return Run(job, layout, block, account, signals, orders, fills)


def whole(run: Run) -> Report:
    """The report as the engine makes it: from whole arrays."""
    statistics = Statistics(run.job, run.layout, marks=True)
    statistics.add_rows(run.block, run.equity)
    statistics.add_fills(run.fills)
    statistics.add_orders(run.orders)
    statistics.add_signals(len(run.signals))
    return statistics.report()


def report_as_json(seed: int) -> str:
    """The report of ``some_run`` as text."""
    return whole(some_run(seed)).to_json()


def unsaid(said: Iterable[Kind]) -> list[Kind]:
    """What performance reads beside these streams: nothing is said in it but its end."""
    return [kind for kind in read_by(PERFORMANCE) if kind not in said]


def events_of(run: Run, rng: np.random.Generator) -> dict[Kind, list[Event]]:
    """The run's streams, each cut at random; a stream says through which tick it is complete, and repeats itself."""
    end = 6 * run.layout.rows
    streams: dict[Kind, list[Event]] = {}
    for kind, records in (
        (Kind.NEW_DATA, run.block),
        (Kind.EQUITY, run.equity),
        (Kind.SIGNAL, run.signals),
        (Kind.ORDER, run.orders),
        (Kind.FILL, run.fills),
    ):
        writer = StreamWriter(kind, "someone")
        size = len(records)
        edges = sorted({0, size, *(int(cut) for cut in rng.integers(0, size + 1, rng.integers(0, 12)))})
        events: list[Event] = []
        for begin, stop in itertools.pairwise(edges):
            if kind is Kind.NEW_DATA:
                watermark = 6 * stop
            elif kind is Kind.EQUITY:
                watermark = 6 * (run.layout.warmup + stop)
            else:
                watermark = int(run.payload(kind, stop, stop + 1)["tick"][0]) if stop < size else end  # type: ignore[index]
            events.append(writer.write(run.payload(kind, begin, stop), watermark))
            if rng.random() < 0.3:
                events.append(writer.high_water_mark())
        if not events or events[-1].watermark < end:
            events.append(writer.write(None, end))
        streams[kind] = events
    return streams | {kind: [StreamWriter(kind, "someone").write(None, end)] for kind in unsaid(streams)}


def interleaved(streams: dict[Kind, list[Event]], rng: np.random.Generator) -> Iterable[Event]:
    """All events, each stream in its order, the streams mixed at random."""
    queues = {kind: list(events) for kind, events in streams.items()}
    while queues:
        kind = list(queues)[int(rng.integers(len(queues)))]
        yield queues[kind].pop(0)
        if not queues[kind]:
            del queues[kind]
