"""All that can be said of a sweep's best point, from what workers left: rows, maxima, and the point's own returns.

A figure that is not defined is None and its reason is in ``undefined`` under its name. Nothing here is NaN or infinite,
so the dump is plain JSON. Formulas and how to read them are in ``docs/statistics.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from backbus.market.panel import Floats
from backbus.sweep.statistics.interval import interval
from backbus.sweep.statistics.overfitting import overfitting
from backbus.sweep.statistics.resamples import Plan
from backbus.sweep.statistics.sharpe import (
    defined,
    expected_maximum,
    min_backtest_years,
    min_track_record,
    probabilistic_sharpe,
)
from backbus.sweep.statistics.snooping import snooping
from backbus.sweep.statistics.stability import Stability, stability
from backbus.trading.records import Records

NOTHING = "no point has returns"
NO_BEST = "no point has an objective"
NO_RESAMPLES = "the sweep has no resamples"
NO_RATIO = "the best point's returns do not vary"


class SelectionStatistics(BaseModel):
    """How far the best of a sweep can be believed. Sharpe ratios are annualised; None is undefined."""

    model_config = ConfigDict(frozen=True)

    points: int
    """Points of the sweep."""
    failed: int
    """Points without returns; in no other figure."""
    constant: int
    """Points whose returns never vary, most of them because they never trade; they have no Sharpe ratio."""
    sessions: int
    """Session returns of each point."""
    resamples: int
    """Resamples of the stationary bootstrap."""
    block_length: int
    """Mean length of their blocks, in sessions."""
    seed: int
    """What they were drawn from."""
    confidence: float
    """Of the intervals and of the minimum track record."""
    hurdle: float = 0.0
    """The annual Sharpe ratio that ``probabilistic_sharpe`` and ``min_track_record`` are against."""
    trials_sweep: int
    """Trials of this sweep."""
    trials_family: int
    """Trials of all sweeps that this one belongs to."""

    best: int | None = None
    """The best point's number."""
    sharpe: float | None = None
    """Its Sharpe ratio."""
    skewness: float | None = None
    """Of its returns."""
    kurtosis: float | None = None
    """Of its returns; 3 for normal ones."""
    sharpe_deviation: float | None = None
    """Deviation (ddof 1) of the Sharpe ratios of all points."""

    probabilistic_sharpe: float | None = None
    """Probability that its true Sharpe ratio is above the hurdle, had it been the only trial."""
    expected_maximum_sweep: float | None = None
    """Sharpe ratio expected of the best of ``trials_sweep`` trials without skill."""
    expected_maximum_family: float | None = None
    """The same for ``trials_family``."""
    deflated_sharpe_sweep: float | None = None
    """Probability that its true Sharpe ratio is above what ``trials_sweep`` trials let expect."""
    deflated_sharpe_family: float | None = None
    """The same for ``trials_family``."""
    min_track_record: float | None = None
    """Sessions needed for that ratio to be above 0 with ``confidence``, had it been the only trial."""
    min_backtest_years_sweep: float | None = None
    """Years below which ``trials_sweep`` trials without skill are expected to reach that ratio."""
    min_backtest_years_family: float | None = None
    """The same for ``trials_family``."""
    years: float
    """Years that there are."""

    overfitting_probability: float | None = None
    """Share of splits whose best half-sample point falls below the median in the other half."""
    loss_probability: float | None = None
    """Share of splits whose best half-sample point has a negative Sharpe ratio in the other half."""
    splits: int | None = None
    """Splits that were made, all there are."""

    reality_check: float | None = None
    """White's p-value."""
    spa_lower: float | None = None
    """Hansen's p-value, lower bound: points worse than the benchmark are taken to be as good."""
    spa_consistent: float | None = None
    """Hansen's p-value."""
    spa_upper: float | None = None
    """Hansen's p-value, upper bound: poor points shape the null like good ones."""

    mean_interval: tuple[float, float] | None = None
    """Of the best point's mean excess return per session."""
    sharpe_interval: tuple[float, float] | None = None
    """Of its Sharpe ratio."""
    stability: Stability | None = None
    """The best point against its neighbours."""

    undefined: dict[str, str]
    """Why a figure is None, by its name."""


@dataclass(frozen=True, slots=True)
class _Figures:
    """Figures by name, and why some are None."""

    values: dict[str, object] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: object, reason: str) -> None:
        self.values[name] = value
        if value is None:
            self.undefined[name] = reason


def judge(  # noqa: PLR0913  (what statistics of selection rest on, by their names)
    plan: Plan,
    rows: Records,
    maxima: Floats,
    *,
    periods_per_year: float,
    trials_sweep: int,
    trials_family: int,
    objective: Floats | None = None,
    best: int | None = None,
    best_returns: Floats | None = None,
    parameters: NDArray[np.generic] | None = None,
    grid: bool = True,
    confidence: float = 0.95,
    hurdle: float = 0.0,
) -> SelectionStatistics:
    """The verdict on [points] ``POINT`` rows in the order of points, and the merged maxima over them.

    ``objective`` is [points] what was maximised, NaN where a point has none; the Sharpe ratio where not given. ``best``
    is its greatest, of equals the first, where not given. ``best_returns`` [sessions] are computed again for the
    intervals. ``hurdle`` is the annual Sharpe ratio that is to be beaten. ``parameters`` is [points, parameters] of
    numbers; ``grid`` says whether they are steps or random draws.
    """
    rows = np.ascontiguousarray(rows)
    known = rows["sessions"] > 0
    ratios = _session_ratios(rows)
    if objective is None:
        objective = ratios
    objective = np.where(known & np.isfinite(objective), objective, np.nan)
    if best is None and np.isfinite(objective).any():
        best = int(np.nanargmax(objective))
    figures = _Figures()
    sought = Sought(confidence, hurdle / math.sqrt(periods_per_year))
    _judge_best(figures, plan, rows, ratios, best, periods_per_year, trials_sweep, trials_family, sought)
    _judge_points(figures, plan, rows, maxima)
    _judge_surroundings(figures, plan, objective, best, best_returns, parameters, grid, periods_per_year, confidence)
    return SelectionStatistics.model_validate(
        {
            "points": len(rows),
            "failed": len(rows) - int(known.sum()),
            "constant": int(np.count_nonzero(known & np.isnan(ratios))),
            "sessions": plan.sessions,
            "resamples": plan.resamples,
            "block_length": plan.block_length,
            "seed": plan.seed,
            "confidence": confidence,
            "hurdle": hurdle,
            "trials_sweep": trials_sweep,
            "trials_family": trials_family,
            "best": best,
            "years": plan.sessions / periods_per_year,
            **figures.values,
            "undefined": figures.undefined,
        }
    )


def _session_ratios(rows: Records) -> Floats:
    """[points] Sharpe ratio per session; NaN where there is none."""
    ratios = np.full(len(rows), np.nan)
    np.divide(rows["mean"], rows["deviation"], out=ratios, where=rows["deviation"] > 0.0)
    ratios[~np.isfinite(ratios)] = np.nan
    return ratios


class Sought(NamedTuple):
    """What is asked of the best point: the Sharpe ratio per session that it is to beat, and how surely."""

    confidence: float
    ratio: float


def _judge_best(
    figures: _Figures,
    plan: Plan,
    rows: Records,
    ratios: Floats,
    best: int | None,
    periods_per_year: float,
    trials_sweep: int,
    trials_family: int,
    sought: Sought,
) -> None:
    year = math.sqrt(periods_per_year)
    trials = {"sweep": trials_sweep, "family": trials_family}
    known = ratios[~np.isnan(ratios)]
    spread = defined(known.std(ddof=1)) if len(known) > 1 else None
    too_few = "fewer than two points have a Sharpe ratio"
    figures.put("sharpe_deviation", None if spread is None else spread * year, too_few)
    ratio = None if best is None else defined(ratios[best])
    skewness = None if ratio is None else defined(float(rows["skewness"][best]))
    kurtosis = None if ratio is None else defined(float(rows["kurtosis"][best]))
    reason = NO_BEST if best is None else NO_RATIO
    if best is None:
        figures.undefined["best"] = NO_BEST
    figures.put("sharpe", None if ratio is None else defined(ratio * year), reason)
    figures.put("skewness", skewness, reason)
    figures.put("kurtosis", kurtosis, reason)
    tails = "the best point's returns have only two values, or its moments overflow"
    probability = record = None
    if ratio is not None and skewness is not None and kurtosis is not None:
        probability = probabilistic_sharpe(ratio, plan.sessions, skewness, kurtosis, sought.ratio)
        record = min_track_record(ratio, skewness, kurtosis, sought.ratio, sought.confidence)
        reason = tails
    figures.put("probabilistic_sharpe", probability, reason)
    beaten = ratio is not None and ratio > sought.ratio
    below = "the best point's Sharpe ratio is not above the hurdle"
    figures.put("min_track_record", record, reason if ratio is None or beaten else below)
    low = ratio is not None and not ratio > 0.0
    poor = "the best point's Sharpe ratio is not above 0" if low else reason
    for name, count in trials.items():
        hurdle = 0.0 if count < 2 else None if spread is None else spread * expected_maximum(count)
        figures.put(f"expected_maximum_{name}", None if hurdle is None else hurdle * year, too_few)
        deflated = length = None
        if ratio is not None and skewness is not None and kurtosis is not None:
            length = min_backtest_years(ratio * year, count)
            if hurdle is not None:
                deflated = probabilistic_sharpe(ratio, plan.sessions, skewness, kurtosis, hurdle)
        figures.put(f"deflated_sharpe_{name}", deflated, too_few if hurdle is None else reason)
        figures.put(f"min_backtest_years_{name}", length, poor)


def _judge_points(figures: _Figures, plan: Plan, rows: Records, maxima: Floats) -> None:
    overfit = overfitting(plan, rows)
    if isinstance(overfit, str):
        for name in ("overfitting_probability", "loss_probability", "splits"):
            figures.put(name, None, overfit)
    else:
        figures.put("overfitting_probability", overfit.probability, "")
        figures.put("loss_probability", overfit.loss_probability, "")
        figures.put("splits", overfit.splits, "")
    tests = snooping(maxima)
    figures.put("reality_check", tests.reality_check, NOTHING if plan.resamples else NO_RESAMPLES)
    constant = "no point's difference from the benchmark varies" if plan.resamples else NO_RESAMPLES
    for name in ("spa_lower", "spa_consistent", "spa_upper"):
        figures.put(name, getattr(tests, name), constant)


def _judge_surroundings(
    figures: _Figures,
    plan: Plan,
    objective: Floats,
    best: int | None,
    best_returns: Floats | None,
    parameters: NDArray[np.generic] | None,
    grid: bool,
    periods_per_year: float,
    confidence: float,
) -> None:
    between = (
        None if best is None or best_returns is None else interval(plan, best_returns, periods_per_year, confidence)
    )
    reason = NO_BEST if best is None else "the best point's returns were not given"
    if plan.resamples == 0:
        between, reason = None, NO_RESAMPLES
    finite_reason = reason if between is None else "the best point's returns are not finite"
    varied_reason = reason if between is None else "in some resample the best point's returns do not vary"
    figures.put("mean_interval", between and between.mean, finite_reason)
    figures.put("sharpe_interval", between and between.sharpe, varied_reason)
    around: Stability | str = NO_BEST if best is None else "the points' parameters were not given"
    if best is not None and parameters is not None:
        around = stability(objective, parameters, best, grid=grid)
    figures.put("stability", *((None, around) if isinstance(around, str) else (around, "")))
