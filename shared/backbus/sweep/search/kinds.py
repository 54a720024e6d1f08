"""Which kind of search a job asks for."""

from __future__ import annotations

from backbus.job.job import Job
from backbus.sweep.search.cross_validation import CrossValidation
from backbus.sweep.search.monte_carlo import MonteCarlo
from backbus.sweep.search.plan import search_of
from backbus.sweep.search.search import Search, Whole
from backbus.sweep.search.walk_forward import WalkForward


def search_for(job: Job, sessions: int) -> Search:
    """The job's search over data of so many traded sessions; JobError where it has none, or it does not fit them."""
    search = search_of(job)
    if search.walk_forward is not None:
        return WalkForward(job, sessions)
    if search.monte_carlo is not None:
        return MonteCarlo(job, sessions)
    return Whole(job, sessions) if search.cpcv is None else CrossValidation(job, sessions)
