"""Walk-forward: in each fold all points compete in the train range, and the best is run in the test after it."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.engine.run import Engine
from backbus.errors import JobError, StrategyError
from backbus.jit.arrays import read_only
from backbus.job.job import Job
from backbus.market.panel import Floats, Ints, Panel, sessions_traded
from backbus.performance.metrics import FIGURES
from backbus.performance.risk_free import session_rates
from backbus.strategy import Strategy, make_strategy
from backbus.strategy.loading import untouched
from backbus.sweep.files import SUMMARY_FILE
from backbus.sweep.outcome import WHOLE_FIGURES, Points, best_of, column_kind, stored, table_sha256
from backbus.sweep.search.cold import cold_of, notes_of_cold, way_of_history
from backbus.sweep.search.folds import Fold, session_figures, session_rows, span_dates, span_panel, walk_forward_folds
from backbus.sweep.search.plan import points_between, search_of
from backbus.sweep.search.ranges import RANGE, InRanges, without_range
from backbus.sweep.search.search import Computes, Search
from backbus.sweep.space.generations import Generations
from backbus.sweep.space.space import Space, point_job, split
from backbus.sweep.statistics import ResampleSettings, make_plan
from backbus.sweep.trials import Family
from backbus.sweep.workers.chunk import RAISED, REFUSED, Failure, failed_chunk
from backbus.together import write_together

if TYPE_CHECKING:
    import pyarrow as pa


KIND = "walk_forward"
FOLDS_FILE = "folds.parquet"
NO_OBJECTIVE = "no_objective"
"""The failure of a fold in whose train range no point had the objective."""
RANGES = ("train_start", "train_end", "test_start", "test_end")


@dataclass(frozen=True, eq=False)
class FoldResult:
    """What a fold came to."""

    dates: tuple[str, str, str, str]
    """First and last session of train and of test, as ``RANGES`` names them."""
    point: int | None
    params: dict[str, Any] | None
    failed_points: int
    in_sample: Floats
    """[figures] of the best point in the train range."""
    out_of_sample: Floats
    """[figures] of its run in the test range."""
    fingerprint: str | None
    returns: Floats | None
    """[sessions] of the test range; None where the fold failed, or its equity fell to zero or below."""
    failure: Failure | None


class WalkForward(Search):
    """All points over each fold's train range; at the end each fold's best over its test range.

    Points are numbered fold by fold; those that follow from results generation by generation, and fold by fold in each.
    """

    def __init__(self, job: Job, sessions: int) -> None:
        super().__init__(job, sessions)
        settings = self.settings
        assert settings.walk_forward is not None
        self._folds = walk_forward_folds(sessions, settings.walk_forward)
        self.runs_at_end = len(self._folds)
        self._adaptive = settings.method == "adaptive"
        one = Generations(settings)
        self._generations = [one, *(Generations(settings) for _ in self._folds[1:])] if self._adaptive else [one]
        self.space = one.space
        self._size = min(settings.generation, len(self.space)) if self._adaptive else len(self.space)
        """Points of a fold that become known together."""

    def __len__(self) -> int:
        return len(self._folds) * len(self.space)

    def next(self) -> range:
        """The next points of all folds; empty at the end."""
        (points,) = {generations.next() for generations in self._generations}
        return range(len(self._folds) * points.start, len(self._folds) * points.stop)

    def tell(self, figures: Floats) -> None:
        """What they came to."""
        if self._adaptive:
            for generations, some in zip(self._generations, np.split(figures, len(self._folds)), strict=True):
                generations.tell(some)

    def _place(self, number: int) -> tuple[int, int, int]:
        """The fold of a point, its number there, and the number after the last one of its generation."""
        folds = len(self._folds)
        begin = number // (folds * self._size) * self._size
        stop = min(begin + self._size, len(self.space))
        fold, place = divmod(number - folds * begin, stop - begin)
        return fold, begin + place, stop

    def _space_of(self, fold: int) -> Space:
        return self._generations[fold if self._adaptive else 0].space

    def values(self, first: int, stop: int) -> list[dict[str, Any]]:
        """Values by field, and the fold."""
        found: list[dict[str, Any]] = []
        while first < stop:
            fold, point, end = self._place(first)
            end = min(end, point + stop - first)
            found += [{RANGE: fold, **values} for values in points_between(self._space_of(fold), point, end)]
            first += end - point
        return found

    def record(self, values: Sequence[dict[str, Any]]) -> None:
        """Take in values, each with its fold."""
        for each in values:
            self._space_of(each[RANGE]).record([without_range(each)])

    def computes(self, panel: Panel, strategy: type[Strategy]) -> Computes:
        """Chunks over the train ranges."""
        return InRanges(self.job, panel, strategy, [fold.train for fold in self._folds])

    def conclude(
        self, folder: Path, panel: Panel, strategy: type[Strategy], points: Points, family: Family
    ) -> tuple[dict[str, Any], dict[str, Path]]:
        """Run each fold's best in its test range, write table and summary."""
        rows = session_rows(panel)
        of = np.array([self._place(number)[:2] for number in range(len(self))], dtype=np.int64)
        found, cold = [], []
        for number, fold in enumerate(self._folds):
            mine = np.flatnonzero(of[:, 0] == number)
            cold.append(cold_of(points.observed["cold"][mine]))
            failures = [points.failures[place] for place in mine.tolist() if place in points.failures]
            test = span_panel(panel, rows, fold.test, self.job.data.warmup)
            figures, space = points.figures[mine], self._space_of(number)
            found.append(_concluded(self.job, strategy, _dates(panel, rows, fold), space, figures, failures, test))
        lengths = [fold.train.stop - fold.train.start for fold in self._folds]
        ranges = [(f"fold {number}", *each) for number, each in enumerate(zip(lengths, cold, strict=True))]
        trained = [fold.train for fold in self._folds]
        least = self._folds[0].test.stop - self._folds[0].train.start
        way_on = way_of_history("sweep.walk_forward.history", self.job, panel, trained, cold, least)
        notes = notes_of_cold(ranges, way_on)
        days = sessions_traded(panel)
        return _write(folder, self.job, self.space.names, found, days, {"cold": cold, "notes": notes})


def _dates(panel: Panel, rows: Any, fold: Fold) -> tuple[str, str, str, str]:
    return *span_dates(panel, rows, fold.train), *span_dates(panel, rows, fold.test)


def _concluded(
    job: Job,
    strategy: type[Strategy],
    dates: tuple[str, str, str, str],
    space: Space,
    trained: Floats,
    failures: Sequence[Failure],
    test: Panel,
) -> FoldResult:
    """The best of [points, figures] ``trained``, run in the test range."""
    goal, nothing, failed = search_of(job).objectives[0], np.full(len(FIGURES), np.nan), len(failures)
    best = best_of(trained, goal)
    if best is None:
        why = failures[0].message if failures else "it is defined for none"
        failure = Failure(NO_OBJECTIVE, f"no point has {goal.metric} in the train range; the first: {why}")
        return FoldResult(dates, None, None, failed, nothing, nothing, None, None, failure)
    params, in_sample = space.values(best), trained[best]
    own, others = split(params)
    try:
        engine = Engine(
            point_job(job, others), test, make_strategy(untouched(strategy), {**job.strategy.params, **own})
        )
        report = engine.run()
    except (JobError, StrategyError) as error:
        failure = Failure(RAISED if isinstance(error, StrategyError) else REFUSED, str(error))
        return FoldResult(dates, best, params, failed, in_sample, nothing, None, None, failure)
    plain = report.metrics.as_dict()
    figures = np.array([np.nan if plain[name] is None else plain[name] for name in FIGURES], dtype=np.float64)
    return FoldResult(dates, best, params, failed, in_sample, figures, report.fingerprint, engine.returns(), None)


def _write(
    folder: Path, job: Job, names: Sequence[str], found: Sequence[FoldResult], days: Ints, more: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Path]]:
    goal = search_of(job).objectives[0]
    efficiency, joined, sessions = _joined(job, found, days)
    summary: dict[str, Any] = {
        "name": job.name,
        "kind": KIND,
        "objective": goal.metric if goal.direction == "maximize" else f"-{goal.metric}",
        "folds": [_plain_fold(number, fold) for number, fold in enumerate(found)],
        "failed": sum(fold.failure is not None for fold in found),
        "sessions": sessions,
        "figures": joined,
        "efficiency": efficiency,
        "parameter_changes": _changes(names, found),
        **more,
        "table_sha256": _hash(names, found),
        "job": job.plain(),
        "folder": str(job.folder.resolve()),
    }

    def write_table(path: Path) -> None:
        import pyarrow.parquet as pq

        pq.write_table(_arrow(names, found), path, compression="zstd")

    text = json.dumps(summary, indent=1, allow_nan=False) + "\n"
    files: dict[str, Callable[[Path], object]] = {
        FOLDS_FILE: write_table,
        SUMMARY_FILE: lambda path: path.write_text(text, encoding="utf-8"),
    }
    write_together(folder, files)
    return summary, {"table": folder / FOLDS_FILE, "summary": folder / SUMMARY_FILE}


def _joined(
    job: Job, found: Sequence[FoldResult], days: Ints
) -> tuple[float | None, dict[str, float | None] | None, int]:
    """Efficiency, figures of the test ranges joined, and their sessions; folds without returns are left out."""
    parts = [fold.returns for fold in found if fold.returns is not None]
    if not parts:
        return None, None, 0
    returns = np.concatenate(parts)
    year = job.year
    rates_of = session_rates(job.performance.risk_free, year, days)
    if len(rates_of) > 1:
        some = [fold for fold in found if fold.returns is not None]
        begins = [int(np.searchsorted(days, np.datetime64(fold.dates[2], "D").astype(np.int64))) for fold in some]
        spans = zip(begins, parts, strict=True)
        rates_of = read_only(np.concatenate([rates_of[begin : begin + len(part)] for begin, part in spans]))
    joined = session_figures(returns, job.portfolio.cash, year, rates_of)
    column = FIGURES.index("annual_return")
    rates = [float(fold.in_sample[column]) for fold in found if fold.returns is not None]
    mean, annual = sum(rates) / len(rates), joined["annual_return"]
    efficiency = annual / mean if annual is not None and mean > 0.0 else None
    return efficiency, joined, len(returns)


def _changes(names: Sequence[str], found: Sequence[FoldResult]) -> dict[str, int]:
    """How often each parameter of the best point differs from that of the fold before; ``any``: at least one does."""
    chosen = [fold.params for fold in found if fold.params is not None]
    pairs = list(itertools.pairwise(chosen))
    by_name = {name: sum(one[name] != two[name] for one, two in pairs) for name in names}
    return {"of": len(pairs), "any": sum(one != two for one, two in pairs), **by_name}


def _numbers(figures: Floats) -> dict[str, float | int | None]:
    return {
        name: None if math.isnan(value) else int(value) if name in WHOLE_FIGURES else value
        for name, value in zip(FIGURES, figures.tolist(), strict=True)
    }


def _plain_fold(number: int, fold: FoldResult) -> dict[str, Any]:
    return {
        "fold": number,
        **dict(zip(RANGES, fold.dates, strict=True)),
        "point": fold.point,
        "params": fold.params,
        "in_sample": _numbers(fold.in_sample),
        "out_of_sample": _numbers(fold.out_of_sample),
        "fingerprint": fold.fingerprint,
        "failed_points": fold.failed_points,
        "failure": fold.failure.kind if fold.failure else None,
        "message": fold.failure.message if fold.failure else None,
    }


def _hash(names: Sequence[str], found: Sequence[FoldResult]) -> str:
    """``table_sha256`` of the folds: figures are those out of sample, all that comes before them is a parameter."""
    blank = failed_chunk(Failure("", ""), make_plan(1, 0, ResampleSettings(resamples=0)))
    prints = b"".join(bytes.fromhex(fold.fingerprint or "00" * 16) for fold in found)
    points = Points(
        np.array([fold.out_of_sample for fold in found]),
        np.frombuffer(prints, dtype=np.uint8).reshape(-1, 16),
        {number: fold.failure for number, fold in enumerate(found) if fold.failure is not None},
        blank.observed,
        blank.maxima,
    )
    lines = (
        [*fold.dates, fold.point, *(fold.params[name] if fold.params else None for name in names),
         *_numbers(fold.in_sample).values()]
        for fold in found
    )  # fmt: skip
    return table_sha256([*RANGES, "point", *names, *(f"in_sample.{name}" for name in FIGURES)], lines, points)


def _arrow(names: Sequence[str], found: Sequence[FoldResult]) -> pa.Table:
    import pyarrow as pa

    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    arrays: dict[str, Any] = {"fold": pa.array(range(len(found)), pa.int64())}
    for place, name in enumerate(RANGES):
        dates = np.array([fold.dates[place] for fold in found], dtype="datetime64[D]")
        arrays[name] = pa.array(dates, pa.date32())
    arrays["point"] = pa.array([fold.point for fold in found], pa.int64())
    for name in names:
        values = [None if fold.params is None else fold.params[name] for fold in found]
        kind = column_kind({type(value) for value in values if value is not None})
        arrays[name] = pa.array([None if value is None else stored(value, kind) for value in values], types[kind])
    for title in ("in_sample", "out_of_sample"):
        lines = [_numbers(getattr(fold, title)) for fold in found]
        for name in FIGURES:
            kind = int if name in WHOLE_FIGURES else float
            arrays[f"{title}.{name}"] = pa.array([line[name] for line in lines], types[kind])
    arrays["fingerprint"] = pa.array([fold.fingerprint for fold in found], pa.string())
    arrays["failure"] = pa.array([fold.failure.kind if fold.failure else None for fold in found], pa.string())
    arrays["message"] = pa.array([fold.failure.message if fold.failure else None for fold in found], pa.string())
    return pa.table(arrays)
