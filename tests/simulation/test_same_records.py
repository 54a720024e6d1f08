"""The records behind the reports: ORDER and FILL of the engine are, byte for byte, those of the chain of handlers."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.job.job import Job
from backbus.strategy import Strategy
from backbus.trading.codes import End
from tests.simulation.cases import some_case
from tests.simulation.test_one_answer import BATCH, FIRST, SEEDS
from tests.unit.order_market import bars, flat
from tests.unit.records_of_runs import assert_same, said_by_engine, said_by_handlers


@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, BATCH))
def test_orders_and_fills_of_the_handlers_are_the_bytes_of_the_engine(first: int) -> None:
    for seed in range(first, min(first + BATCH, FIRST + SEEDS)):
        case = some_case(seed)
        engine = said_by_engine(case.job, case.panel, case.strategy)
        found = said_by_handlers(case.job, case.panel, case.strategy, case.block, case.window)
        assert_same(found, engine, f"seed {seed}")


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
    engine = said_by_engine(job, market, AsksForTheDay())
    over = engine.fills[engine.fills["rule"] == End.DAY_OVER]
    assert list(zip(over["tick"] // 6, over["unit"], strict=True)) == [(1, 1.1), (2, 1.2), (3, 1.3)]
    assert_same(said_by_handlers(job, market, AsksForTheDay(), 2, 4), engine, "handlers")
