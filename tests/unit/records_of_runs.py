"""What a run says in ORDER and FILL, by the engine and by the handlers: most reports are blind for an order that never
fills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Block, Panel
from backbus.performance.report import Report
from backbus.strategy import Strategy
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from backbus.trading import records as rec
from backbus.trading.records import Records

Hear = Callable[[Any], None]


class KeepsRecords(Engine):
    """The engine, and the ORDER and FILL records that its loop wrote."""

    orders: list[Records]
    fills: list[Records]

    def _count(self, block: Block, rows: Any, signals: Records, orders: Records, fills: Records) -> None:
        self.orders.append(orders.copy())
        self.fills.append(fills.copy())
        super()._count(block, rows, signals, orders, fills)


class Said(NamedTuple):
    """What came of a run."""

    report: Report
    orders: Records
    fills: Records


def said_by_engine(job: Job, panel: Panel, strategy: Strategy, hear: Hear = lambda pieces: None) -> Said:
    """A run in one process; ``hear`` is told its tables piece by piece."""
    engine = KeepsRecords(job, panel, strategy, hear)
    engine.orders, engine.fills = [rec.empty(rec.ORDER)], [rec.empty(rec.FILL)]
    report = engine.run()
    return Said(report, np.concatenate(engine.orders), np.concatenate(engine.fills))


def said_by_handlers(job: Job, panel: Panel, strategy: Strategy, block: int, window: int) -> Said:
    """The same by the five handlers."""
    heard: dict[Kind, list[Records]] = {Kind.ORDER: [rec.empty(rec.ORDER)], Kind.FILL: [rec.empty(rec.FILL)]}

    def hear(event: Event) -> None:
        if event.kind in heard and event.payload is not None:
            heard[event.kind].append(event.payload)

    report = run_handlers(job, panel, strategy, block=block, window=window, hear=hear)
    return Said(report, np.concatenate(heard[Kind.ORDER]), np.concatenate(heard[Kind.FILL]))


def assert_same(found: Said, wanted: Said, what: str) -> None:
    """The same bytes record by record, and the same report."""
    for name in ("orders", "fills"):
        ours, theirs = getattr(found, name), getattr(wanted, name)
        for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            assert one.tobytes() == other.tobytes(), f"{what}: {name}[{index}]: {one} is not {other}"
        assert len(ours) == len(theirs), f"{what}: {name}"
    assert found.report == wanted.report, what
