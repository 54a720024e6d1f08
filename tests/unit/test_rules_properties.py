"""What holds of every run, whatever the market and the settings: no look-ahead, no debt, no money from nowhere."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.engine.run import Engine
from backbus.jit.python import plain
from backbus.job.job import Job
from backbus.trading import records as rec
from backbus.trading.codes import Action, FillRule, OrderType
from backbus.trading.lots import plus
from backbus.trading.numbers import rules_of
from tests.simulation.cases import some_case
from tests.unit.order_market import NAN
from tests.unit.random_runs import altered, at_home, case_with, entries, filled, run, seeds, thoroughly, until


@pytest.mark.slow
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
        assert held[asset] >= -1e-9  # sums of parts here have a rounding that the book has not
        assert cash >= 0.0
    assert (tables["equity"]["cash"] >= 0.0).all()


@pytest.mark.slow
@thoroughly
@given(seeds)
def test_no_fill_lies_outside_its_bar_and_none_is_better_than_the_market(seed: int) -> None:
    case = some_case(seed)
    fills, block = filled(run(case.job, case.panel, case.strategy)), case.panel.block
    at = fills["row"], fills["symbol"]
    assert (block.low[at] <= fills["reference"]).all()
    assert (fills["reference"] <= block.high[at]).all()
    assert (np.sign(fills["quantity"]) * (fills["price"] - fills["reference"]) >= 0.0).all()


@pytest.mark.slow
@thoroughly
@given(seeds, st.sampled_from([0.01, 0.3, 1.0]))
def test_no_more_fills_than_the_cap_on_the_volume_allows(seed: int, cap: float) -> None:
    case = case_with(seed, execution={"volume_cap": cap})
    fills, volume = filled(run(case.job, case.panel, case.strategy)), case.panel.block.volume
    traded = np.zeros(volume.shape)
    np.add.at(traded, (fills["row"], fills["symbol"]), np.abs(fills["quantity"]))
    assert (traded <= cap * np.nan_to_num(volume) * (1.0 + 1e-12)).all()


@pytest.mark.slow
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


@pytest.mark.slow
@thoroughly
@given(seeds)
def test_keeping_lists_of_orders_changes_nothing_for_jobs_that_need_none(seed: int) -> None:
    case = case_with(seed, {"exits": {}}, {"volume_cap": None, "no_volume": "fill"})
    reports = []
    for lists in (False, True):
        engine = Engine(case.job, case.panel, case.strategy)
        if lists:
            engine._trading._open_orders.keep_lists()
        reports.append(engine.run())
    assert reports[0].fingerprint == reports[1].fingerprint
    assert reports[0].counts.model_copy(update={"cancelled": 0}) == reports[1].counts.model_copy(
        update={"cancelled": 0}
    )


@pytest.mark.slow
@thoroughly
@given(seeds)
def test_cash_and_positions_are_the_equity_to_the_last_bit(seed: int) -> None:
    """The ledger, kept again in plain Python from the fills and the closes alone, in the order of their ticks."""
    case = case_with(seed, plain_assets=True)
    tables = run(case.job, case.panel, case.strategy)
    told, equity = entries(tables), tables["equity"]
    cash, assets = case.job.portfolio.cash, case.panel.layout.assets
    held, last = [0.0] * assets, [NAN] * assets
    lots = rules_of(case.job, case.panel.layout).instruments["lot"].tolist()
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
                held[asset] = plain(plus)(lots[asset], held[asset], quantity)
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
            column[missing] = NAN

    wanted = until(run(case.job, case.panel, case.strategy), 6 * row + 6)
    for future in (change, holes):
        assert until(run(case.job, altered(case.panel, future), case.strategy), 6 * row + 6) == wanted


@pytest.mark.slow
@thoroughly
@given(seeds, st.integers(1, 40))
def test_how_rows_are_cut_into_blocks_changes_nothing(seed: int, block: int) -> None:
    case = some_case(seed)
    plain = case.job.plain()
    plain["run"]["block"] = block
    report = Engine(Job.parse(plain), case.panel, case.strategy).run()
    assert report == Engine(case.job, case.panel, case.strategy).run()
