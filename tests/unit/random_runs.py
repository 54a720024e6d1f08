"""Random runs with some settings held fast, markets that are altered, and what came of a run as columns."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.columns import FIELDS
from backbus.market.panel import Panel
from backbus.performance.tables import Columns, Piece
from backbus.strategy import Strategy
from backbus.trading.codes import BOOKING_KINDS
from tests.simulation.cases import Case, some_case
from tests.unit.panels import tables_of

seeds = st.integers(0, 1 << 30)
thoroughly = settings(max_examples=int(os.environ.get("BACKBUS_EXAMPLES", "150")), deadline=None, derandomize=True)


def run(job: Job, market: Panel, strategy: Strategy) -> dict[str, Columns]:
    """The tables of a run."""
    pieces: list[Piece] = []
    Engine(job, market, strategy, pieces.extend).run()
    return tables_of(pieces)


def case_with(
    seed: int,
    portfolio: dict[str, Any] | None = None,
    execution: dict[str, Any] | None = None,
    *,
    plain_assets: bool = False,
) -> Case:
    """A random case with some settings held fast; with ``plain_assets`` without futures, multipliers and the like."""
    case = some_case(seed)
    plain = case.job.plain()
    if plain_assets:
        plain["instruments"] = []
    plain["portfolio"] |= portfolio or {}
    plain["execution"] |= execution or {}
    if plain["execution"]["fill"] == "close":
        plain["portfolio"]["size_at"] = "close"
    return Case(case.panel, Job.parse(plain), case.strategy, case.block, case.window, case.faults)


def at_home(case: Case) -> Case:
    """The case without splits, dividends, a universe and calendars, all in one currency."""
    plain = case.job.plain()
    plain["instruments"] = [{**line, "currency": None} for line in plain["instruments"]]
    plain["data"] = {}
    layout, block = (
        replace(case.panel.layout, columns=(), universe=None, calendars=()),
        replace(case.panel.block, extra={}),
    )
    return replace(case, panel=Panel(layout, block), job=Job.parse(plain))


def altered(market: Panel, change: Any) -> Panel:
    """The market after ``change`` of its five columns in place."""
    columns = {name: np.array(getattr(market.block, name)) for name in FIELDS}
    change(*columns.values())
    for column in columns.values():
        column.flags.writeable = False  # as all panels are: anything else would be compiled for it alone
    return Panel(market.layout, replace(market.block, **columns))


def until(tables: dict[str, Columns], tick: int) -> dict[str, dict[str, Any]]:
    """Everything that a run had said before ``tick``; a row of equity counts as said at its end."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("signals", "orders", "fills", "equity"):
        columns = tables[name]
        ticks = columns["logical_time"] if "logical_time" in columns else 6 * columns["row"] + 5
        dropped = ("time", "session")
        kept = {c: v[ticks < tick].tolist() for c, v in columns.items() if c not in dropped}
        found[name] = {c: [None if x != x else x for x in values] for c, values in kept.items()}
    return found


def filled(tables: dict[str, Columns]) -> Columns:
    """The fills of a run, without what else became of orders."""
    fills = tables["fills"]
    return {name: column[fills["quantity"] != 0.0] for name, column in fills.items()}


def entries(tables: dict[str, Columns]) -> list[tuple[str, int, dict[str, float]]]:
    """What changed the book, in order: "fill" or the kind of booking, the row, and its columns."""
    found = []
    fills = filled(tables)
    for index, tick in enumerate(fills["logical_time"]):
        found.append((int(tick), 1, "fill", {name: column[index] for name, column in fills.items()}))
    booked = tables.get("account_activity", {"logical_time": []})
    for index, tick in enumerate(booked["logical_time"]):
        kind = BOOKING_KINDS[booked["kind"][index]]
        found.append((int(tick), 0, kind, {name: column[index] for name, column in booked.items()}))
    found.sort(key=lambda entry: entry[:2])
    return [(kind, tick // 6, columns) for tick, _, kind, columns in found]
