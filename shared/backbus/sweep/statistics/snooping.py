"""Could the best of these points be the best of as many without any merit? Two tests of the maxima over points.

H. White, A Reality Check for Data Snooping, Econometrica 68 (2000). P. R. Hansen, A Test for Superior Predictive
Ability, Journal of Business & Economic Statistics 23 (2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backbus.market.panel import Floats
from backbus.sweep.statistics.observation import CONSISTENT, LOWER, UPPER, WHITE


@dataclass(frozen=True, slots=True)
class Snooping:
    """Probabilities of a best at least this good where no point beats the benchmark.

    None where no point was tested, or nothing resampled.
    """

    reality_check: float | None
    spa_lower: float | None
    spa_consistent: float | None
    spa_upper: float | None


def snooping(maxima: Floats) -> Snooping:
    """Both tests, from the merged maxima of all points."""
    return Snooping(
        reality_check=_p_value(maxima[WHITE], -np.inf),
        spa_lower=_p_value(maxima[LOWER], 0.0),
        spa_consistent=_p_value(maxima[CONSISTENT], 0.0),
        spa_upper=_p_value(maxima[UPPER], 0.0),
    )


def _p_value(maxima: Floats, least: float) -> float | None:
    """Share of resamples, the sample itself among them, whose maximum reaches the observed one: never zero."""
    if len(maxima) < 2 or not np.isfinite(maxima).all():
        return None
    reached = np.maximum(maxima[:-1], least) >= max(float(maxima[-1]), least)
    return (1 + int(np.count_nonzero(reached))) / len(maxima)
