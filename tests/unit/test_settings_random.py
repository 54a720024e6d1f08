"""Random runs with the settings that random cases do not draw by themselves, all together: quotes, fees within sizes
and for each order, and a close at the end. One answer however it is computed, and a split in the middle means nothing.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backbus.engine.batch import Point, PointsEngine, terms_of
from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.columns import FIELDS, MEMBER, OWN_SESSION, PRICES, QUOTES
from backbus.market.panel import Panel
from backbus.performance.metrics import metrics_of
from backbus.strategy import StrategyRunner
from tests.simulation.cases import Case, some_case
from tests.simulation.traders import Trader
from tests.unit.random_runs import filled, run, seeds, thoroughly

COMMISSIONS: list[dict[str, Any]] = [
    {"model": "per_share", "fee": 0.05, "order": 2.0},
    {"model": "per_share", "fee": 0.1, "order": 1.0, "maximum_percent": 2.0},
    {"model": "bps", "bps": 20.0, "order": 1.5},
]


def some_more(seed: int) -> Case:
    """A random case with these settings too."""
    case, dice = some_case(seed), random.Random(f"more {seed}")
    plain, panel = case.job.plain(), case.panel
    plain["portfolio"] |= {"at_end": dice.choice(["keep", "close"]), "fees_in_size": dice.random() < 0.5}
    if dice.random() < 0.5:
        plain["execution"]["commission"] = dice.choice(COMMISSIONS)
    if dice.random() < 0.7:
        plain["data"]["quotes"] = True
        if plain["execution"]["slippage"]["model"] == "half_spread":
            plain["execution"]["slippage"] = {"model": "bps", "bps": 10.0}
        panel = with_some_quotes(dice, panel)
    return replace(case, panel=panel, job=Job.parse(plain))


def with_some_quotes(dice: random.Random, panel: Panel) -> Panel:
    """The market with both sides quoted, some bars without, some opens elsewhere than the bar's."""
    block, draw = panel.block, np.random.default_rng(dice.getrandbits(60))
    half = dice.choice([0.0, 0.001, 0.02]) * block.close / 2.0
    gone = draw.random(block.close.shape) < dice.choice([0.0, 0.1])
    extra = dict(block.extra)
    for side, sign in (("bid", -1.0), ("ask", 1.0)):
        opened, closed = (block.open + sign * half) * draw.uniform(0.999, 1.001, half.shape), block.close + sign * half
        top = np.maximum(np.maximum(opened, closed), block.high + sign * half)
        bottom = np.minimum(np.minimum(opened, closed), block.low + sign * half)
        for name, values in zip(PRICES, (opened, top, bottom, closed), strict=True):
            extra[f"{side}_{name}"] = np.where(gone, np.nan, values)
            extra[f"{side}_{name}"].flags.writeable = False
    return Panel(replace(panel.layout, columns=(*panel.layout.columns, *QUOTES)), replace(block, extra=extra))


@pytest.mark.slow
@thoroughly
@given(seeds)
def test_engine_handlers_and_points_have_one_answer(seed: int) -> None:
    case = some_more(seed)
    job, panel, strategy = case.job, case.panel, case.strategy
    report = Engine(job, panel, strategy).run()
    for block, window in ((1, 2), (5, 16), (64, 256)):
        assert run_handlers(job, panel, strategy, block=block, window=window) == report
    if strategy.reads_book:
        return
    terms = terms_of(job, panel.layout, panel.block.session[panel.layout.warmup :])
    point = Point(terms, StrategyRunner(strategy, panel.layout).on_block(panel.block))
    outcome = PointsEngine(panel, job.performance.benchmark).run([point, point])
    assert outcome.fingerprints == [report.fingerprint] * 2
    assert metrics_of(outcome.figures, 0) == metrics_of(outcome.figures, 1) == report.metrics


@pytest.mark.slow
@thoroughly
@given(seeds)
def test_whoever_buys_pays_what_is_asked_and_whoever_sells_gets_what_is_bid(seed: int) -> None:
    case = some_more(seed)
    fills, block = filled(run(case.job, case.panel, case.strategy)), case.panel.block
    at, buys = (fills["row"], fills["symbol"]), fills["quantity"] > 0.0
    low, high = block.low[at], block.high[at]
    if case.job.data.quotes:
        for name, own in (("low", low), ("high", high)):
            side = np.where(buys, block.extra[f"ask_{name}"][at], block.extra[f"bid_{name}"][at])
            own[:] = np.where(np.isnan(side), own, side)
    assert ((low <= fills["reference"]) & (fills["reference"] <= high)).all()
    assert (np.sign(fills["quantity"]) * (fills["price"] - fills["reference"]) >= 0.0).all()


class AcrossSplit(Trader):
    """Asks for the same, in units of before the first asset's split and of after it."""

    row: int = 0
    before: float = 1.0
    after: float = 1.0
    _now: int = 0

    def on_bar(self, bar: Any) -> None:
        self._now = bar.row
        self.trade(bar)

    def order(self, quantity: float, symbol: str | None = None, **terms: Any) -> Any:
        return super().order(quantity * self._units(symbol or self._bar_symbol()), symbol, **terms)

    def replace(self, order: Any, quantity: float | None = None, **terms: Any) -> Any:
        units = self._units(order.symbol)
        return super().replace(order, None if quantity is None else quantity * units, **terms)

    def _bar_symbol(self) -> str:
        return f"S{self._run.emission.asset}"

    def _units(self, symbol: str) -> float:
        return self.before if symbol == "S0" and self._now < self.row else self.after


@pytest.mark.slow
@thoroughly
@given(seeds, st.sampled_from([2.0, 0.5]))
def test_a_split_changes_no_order_of_any_kind(seed: int, ratio: float) -> None:
    """Prices of before a split, and what is asked for by them, are what they are after it but for the units."""
    case = some_more(seed)
    layout, block = case.panel.layout, case.panel.block
    assume(layout.rows - layout.warmup > 2)
    row = random.Random(seed).randrange(layout.warmup + 1, layout.rows)
    split = np.full(block.close.shape, np.nan)
    was = {name: np.array(cells) for name, cells in block.cells().items() if name not in ("split", "dividend")}
    was = {name: cells for name, cells in was.items() if name in (*FIELDS, *QUOTES, MEMBER, OWN_SESSION)}
    raw = {name: cells.copy() for name, cells in was.items()}
    for name in (name for name in raw if name in (*PRICES, *QUOTES)):
        raw[name][:row, 0] *= ratio
    raw["volume"][:row, 0] /= ratio
    plain = case.job.plain()
    plain |= {"instruments": [], "data": {**plain["data"], "adjust": "events"}}
    plain["portfolio"] |= {"lot": 0.0, "rates": {}, "sizing": {"model": "equal_weight"}}
    plain["execution"] |= {"slippage": {"model": "square_root", "lookback": 3}, "commission": COMMISSIONS[2]}
    results = []
    for cells, before in ((was, ratio), (raw, 1.0)):
        extra = {name: values for name, values in cells.items() if name not in FIELDS}
        extra["split"] = split.copy()
        extra["split"][row, 0] = ratio if before == 1.0 else np.nan
        for values in (*cells.values(), extra["split"]):
            values.flags.writeable = False
        market = Panel(
            replace(layout, columns=tuple(extra)),
            replace(block, **{name: cells[name] for name in FIELDS}, extra=extra),
        )
        trader = AcrossSplit(seed=seed % 1000, talk=0.3, row=row, before=before, after=ratio)
        results.append(run(Job.parse(plain), market, trader))
    np.testing.assert_allclose(results[1]["equity"]["equity"], results[0]["equity"]["equity"], rtol=1e-9)
    assert filled(results[1])["rule"].tolist() == filled(results[0])["rule"].tolist()
