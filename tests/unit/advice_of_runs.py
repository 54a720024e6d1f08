"""How a case that runs or sweeps is made: its files, its job, and what it is told of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from backbus import run, run_sweep
from backbus.engine.inputs import files_of
from backbus.errors import BackbusError
from backbus.job.job import Job
from backbus.limits import limit_memory, unlimit_memory
from backbus.market.panel import Panel
from backbus.models.loading import files_of_job
from backbus.sweep.search.plan import search_of
from backbus.sweep.space import space
from backbus.sweep.workers.child import Prepared
from backbus.sweep.workers.process import PointLimits, Setup
from tests.unit.advice_of_settings import GONE
from tests.unit.panels import panel_of
from tests.unit.small_prices import write_prices

Way = Mapping[str, Any]
"""Settings by their dotted names; what begins with ``=`` is another text of that file."""
DAYS = 60
ENOUGH = 1000
"""Points of a sweep that are computed; of a larger one as many as come first."""


class Runs(NamedTuple):
    """A job, what it is told, and the ways on."""

    says: str
    job: Mapping[str, Any]
    """Tables of the job, beside prices of two assets and a built-in strategy."""
    ways: tuple[Way, ...]
    via: str = "sweep"
    """What it goes to: ``sweep``; ``sweep of a panel``, one over rows that were handed over, and ``warm``, over those
    that are all warm-up; ``few draws``, one that gives a point up after some draws; ``without``, one where no further
    package is installed; ``process``, what a process that computes points makes of it; ``run``; ``advice``, a run whose
    result is asked what it advises; ``limited``, one that may take as much memory as ``run.memory_mib`` says."""
    files: Mapping[str, str | bytes] = {}
    days: int = DAYS


class _Enough(Exception):
    """As many points as matter have been computed."""


def _progress(done: int, points: int) -> None:
    if points > ENOUGH:
        raise _Enough


def _panel(warmup: int) -> Panel:
    prices = 100.0 + np.arange(DAYS)[:, None] % 7
    return panel_of(*(prices.copy() for _ in range(5)), warmup=warmup)


def _swept(job: Job, folder: Path, data: Panel | None = None) -> list[str]:
    try:
        result = run_sweep(job, data, workers=0, folder=folder / "out", progress=_progress)
    except _Enough:
        return []
    failures = result.summary.get("failures")
    assert not failures, failures
    return result.summary.get("notes", [])


def _swept_without(job: Job, folder: Path) -> list[str]:
    with mock.patch.dict(sys.modules, {"optuna": None}):
        return _swept(job, folder)


def _swept_with_few_draws(job: Job, folder: Path) -> list[str]:
    with mock.patch.object(space, "MOST_DRAWS", 20):
        return _swept(job, folder)


def _prepared(job: Job, folder: Path) -> list[str]:
    with contextlib.suppress(BackbusError):
        run(job, tables=False)
    setup = Setup(job, files_of(job), files_of_job(job), check=True)
    try:
        Prepared(setup.plain(PointLimits.of(search_of(job))))
    finally:
        unlimit_memory()
    return []


def _limited(job: Job, folder: Path) -> list[str]:
    with contextlib.suppress(BackbusError):
        run(job, tables=False)  # kernels are loaded, and what else a process needs once
    limit_memory(job.run.memory_mib)
    try:
        return list(run(job, folder=folder / "out").summary.notes)
    finally:
        unlimit_memory()


_GOES_TO: Mapping[str, Callable[[Job, Path], list[str]]] = {
    "sweep": _swept,
    "process": _prepared,
    "few draws": _swept_with_few_draws,
    "without": _swept_without,
    "warm": lambda job, folder: _swept(job, folder, _panel(DAYS)),
    "sweep of a panel": lambda job, folder: _swept(job, folder, _panel(DAYS // 2)),
    "advice": lambda job, folder: list(run(job, folder=folder / "out").advice),
    "run": lambda job, folder: list(run(job, folder=folder / "out").summary.notes),
    "limited": _limited,
}


def changed(fields: dict[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    """The fields with another value of one, or without it."""
    name, _, rest = dotted.partition(".")
    found = dict(fields)
    if rest:
        found[name] = changed(dict(found.get(name) or {}), rest, value)
    elif value is GONE:
        found.pop(name, None)
    else:
        found[name] = value
    return found


def told(case: Runs, folder: Path, way: Way | None = None) -> tuple[str, bool]:
    """What a case says, and whether it is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    write_prices(folder, case.days)
    files, via = dict(case.files), case.via
    fields: dict[str, Any] = {"data": {"files": "prices.csv"}, "strategy": {"use": "BuyAndHold"}, **case.job}
    for name, value in (way or {}).items():
        if name.startswith("="):
            files[name[1:]] = value
        elif name == "via":
            via = value
        else:
            fields = changed(fields, name, value)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        job = Job.parse(fields)
        job.come_from(folder)
        notes = _GOES_TO[via](job, folder)
    except BackbusError as error:
        return str(error), True
    return "\n".join(notes), False
