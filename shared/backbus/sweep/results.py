"""A finished sweep as its files tell it: where they are, its summary, its best points, and the values of any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backbus.errors import DataError, JobError, UsageError
from backbus.job.axes import Axis, Choices
from backbus.job.sweep import SweepSettings
from backbus.json_files import read_object
from backbus.kinds import PATH, TEXT, WHOLE, takes
from backbus.performance.metrics import FIGURES
from backbus.performance.table_files import read_table_file
from backbus.renamed import job_of_before
from backbus.sweep.files import SUMMARY_FILE, TABLE_FILE
from backbus.sweep.outcome import column_kind, stored
from backbus.sweep.space.space import Space


@takes(folder=PATH, top=WHOLE, by=TEXT)
def top_points(folder: Path | str, top: int, by: str | None = None) -> list[dict[str, Any]]:
    """The best points as rows of the table; ``by`` is a figure, ``-figure`` for the smallest first."""
    folder = Path(folder)
    objective = points_summary(folder)["objective"]
    order = by or objective
    figure = order.removeprefix("-")
    if figure not in FIGURES:
        raise UsageError(f"there is no figure {figure!r}; choose one of {', '.join(FIGURES)}")
    known = read_table_file(folder / TABLE_FILE, "table", filters=[(figure, ">=", -float("inf"))])
    direction = "ascending" if order.startswith("-") else "descending"
    ordered = known.sort_by([(figure, direction), ("point", "ascending")])
    return list(ordered.slice(0, top).to_pylist())


def values_of(search: SweepSettings, row: dict[str, Any]) -> dict[str, Any]:
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
    """A finished sweep's summary, or a JobError that says where none is. Raises DataError for one that is damaged."""
    try:
        summary = read_object(folder / SUMMARY_FILE, "the summary of a sweep")
    except FileNotFoundError:
        raise JobError(f"there is no finished sweep in {folder}; it would have a {SUMMARY_FILE}") from None
    if "job" not in summary:
        return summary
    if not isinstance(summary["job"], dict):
        raise DataError("has no job that can be read; run the sweep again", file=str(folder / SUMMARY_FILE))
    return {**summary, "job": job_of_before(summary["job"])}


def points_summary(folder: Path) -> dict[str, Any]:
    """The summary of a sweep over all of the data; one in folds has no table of points."""
    summary = load_summary(folder)
    if "best" not in summary:
        raise JobError(f"{folder} holds the folds of a {summary['kind']}, no table of points; see its {SUMMARY_FILE}")
    return summary
