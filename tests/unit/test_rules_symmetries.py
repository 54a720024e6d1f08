"""What a change that means nothing must not change: twice of all, the other side, another order of assets, a split."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.job.job import Job
from backbus.market.columns import FIELDS, PRICES
from backbus.market.panel import Panel
from backbus.performance.tables import Columns
from backbus.strategy import Strategy
from tests.simulation.cases import Case, some_case
from tests.simulation.traders import Trader
from tests.unit.random_runs import altered, case_with, run, seeds, thoroughly


@pytest.mark.slow
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


@pytest.mark.slow
@thoroughly
@given(seeds)
def test_the_opposite_sides_give_the_opposite_result(seed: int) -> None:
    case = unbound(seed, model="fixed_quantity", quantity=7.0)
    one = run(case.job, case.panel, case.strategy)["equity"]["equity"] - 1e9
    other = run(case.job, case.panel, Sides(seed=seed, sign=-1.0))["equity"]["equity"] - 1e9
    np.testing.assert_allclose(other, -one, rtol=0.0, atol=1e-12 * 1e9)


@pytest.mark.slow
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


@pytest.mark.slow
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
    layout = replace(layout, columns=("split",), universe=None, calendars=())
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
