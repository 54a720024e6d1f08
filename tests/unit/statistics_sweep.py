"""A small sweep with every kind of point, and its verdict."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np

from backbus.market.panel import Floats
from backbus.sweep.statistics import (
    Observer,
    Plan,
    ResampleSettings,
    SelectionStatistics,
    judge,
    make_plan,
    merge,
    no_maxima,
)
from backbus.trading.records import Records

SESSIONS = 43


def some_returns(points: int = 6, sessions: int = SESSIONS, seed: int = 3) -> Floats:
    """[points, sessions] a good point, noise, and a poor point, one that never trades, a constant, a failed one."""
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (points, sessions))
    returns[0] += 0.003
    returns[-4] -= 0.02
    returns[-3] = 0.0
    returns[-2] = 0.001
    returns[-1, sessions // 2] = np.nan
    return returns


def observed(plan: Plan, returns: Floats, chunks: Iterable[slice] = (slice(None),)) -> tuple[Records, Floats]:
    """Rows and merged maxima, with one observer for each chunk."""
    observers = []
    for chunk in chunks:
        part = returns[chunk]
        observer = Observer(plan, len(part))
        for index, series in enumerate(part):
            observer.observe(index, series)
        observers.append(observer)
    rows = np.concatenate([observer.rows for observer in observers])
    return rows, functools.reduce(merge, [observer.maxima for observer in observers], no_maxima(plan))


def some_verdict() -> SelectionStatistics:
    """The verdict on ``some_returns``."""
    plan = make_plan(SESSIONS, 11, ResampleSettings(resamples=9, rate=0.0001))
    returns = some_returns()
    rows, maxima = observed(plan, returns)
    parameters = np.arange(len(returns), dtype=np.float64).reshape(-1, 1)
    return judge(
        plan,
        rows,
        maxima,
        periods_per_year=252,
        trials_sweep=len(returns),
        trials_family=100,
        best_returns=returns[0],
        parameters=parameters,
    )


def verdict_as_json() -> str:
    """``some_verdict`` as text."""
    return some_verdict().model_dump_json()
