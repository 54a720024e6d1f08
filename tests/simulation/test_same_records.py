"""The records behind the reports: ORDER and FILL of the engine are, byte for byte, those of the chain of handlers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Block, Panel
from backbus.strategy import Strategy
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from backbus.trading import records as rec
from backbus.trading.codes import End
from backbus.trading.records import Records
from tests.simulation.cases import some_case
from tests.simulation.test_one_answer import BATCH, FIRST, SEEDS
from tests.unit.order_market import bars, flat


class KeepsRecords(Engine):
    """The engine, and the ORDER and FILL records that its loop wrote."""

    orders: list[Records]
    fills: list[Records]

    def _count(self, block: Block, rows: Any, signals: Records, orders: Records, fills: Records) -> None:
        self.orders.append(orders.copy())
        self.fills.append(fills.copy())
        super()._count(block, rows, signals, orders, fills)


def records_of_engine(job: Job, panel: Panel, strategy: Strategy) -> tuple[Records, Records]:
    engine = KeepsRecords(job, panel, strategy)
    engine.orders, engine.fills = [rec.empty(rec.ORDER)], [rec.empty(rec.FILL)]
    engine.run()
    return np.concatenate(engine.orders), np.concatenate(engine.fills)


def records_of_handlers(job: Job, panel: Panel, strategy: Strategy, block: int, window: int) -> tuple[Records, Records]:
    heard: dict[Kind, list[Records]] = {Kind.ORDER: [rec.empty(rec.ORDER)], Kind.FILL: [rec.empty(rec.FILL)]}

    def hear(event: Event) -> None:
        if event.kind in heard and event.payload is not None:
            heard[event.kind].append(event.payload)

    run_handlers(job, panel, strategy, block=block, window=window, hear=hear)
    return np.concatenate(heard[Kind.ORDER]), np.concatenate(heard[Kind.FILL])


def assert_same_bytes(found: Records, wanted: Records, what: str) -> None:
    for index, (ours, theirs) in enumerate(zip(found, wanted, strict=False)):
        assert ours.tobytes() == theirs.tobytes(), f"{what} {index}: {ours} is not {theirs}"
    assert len(found) == len(wanted), what


@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, BATCH))
def test_orders_and_fills_of_the_handlers_are_the_bytes_of_the_engine(first: int) -> None:
    for seed in range(first, min(first + BATCH, FIRST + SEEDS)):
        case = some_case(seed)
        orders, fills = records_of_engine(case.job, case.panel, case.strategy)
        found = records_of_handlers(case.job, case.panel, case.strategy, case.block, case.window)
        assert_same_bytes(found[0], orders, f"seed {seed}: ORDER")
        assert_same_bytes(found[1], fills, f"seed {seed}: FILL")


class AsksForTheDay(Strategy):
    """Wants the first asset far below the market, for the day."""

    def on_bar(self, bar: Any) -> None:
        if bar.symbol == "A":
            self.buy(1, limit=bar.close / 2.0, time_in_force="day")


def test_an_order_that_ends_with_its_day_says_the_unit_of_before_that_days_close() -> None:
    """A is quoted in euros, whose rate is B's close: a day's orders end before its close is known."""
    market = bars(*[[flat(100.0), flat(rate)] for rate in (1.1, 1.2, 1.3, 1.4)])
    job = Job.parse(
        {
            "strategy": {"use": "none"},
            "portfolio": {"rates": {"EUR": "B"}},
            "instruments": [{"symbols": "A", "currency": "EUR"}],
        }
    )
    _, fills = records_of_engine(job, market, AsksForTheDay())
    over = fills[fills["rule"] == End.DAY_OVER]
    assert list(zip(over["tick"] // 6, over["unit"], strict=True)) == [(1, 1.1), (2, 1.2), (3, 1.3)]
    _, found = records_of_handlers(job, market, AsksForTheDay(), 2, 4)
    assert_same_bytes(found, fills, "FILL")
