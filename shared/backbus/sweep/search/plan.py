"""What a job's search comes to over data: how many sessions, which resamples, which values a point has."""

from __future__ import annotations

from typing import Any

from backbus.engine.batch import PointsEngine
from backbus.errors import JobError
from backbus.job.job import Job
from backbus.job.sweep import SweepSettings
from backbus.market.panel import Panel
from backbus.performance.risk_free import rate_of_plan
from backbus.sweep.space.space import Space
from backbus.sweep.statistics import Plan, ResampleSettings, make_plan


def search_of(job: Job) -> SweepSettings:
    """The job's search, or a JobError that says how to write one."""
    if job.sweep is None:
        raise JobError("is missing; add [sweep.parameters] with at least one parameter and its values", field="sweep")
    return job.sweep


def sessions_of(panel: Panel) -> int:
    """How many sessions are traded."""
    return PointsEngine(panel).sessions


def plan_for(job: Job, sessions: int, resamples: int | None = None) -> Plan:
    """The resamples of a job's sweep, ``resamples_of`` it where left out: the same wherever it is computed."""
    search, measured = search_of(job), job.performance
    rate = rate_of_plan(measured.risk_free, job.year)
    return make_plan(
        sessions, search.seed, ResampleSettings(resamples_of(job) if resamples is None else resamples, rate=rate)
    )


def resamples_of(job: Job) -> int:
    """How many a chunk of the job's sweep has: none where points compete in folds, which have their own test."""
    search = search_of(job)
    return 0 if search.in_folds or search.monte_carlo is not None else search.resamples


def plan_of(job: Job, panel: Panel, resamples: int | None = None) -> Plan:
    """The same, for the sessions of a panel."""
    return plan_for(job.measured_by(panel.layout.year), sessions_of(panel), resamples)


def points_between(space: Space, begin: int, stop: int) -> list[dict[str, Any]]:
    """The values of some points, by field."""
    columns = space.columns(begin, stop)
    lines = zip(*(columns[name] for name in space.names), strict=True)
    return [dict(zip(space.names, line, strict=True)) for line in lines]
