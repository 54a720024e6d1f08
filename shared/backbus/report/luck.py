"""How much of what came out may be luck, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from backbus.performance.report import Report
from backbus.sweep.statistics.sharpe import error_factor, probabilistic_sharpe

TOLD = (
    ("probabilistic_sharpe", "probability that the best one's true Sharpe ratio is above 0, were it the only trial"),
    ("deflated_sharpe_sweep", "the same, knowing that it is the best of this sweep"),
    ("deflated_sharpe_family", "the same, knowing of all {trials_family} trials of this strategy on this market"),
    ("overfitting_probability", "probability that the best in one half of the time is below the median in the other"),
    ("spa_consistent", "p-value of a best as good without any skill (Hansen's SPA)"),
    ("reality_check", "the same by White's reality check"),
)
"""Statistics of a search and what they mean."""


class SharpeDoubt(NamedTuple):
    """How far a run's Sharpe ratio can be believed; Bailey and López de Prado 2012."""

    error: float
    """Its standard error, annual."""
    probability: float
    """That the true one is above 0."""


def sharpe_doubt(report: Report) -> SharpeDoubt | None:
    """Of a run, from its length and its tails; None where it has no Sharpe ratio, or returns of two values only."""
    sharpe, skewness, kurtosis = report.metrics.sharpe, report.tails.skewness, report.tails.kurtosis
    if sharpe is None or skewness is None or kurtosis is None or report.year <= 0.0:
        return None
    each = sharpe / math.sqrt(report.year)
    factor = error_factor(each, skewness, kurtosis + 3.0)
    probability = probabilistic_sharpe(each, report.sessions, skewness, kurtosis + 3.0)
    if factor is None or probability is None:
        return None
    return SharpeDoubt(factor / math.sqrt(report.sessions - 1) * math.sqrt(report.year), probability)


def statistics_told(statistics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Of a search: name, value and meaning of each."""
    found = []
    for name, meaning in TOLD:
        value = statistics[name]
        shown = statistics["undefined"].get(name, "undefined") if value is None else f"{value:.3f}"
        found.append((name, shown, meaning.format(**statistics)))
    if statistics["sharpe_interval"] is not None:
        low, high = statistics["sharpe_interval"]
        meaning = "95 % confidence, knowing nothing of the selection"
        found.append(("sharpe_interval", f"{low:.2f} to {high:.2f}", meaning))
    if statistics["stability"] is not None:
        meaning = "from the best point to its neighbours, one step of one parameter away"
        found.append(("stability", statistics["stability"]["shape"], meaning))
    return found
