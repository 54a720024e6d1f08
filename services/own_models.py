"""A user's own models where a member runs them: out of the bundle of the strategy's file, within the job's limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from backbus.job.job import Job
from backbus.limits import limit_memory, unlimit_memory
from backbus.models.loading import said_by, with_functions
from backbus.transport.role import Assignment, Role


def bundle_hash(files: Mapping[str, str]) -> str:
    """What a bundle is, by the names and hashes of its files."""
    return hashlib.blake2b(json.dumps(sorted(files.items())).encode(), digest_size=16).hexdigest()


class RunsModels(Role):
    """A member that runs a job's own models, where it has any."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._limited = False

    def prepare(self, assignment: Assignment) -> dict[str, Any]:
        """Load the functions, within the job's limit of memory; READY says which bundle was loaded, and what each model
        says to numbers that every member asks it for. Raises JobError or StrategyError."""
        if not any(assignment.job.own_models()):
            return {}
        self._limited = True
        limit_memory(assignment.job.run.memory_mib)
        self._job = with_functions(assignment.job, assignment.fetch(assignment.strategy))
        said, notes = said_by(self._job)
        return {"own_models": {"bundle": bundle_hash(assignment.strategy), "answers": said, "notes": notes}}

    def job(self, assignment: Assignment) -> Job:
        """The job, with its models' functions."""
        return self._job or assignment.job

    def leave(self) -> None:
        """Let go of the functions, and lift the limit."""
        self._job = None
        if self._limited:
            unlimit_memory()
            self._limited = False
