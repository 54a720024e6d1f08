"""What a submission is counted as: the key of its answer, the family of its trials, and how many points it has."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from backbus.jit.sources import identity
from backbus.job.axes import Distribution
from backbus.job.job import Job
from backbus.sweep.space.space import Space

COUNTED_HERE = 2_000_000
"""Combinations that constraints are looked at for in this process: some tenths of a second."""


def job_key(job: Job, data: Mapping[str, str], strategy: Mapping[str, str]) -> str:
    """What a result depends on, as a hash: everything but how the run is carried out."""
    plain = job.model_dump(mode="json", exclude={"run": True, "sweep": {"priority"}})
    axes = None if job.sweep is None else list(job.sweep.parameters)  # points are numbered in the file's order
    return _hash([plain, axes, sorted(data.items()), sorted(strategy.items()), identity()])


def family_of(job: Job, data: Mapping[str, str]) -> str:
    """What trials of one strategy on one set of data have in common, whatever their parameters and their code."""
    made = None if job.simulator is None else job.simulator.model_dump(mode="json")
    return _hash([job.strategy.use, sorted(data.items()), *([made] if made else [])])


def points_of(job: Job) -> int | None:
    """How many points a sweep has, or a JobError; None for a single run.

    0 where that follows from the data, or where counting takes longer than this process may be deaf: a worker counts.
    """
    search = job.sweep
    if search is None:
        return None
    if search.method == "grid" and search.constraints:
        sizes = [axis.steps or 1 if isinstance(axis, Distribution) else axis.size for axis in search.axes.values()]
        if math.prod(sizes) > COUNTED_HERE:
            return 0
    points = len(Space(search))
    return 0 if search.in_folds else points


def _hash(parts: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
