"""Small markets with holes for the strategy tests, and strategies that show every indicator's values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Block, Panel
from backbus.strategy import Strategy, StrategyRunner
from backbus.trading.records import Records
from tests.unit.panels import panel_of


def market(rows: int, assets: int = 1, *, seed: int = 0, holes: float = 0.0, late: int = 0, warmup: int = 0) -> Panel:
    """A random walk of cents; asset i lists ``late`` × i rows late, and any bar is missing with probability holes."""
    draw = np.random.default_rng(seed)
    close = np.maximum(np.round(100.0 + np.cumsum(draw.normal(0, 0.5, (rows, assets)), axis=0), 2), 1.0)
    open_ = np.maximum(np.round(close + draw.normal(0, 0.2, close.shape), 2), 1.0)
    high = np.maximum(open_, close) + np.round(draw.random(close.shape), 2)
    low = np.minimum(open_, close) * 0.995
    volume = draw.integers(1, 1000, close.shape) * 1.0
    missing = draw.random(close.shape) < holes
    for asset in range(assets):
        missing[: late * asset, asset] = True
    for column in (open_, high, low, close, volume):
        column[missing] = np.nan
    return panel_of(open_, high, low, close, volume, warmup=warmup)


def closes(*values: float, warmup: int = 0) -> Panel:
    """One asset whose four prices are all the same."""
    column = np.array(values, dtype=np.float64).reshape(-1, 1)
    return panel_of(*(column.copy() for _ in range(5)), warmup=warmup)


def cut(panel: Panel, ends: Iterable[int]) -> list[Block]:
    """The panel's rows in blocks that end at these rows, and at the last one."""
    marks = sorted({0, len(panel), *(end for end in ends if 0 < end < len(panel))})
    return [panel.block.rows(a, b) for a, b in pairwise(marks)]


def signals(strategy: Strategy, panel: Panel, ends: Iterable[int] = ()) -> Records:
    """All signals of a strategy that reads no book."""
    runner = StrategyRunner(strategy, panel.layout)
    return np.concatenate([runner.on_block(block) for block in cut(panel, ends)])


class Show(Strategy):
    """Calls ``_show`` with each block's bars, and keeps what it gives: columns of the block."""

    _show: Callable[[Any], Any] | None = None
    _seen: list[tuple[NDArray[Any], ...]] = []  # noqa: RUF012  (pydantic copies it for each instance)

    def signals(self, bars: Any) -> Records:
        assert self._show is not None
        shown = self._show(bars)
        streams = shown if isinstance(shown, tuple) else (shown,)
        self._seen.append(tuple(np.array(stream) for stream in streams))
        return self.hold_long(False)


def show(what: Callable[[Any], Any], panel: Panel, ends: Iterable[int] = ()) -> tuple[NDArray[Any], ...]:
    """The values of an indicator over the whole panel, worked block by block."""
    runner = StrategyRunner(Show(), panel.layout)
    strategy: Any = runner.strategy
    strategy._show = what
    for block in cut(panel, ends):
        runner.on_block(block)
    return tuple(np.concatenate(parts) for parts in zip(*strategy._seen, strict=True))


INDICATORS: dict[str, Callable[[Any], Any]] = {
    "sma": lambda b: b.sma(5),
    "sma of one": lambda b: b.sma(1),
    "ema": lambda b: b.ema(6),
    "rsi": lambda b: b.rsi(7),
    "atr": lambda b: b.atr(4),
    "bollinger": lambda b: b.bollinger(8, 2.0),
    "macd": lambda b: b.macd(3, 7, 4),
    "rolling high": lambda b: b.rolling_high(6),
    "rolling low": lambda b: b.rolling_low(6),
    "roc": lambda b: b.roc(3),
    "zscore": lambda b: b.zscore(5),
    "shift": lambda b: b.close.shift(4),
    "crosses": lambda b: (b.close.crosses_above(b.sma(4)), b.close.crosses_below(100)),
    "rolling": lambda b: b.close.rolling(4, lambda w: float(w[0] * 2 - w[-1])),
    "diff": lambda b: b.close.diff(),
    "change": lambda b: b.volume.pct_change(2),
    "rank": lambda b: (b.close.rank(), b.roc(2).rank(descending=True)),
    "composed": lambda b: (b.sma(3).ema(4).shift(2) - b.close.sma(2)).zscore(4).rolling_high(3),
    "of truth": lambda b: (b.close > b.open).sma(4),
}


def digest(*arrays: NDArray[Any]) -> str:
    """Hash of the arrays' bytes."""
    state = hashlib.blake2b(digest_size=12)
    for array in arrays:
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def digests() -> dict[str, str]:
    """A digest for each indicator and built-in on one market: the same whether or not kernels are compiled."""
    from backbus.strategy.builtins import CLASSES

    panel = market(120, 3, seed=5, holes=0.15, late=9, warmup=25)
    found = {name: digest(*show(what, panel, (40, 41))) for name, what in INDICATORS.items()}
    for strategy in CLASSES:
        small = {"CrossSectionalMomentum": {"period": 5, "top": 2, "every": 7}, "SmaCross": {"fast": 3, "slow": 9}}
        made = strategy(**small.get(strategy.__name__, {}))
        found[strategy.__name__] = digest(signals(made, panel, (50,)))
    found["SmaCross short"] = digest(signals(CLASSES[-1](fast=3, slow=9, short=True), panel))
    return found
