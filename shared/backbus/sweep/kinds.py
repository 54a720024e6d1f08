"""Which kind of search a job asks for."""

from __future__ import annotations

from backbus.jobs import Job
from backbus.sweep.plan import search_of
from backbus.sweep.search import Search, Whole
from backbus.sweep.walk_forward import WalkForward


def search_for(job: Job, sessions: int) -> Search:
    """The job's search over data of so many traded sessions; JobError where it has none, or it does not fit them."""
    kind = Whole if search_of(job).walk_forward is None else WalkForward
    return kind(job, sessions)
