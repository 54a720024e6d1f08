"""How many points all sweeps here have tried of one strategy on the same data: the more, the less a best one means."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from backbus.job.job import Job
from backbus.market.panel import Panel

TRIALS_FILE = "trials.json"


def count_trials(path: Path, job: Job, panel: Panel, points: int) -> int:
    """Count this sweep, and say how many points all sweeps here have tried of this strategy's name on this data.

    A sweep that was counted before is not counted again. A file that cannot be read starts anew.
    """
    family = f"{job.strategy.use} {data_hash(panel)}"
    search = hashlib.blake2b(json.dumps(job.plain(), sort_keys=True).encode(), digest_size=8).hexdigest()
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        sweeps = {str(key): int(count) for key, count in known.get(family, {}).items()}
    except (OSError, ValueError, AttributeError):
        known, sweeps = {}, {}
    sweeps[search] = points
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps({**known, family: sweeps}, indent=1), encoding="utf-8")
    part.replace(path)
    return sum(sweeps.values())


def data_hash(panel: Panel) -> str:
    """What tells one panel from another."""
    digest = hashlib.blake2b("\0".join(panel.symbols).encode(), digest_size=8)
    for column in (panel.block.end, *panel.block.cells().values()):
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()
