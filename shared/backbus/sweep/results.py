"""What is done with a finished sweep: its best points, and any point run whole again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.errors import BackbusError, JobError, UsageError
from backbus.job.axes import Axis, Choices
from backbus.job.job import Job
from backbus.job.sweep import SweepSettings
from backbus.local import RUNS, Progress, run
from backbus.performance.metrics import FIGURES
from backbus.sweep.outcome import FAN_FILE, SUMMARY_FILE, TABLE_FILE, column_kind, stored
from backbus.sweep.space.space import Space, point_job

if TYPE_CHECKING:
    import pyarrow as pa

    from backbus.result import Result


def find_sweep(name: str) -> Path:
    """The folder of a sweep, from its path, its id or the first letters of this; JobError where there is not one."""
    if (Path(name) / SUMMARY_FILE).is_file():
        return Path(name)
    found = sorted(path.parent for path in RUNS.glob(f"{name}*/{SUMMARY_FILE}"))
    if len(found) != 1:
        many = ", ".join(path.name for path in found[:5])
        raise JobError(f"{name!r} could be {many}" if found else f"there is no finished sweep {name!r} in {RUNS}")
    return found[0]


def top_points(folder: Path, top: int, by: str | None = None) -> list[dict[str, Any]]:
    """The best points as rows of the table; ``by`` is a figure, ``-figure`` for the smallest first."""
    import pyarrow.parquet as pq

    objective = _of_points(folder)["objective"]
    order = by or objective
    figure = order.removeprefix("-")
    if figure not in FIGURES:
        raise UsageError(f"there is no figure {figure!r}; choose one of {', '.join(FIGURES)}")
    known = pq.read_table(folder / TABLE_FILE, filters=[(figure, ">=", -float("inf"))])
    direction = "ascending" if order.startswith("-") else "descending"
    ordered = known.sort_by([(figure, direction), ("point", "ascending")])
    return list(ordered.slice(0, top).to_pylist())


def _values(search: SweepSettings, row: dict[str, Any]) -> dict[str, Any]:
    """The values of a row's point. Those of an adaptive search stand nowhere but in its table."""
    if search.method != "adaptive":
        return Space(search).values(row["point"])
    return {path: _written(axis, row[path]) for path, axis in search.axes.items()}


def _written(axis: Axis, value: Any) -> Any:
    if not isinstance(axis, Choices):
        return value
    kind = column_kind({type(choice) for choice in axis.values})
    return next(choice for choice in axis.values if stored(choice, kind) == value)


def load_summary(folder: Path) -> dict[str, Any]:
    """A finished sweep's summary, or a JobError that says where none is."""
    try:
        summary: dict[str, Any] = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise JobError(f"there is no finished sweep in {folder}; it would have a {SUMMARY_FILE}") from None
    return summary


def _of_points(folder: Path) -> dict[str, Any]:
    """The summary of a sweep over all of the data; one in folds has no table of points."""
    summary = load_summary(folder)
    if "best" not in summary:
        raise JobError(f"{folder} holds the folds of a {summary['kind']}, no table of points; see its {SUMMARY_FILE}")
    return summary


def fan_of(folder: Path) -> tuple[Job, pa.Table] | None:
    """The job of a finished sweep over simulated markets and its fan; None of another sweep."""
    import pyarrow.parquet as pq

    path = folder / FAN_FILE
    return (Job.parse(load_summary(folder)["job"]), pq.read_table(path)) if path.is_file() else None


def rerun(sweep: Path, point: int | None = None, *, progress: Progress | None = None) -> Result:
    """Run one point of a finished sweep whole, the best where none is named; its row of the table must come again.

    ``sweep`` is the sweep's folder. BackbusError where the run differs from the row: the code or the data is another.
    """
    import pyarrow.parquet as pq

    summary = _of_points(sweep)
    if point is None:
        if summary["best"] is None:
            raise JobError("the sweep has no best point: none has its objective")
        point = int(summary["best"]["point"])
    if not 0 <= point < summary["points"]:
        raise JobError(f"the sweep has points 0 to {summary['points'] - 1}, not {point}")
    job = Job.parse(summary["job"])
    job.come_from(Path(summary["folder"]))
    assert job.sweep is not None
    row = pq.read_table(sweep / TABLE_FILE, filters=[("point", "=", point)]).to_pylist()[0]
    if row["failure"] is not None:
        raise JobError(f"point {point} failed ({row['failure']}): {row['message']}")
    result = run(point_job(job, _values(job.sweep, row)), progress=progress)
    told: dict[str, Any] = {"fingerprint": result.fingerprint, **result.metrics}
    differing = [name for name, value in told.items() if row[name] != value]
    if differing:
        raise BackbusError(
            f"point {point} did not come again: {', '.join(differing[:5])} differ from the table; "
            "the strategy, the data or backbus is not what it was"
        )
    return result
