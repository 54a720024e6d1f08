"""What a sweep came to: its table, the hash of it, its best point and the verdict, from chunks in any order.

The table and its hash depend on the points and their results alone; the statistics stand beside them. Files are written
under temporary names and renamed at the end, ``sweep.json`` last: a folder that has it is complete.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbus.errors import BackbusError
from backbus.job.job import Job
from backbus.job.sweep import Objective
from backbus.market.panel import Floats
from backbus.performance.metrics import FIGURES, Metrics
from backbus.sweep.files import SUMMARY_FILE, TABLE_FILE, summary_text
from backbus.sweep.statistics import POINT, Plan, SelectionStatistics, judge, merge, no_maxima
from backbus.sweep.workers.chunk import Chunk, Failure
from backbus.together import text_file, write_together
from backbus.trading.records import Records

if TYPE_CHECKING:
    import pyarrow as pa

    from backbus.sweep.space.space import Space

WHOLE_FIGURES = tuple(name for name, field in Metrics.model_fields.items() if field.annotation is int)
"""Figures that count something."""
BATCH_POINTS = 65_536
_NAN = np.array([0x7FF8000000000000], dtype=np.uint64).view(np.float64)[0]


@dataclass(frozen=True, eq=False)
class Points:
    """The results of all points, in their order."""

    figures: Floats
    """[points, figures] in the order of ``FIGURES``."""
    fingerprints: NDArray[np.uint8]
    """[points, 16]."""
    failures: dict[int, Failure]
    """By point."""
    observed: Records
    """[points] ``statistics.POINT``."""
    maxima: Floats
    """[4, resamples + 1]."""
    returns: Floats | None = None
    """[points, sessions], NaN where there is none; only where the search asks for them."""

    def __len__(self) -> int:
        return len(self.figures)


def gather(points: int, plan: Plan, chunks: Iterable[tuple[int, Chunk]], width: int = 0) -> Points:
    """All chunks, each with its first point's number, in any order; BackbusError unless each point is there once.

    ``width`` is the most sessions that a point has returns of, 0 where nobody asks for them.
    """
    returns = np.full((points, width), np.nan) if width else None
    figures = np.full((points, len(FIGURES)), np.nan)
    fingerprints = np.zeros((points, 16), dtype=np.uint8)
    observed = np.zeros(points, dtype=POINT)
    seen = np.zeros(points, dtype=np.bool_)
    failures: dict[int, Failure] = {}
    maxima = no_maxima(plan)
    for first, chunk in chunks:
        stop = first + len(chunk.figures)
        if stop > points or seen[first:stop].any():
            raise BackbusError(f"points {first} to {stop} of {points} were counted twice, or do not exist")
        seen[first:stop] = True
        figures[first:stop], fingerprints[first:stop] = chunk.figures, chunk.fingerprints
        observed[first:stop] = chunk.observed
        if returns is not None and chunk.returns is not None:
            returns[first:stop, : chunk.returns.shape[1]] = chunk.returns
        failures.update({first + place: failure for place, failure in chunk.failures.items()})
        maxima = merge(maxima, chunk.maxima)
    if not seen.all():
        raise BackbusError(f"{np.count_nonzero(~seen)} of {points} points have no result")
    return Points(figures, fingerprints, dict(sorted(failures.items())), observed, maxima, returns)


def worth(figures: Floats, goal: Objective) -> Floats:
    """[points] the objective, the greater the better; NaN where a point has none."""
    column = figures[:, FIGURES.index(goal.metric)]
    return column if goal.direction == "maximize" else -column


def best_of(figures: Floats, goal: Objective) -> int | None:
    """The best point, of equals the first; None where no point has the metric."""
    values = worth(figures, goal)
    return int(np.nanargmax(values)) if not np.isnan(values).all() else None


def table_sha256(names: Sequence[str], values: Iterable[Sequence[Any]], points: Points) -> str:
    """The hash of a table: names; each point's parameters as JSON; figures, fingerprints, kinds of failure.

    Figures are float64, little-endian, row by row, with one NaN and no −0; every part in the order of the points.
    """
    digest = hashlib.sha256(json.dumps([list(names), list(FIGURES)]).encode())
    for line in values:
        digest.update(json.dumps(list(line), separators=(",", ":"), sort_keys=True).encode() + b"\n")
    for begin in range(0, len(points), BATCH_POINTS):
        part = points.figures[begin : begin + BATCH_POINTS] + 0.0
        part[np.isnan(part)] = _NAN
        digest.update(part.astype("<f8").tobytes())
    digest.update(points.fingerprints.tobytes())
    for point, failure in points.failures.items():
        digest.update(f"{point} {failure.kind}\n".encode())
    return digest.hexdigest()


def point_lines(space: Space) -> Iterator[list[Any]]:
    """The values of each point, in the order of the space's names."""
    for begin in range(0, len(space), BATCH_POINTS):
        columns = space.columns(begin, min(begin + BATCH_POINTS, len(space)))
        for line in zip(*(columns[name] for name in space.names), strict=True):
            yield list(line)


def best_entry(space: Space, points: Points, best: int | None) -> dict[str, Any] | None:
    """The best point as plain values."""
    if best is None:
        return None
    row = points.figures[best].tolist()
    plain: dict[str, Any] = {
        name: None if value != value else int(value) if name in WHOLE_FIGURES else value  # noqa: PLR0124
        for name, value in zip(FIGURES, row, strict=True)
    }
    return {
        "point": best,
        "params": space.values(best),
        "metrics": plain,
        "fingerprint": points.fingerprints[best].tobytes().hex(),
    }


def parameters_of(space: Space) -> NDArray[Any]:
    """[points, parameters] as numbers: steps of a grid; else values, words in the order of their first use."""
    if space.settings.method == "grid":
        return space.coordinates(0, len(space))
    columns = space.columns(0, len(space))
    numbers = np.empty((len(space), len(space.names)))
    for axis, name in enumerate(space.names):
        if all(type(value) in (int, float) for value in columns[name]):
            numbers[:, axis] = columns[name]
        else:
            known: dict[str, int] = {}
            words = (json.dumps(value, sort_keys=True) for value in columns[name])
            numbers[:, axis] = [known.setdefault(word, len(known)) for word in words]
    return numbers


def verdict(
    job: Job, space: Space, points: Points, plan: Plan, goal: Objective, best_returns: Floats | None, trials_family: int
) -> SelectionStatistics:
    """The statistics of a finished sweep."""
    best = best_of(points.figures, goal)
    return judge(
        plan,
        points.observed,
        points.maxima,
        periods_per_year=job.year,
        trials_sweep=len(points),
        trials_family=max(trials_family, len(points)),
        objective=worth(points.figures, goal),
        best=best,
        best_returns=best_returns,
        parameters=parameters_of(space),
        grid=space.settings.method == "grid",
        hurdle=job.sweep.hurdle if job.sweep is not None else 0.0,
    )


def write_outcome(
    folder: Path,
    job: Job,
    space: Space,
    points: Points,
    goal: Objective,
    more: Mapping[str, Any],
    files: Mapping[str, Callable[[Path], object]] = MappingProxyType({}),
) -> tuple[dict[str, Any], dict[str, Path]]:
    """Write table and summary into ``folder``, which is made; returns the summary, and the files by name.

    ``more`` is what the summary has beside what all have, ``files`` are others to write, by their place.
    """
    best = best_of(points.figures, goal)
    summary: dict[str, Any] = {
        "name": job.name,
        "points": len(points),
        "failed": len(points.failures),
        "failures": dict(sorted(Counter(failure.kind for failure in points.failures.values()).items())),
        "objective": goal.metric if goal.direction == "maximize" else f"-{goal.metric}",
        "best": best_entry(space, points, best),
        "table_sha256": table_sha256(space.names, point_lines(space), points),
        **more,
        "job": job.plain(),
        "folder": str(job.folder.resolve()),
    }
    own: dict[str, Callable[[Path], object]] = {
        TABLE_FILE: lambda path: _write_table(path, space, points),
        **files,
        SUMMARY_FILE: text_file(summary_text(summary)),
    }
    write_together(folder, own)
    names = {"table": TABLE_FILE, **{Path(place).stem: place for place in files}, "summary": SUMMARY_FILE}
    return summary, {name: folder / place for name, place in names.items()}


def _write_table(path: Path, space: Space, points: Points) -> None:
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None
    kinds = _kinds(space)
    try:
        for begin in range(0, len(points), BATCH_POINTS):
            stop = min(begin + BATCH_POINTS, len(points))
            table = _arrow(space, points, begin, stop, kinds)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is None:
            pq.write_table(_arrow(space, points, 0, 0, kinds), path)
    finally:
        if writer is not None:
            writer.close()


def _kinds(space: Space) -> list[type]:
    """The type of each parameter's column."""
    found: list[set[type]] = [set() for _ in space.names]
    for begin in range(0, len(space), BATCH_POINTS):
        columns = space.columns(begin, min(begin + BATCH_POINTS, len(space)))
        for kinds, name in zip(found, space.names, strict=True):
            kinds.update(map(type, columns[name]))
    return [column_kind(kinds) for kinds in found]


def column_kind(kinds: set[type]) -> type:
    """One type for values of these: bool, int, float, or str where they are words, of several kinds, or tables."""
    if kinds == {int, float}:
        return float
    return next(iter(kinds)) if len(kinds) == 1 and kinds <= {bool, int, float, str} else str


def stored(value: Any, kind: type) -> Any:
    """A value as its column holds it: what is no word in a column of words is there as JSON."""
    return json.dumps(value, sort_keys=True) if kind is str and not isinstance(value, str) else kind(value)


def _arrow(space: Space, points: Points, begin: int, stop: int, kinds: Sequence[type]) -> pa.Table:
    import pyarrow as pa

    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    arrays: dict[str, Any] = {"point": pa.array(np.arange(begin, stop), pa.int64())}
    columns = space.columns(begin, stop)
    for name, kind in zip(space.names, kinds, strict=True):
        arrays[name] = pa.array([stored(value, kind) for value in columns[name]], types[kind])
    for index, name in enumerate(FIGURES):
        column = points.figures[begin:stop, index]
        numbers = pa.array(column, pa.float64(), mask=np.isnan(column))
        arrays[name] = numbers.cast(pa.int64()) if name in WHOLE_FIGURES else numbers
    failures = [points.failures.get(point) for point in range(begin, stop)]
    prints = points.fingerprints[begin:stop]
    arrays["fingerprint"] = pa.array(
        [None if failure else row.tobytes().hex() for row, failure in zip(prints, failures, strict=True)], pa.string()
    )
    arrays["failure"] = pa.array([failure.kind if failure else None for failure in failures], pa.string())
    arrays["message"] = pa.array([failure.message if failure else None for failure in failures], pa.string())
    return pa.table(arrays)
