"""Indicators as functions: a run, a [rows, assets] array with NaN where there is nothing, parameters; an array back.

What each function keeps between two blocks is a slot of the run. Formulas and their starting conventions are given
with the methods of ``Stream`` and ``Bars``.
"""

from __future__ import annotations

import operator

import numpy as np

from backbus.errors import StrategyError
from backbus.market.panel import Floats
from backbus.strategy.kernels import averages
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
    state = run.slot(
        ("sma", n), lambda: (np.zeros((assets, n)), np.zeros((assets, 3)), np.zeros((assets, 3), np.int64))
    )
    out = np.empty(x.shape)
    averages.simple(x, out, *state, n)
    return out


def ema(run: Run, x: Floats, n: int) -> Floats:
    """Exponential mean with alpha 2 / (n + 1)."""
    n, assets = bars_count("ema", n), x.shape[1]
    state = run.slot(("ema", n), lambda: (np.zeros(assets), np.zeros(assets, np.int64)))
    out = np.empty(x.shape)
    averages.exponential(x, out, *state, n)
    return out
