"""How much of a Sharpe ratio is skill: what its length, its tails and the number of trials leave of it.

Sharpe ratios are per session here, unless a name says annual. A figure that is not defined is None.

D. H. Bailey and M. López de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 15 (2012): probabilistic
Sharpe ratio and minimum track record length. The same, The Deflated Sharpe Ratio, Journal of Portfolio Management 40
(2014). D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, Pseudo-Mathematics and Financial Charlatanism,
Notices of the AMS 61 (2014): minimum backtest length.
"""

from __future__ import annotations

import math
from statistics import NormalDist

NORMAL = NormalDist()

_EULER_MASCHERONI = 0.5772156649015329


def defined(value: float) -> float | None:
    """A plain float, None for NaN and infinity."""
    value = float(value)
    return value if math.isfinite(value) else None


def error_factor(sharpe: float, skewness: float, kurtosis: float) -> float | None:
    """√(sessions - 1) × standard error of a Sharpe ratio; None where it is zero, as for returns of two values only."""
    squared = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    return math.sqrt(squared) if math.isfinite(squared) and squared > 1e-12 else None


def probabilistic_sharpe(
    sharpe: float, sessions: int, skewness: float, kurtosis: float, against: float = 0.0
) -> float | None:
    """Probability that the true Sharpe ratio is above ``against``; kurtosis is 3 for normal returns."""
    factor = error_factor(sharpe, skewness, kurtosis)
    if factor is None or sessions < 2:
        return None
    return NORMAL.cdf((sharpe - against) * math.sqrt(sessions - 1) / factor)


def expected_maximum(trials: int) -> float:
    """Expected greatest of ``trials`` independent standard normal draws; 0 for one, which selects nothing."""
    if trials < 2:
        return 0.0
    greatest = -NORMAL.inv_cdf(1.0 / trials)
    beyond = -NORMAL.inv_cdf(1.0 / (trials * math.e))
    return (1.0 - _EULER_MASCHERONI) * greatest + _EULER_MASCHERONI * beyond


def min_track_record(
    sharpe: float, skewness: float, kurtosis: float, against: float = 0.0, confidence: float = 0.95
) -> float | None:
    """Sessions after which the Sharpe ratio is above ``against`` with ``confidence``; None where it is not above it."""
    factor = error_factor(sharpe, skewness, kurtosis)
    if factor is None or not sharpe > against:
        return None
    deviations = NORMAL.inv_cdf(confidence) * factor / (sharpe - against)
    return defined(1.0 + deviations * deviations)


def min_backtest_years(annual_sharpe: float, trials: int) -> float | None:
    """Years below which the best of ``trials`` without skill is expected to reach this annualised Sharpe ratio."""
    if not annual_sharpe > 0.0:
        return None
    length = expected_maximum(trials) / annual_sharpe
    return defined(length * length)
