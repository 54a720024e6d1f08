"""Between which values the best point's mean and Sharpe ratio lie, by the plan's own resamples.

Percentiles of the resampled statistic (Efron). They know of the time dependence within blocks, and nothing of the
selection that made this point the best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from backbus.market.panel import Floats
from backbus.sweep.statistics.resamples import Plan

_LEAST_SHARE = 1e-12
"""A resample whose squared deviations are less than this part of the sample's does not vary."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Lower and upper end; None where not every resample has the statistic."""

    mean: tuple[float, float] | None
    """Of the mean return per session in excess of the rate."""
    sharpe: tuple[float, float] | None
    """Of the annualised Sharpe ratio."""


def interval(plan: Plan, returns: Floats, periods_per_year: float, confidence: float = 0.95) -> Interval:
    """Confidence interval of one point's [sessions] returns; a few milliseconds."""
    if len(returns) != plan.sessions:
        raise ValueError(f"{len(returns)} returns for a plan of {plan.sessions} sessions")
    excess = np.asarray(returns, dtype=np.float64) - plan.settings.rate
    if plan.resamples == 0 or not np.isfinite(excess).all():
        return Interval(mean=None, sharpe=None)
    mean = float(excess.mean())
    deviations = excess - mean
    if float(excess.min()) == float(excess.max()):
        return Interval(mean=(mean, mean), sharpe=None)
    sharpe = None
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite in the end is undefined
        sums = _resample(plan, deviations)
        squares = _resample(plan, deviations * deviations)
        means = mean + sums / plan.sessions
        within = squares - sums * sums / plan.sessions
    if plan.sessions > 1 and float(within.min()) > _LEAST_SHARE * float(squares.max()):
        ratios = means / np.sqrt(within / (plan.sessions - 1)) * math.sqrt(periods_per_year)
        sharpe = _percentiles(ratios, confidence)
    return Interval(mean=_percentiles(means, confidence), sharpe=sharpe)


def _resample(plan: Plan, values: Floats) -> Floats:
    """[resamples] sum of each resample's draws."""
    prefix = np.concatenate(([0.0], np.cumsum(values)))
    sums: Floats = np.add.reduceat(prefix[plan.ends] - prefix[plan.begins], plan.pieces[:-1])
    return sums


def _percentiles(values: Floats, confidence: float) -> tuple[float, float] | None:
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, (tail, 1.0 - tail))
    return (float(low), float(high)) if math.isfinite(low) and math.isfinite(high) else None
