"""How far a run's Sharpe ratio can be believed."""

from __future__ import annotations

import math
from typing import NamedTuple

from backbus.performance.report import Report
from backbus.sweep.statistics.sharpe import error_factor, probabilistic_sharpe


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
