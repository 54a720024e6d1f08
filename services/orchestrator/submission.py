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
    """What trials of one strategy on one market have in common, as JSON: whatever their parameters and their code, and
    whatever became of the files. The orchestrator does not open them: assets are their names."""
    made = None if job.simulator is None else job.simulator.model_dump(mode="json", exclude={"seed"})
    names = [job.data.dataset] if job.data.dataset is not None else sorted(data)
    told = {
        "strategy": job.strategy.use,
        "files": names,
        "symbols": sorted(job.data.symbols or ()),
        "bars": job.data.bars,
        "days": [None if day is None else str(day) for day in (job.data.start, job.data.end)],
        "made": _hash([made]) if made else None,
    }
    return json.dumps(told, sort_keys=True)


def same_family(one: str, other: str) -> bool:
    """Whether trials of both are of the same strategy and market: of bars of one kind, with a file, an asset where
    both name some, and a day in common. What was kept of before is of its own kind alone."""
    if one == other or not (one.startswith("{") and other.startswith("{")):
        return one == other
    ours, theirs = json.loads(one), json.loads(other)
    if any(ours[name] != theirs[name] for name in ("strategy", "bars", "made")):
        return False
    (our_first, our_last), (their_first, their_last) = ours["days"], theirs["days"]
    late = our_first is not None and their_last is not None and our_first > their_last
    early = their_first is not None and our_last is not None and their_first > our_last
    shared = not set(ours["files"]).isdisjoint(theirs["files"]) or ours["files"] == theirs["files"]
    assets = not (ours["symbols"] and theirs["symbols"]) or not set(ours["symbols"]).isdisjoint(theirs["symbols"])
    return not late and not early and shared and assets


def told_of(family: str, trials: int, since: str) -> str:
    """How many trials there are, of what and since when, in words."""
    if not family.startswith("{"):
        return ""
    told = json.loads(family)
    on = ", ".join(told["files"][:3]) + (f" and {len(told['files']) - 3} more" if len(told["files"]) > 3 else "")
    return f"{trials} trials of {told['strategy']} on {on or 'a simulated market'} since {since}"


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
