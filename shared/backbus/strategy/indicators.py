"""Indicators as functions: a run, a [rows, assets] array with NaN where there is nothing, parameters; an array back.

What each function keeps between two blocks is a slot of the run. Formulas and their starting conventions are given
with the methods of ``Stream`` and ``Bars``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from backbus.errors import StrategyError
from backbus.market.panel import Floats, Ints
from backbus.strategy.kernels import averages, dispersion, extremes, oscillators, sequences
from backbus.strategy.run import Run

LONGEST = 10_000_000
"""Bars that a window may hold: beyond it is a mistake rather than a market."""


def bars_count(name: str, n: int, *, least: int = 1) -> int:
    """``n`` as a number of bars, or a StrategyError naming the indicator."""
    try:
        count = operator.index(n)
    except TypeError:
        raise StrategyError(f"{name} takes a whole number of bars, not {n!r}") from None
    if not least <= count <= LONGEST:
        raise StrategyError(f"{name} takes from {least} to {LONGEST} bars, not {count}")
    return count


def sma(run: Run, x: Floats, n: int) -> Floats:
    """Mean of the last ``n``."""
    n, assets = bars_count("sma", n), x.shape[1]
    state = run.slot(("sma", n), lambda: (np.zeros((assets, n)), np.zeros((assets, 3)), _counts(assets, 3)))
    out = np.empty(x.shape)
    averages.simple(x, out, *state, n)
    return out


def ema(run: Run, x: Floats, n: int) -> Floats:
    """Exponential mean with alpha 2 / (n + 1)."""
    n, assets = bars_count("ema", n), x.shape[1]
    state = run.slot(("ema", n), lambda: (np.zeros(assets), _counts(assets)))
    out = np.empty(x.shape)
    averages.exponential(x, out, *state, n)
    return out


def moments(run: Run, name: str, x: Floats, n: int) -> tuple[Floats, Floats]:
    """Mean and population standard deviation of the last ``n``."""
    n, assets = bars_count(name, n), x.shape[1]
    state = run.slot(
        (name, n),
        lambda: (np.zeros((assets, n)), np.zeros((assets, 2 * n)), np.zeros((assets, 2)), _counts(assets, 2)),
    )
    mean, deviation = np.empty(x.shape), np.empty(x.shape)
    dispersion.moments(x, mean, deviation, *state, n)
    return mean, deviation


def rsi(run: Run, x: Floats, n: int) -> Floats:
    """Wilder's relative strength index."""
    n, assets = bars_count("rsi", n), x.shape[1]
    state = run.slot(("rsi", n), lambda: (np.zeros((assets, 3)), _counts(assets)))
    out = np.empty(x.shape)
    oscillators.relative_strength(x, out, *state, n)
    return out


def atr(run: Run, high: Floats, low: Floats, close: Floats, n: int) -> Floats:
    """Wilder's average true range."""
    n, assets = bars_count("atr", n), close.shape[1]
    state = run.slot(("atr", n), lambda: (np.zeros((assets, 2)), _counts(assets)))
    out = np.empty(close.shape)
    oscillators.true_range(high, low, close, out, *state, n)
    return out


def _extreme(run: Run, name: str, x: Floats, n: int, sign: float) -> Floats:
    n, assets = bars_count(name, n), x.shape[1]
    state = run.slot((name, n), lambda: (np.zeros((assets, n)), _counts(assets, n), _counts(assets, 3)))
    out = np.empty(x.shape)
    extremes.extreme(x, out, *state, n, sign)
    return out


def rolling_high(run: Run, x: Floats, n: int) -> Floats:
    """Highest of the last ``n``."""
    return _extreme(run, "rolling_high", x, n, 1.0)


def rolling_low(run: Run, x: Floats, n: int) -> Floats:
    """Lowest of the last ``n``."""
    return _extreme(run, "rolling_low", x, n, -1.0)


def shift(run: Run, x: Floats, close: Floats, n: int) -> Floats:
    """The value of ``n`` own bars ago."""
    n, assets = bars_count("shift", n, least=0), x.shape[1]
    if n == 0:
        return x
    state = run.slot(("shift", n), lambda: (np.full((assets, n), np.nan), _counts(assets)))
    out = np.empty(x.shape)
    sequences.shift(x, close, out, *state, n)
    return out


def cross(run: Run, name: str, x: Floats, y: Floats, side: float) -> NDArray[np.bool_]:
    """Whether ``x`` came over to this side of ``y``."""
    state = run.slot((name,), lambda: np.zeros(x.shape[1]))
    out = np.empty(x.shape, np.bool_)
    sequences.cross(x, y, out, state, side)
    return out


def rolling(run: Run, x: Floats, n: int, function: Callable[[Floats], float]) -> Floats:
    """``function`` of each window of ``n``; what is not finite is neither in a window nor an answer."""
    n, assets = bars_count("rolling", n), x.shape[1]
    tails = run.slot(("rolling", n), lambda: [np.empty(0)] * assets)
    out = np.full(x.shape, np.nan)
    for asset in range(assets):
        present = np.flatnonzero(np.isfinite(x[:, asset]))
        values = np.concatenate((tails[asset], x[present, asset]))
        values.flags.writeable = False
        first = len(tails[asset]) + 1 - n
        for place, row in enumerate(present):
            if first + place >= 0:
                answer = float(function(values[first + place : first + place + n]))
                out[row, asset] = answer if math.isfinite(answer) else np.nan
        tails[asset] = values[max(0, len(values) - n + 1) :].copy()
    return out


def onto(run: Run, timeframe: str, x: Floats, completed: Ints, rows: int) -> Floats:
    """The last of longer bars' values that is there in each of ``rows``; ``completed`` is the row of each of them."""
    last = run.slot(("on", timeframe), lambda: np.full(x.shape[1], np.nan))
    known = np.concatenate((last[None, :], x))
    place = np.where(np.isnan(known), 0, np.arange(len(known))[:, None])
    known = np.take_along_axis(known, np.maximum.accumulate(place, axis=0), axis=0)
    last[:] = known[-1]
    found: Floats = known[np.searchsorted(completed, np.arange(rows), side="right")]
    return found


def rank(x: Floats, *, descending: bool) -> Floats:
    """1 for the lowest (or highest) of each row, ties in the order of assets; NaN stays NaN."""
    order = np.argsort(-x if descending else x, axis=1, kind="stable")
    ranks = np.empty(x.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, x.shape[1] + 1.0)[np.newaxis, :], axis=1)
    ranks[np.isnan(x)] = np.nan
    return ranks


def _counts(*shape: int) -> Ints:
    return np.zeros(shape, np.int64)
