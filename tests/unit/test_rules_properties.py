"""What holds of every run, whatever the market and the settings: no look-ahead, no debt, no money from nowhere."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.engine.run import Engine
from backbus.jobs import Job
from backbus.market.panel import FIELDS, Panel
from backbus.performance.tables import Columns, Piece
from backbus.strategy import Strategy
from tests.simulation.cases import Case, some_case
from tests.unit.rules_run import HOLE

seeds = st.integers(0, 1 << 30)
thoroughly = settings(max_examples=int(os.environ.get("BACKBUS_EXAMPLES", "150")), deadline=None, derandomize=True)


def run(job: Job, market: Panel, strategy: Strategy) -> dict[str, Columns]:
    """The tables of a run."""
    parts: dict[str, list[Columns]] = {}
    pieces: list[Piece] = []
    Engine(job, market, strategy, pieces.extend).run()
    for name, columns in pieces:
        parts.setdefault(name, []).append(columns)
    return {name: {c: np.concatenate([p[c] for p in some]) for c in some[0]} for name, some in parts.items()}


def case_with(seed: int, portfolio: dict[str, Any] | None = None, execution: dict[str, Any] | None = None) -> Case:
    """A random case with some settings held fast."""
    case = some_case(seed)
    plain = case.job.plain()
    plain["portfolio"] |= portfolio or {}
    plain["execution"] |= execution or {}
    if plain["execution"]["fill"] == "close":
        plain["portfolio"]["size_at"] = "close"
    return Case(case.panel, Job.parse(plain), case.strategy, case.block, case.window, case.faults)


def altered(market: Panel, change: Any) -> Panel:
    """The market after ``change`` of its five columns in place."""
    columns = {name: np.array(getattr(market.block, name)) for name in FIELDS}
    change(*columns.values())
    return Panel(market.layout, replace(market.block, **columns))


def until(tables: dict[str, Columns], tick: int) -> dict[str, dict[str, Any]]:
    """Everything that a run had said before ``tick``; a row of equity counts as said at its end."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("signals", "orders", "fills", "equity"):
        columns = tables[name]
        ticks = columns["tick"] if "tick" in columns else 6 * columns["row"] + 5
        dropped = ("time", "session")
        found[name] = {c: v[ticks < tick].tolist() for c, v in columns.items() if c not in dropped}
    return found


@thoroughly
@given(seeds)
def test_no_purchase_overdraws_an_account_without_leverage_and_shorts_and_no_sale_makes_it_short(seed: int) -> None:
    """Only the fee of a sale can exceed what is there: an exit is never refused, even one that brings in less."""
    case = case_with(seed, {"shorts": False, "leverage": 1.0})
    fills = run(case.job, case.panel, case.strategy)["fills"]
    cash, held = case.job.portfolio.cash, np.zeros(case.panel.layout.assets)
    for asset, quantity, price, fee in zip(*(fills[c] for c in ("symbol", "quantity", "price", "fee")), strict=True):
        cash = cash - quantity * price - fee
        held[asset] += quantity
        assert held[asset] >= 0.0
        assert cash >= 0.0 or (quantity < 0.0 and case.job.execution.commission.model != "none")


@thoroughly
@given(seeds)
def test_cash_and_positions_are_the_equity_to_the_last_bit(seed: int) -> None:
    """The ledger, kept again in plain Python from the fills and the closes alone, in the order of their ticks."""
    case = some_case(seed)
    tables = run(case.job, case.panel, case.strategy)
    fills, equity = tables["fills"], tables["equity"]
    cash, assets = case.job.portfolio.cash, case.panel.layout.assets
    held, last = [0.0] * assets, [HOLE] * assets
    closes = case.panel.block.close.tolist()
    for row in range(case.panel.layout.warmup):
        last = [new if new == new else old for new, old in zip(closes[row], last, strict=True)]
    used = 0
    for index, row in enumerate(equity["row"].tolist()):
        while used < len(fills["tick"]) and fills["row"][used] == row:
            asset, quantity = int(fills["symbol"][used]), float(fills["quantity"][used])
            cash = cash - quantity * float(fills["price"][used]) - float(fills["fee"][used])
            held[asset] += quantity
            used += 1
        last = [new if new == new else old for new, old in zip(closes[row], last, strict=True)]
        worth, gross = cash + 0.0, 0.0
        for asset in range(assets):
            if held[asset]:
                worth += held[asset] * last[asset]
                gross += abs(held[asset] * last[asset])
        shown = tuple(float(equity[name][index]) for name in ("cash", "equity", "gross"))
        assert shown == (cash, worth, gross)
    assert used == len(fills["tick"])


@thoroughly
@given(seeds)
def test_fills_at_the_open_are_the_open_of_their_bar_made_worse_by_slippage(seed: int) -> None:
    case = case_with(seed, execution={"fill": "open", "slippage": {"model": "bps", "bps": 50.0}})
    fills = run(case.job, case.panel, case.strategy)["fills"]
    opens = case.panel.block.open[fills["row"], fills["symbol"]]
    worse = np.where(fills["quantity"] > 0.0, 1.0 + 50.0 / 10_000.0, 1.0 - 50.0 / 10_000.0)
    assert fills["reference"].tolist() == opens.tolist()
    assert fills["price"].tolist() == (opens * worse).tolist()


@thoroughly
@given(seeds, st.sampled_from(["open", "close"]))
def test_twice_the_cash_and_twice_the_quantity_give_twice_the_result(seed: int, fill: str) -> None:
    """Doubling is exact in binary: not a bit may differ, whatever is cut or refused on the way."""
    commission = {"model": "bps", "bps": 20.0}
    results = []
    for factor in (1.0, 2.0):
        size = {"model": "fixed_quantity", "quantity": 7.5 * factor}
        account = {"cash": 3000.0 * factor, "sizing": size, "lot": 0.5 * factor}
        case = case_with(seed, account, {"fill": fill, "commission": commission})
        results.append(run(case.job, case.panel, case.strategy))
    once, twice = results
    for table, column in (("equity", "equity"), ("equity", "cash"), ("fills", "quantity"), ("fills", "fee")):
        assert (2.0 * once[table][column]).tolist() == twice[table][column].tolist()
    assert once["fills"]["tick"].tolist() == twice["fills"]["tick"].tolist()


@thoroughly
@given(seeds)
def test_the_open_of_a_row_is_traded_without_a_look_at_the_rest_of_its_bar(seed: int) -> None:
    case = case_with(seed, execution={"fill": "open"})
    row = random.Random(seed).randrange(case.panel.layout.rows)

    def change(open_: Any, high: Any, low: Any, close: Any, volume: Any) -> None:
        for column in (high, low, close):
            column[row] *= 1.7
        volume[row] += 99.0

    tables = run(case.job, case.panel, case.strategy)
    other = run(case.job, altered(case.panel, change), case.strategy)
    before_the_close = 6 * row + 3
    assert until(other, before_the_close) == until(tables, before_the_close)


@thoroughly
@given(seeds)
def test_nothing_up_to_a_row_depends_on_anything_after_it(seed: int) -> None:
    case = some_case(seed)
    row = random.Random(seed).randrange(case.panel.layout.rows)
    draw = np.random.default_rng(seed)

    def change(*columns: Any) -> None:
        for column in columns:
            column[row + 1 :] *= draw.uniform(0.5, 2.0, column[row + 1 :].shape)

    def holes(*columns: Any) -> None:
        missing = draw.random(columns[0].shape) < 0.5
        missing[: row + 1] = False
        for column in columns:
            column[missing] = HOLE

    wanted = until(run(case.job, case.panel, case.strategy), 6 * row + 6)
    for future in (change, holes):
        assert until(run(case.job, altered(case.panel, future), case.strategy), 6 * row + 6) == wanted


@thoroughly
@given(seeds, st.integers(1, 40))
def test_how_rows_are_cut_into_blocks_changes_nothing(seed: int, block: int) -> None:
    case = some_case(seed)
    plain = case.job.plain()
    plain["run"]["block"] = block
    report = Engine(Job.parse(plain), case.panel, case.strategy).run()
    assert report == Engine(case.job, case.panel, case.strategy).run()
