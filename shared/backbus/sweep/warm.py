"""A small sweep through the loops that only sweeps have: after it, and the engine's, nothing is left to compile."""

from __future__ import annotations

import numpy as np

from backbus.jit.lanes import LANES
from backbus.performance.lanes import blank_sums
from backbus.sweep.statistics import Observer, ResampleSettings, judge, make_plan


def warm_sweep() -> None:
    """Observe and judge a few points that need no market."""
    plan = make_plan(64)
    observer = Observer(plan, 4)
    for point in range(4):
        observer.observe(point, 0.01 * np.sin(np.arange(64.0) * (point + 1)))
    alone = make_plan(64, settings=ResampleSettings(0))
    Observer(alone, LANES).observe_sums(np.arange(LANES), blank_sums(1, len(alone.bounds) - 1))
    judge(plan, observer.rows, observer.maxima, periods_per_year=252, trials_sweep=4, trials_family=4)
