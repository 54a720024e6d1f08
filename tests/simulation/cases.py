"""Random backtests: panels with holes, strategies of every style, every setting that decides an order or a fill."""

from __future__ import annotations

import random
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backbus.data.handler import DataHandler
from backbus.engine.predicting import PredictingPortfolio, PredictingStrategy
from backbus.execution.handler import ExecutionHandler
from backbus.job.costs import PRESETS
from backbus.job.job import Job
from backbus.market.columns import LEAVING, MEMBER, OWN_SESSION
from backbus.market.panel import Block, Layout, Panel
from backbus.market.timeframes import DAY_NS
from backbus.performance.handler import PerformanceHandler
from backbus.portfolio.handler import PortfolioHandler
from backbus.strategy import Strategy, StrategyHandler
from backbus.strategy.builtins import (
    BuyAndHold,
    CrossSectionalMomentum,
    DonchianBreakout,
    RsiReversion,
    SmaCross,
)
from backbus.streams.topology import READERS
from backbus.trading.numbers import rules_of
from backbus.transport.role import RunningHandler
from tests.simulation.network import Faults, Handlers
from tests.simulation.traders import BookReader, Chatter, DeafToHoles, EveryRow, Trader, TraderWithBook


@dataclass(frozen=True)
class Case:
    """One backtest, and the network that it has to survive."""

    panel: Panel
    job: Job
    strategy: Strategy
    block: int
    window: int
    faults: Faults

    def handlers(self, predicting: Container[str] = ()) -> Handlers:
        """The members of one attempt, fresh; those of the roles ``predicting`` wait for nobody, where they can."""
        layout, batch, cash = self.panel.layout, max(1, self.window // 4), self.job.portfolio.cash
        rules, strategy = rules_of(self.job, layout), self.strategy
        alone = strategy.reads_book and "strategy" in predicting
        sends_book = strategy.reads_book and not alone
        members: dict[str, RunningHandler] = {
            "data": DataHandler(self.panel, block=self.block, window=self.window, readers=READERS),
            "strategy": PredictingStrategy(strategy, rules, layout, progress_rows=batch)
            if alone
            else StrategyHandler(strategy, layout, cash=cash, progress_rows=batch, instruments=rules.instruments),
            "portfolio": PredictingPortfolio(rules, layout, batch_rows=batch)
            if "portfolio" in predicting and not sends_book
            else PortfolioHandler(rules, layout, reads_book=sends_book, batch_rows=batch),
            "execution": ExecutionHandler(rules, layout, progress_rows=batch),
            "performance": PerformanceHandler(self.job, layout, batch),
        }
        return members


def some_panel(dice: random.Random) -> Panel:
    """Up to 90 rows of up to 5 assets: jumps, late listings, holes of one asset and of all, warm-up rows."""
    rows, assets = dice.randint(2, 90), dice.choice([1, 1, 2, 3, 5])
    draw = np.random.default_rng(dice.getrandbits(60))
    swing = dice.choice([0.005, 0.02, 0.15])
    close = dice.choice([1.0, 50.0, 3000.0]) * np.exp(np.cumsum(draw.normal(0.0, swing, (rows, assets)), axis=0))
    open_ = close * np.exp(draw.normal(0.0, swing, close.shape))
    if dice.random() < 0.5:
        close, open_ = np.maximum(np.round(close, 2), 0.01), np.maximum(np.round(open_, 2), 0.01)
    high, low = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
    volume = draw.integers(0, 1000, close.shape) * 1.0
    missing = draw.random(close.shape) < dice.choice([0.0, 0.1, 0.5])
    missing |= (draw.random(rows) < dice.choice([0.0, 0.0, 0.1]))[:, None]
    for asset in range(assets):
        if dice.random() < 0.3:
            missing[: dice.randrange(rows + 1), asset] = True
        if dice.random() < 0.1:
            missing[dice.randrange(rows) :, asset] = True
    columns = [open_, high, low, close, volume]
    for column in columns:
        column[missing] = np.nan
        column.flags.writeable = False
    days = np.arange(rows, dtype=np.int64)
    warmup = dice.choice([0, 0, dice.randrange(rows)])
    extra = some_actions(dice, columns[3])
    layout = Layout(tuple(f"S{asset}" for asset in range(assets)), rows, warmup, DAY_NS, tuple(extra))
    return Panel(layout, Block(0, (days + 1) * DAY_NS, days // dice.choice([1, 7]), *columns, extra=extra))


def some_actions(dice: random.Random, close: Any) -> dict[str, Any]:
    """None, mostly; or splits, dividends and delistings at any bar."""
    if dice.random() < 0.7:
        return {}
    draw = np.random.default_rng(dice.getrandbits(60))
    often = dice.choice([0.02, 0.2])
    split, dividend, delisting = (np.full(close.shape, np.nan) for _ in range(3))
    here = (draw.random(close.shape) < often) & ~np.isnan(close)
    split[here] = draw.choice([2.0, 3.0, 0.5, 0.1, 1.5], close.shape)[here]
    here = (draw.random(close.shape) < often) & ~np.isnan(close)
    dividend[here] = close[here] * draw.choice([0.01, 0.1], close.shape)[here]
    for asset in range(close.shape[1]):
        traded = np.flatnonzero(~np.isnan(close[:, asset]))
        if len(traded) and dice.random() < 0.2:
            delisting[traded[-1], asset] = close[traded[-1], asset] * dice.choice([1.0, 0.0, 0.7])
    extra = {"split": split, "dividend": dividend, "delisting": delisting}
    for column in extra.values():
        column.flags.writeable = False
    return extra


def with_some_universe(dice: random.Random, panel: Panel) -> Panel:
    """The market as it is, mostly; or with a universe that assets enter and leave, at any row."""
    if dice.random() < 0.8:
        return panel
    shape, often = panel.block.close.shape, dice.choice([0.02, 0.2, 0.5])
    turns = np.random.default_rng(dice.getrandbits(60)).random(shape) < often
    member = (np.cumsum(turns, axis=0) + dice.randrange(2)) % 2 * 1.0
    member.flags.writeable = False
    block = replace(panel.block, extra={**panel.block.extra, MEMBER: member})
    layout = replace(panel.layout, columns=(*panel.layout.columns, MEMBER), universe=dice.choice(LEAVING))
    return Panel(layout, block)


def with_some_markets(dice: random.Random, panel: Panel) -> Panel:
    """The market as it is, mostly; or of assets whose days end each by a calendar of their own: a row without a bar may
    be none of its market."""
    if dice.random() < 0.85:
        return panel
    block, layout = panel.block, panel.layout
    closed = np.random.default_rng(dice.getrandbits(60)).random(block.close.shape) < 0.5
    own = np.where(np.isnan(block.close) & closed, np.nan, block.session[:, None].astype(np.float64))
    own.flags.writeable = False
    calendars = tuple(dice.choice(["XNYS", "XLON"]) for _ in layout.symbols)
    layout = replace(layout, columns=(*layout.columns, OWN_SESSION), calendars=calendars)
    return Panel(layout, replace(block, extra={**block.extra, OWN_SESSION: own}))


def some_strategy(dice: random.Random, assets: int) -> Strategy:
    """One of every style; three in ten read the book."""
    seed, talk = dice.getrandbits(30), dice.choice([0.03, 0.3, 1.0])
    fast, entry = dice.randint(1, 4), dice.randint(1, 6)
    return dice.choice(
        [
            BookReader(seed=seed, talk=talk),
            BookReader(seed=seed, talk=0.5),
            BookReader(seed=seed, talk=0.1),
            Chatter(seed=seed, talk=talk, shorts=dice.random() < 0.6),
            Chatter(seed=seed, talk=0.1),
            DeafToHoles(seed=seed, talk=talk),
            EveryRow(depth=dice.randint(1, 5)),
            Trader(seed=seed, talk=talk),
            TraderWithBook(seed=seed, talk=talk),
            SmaCross(fast=fast, slow=fast + dice.randint(1, 5), short=dice.random() < 0.5),
            DonchianBreakout(entry=entry, exit=dice.randint(1, 6), short=dice.random() < 0.5),
            RsiReversion(period=dice.randint(2, 5), low=45.0),
            dice.choice(
                [BuyAndHold(), CrossSectionalMomentum(period=2, top=dice.randint(1, assets), every=dice.randint(1, 9))]
            ),
        ]
    )


def some_job(dice: random.Random, panel: Panel, block: int) -> Job:
    """Any sizing, cost and permission, with an account from rich to one that can pay hardly anything."""
    cash = dice.choice([1_000_000.0, 100_000.0, 5_000.0, 300.0])
    sizing = dice.choice(
        [
            {"model": "fixed_quantity", "quantity": dice.choice([1.0, 7.5, 100.0])},
            {"model": "fixed_cash", "cash": cash * dice.choice([0.1, 0.6, 2.0])},
            {"model": "percent_of_equity", "percent": dice.choice([10.0, 100.0, 150.0])},
            {"model": "target_weight", "weight": dice.choice([0.2, 1.0])},
            {"model": "equal_weight"},
            {
                "model": "volatility_target",
                "target": dice.choice([0.1, 1.0]),
                "lookback": dice.randint(2, 6),
                "max_weight": dice.choice([0.5, 2.0]),
            },
        ]
    )
    fill = dice.choice(["open", "open", "close"])
    slippage = dice.choice(
        [
            {"model": "none"},
            {"model": "bps", "bps": 30.0},
            {"model": "half_spread", "spread": 0.1},
            {"model": "half_spread", "spread": 0.1},
            {"model": "volume_share", "impact": 0.5, "limit": dice.choice([0.05, 1.0])},
            {"model": "square_root", "impact": dice.choice([0.5, 5.0]), "lookback": dice.randint(2, 6)},
        ]
    )
    commission = dice.choice(
        [
            {"model": "none"},
            {"model": "per_share", "fee": 0.05, "minimum": dice.choice([0.0, 3.0])},
            {"model": "per_share", "fee": 0.05, "minimum": 1.0, "maximum": 9.0},
            {"model": "per_order", "fee": 2.5},
            {"model": "bps", "bps": dice.choice([1.0, 100.0])},
            {"model": "maker_taker", "maker": dice.choice([-2.0, 5.0]), "taker": 20.0},
            {"model": "preset", "name": dice.choice(list(PRESETS))},
            {"model": "bps", "bps": 50.0, "tiers": [{"volume": cash, "bps": 20.0}, {"volume": 3 * cash, "bps": 1.0}]},
        ]
    )
    return Job.parse(
        {
            "strategy": {"use": "none"},
            "portfolio": {
                "cash": cash,
                "sizing": sizing,
                "size_at": dice.choice(["close", "open"]) if fill == "open" else "close",
                "lot": dice.choice([1.0, 1.0, 0.0, 0.1, 10.0]),
                "shorts": dice.random() < 0.5,
                "leverage": dice.choice([1.0, 1.0, 2.5]),
                "exits": some_exits(dice),
                "rates": {"EUR": panel.symbols[-1], "JPY": f"1/{panel.symbols[0]}"},
                **some_account(dice),
            },
            "data": {"adjust": "events"} if panel.layout.columns else {},
            "execution": {"fill": fill, "slippage": slippage, "commission": commission, **some_matching(dice)},
            "instruments": some_instruments(dice, panel),
            "performance": {"benchmark": panel.symbols[0] if dice.random() < 0.5 else None},
            "run": {"block": block},
        }
    )


def some_account(dice: random.Random) -> dict[str, Any]:
    """Mostly none of it: limits, a margin to keep, interest, buffers."""
    found: dict[str, Any] = {}
    if dice.random() < 0.25:
        names = ["gross", "net", "weight", "positions", "turnover", "drawdown"]
        values = {"positions": dice.randint(1, 3), "drawdown": dice.choice([0.01, 0.1])}
        found["limits"] = {
            name: values.get(name, dice.choice([0.1, 0.5, 1.5])) for name in names if dice.random() < 0.4
        }
    if dice.random() < 0.25:
        call = dice.choice(["pro_rata", "largest_first", "all"])
        found["margin"] = {"maintenance": dice.choice([0.25, 0.4]), "call": call}
    if dice.random() < 0.25:
        found["interest"] = {
            "cash": dice.choice([0.0, 0.5, -0.1]), "debit": dice.choice([0.0, 1.0]),
            "borrow": dice.choice([0.0, 0.8]), "days": dice.choice([360, 365]),
        }  # fmt: skip
    if dice.random() < 0.25:
        found |= {"cash_buffer": dice.choice([0.0, 0.05]), "drift_band": dice.choice([0.0, 0.02, 0.3])}
    return found


def some_matching(dice: random.Random) -> dict[str, Any]:
    """Any path through the bar, and what volume allows."""
    return {
        "path": dice.choice(["worst", "open-low-high-close", "open-high-low-close", "nearest-first"]),
        "trail_by": dice.choice(["high_low", "close"]),
        "volume_cap": dice.choice([None, None, None, 0.05, 1.0]),
        "no_volume": dice.choice(["fill", "fill", "wait"]),
    }


def some_instruments(dice: random.Random, panel: Panel) -> list[dict[str, Any]]:
    """None, mostly; or lots, price steps, multipliers and futures of some assets."""
    if dice.random() < 0.7:
        return []
    price = float(np.nanmedian(panel.block.close)) if np.isfinite(panel.block.close).any() else 1.0
    found: list[dict[str, Any]] = []
    for symbol in panel.symbols:
        match dice.randrange(7):
            case 3:
                found.append({"symbols": symbol, "currency": dice.choice(["EUR", "JPY"])})
            case 4:
                found.append({"symbols": symbol, "traded": dice.random() < 0.5, "borrow": 0.5})
            case 5:
                future = {"multiplier": 10, "margin": price * 2.0, "maintenance": price * dice.choice([1.0, 2.0])}
                found.append({"symbols": symbol, "kind": "future", "currency": dice.choice(["EUR", "JPY"]), **future})
            case 0:
                found.append(
                    {"symbols": symbol, "tick": dice.choice([0.01, 0.05, 0.25]), "lot": dice.choice([1, 0, 10])}
                )
            case 1:
                found.append({"symbols": symbol, "kind": "crypto", "multiplier": dice.choice([1, 2.5])})
            case 2:
                future = {"multiplier": dice.choice([1, 10]), "margin": price * dice.choice([0.5, 2.0])}
                found.append({"symbols": symbol, "kind": "future", **future})
    return found


def some_exits(dice: random.Random) -> dict[str, Any]:
    """None, mostly."""
    if dice.random() < 0.7:
        return {}
    return {
        "take_profit": dice.choice([None, 0.02, 0.1]),
        "stop_loss": dice.choice([None, 0.02, 0.1]),
        **dice.choice(
            [
                {},
                {"trail": 0.03},
                {"trail": 0.03, "trail_from": 0.02},
                {"trail": 0.04, "trail_from": 0.02, "trail_then": 0.01},
            ]
        ),
    }


def some_faults(dice: random.Random) -> Faults:
    """From a network that is merely slow to one that loses a message in twenty."""
    return Faults(
        delay_s=dice.choice([0.0002, 0.01, 0.1]),
        stutter=dice.choice([0.0, 0.02, 0.2]),
        drop=dice.choice([0.0, 0.0, 0.002, 0.05]),
        duplicate=dice.choice([0.0, 0.1, 0.5]),
        crash=dice.choice([0.0, 0.0, 0.01]),
    )


def some_case(seed: int) -> Case:
    """The case of this number, always the same one."""
    dice = random.Random(f"case {seed}")
    panel = some_panel(dice)
    strategy = some_strategy(dice, panel.layout.assets)
    job = some_job(dice, panel, block=dice.choice([1, 3, 16, 1000]))
    panel = with_some_universe(random.Random(f"universe {seed}"), panel)
    panel = with_some_markets(random.Random(f"markets {seed}"), panel)
    window = dice.choice([1, 2, 3, 8, 30, 400])
    block = dice.choice([1, 2, 5, 40])
    return Case(panel, job, strategy, block, max(window, dice.choice([1, 2 * block])), some_faults(dice))
