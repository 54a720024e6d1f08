"""The end of a sweep: its best point runs again for its returns, then come the verdict, the table and the summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backbus.engine.run import Engine
from backbus.jobs import Job
from backbus.market.panel import Floats, Panel
from backbus.strategy import Strategy, make_strategy
from backbus.sweep.honesty import Plan
from backbus.sweep.outcome import Points, best_of, verdict, write_outcome
from backbus.sweep.plan import search_of
from backbus.sweep.space import Space, point_job, split


def conclude(
    folder: Path,
    job: Job,
    panel: Panel,
    strategy: type[Strategy],
    space: Space,
    plan: Plan,
    points: Points,
    trials: int,
) -> tuple[dict[str, Any], dict[str, Path]]:
    """Write the sweep's files into ``folder``; returns the summary, and the files by name.

    ``trials`` are those of the strategy's family.
    """
    goal = search_of(job).objectives[0]
    best = best_of(points.figures, goal)
    returns = None if best is None else _returns_of(job, space.values(best), panel, strategy)
    return write_outcome(folder, job, space, points, goal, verdict(job, space, points, plan, goal, returns, trials))


def _returns_of(job: Job, values: Mapping[str, Any], panel: Panel, strategy: type[Strategy]) -> Floats | None:
    """[sessions] returns of one point, computed again."""
    own, others = split(values)
    one = point_job(job, others)
    engine = Engine(one, panel, make_strategy(strategy, {**job.strategy.params, **own}))
    engine.run()
    return engine.returns()
