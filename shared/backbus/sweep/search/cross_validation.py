"""Combinatorial purged cross-validation: points compete in all ways to split time into train and test.

Sessions are cut into groups. Each choice of ``test_groups`` of them is a split: the points compete on what is left of
the other groups once sessions near a test range are purged, and the best one is judged on the test groups. Every group
is tested in equally many splits, so test groups can be put together into whole backtests, *paths*, each of which has
every group once. One path is one history; the spread of all says how much of a result hangs on it.
López de Prado, Advances in Financial Machine Learning (2018), chapters 7 and 12.

Each point is run once over each group, as a job of its own with ``data.start`` and ``data.end``; everything else
follows from the returns of its sessions.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbus.errors import JobError
from backbus.jit.arrays import read_only
from backbus.job.job import Job
from backbus.market.panel import Floats, Panel, sessions_traded
from backbus.performance.risk_free import session_rates
from backbus.strategy import Strategy
from backbus.sweep.distribution import distribution
from backbus.sweep.files import SUMMARY_FILE, summary_text
from backbus.sweep.outcome import Points, column_kind, stored
from backbus.sweep.search.cold import cold_of, notes_of_cold, way_of_history
from backbus.sweep.search.folds import (
    SESSION_FIGURES,
    figures_of_many,
    groups_of,
    session_rows,
    span_dates,
    train_sessions,
)
from backbus.sweep.search.plan import points_between
from backbus.sweep.search.ranges import RANGE, InRanges
from backbus.sweep.search.search import Computes, Search
from backbus.sweep.space.space import Space
from backbus.sweep.trials import Family
from backbus.together import write_together

if TYPE_CHECKING:
    import pyarrow as pa


KIND = "cpcv"
SPLITS_FILE, PATHS_FILE = "splits.parquet", "paths.parquet"
RETURNS_BYTES = 512 << 20
"""What the returns of all points may take: they are there twice when the splits are judged, and a process has 2 GiB."""
MOST_RETURNS = 10_000_000_000
"""Returns that are looked at in all splits: some minutes of one core."""
BATCH_POINTS = 256
"""Points whose returns are put one after the other at a time."""


class CrossValidation(Search):
    """All points over each group; at the end the best of each split in its test groups, and the paths."""

    def __init__(self, job: Job, sessions: int) -> None:
        super().__init__(job, sessions)
        settings = self.settings.cpcv
        assert settings is not None
        self._cpcv = settings
        self._groups = groups_of(sessions, settings)
        self.width = max(span.stop - span.start for span in self._groups)
        self._days = np.arange(0)
        """The sessions, which a rate that changes asks for; known once the data are."""
        self._goal = self.settings.objectives[0]
        if self._goal.metric not in SESSION_FIGURES:
            raise JobError(
                f"{self._goal.metric} does not follow from returns alone, as a cross-validation needs it; "
                f"there are {', '.join(SESSION_FIGURES)}",
                field="sweep.objective",
            )
        self.space = Space(self.settings)
        size = 8 * len(self) * self.width
        if size > RETURNS_BYTES:
            raise JobError(
                f"the returns of {len(self.space)} points in {sessions} sessions take {size / 2**20:.0f} MiB, and "
                f"{RETURNS_BYTES >> 20} are the most; try fewer points",
                field="sweep.parameters",
            )
        splits = math.comb(settings.groups, settings.test_groups)
        if splits * len(self.space) * sessions > MOST_RETURNS:
            raise JobError(
                f"{splits} splits of {len(self.space)} points in {sessions} sessions look at more than "
                f"{MOST_RETURNS:.0e} returns, the most that are; try fewer groups or points",
                field="sweep.cpcv.groups",
            )
        self._splits = list(itertools.combinations(range(settings.groups), settings.test_groups))
        least = min(int(train_sessions(self._groups, test, settings).sum()) for test in self._splits)
        if least < 2:
            raise JobError(
                f"purge and embargo leave {least} sessions to train on in one of the splits; make them shorter",
                field=f"sweep.cpcv.{'purge' if settings.purge else 'embargo'}",
            )
        self._given = False
        self.runs_at_end = 0

    def __len__(self) -> int:
        return len(self._groups) * len(self.space)

    def next(self) -> range:
        """All points at once."""
        given, self._given = self._given, True
        return range(0) if given else range(len(self))

    def tell(self, figures: Floats) -> None:
        """Nothing follows from them."""

    def values(self, first: int, stop: int) -> list[dict[str, Any]]:
        """Values by field, and the group."""
        found: list[dict[str, Any]] = []
        while first < stop:
            group, point = divmod(first, len(self.space))
            end = min(len(self.space), point + stop - first)
            found += [{RANGE: group, **values} for values in points_between(self.space, point, end)]
            first += end - point
        return found

    def record(self, values: Sequence[dict[str, Any]]) -> None:
        """Nothing follows from results."""
        raise ValueError("the points of a cross-validation are known from the start")

    def computes(self, panel: Panel, strategy: type[Strategy]) -> Computes:
        """Chunks over the groups, with their returns."""
        return InRanges(self.job, panel, strategy, self._groups, keep_returns=True)

    # --- the end ---------------------------------------------------------------------------------------------------

    def conclude(
        self, folder: Path, panel: Panel, strategy: type[Strategy], points: Points, family: Family
    ) -> tuple[dict[str, Any], dict[str, Path]]:
        """Let the points compete in each split, put the paths together, write tables and summary."""
        self._days = sessions_traded(panel)
        returns = self._returns(points)
        splits = [self._split(test, returns, points) for test in self._splits]
        paths = self._paths(splits, returns)
        rows = session_rows(panel)
        cold = [cold_of(points.observed["cold"][some]) for some in np.split(np.arange(len(self)), len(self._groups))]
        ranges = [
            (f"group {number}", span.stop - span.start, each)
            for number, (span, each) in enumerate(zip(self._groups, cold, strict=True))
        ]
        least = 2 * len(self._groups)
        notes = notes_of_cold(ranges, way_of_history("sweep.cpcv.history", self.job, panel, self._groups, cold, least))
        failed = {number % len(self.space) for number in points.failures}
        summary: dict[str, Any] = {
            "name": self.job.name,
            "kind": KIND,
            "points": len(self.space),
            "failed": sum(split["point"] is None for split in splits),
            "failed_points": len(failed),
            "objective": self._goal.metric if self._goal.direction == "maximize" else f"-{self._goal.metric}",
            "groups": [list(span_dates(panel, rows, span)) for span in self._groups],
            "splits": splits,
            "paths": paths,
            "distribution": {name: _distribution(paths, name) for name in SESSION_FIGURES},
            "degradation": _degradation(splits, self._goal.metric),
            "cold": cold,
            "notes": notes,
            "table_sha256": hashlib.sha256(json.dumps([splits, paths], sort_keys=True).encode()).hexdigest(),
            "job": self.job.plain(),
            "folder": str(self.job.folder.resolve()),
        }
        text = summary_text(summary)
        files: dict[str, Callable[[Path], object]] = {
            SPLITS_FILE: lambda path: _write(path, _splits_table(self.space.names, splits)),
            PATHS_FILE: lambda path: _write(path, _paths_table(paths)),
            SUMMARY_FILE: lambda path: path.write_text(text, encoding="utf-8"),
        }
        write_together(folder, files)
        places = {"table": SPLITS_FILE, "paths": PATHS_FILE, "summary": SUMMARY_FILE}
        return summary, {name: folder / place for name, place in places.items()}

    def _returns(self, points: Points) -> list[Floats]:
        """[points, sessions] of each group, NaN where a point failed or lost all; nothing is copied."""
        assert points.returns is not None
        parts = []
        for group, span in enumerate(self._groups):
            rows = points.returns[group * len(self.space) : (group + 1) * len(self.space)]
            parts.append(rows[:, : span.stop - span.start])
        return parts

    def _figures_in(self, sessions: NDArray[np.bool_], returns: Sequence[Floats]) -> dict[str, Floats]:
        """Of all points in these sessions; only some points' returns are copied at a time."""
        parts = []
        for begin in range(0, len(self.space), BATCH_POINTS):
            rows = [
                part[begin : begin + BATCH_POINTS, sessions[slice(*span)]]
                for part, span in zip(returns, self._groups, strict=True)
            ]
            parts.append(self._figures(np.ascontiguousarray(np.concatenate(rows, axis=1)), sessions))
        return {name: np.concatenate([part[name] for part in parts]) for name in SESSION_FIGURES}

    def _figures(self, returns: Floats, sessions: NDArray[np.bool_]) -> dict[str, Floats]:
        rates = session_rates(self.job.performance.risk_free, self.job.year, self._days)
        if len(rates) > 1:
            rates = read_only(rates[np.flatnonzero(sessions)])
        return figures_of_many(returns, self.job.portfolio.cash, self.job.year, rates)

    def _split(self, test: tuple[int, ...], returns: Sequence[Floats], points: Points) -> dict[str, Any]:
        train = train_sessions(self._groups, test, self._cpcv)
        trained = self._figures_in(train, returns)
        worth = trained[self._goal.metric] * (1.0 if self._goal.direction == "maximize" else -1.0)
        sessions = np.zeros_like(train)
        for group in test:
            sessions[slice(*self._groups[group])] = True
        tested = self._figures_in(sessions, returns)
        best = None if np.isnan(worth).all() else int(np.nanargmax(worth))
        prints = [] if best is None else [points.fingerprints[group * len(self.space) + best] for group in test]
        ahead = self._goal.direction == "maximize"
        return {
            "test": list(test),
            "train_sessions": int(train.sum()),
            "test_sessions": int(sessions.sum()),
            "point": best,
            "params": None if best is None else self.space.values(best),
            "in_sample": None if best is None else _at(trained, best),
            "out_of_sample": None if best is None else _at(tested, best),
            "rank": None if best is None else _rank(tested[self._goal.metric], best, ahead),
            "fingerprints": [row.tobytes().hex() for row in prints],
        }

    def _paths(self, splits: Sequence[dict[str, Any]], returns: Sequence[Floats]) -> list[dict[str, Any]]:
        """Path j has from each group the j-th split that tests it."""
        of = [
            [number for number, test in enumerate(self._splits) if group in test] for group in range(len(self._groups))
        ]
        found = []
        for chosen in zip(*of, strict=True):
            parts = []
            for group, number in enumerate(chosen):
                point = splits[number]["point"]
                rows = returns[group]
                parts.append(np.full(rows.shape[1], np.nan) if point is None else rows[point])
            figures = self._figures(np.concatenate(parts)[None, :], np.arange(len(self._days)) >= self._groups[0].start)
            found.append({"splits": list(chosen), **_at(figures, 0)})
        return found


def _at(figures: dict[str, Floats], place: int) -> dict[str, float | None]:
    return {name: _plain(figures[name][place]) for name in SESSION_FIGURES}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _rank(values: Floats, best: int, maximize: bool) -> float | None:
    """Share of the other points that the best one is not worse than, out of sample; 0.5 is the median."""
    if np.isnan(values[best]):
        return None
    others = np.delete(values, best)
    others = others[~np.isnan(others)]
    if not len(others):
        return None
    beaten = others < values[best] if maximize else others > values[best]
    return float((beaten.sum() + 0.5 * (others == values[best]).sum()) / len(others))


def _distribution(paths: Sequence[dict[str, Any]], name: str) -> dict[str, float] | None:
    """Over the paths that have this figure; None where none has."""
    return distribution(np.array([np.nan if path[name] is None else path[name] for path in paths], dtype=np.float64))


def _degradation(splits: Sequence[dict[str, Any]], metric: str) -> dict[str, float | None] | None:
    """From train to test, over the splits that have both, ``of`` so many: means of the objective, and how often the
    best one of the train sessions is no better than the median point in the test groups, None where it has no rival."""
    both = [(s["in_sample"][metric], s["out_of_sample"][metric], s["rank"]) for s in splits if s["point"] is not None]
    known = [(one, two, rank) for one, two, rank in both if None not in (one, two)]
    if not known:
        return None
    inside, outside = (np.array([line[place] for line in known]) for place in (0, 1))
    ranks = np.array([rank for *_, rank in known if rank is not None])
    return {
        "in_sample": float(inside.mean()),
        "out_of_sample": float(outside.mean()),
        "overfitting_probability": float((ranks <= 0.5).mean()) if len(ranks) else None,
        "of": len(known),
    }


# --- tables --------------------------------------------------------------------------------------------------------


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def _splits_table(names: Sequence[str], splits: Sequence[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    arrays: dict[str, Any] = {"split": pa.array(range(len(splits)), pa.int64())}
    arrays["test"] = pa.array([split["test"] for split in splits], pa.list_(pa.int64()))
    for name in ("train_sessions", "test_sessions", "point"):
        arrays[name] = pa.array([split[name] for split in splits], pa.int64())
    for name in names:
        values = [None if split["params"] is None else split["params"][name] for split in splits]
        kind = column_kind({type(value) for value in values if value is not None})
        arrays[name] = pa.array([None if value is None else stored(value, kind) for value in values], types[kind])
    for title in ("in_sample", "out_of_sample"):
        for name in SESSION_FIGURES:
            values = [None if split[title] is None else split[title][name] for split in splits]
            arrays[f"{title}.{name}"] = pa.array(values, pa.float64())
    arrays["rank"] = pa.array([split["rank"] for split in splits], pa.float64())
    arrays["fingerprints"] = pa.array([split["fingerprints"] for split in splits], pa.list_(pa.string()))
    return pa.table(arrays)


def _paths_table(paths: Sequence[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    arrays: dict[str, Any] = {"path": pa.array(range(len(paths)), pa.int64())}
    arrays["splits"] = pa.array([path["splits"] for path in paths], pa.list_(pa.int64()))
    for name in SESSION_FIGURES:
        arrays[name] = pa.array([path[name] for path in paths], pa.float64())
    return pa.table(arrays)
