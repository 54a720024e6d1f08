"""The runs of a folder: listed, found by id or name, and removed.

Each lies in a folder of its own, named by its id: a run has ``report.json``, a sweep ``sweep.json``, whole once it is
there. What cannot be read is listed too, with the reason.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from backbus.errors import DataError, JobError, RunNotFound, UsageError
from backbus.folders import RUNS
from backbus.json_files import read_object
from backbus.kinds import TEXT, takes
from backbus.performance.artifacts import REPORT_FILE
from backbus.runs.differences import UNIMPORTANT, leaves
from backbus.runs.receipt import kind_of
from backbus.sweep.files import SUMMARY_FILE
from backbus.together import remove_left

SHOWN = 5
"""Names that a message lists."""


@dataclass(frozen=True, config=ConfigDict(strict=True))
class KeptRun:
    """One of them, in what a list tells of it: a ValueError where a value is of another type."""

    id: str
    kind: str
    """``run``, ``sweep``, ``walk_forward``, ``cpcv`` or ``monte_carlo``; ``damaged`` where none can be
    read."""
    name: str
    strategy: str
    parameters: Mapping[str, Any]
    """Of the strategy; of a sweep those of its best point."""
    first_session: str | None
    last_session: str | None
    total_return: float | None
    sharpe: float | None
    max_drawdown: float | None
    begun_at: str
    """ISO 8601, UTC; of runs of before when their report was written."""
    fingerprint: str
    folder: Path
    problem: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of its job, by their dotted names, but for those of the strategy and those that change no result."""

    def plain(self) -> dict[str, Any]:
        """As ``--json`` prints it, but for the settings."""
        told = {**asdict(self), "folder": str(self.folder)}
        del told["settings"]
        return told


ORDERS = {
    "when": "begun_at",
    "return": "total_return",
    "sharpe": "sharpe",
    "drawdown": "max_drawdown",
    "name": "name",
    "strategy": "strategy",
    "kind": "kind",
}
"""What a list can be sorted by."""


def kept_runs(folder: Path) -> list[KeptRun]:
    """All runs of a folder, the latest first."""
    if not folder.is_dir():
        return []
    places = (path for path in folder.iterdir() if not path.name.startswith("."))
    found = [_told(path) for path in places if _holds_run(path)]
    return sorted(found, key=lambda run: (run.begun_at, run.id), reverse=True)


def sorted_by(runs: Iterable[KeptRun], order: str) -> list[KeptRun]:
    """In another order: the greatest first, and what has no such figure last; ``-order`` the other way round."""
    name = order.removeprefix("-")
    if name not in ORDERS:
        raise UsageError(f"runs are not sorted by {name!r}; choose one of {', '.join(ORDERS)}, or -NAME the other way")
    having = [run for run in runs if getattr(run, ORDERS[name]) is not None]
    words = name in ("name", "strategy", "kind")
    having.sort(key=lambda run: getattr(run, ORDERS[name]), reverse=order.startswith("-") == words)
    return having + [run for run in runs if getattr(run, ORDERS[name]) is None]


def told_apart(runs: Sequence[KeptRun]) -> list[dict[str, Any]]:
    """Of each run the settings that tell it from those of the list that are alike in kind, name, strategy and
    parameters; None for one that it does not have."""
    alike: dict[tuple[str, ...], list[KeptRun]] = {}
    for run in runs:
        alike.setdefault(_looks(run), []).append(run)
    found = []
    for run in runs:
        others = alike[_looks(run)]
        names = sorted({name for one in others for name in one.settings})
        values = {name: [one.settings.get(name) for one in others] for name in names}
        apart = [name for name, of in values.items() if any(value != of[0] for value in of)]
        found.append({name: run.settings.get(name) for name in apart})
    return found


def _looks(run: KeptRun) -> tuple[str, ...]:
    return run.kind, run.name, run.strategy, repr(sorted(run.parameters.items()))


def find_run(name: str, folder: Path) -> Path:
    """The folder of one run: from its path, its id, the first letters of this, or its job's name where one alone has
    it. Raises RunNotFound."""
    if _holds_run(Path(name)):
        return Path(name)
    runs = kept_runs(folder)
    found = [run for run in runs if name and run.id.startswith(name)]
    found = found or [run for run in runs if run.name == name]
    if len(found) == 1:
        return found[0].folder
    if found:
        some = ", ".join(f"{run.id} ({run.name}, {run.begun_at[:16]})" for run in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise RunNotFound(f"{name!r} could be {len(found)} runs: {some}{more}; give one's id, or --last")
    there = f"; the latest is {runs[0].id} ({runs[0].name})" if runs else ", which has none yet"
    raise RunNotFound(f"there is no run {name!r} in {folder}{there}; backbus runs lists them")


def find_removable(name: str, folder: Path) -> Path:
    """The same of a run that lies in ``folder`` itself, as nothing else is removed. Raises UsageError for another."""
    found = find_run(name, folder)
    is_child = found.name not in ("", "..") and found.parent.resolve() == folder.resolve()
    if not is_child:
        raise UsageError(f"{found} is not in {folder}, and only runs in {folder} are removed; delete it by hand")
    return folder / found.name


@takes(name=TEXT)
def find_sweep(name: str) -> Path:
    """The folder of a sweep, from its path, its id, the first letters of this, or its job's name. Raises JobError."""
    folder = find_run(name, RUNS)
    if not (folder / SUMMARY_FILE).is_file():
        raise JobError(f"{folder} is of a single run, and of no sweep; `backbus show {folder.name}` shows it")
    return folder


def lies_in(name: str, folder: Path) -> bool:
    """Whether ``find_run`` finds a run of that name, or several."""
    if _holds_run(Path(name)):
        return True
    return any((name and run.id.startswith(name)) or run.name == name for run in kept_runs(folder))


def latest_run(folder: Path) -> Path:
    """The folder of the run that was begun last. Raises RunNotFound where there is none."""
    runs = kept_runs(folder)
    if not runs:
        raise RunNotFound(f"there is no run in {folder} yet; backbus run makes one")
    return runs[0].folder


def remove_run(folder: Path) -> None:
    """Remove a run's folder. What says that it is whole goes first: a removal that is stopped leaves no half run. Of a
    link to one the link alone goes."""
    if folder.is_symlink():
        folder.unlink()
        return
    for name in (REPORT_FILE, SUMMARY_FILE):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder)


def remove_unfinished(folder: Path) -> None:
    """Remove from a folder of runs what those that were killed have left: hidden files that nobody writes any more, and
    the folders that held nothing else."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_symlink() or not path.is_dir() or _holds_run(path):
            continue
        with suppress(OSError):  # others lie there, or it may not be looked into
            if remove_left(path):
                path.rmdir()


def _holds_run(folder: Path) -> bool:
    """Whether what says that a run or a sweep is whole lies there."""
    try:
        return (folder / REPORT_FILE).is_file() or (folder / SUMMARY_FILE).is_file()
    except OSError:  # no name of a folder, or one that may not be looked into
        return False


def _told(folder: Path) -> KeptRun:
    try:
        return kept_run(folder)
    except DataError as error:
        nothing: dict[str, Any] = {}
        written, problem = _written(_summary_of(folder)), str(error)
        return KeptRun(
            folder.name, "damaged", "", "", nothing, None, None, None, None, None, written, "", folder, problem
        )


def kept_run(folder: Path) -> KeptRun:
    """What the run or sweep of a folder says of itself. Raises DataError where it is damaged."""
    path = _summary_of(folder)
    said = read_object(path, "what a run says of itself")
    try:
        return (_of_sweep if path.name == SUMMARY_FILE else _of_run)(folder, said, _written(path))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        raise DataError("is not whole, or of another version; run the job again", file=str(path)) from None


def _summary_of(folder: Path) -> Path:
    return folder / (SUMMARY_FILE if (folder / SUMMARY_FILE).is_file() else REPORT_FILE)


def _written(path: Path) -> str:
    return datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).isoformat(timespec="milliseconds")


def _of_run(folder: Path, said: Mapping[str, Any], written: str) -> KeptRun:
    strategy = dict(said.get("settings", {}).get("strategy", {}))
    metrics = said["metrics"]
    return KeptRun(
        id=folder.name,
        kind="run",
        name=said["name"],
        strategy=strategy.pop("use", ""),
        parameters=strategy,
        first_session=said["first_session"],
        last_session=said["last_session"],
        total_return=metrics["total_return"],
        sharpe=metrics["sharpe"],
        max_drawdown=metrics["max_drawdown"],
        begun_at=said.get("ran", {}).get("begun_at", written),
        fingerprint=said["fingerprint"],
        folder=folder,
        settings=_settings(said.get("settings", {})),
    )


def _settings(job: Mapping[str, Any]) -> dict[str, Any]:
    told = leaves({name: value for name, value in job.items() if name not in ("strategy", *UNIMPORTANT)})
    return {name: value for name, value in told if value != []}


def _of_sweep(folder: Path, said: Mapping[str, Any], written: str) -> KeptRun:
    job = said["job"]
    chosen = kind_of(said) != "monte_carlo"  # where each point is a market, the luckiest is nobody's choice
    best = said.get("best") or {} if chosen else {}
    figures = best.get("metrics") or said.get("figures") or {}
    return KeptRun(
        id=folder.name,
        kind=kind_of(said),
        name=said.get("name") or job["name"],
        strategy=job["strategy"]["use"],
        parameters={name.removeprefix("strategy."): value for name, value in (best.get("params") or {}).items()},
        first_session=None,
        last_session=None,
        total_return=figures.get("total_return"),
        sharpe=figures.get("sharpe"),
        max_drawdown=figures.get("max_drawdown"),
        begun_at=said.get("ran", {}).get("begun_at", written),
        fingerprint=said["table_sha256"],
        folder=folder,
        settings=_settings(job),
    )
