"""A user's own models where a member runs them: out of the bundle of the strategy's file, within the job's limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from backbus.job.job import Job
from backbus.limits import limit_memory, unlimit_memory
from backbus.models.loading import said_by, with_functions
from backbus.transport.role import Assignment


def bundle_hash(files: Mapping[str, str]) -> str:
    """What a bundle is, by the names and hashes of its files."""
    return hashlib.blake2b(json.dumps(sorted(files.items())).encode(), digest_size=16).hexdigest()


class OwnModels:
    """The models of one attempt, where it has any."""

    def __init__(self) -> None:
        self._limited = False

    def take(self, assignment: Assignment) -> tuple[Job, dict[str, Any]]:
        """The job with its models' functions, and what READY says of them: which bundle was loaded, and what each
        model says to numbers that every member asks it for. Raises JobError or StrategyError."""
        job = assignment.job
        if not any(job.own_models()):
            return job, {}
        self._limited = True
        limit_memory(job.run.memory_mib)
        job = with_functions(job, assignment.fetch(assignment.strategy))
        said, notes = said_by(job)
        return job, {"own_models": {"bundle": bundle_hash(assignment.strategy), "answers": said, "notes": notes}}

    def leave(self) -> None:
        """Lift the limit."""
        if self._limited:
            unlimit_memory()
            self._limited = False
