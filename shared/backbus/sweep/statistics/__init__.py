"""How far the best of many points can be believed.

A sweep keeps no point's returns, so the work is in three steps. All are pure::

    plan = make_plan(sessions=len(returns), seed=7)          # anywhere: the same three make the same plan

    observer = Observer(plan, points=64)                     # a worker, for a chunk of 64 points
    observer.observe(3, returns)                             # [sessions] returns of the chunk's point 3
    rows, maxima = observer.rows, observer.maxima            # what travels: [64] POINT and [4, resamples + 1]

    rows = np.concatenate(rows_of_all_chunks)                # in the order of points
    maxima = functools.reduce(merge, maxima_of_all_chunks)   # in any order
    statistics = judge(plan, rows, maxima, periods_per_year=252, trials_sweep=len(rows), trials_family=3 * len(rows),
                    objective=sharpes, best_returns=returns_of_the_best, parameters=parameters)
    statistics.model_dump(mode="json")                          # None and a reason where a figure is not defined
"""

from backbus.sweep.statistics.observation import POINT, Observer, merge, no_maxima
from backbus.sweep.statistics.resamples import Plan, ResampleSettings, make_plan
from backbus.sweep.statistics.verdict import SelectionStatistics, judge

__all__ = [
    "POINT",
    "Observer",
    "Plan",
    "ResampleSettings",
    "SelectionStatistics",
    "judge",
    "make_plan",
    "merge",
    "no_maxima",
]
