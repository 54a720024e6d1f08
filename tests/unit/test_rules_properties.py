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
from backbus.job.job import Job
from backbus.market.columns import FIELDS, PRICES
from backbus.market.panel import Panel
from backbus.performance.tables import Columns, Piece
from backbus.strategy import Strategy
from backbus.trading import records as rec
from backbus.trading.codes import BOOKING_KINDS, Action, FillRule, OrderType
from backbus.trading.numbers import rules_of
from tests.simulation.cases import Case, Trader, some_case
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
    """The case without splits and dividends, and all in one currency."""
    plain = case.job.plain()
    plain["instruments"] = [{**line, "currency": None} for line in plain["instruments"]]
    plain["data"] = {}
    layout, block = replace(case.panel.layout, columns=()), replace(case.panel.block, extra={})
    return replace(case, panel=Panel(layout, block), job=Job.parse(plain))


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


@thoroughly
@given(seeds)
def test_an_account_without_leverage_and_shorts_never_owes_anything_and_is_never_short(seed: int) -> None:
    case = case_with(seed, {"shorts": False, "leverage": 1.0}, plain_assets=True)
    tables = run(case.job, case.panel, case.strategy)
    cash, held = case.job.portfolio.cash, np.zeros(case.panel.layout.assets)
    for kind, _, entry in entries(tables):
        asset, quantity = int(entry["symbol"]), entry["quantity"]
        if kind == "fill":
            cash = cash - quantity * entry["price"] - entry["fee"]
            held[asset] += quantity
        else:
            cash += entry["amount"]
            if kind in ("split", "delisting"):
                held[asset] = quantity if kind == "split" else 0.0
        assert held[asset] >= 0.0
        assert cash >= 0.0
    assert (tables["equity"]["cash"] >= 0.0).all()


@thoroughly
@given(seeds)
def test_no_fill_lies_outside_its_bar_and_none_is_better_than_the_market(seed: int) -> None:
    case = some_case(seed)
    fills, block = filled(run(case.job, case.panel, case.strategy)), case.panel.block
    at = fills["row"], fills["symbol"]
    assert (block.low[at] <= fills["reference"]).all()
    assert (fills["reference"] <= block.high[at]).all()
    assert (np.sign(fills["quantity"]) * (fills["price"] - fills["reference"]) >= 0.0).all()


@thoroughly
@given(seeds, st.sampled_from([0.01, 0.3, 1.0]))
def test_no_more_fills_than_the_cap_on_the_volume_allows(seed: int, cap: float) -> None:
    case = case_with(seed, execution={"volume_cap": cap})
    fills, volume = filled(run(case.job, case.panel, case.strategy)), case.panel.block.volume
    traded = np.zeros(volume.shape)
    np.add.at(traded, (fills["row"], fills["symbol"]), np.abs(fills["quantity"]))
    assert (traded <= cap * np.nan_to_num(volume) * (1.0 + 1e-12)).all()


@thoroughly
@given(seeds)
def test_limits_hold_and_stops_are_met(seed: int) -> None:
    """A limit order never pays more than its limit, a stop order fills only where its stop was met."""
    case = some_case(seed)
    tables = run(case.job, case.panel, case.strategy)
    fills, orders = filled(tables), tables["orders"]
    terms = {}
    for index in np.flatnonzero(orders["kind"] == Action.PLACE).tolist():
        terms[int(orders["order"][index])] = {name: orders[name][index] for name in ("type", "limit", "stop")}
    block = case.panel.block
    split = block.extra.get("split", np.ones(block.close.shape))
    shares = np.cumprod(np.where(np.isnan(split), 1.0, split), axis=0)
    tick = max((line["tick"] for line in rules_of(case.job, case.panel.layout).instruments), default=0.0)
    for index in range(len(fills["logical_time"])):
        number = int(fills["order"][index])
        its, at = terms[number], (fills["row"][index], fills["symbol"][index])
        since = shares[at] / shares[rec.order_parts(number)[0], at[1]]
        # A price that a split has moved is on the grid again, and rounded.
        off = 0.0 if since == 1.0 else 1e-9 * fills["price"][index] + 2.0 * tick
        side = np.sign(fills["quantity"][index])
        if its["type"] in (OrderType.LIMIT, OrderType.STOP_LIMIT) and its["limit"] == its["limit"]:
            assert side * (its["limit"] / since - fills["price"][index]) >= -off
        if its["type"] == OrderType.STOP and its["stop"] == its["stop"]:
            reached = block.high[at] if side > 0.0 else block.low[at]
            assert side * (reached - its["stop"] / since) >= -off


@thoroughly
@given(seeds)
def test_keeping_lists_of_orders_changes_nothing_for_jobs_that_need_none(seed: int) -> None:
    case = case_with(seed, {"exits": {}}, {"volume_cap": None, "no_volume": "fill"})
    reports = []
    for lists in (False, True):
        engine = Engine(case.job, case.panel, case.strategy)
        if lists:
            engine._open_orders.keep_lists()
        reports.append(engine.run())
    assert reports[0].fingerprint == reports[1].fingerprint
    assert reports[0].counts.model_copy(update={"cancelled": 0}) == reports[1].counts.model_copy(
        update={"cancelled": 0}
    )


@thoroughly
@given(seeds)
def test_cash_and_positions_are_the_equity_to_the_last_bit(seed: int) -> None:
    """The ledger, kept again in plain Python from the fills and the closes alone, in the order of their ticks."""
    case = case_with(seed, plain_assets=True)
    tables = run(case.job, case.panel, case.strategy)
    told, equity = entries(tables), tables["equity"]
    cash, assets = case.job.portfolio.cash, case.panel.layout.assets
    held, last = [0.0] * assets, [HOLE] * assets
    closes = case.panel.block.close.tolist()
    for row in range(case.panel.layout.warmup):
        last = [new if new == new else old for new, old in zip(closes[row], last, strict=True)]
    used = 0
    for index, row in enumerate(equity["row"].tolist()):
        while used < len(told) and told[used][1] == row:
            kind, _, entry = told[used]
            asset, quantity = int(entry["symbol"]), float(entry["quantity"])
            if kind == "fill":
                cash = cash - quantity * float(entry["price"]) - float(entry["fee"])
                held[asset] += quantity
            else:
                cash = cash + float(entry["amount"])
                if kind == "split":
                    held[asset], last[asset] = quantity, last[asset] / float(entry["basis"])
                elif kind == "delisting":
                    held[asset] = 0.0
            used += 1
        last = [new if new == new else old for new, old in zip(closes[row], last, strict=True)]
        worth, gross = cash + 0.0, 0.0
        for asset in range(assets):
            if held[asset]:
                worth += held[asset] * last[asset]
                gross += abs(held[asset] * last[asset])
        shown = tuple(float(equity[name][index]) for name in ("cash", "equity", "gross"))
        assert shown == (cash, worth, gross)
    assert used == len(told)


@thoroughly
@given(seeds)
def test_equity_is_what_positions_earned_less_fees_whatever_the_instruments(seed: int) -> None:
    """Futures settle each day and shares do not: what both come to is quantity × change of price × multiplier."""
    case = at_home(some_case(seed))
    tables = run(case.job, case.panel, case.strategy)
    fills, closes = filled(tables), case.panel.block.close
    earned = case.job.portfolio.cash - float(fills["fee"].sum())
    earned += float(tables["account_activity"]["amount"].sum()) if "account_activity" in tables else 0.0
    last = [next((price for price in closes[::-1, asset] if price == price), 0.0) for asset in range(closes.shape[1])]
    units = rules_of(case.job, case.panel.layout).instruments["multiplier"]
    scale = 1.0
    for asset, quantity, price in zip(fills["symbol"], fills["quantity"], fills["price"], strict=True):
        earned += quantity * (last[asset] - price) * units[asset]
        scale += abs(quantity) * (last[asset] + price) * units[asset]
    if len(tables["equity"]["equity"]):
        assert abs(tables["equity"]["equity"][-1] - earned) <= 1e-12 * (scale + case.job.portfolio.cash)


@thoroughly
@given(seeds)
def test_fills_at_the_open_are_the_open_of_their_bar_made_worse_by_slippage(seed: int) -> None:
    case = case_with(seed, execution={"fill": "open", "slippage": {"model": "bps", "bps": 50.0}}, plain_assets=True)
    fills = filled(run(case.job, case.panel, case.strategy))
    fills = {name: column[fills["rule"] == FillRule.AT_OPEN] for name, column in fills.items()}
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
        case = case_with(seed, account, {"fill": fill, "commission": commission}, plain_assets=True)
        strategy = case.strategy
        if isinstance(strategy, Trader):
            strategy = strategy.model_copy(update={"scale": factor})

        def more(*columns: Any, factor: float = factor) -> None:
            columns[-1][:] *= factor

        results.append(run(case.job, altered(case.panel, more), strategy))
    once, twice = results
    for table, column in (("equity", "equity"), ("equity", "cash"), ("fills", "quantity"), ("fills", "fee")):
        assert (2.0 * once[table][column]).tolist() == twice[table][column].tolist()
    assert once["fills"]["logical_time"].tolist() == twice["fills"]["logical_time"].tolist()


@thoroughly
@given(seeds)
def test_the_open_of_a_row_is_traded_without_a_look_at_the_rest_of_its_bar(seed: int) -> None:
    case = case_with(seed, execution={"fill": "open"})
    row = random.Random(seed).randrange(case.panel.layout.rows)

    def change(open_: Any, high: Any, low: Any, close: Any, volume: Any) -> None:
        for column in (high, low, close):
            column[row] *= 1.7
        if not rules_of(case.job, case.panel.layout).record["capped"][0]:
            volume[row] += 99.0

    tables = run(case.job, case.panel, case.strategy)
    other = run(case.job, altered(case.panel, change), case.strategy)
    after_the_open = 6 * row + 2
    assert until(other, after_the_open) == until(tables, after_the_open)


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


class Sides(Strategy):
    """Sides by chance, of each asset by its name and of each row by its number; with ``sign`` -1 the opposite ones."""

    seed: int = 0
    sign: float = 1.0

    def on_bar(self, bar: Any) -> None:
        side = random.Random(f"{self.seed} {bar.symbol} {bar.row}").choice([None, None, 1.0, -1.0, 0.0])
        if side is not None:
            if side == 0.0:
                self.go_flat()
            elif side * self.sign > 0.0:
                self.go_long()
            else:
                self.go_short()


def unbound(seed: int, **sizing: Any) -> Case:
    """A random market and an account that can pay whatever is asked for, without costs."""
    case = some_case(seed)
    rich = {"cash": 1e9, "shorts": True, "leverage": 100.0, "sizing": sizing}
    job = Job.parse(
        {
            "strategy": {"use": "none"},
            "portfolio": rich,
            "data": {"adjust": "events"} if case.panel.layout.columns else {},
        }
    )
    return replace(case, job=job, strategy=Sides(seed=seed))


@thoroughly
@given(seeds)
def test_the_opposite_sides_give_the_opposite_result(seed: int) -> None:
    case = unbound(seed, model="fixed_quantity", quantity=7.0)
    one = run(case.job, case.panel, case.strategy)["equity"]["equity"] - 1e9
    other = run(case.job, case.panel, Sides(seed=seed, sign=-1.0))["equity"]["equity"] - 1e9
    np.testing.assert_allclose(other, -one, rtol=0.0, atol=1e-12 * 1e9)


@thoroughly
@given(seeds)
def test_the_order_of_assets_decides_nothing_where_cash_does_not(seed: int) -> None:
    case = unbound(seed, model="fixed_cash", cash=10_000.0)
    layout, block = case.panel.layout, case.panel.block
    order = list(range(layout.assets))
    random.Random(seed).shuffle(order)

    def moved(column: Any) -> Any:
        column = np.ascontiguousarray(column[:, order])
        column.flags.writeable = False
        return column

    symbols = tuple(layout.symbols[asset] for asset in order)
    changed = replace(
        block,
        **{name: moved(getattr(block, name)) for name in FIELDS},
        extra={name: moved(column) for name, column in block.extra.items()},
    )
    one = run(case.job, case.panel, case.strategy)
    other = run(case.job, Panel(replace(layout, symbols=symbols), changed), case.strategy)
    np.testing.assert_allclose(other["equity"]["equity"], one["equity"]["equity"], rtol=1e-12)

    def fills(tables: dict[str, Columns], names: tuple[str, ...]) -> list[Any]:
        found = tables["fills"]
        return sorted(
            (int(tick), names[asset], float(quantity), float(price))
            for tick, asset, quantity, price in zip(
                *(found[name] for name in ("logical_time", "symbol", "quantity", "price")), strict=True
            )
        )

    assert fills(other, symbols) == fills(one, layout.symbols)


@thoroughly
@given(seeds, st.sampled_from([2.0, 3.0, 1.5, 0.5, 0.1]), st.sampled_from([0.0, 1.0, 10.0]))
def test_a_split_with_nothing_else_changes_no_equity(seed: int, ratio: float, lot: float) -> None:
    """From a row on prices are divided and volumes multiplied, and stand still: what fractions paid is all that they
    were worth, and the account is what it was."""
    case = unbound(seed, model="fixed_cash", cash=10_000.0)
    job = Job.parse(case.job.plain() | {"portfolio": case.job.plain()["portfolio"] | {"lot": lot}})
    layout, block = case.panel.layout, case.panel.block
    row = random.Random(seed).randrange(layout.rows)
    nothing = np.full(block.close.shape, np.nan)
    split = nothing.copy()
    split[row, 0] = ratio
    prices = {name: getattr(block, name).copy() for name in FIELDS}
    known = prices["close"][:row, 0][~np.isnan(prices["close"][:row, 0])]
    later = ~np.isnan(prices["close"][:, 0]) & (np.arange(layout.rows) >= row)
    for name in PRICES:
        prices[name][later, 0] = known[-1] if len(known) else 100.0
    raw = {name: column.copy() for name, column in prices.items()}
    for name, column in raw.items():
        column[later, 0] *= ratio if name == "volume" else 1.0 / ratio
    for column in (nothing, split, *prices.values(), *raw.values()):
        column.flags.writeable = False
    layout = replace(layout, columns=("split",))
    hold = Once(row=random.Random(-seed).randrange(layout.warmup, layout.rows))
    was = run(job, Panel(layout, replace(block, **prices, extra={"split": nothing})), hold)
    now = run(job, Panel(layout, replace(block, **raw, extra={"split": split})), hold)
    np.testing.assert_allclose(now["equity"]["equity"], was["equity"]["equity"], rtol=1e-12)


class Once(Strategy):
    """Long all from one row on."""

    row: int = 0

    def on_bar(self, bar: Any) -> None:
        if bar.row == self.row:
            self.go_long()
