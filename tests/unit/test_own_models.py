"""Models of a user's own that repeat the built-in ones give the same run, to the last bit, in engine and handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import given as drawn

from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from tests.simulation.cases import Case
from tests.simulation.traders import Trader
from tests.unit import own_functions as f
from tests.unit.order_market import Told, job_of, play
from tests.unit.own_functions import given, own
from tests.unit.panels import panel_of
from tests.unit.random_runs import case_with, run, seeds, thoroughly

MARGIN = {"initial": 0.5, "kept": 0.25}
SLIPPAGE: list[tuple[dict[str, Any], dict[str, Any], Callable[..., Any]]] = [
    (
        {"model": "square_root", "impact": 2.0, "lookback": 3},
        own(f.square_root, lookback=3, parameters={"impact": 2.0}),
        f.square_root,
    ),
]
SLIPPAGE_OF_SIGNALS = [
    ({"model": "bps", "bps": 25.0}, own(f.basis_points, parameters={"bps": 25.0}), f.basis_points),
    ({"model": "half_spread", "spread": 0.3}, own(f.half_spread, parameters={"spread": 0.3}), f.half_spread),
    (
        {"model": "volume_share", "impact": 0.4, "limit": 0.2},
        own(f.volume_share, limit=0.2, parameters={"impact": 0.4}),
        f.volume_share,
    ),
]
COMMISSION = [
    (
        {"model": "per_share", "fee": 0.03, "minimum": 1.0, "maximum_percent": 1.0},
        own(f.per_share, parameters={"fee": 0.03, "minimum": 1.0}),
        f.per_share,
    ),
    (
        {"model": "maker_taker", "maker": -1.0, "taker": 5.0},
        own(f.maker_taker, parameters={"maker": -1.0, "taker": 5.0}),
        f.maker_taker,
    ),
]


def same(case: Case, job: Job, tables: tuple[str, ...] = ()) -> None:
    """Both jobs give one run, in the engine and in the handlers; the same of all tables, where none are named."""
    expected, found = run(case.job, case.panel, case.strategy), run(job, case.panel, case.strategy)
    assert expected.keys() == found.keys()
    for table in tables or tuple(expected):
        columns = expected[table]
        for name, values in columns.items():
            assert values.tobytes() == found[table][name].tobytes(), (table, name)
    assert (
        run_handlers(job, case.panel, case.strategy, block=3, window=9) == Engine(job, case.panel, case.strategy).run()
    )


@pytest.mark.parametrize(("built_in", "table", "function"), SLIPPAGE)
@drawn(seeds)
@thoroughly
def test_slippage_of_ones_own_is_the_built_in_one(
    built_in: dict[str, Any], table: dict[str, Any], function: Callable[..., Any], seed: int
) -> None:
    case = case_with(seed, execution={"slippage": built_in}, plain_assets=True)
    same(case, given(case_with(seed, execution={"slippage": table}, plain_assets=True).job, function))


@pytest.mark.parametrize(("built_in", "table", "function"), SLIPPAGE_OF_SIGNALS)
@drawn(seeds)
@thoroughly
def test_slippage_that_the_market_does_not_move_is_the_built_in_one(
    built_in: dict[str, Any], table: dict[str, Any], function: Callable[..., Any], seed: int
) -> None:
    case = case_with(seed, execution={"slippage": built_in}, plain_assets=True)
    assume(not isinstance(case.strategy, Trader))  # what rests is looked at again where costs follow the market
    same(case, given(case_with(seed, execution={"slippage": table}, plain_assets=True).job, function))


@pytest.mark.parametrize(("built_in", "table", "function"), COMMISSION)
@drawn(seeds)
@thoroughly
def test_commission_of_ones_own_is_the_built_in_one(
    built_in: dict[str, Any], table: dict[str, Any], function: Callable[..., Any], seed: int
) -> None:
    case = case_with(seed, execution={"commission": built_in}, plain_assets=True)
    same(case, given(case_with(seed, execution={"commission": table}, plain_assets=True).job, function))


@drawn(seeds)
@thoroughly
def test_sizing_by_percent_of_equity_is_the_built_in_one(seed: int) -> None:
    case = case_with(seed, {"sizing": {"model": "percent_of_equity", "percent": 40.0}})
    table = own(f.percent_of_equity, parameters={"percent": 40.0})
    same(case, given(case_with(seed, {"sizing": table}).job, f.percent_of_equity))


@drawn(seeds)
@thoroughly
def test_sizing_by_volatility_is_the_built_in_one(seed: int) -> None:
    built_in = {"model": "volatility_target", "target": 0.3, "lookback": 3, "max_weight": 0.7}
    case = case_with(seed, {"sizing": built_in})
    table = own(f.volatility_target, lookback=3, parameters={"target": 0.3, "most": 0.7})
    same(case, given(case_with(seed, {"sizing": table}).job, f.volatility_target), ("fills", "equity"))


@drawn(seeds)
@thoroughly
def test_margin_of_ones_own_is_leverage_and_its_maintenance(seed: int) -> None:
    """As long as orders cost what the market's last price says: what they cost more is a loss to one's own margin."""
    dice = np.random.default_rng(seed)
    rows, assets = int(dice.integers(5, 60)), int(dice.integers(1, 4))
    close = 100.0 * np.exp(np.cumsum(dice.normal(0.0, 0.1, (rows, assets)), axis=0))
    market = panel_of(close, close, close, close, close * 0.0 + 1000.0)
    asked = dice.random((rows, assets)) < 0.3
    signals = [(row, at, float(dice.normal(0.0, 1.5)), "weight") for row, at in zip(*np.nonzero(asked), strict=True)]
    call = str(dice.choice(["pro_rata", "largest_first", "all"]))
    account = {"lot": float(dice.choice([1.0, 0.1])), "shorts": True}
    built_in = job_of({**account, "leverage": 2.0, "margin": {"maintenance": 0.25, "call": call}})
    table = {"use": "shares_of_value", "parameters": MARGIN, "call": call}
    job = given(job_of({**account, "margin": table}), f.shares_of_value)
    assert told_of(play(market, signals, job)) == told_of(play(market, signals, built_in))


def told_of(told: Told) -> tuple[Any, ...]:
    return told.orders, told.decisions, told.fills, told.equity, told.cash
