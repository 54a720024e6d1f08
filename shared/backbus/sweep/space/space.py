"""The points of a sweep by number: which values each one has. Nothing is kept but what cannot be computed again.

A grid counts its axes like digits, in the order of the file, the last one fastest, without the combinations that a
constraint rejects. Random points and Latin hypercubes come from Philox, a generator that is entered anywhere: point p
is the same whichever slice it is made in. Where a random point breaks a constraint it is drawn again, from a counter of
its own; a Latin hypercube leaves such points out: drawn again, two points would share a stratum.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from backbus.errors import JobError, TooManyPoints
from backbus.job.axes import Distribution, Range
from backbus.job.job import Job
from backbus.job.sweep import SweepSettings, name_of
from backbus.market.panel import Floats, Ints
from backbus.sweep.space.axes import Column, at_position, column, count_of, range_values, values_of
from backbus.sweep.space.constraints import FIELD, Constraint

POINTS_PER_S = 10_000
"""Points per second and core, for estimates: a cross of averages on a few thousand bars."""
BATCH = 1 << 17
"""Combinations looked at together: a few megabytes per axis."""
MOST_LOOKED_AT = 500_000_000
"""Combinations that constraints are evaluated for, a minute's work; more are refused unseen."""
MOST_DRAWS = 20_000
"""Draws for one point before its constraints are taken to be impossible."""
_SAMPLE = 1 << 16
_GOLDEN = 0x9E3779B97F4A7C15
"""2^64 / golden ratio: its multiples spread evenly, for an estimate that needs no generator."""
_DRAW, _ORDER, _PLACE = range(3)
"""What a stream of random numbers is for; part of its counter, so that streams never meet."""


class Space:
    """All points of a search. Raises JobError where the search is impossible or too large."""

    def __init__(self, settings: SweepSettings) -> None:
        self.settings = settings
        self.names = tuple(settings.axes)
        """The field that each axis sets."""
        self.rejected = 0
        """Points that constraints took away: combinations of a grid, or points of a Latin hypercube."""
        self._axes = tuple(settings.axes.values())
        self._constraints = tuple(Constraint(text) for text in settings.constraints)
        self._check_constraint_names()
        self._accepted: Ints | None = None
        self._asked: list[Mapping[str, Any]] = []
        match settings.method:
            case "grid":
                self._count = self._counted_grid()
            case "latin_hypercube":
                self._count = self._drawn_count()
                self._leave_out()
            case "random":
                self._count = self._drawn_count()
                self._columns(0, min(64, self._count))
            case "adaptive":
                self._count = self._drawn_count()

    def __len__(self) -> int:
        return self._count

    @property
    def axes(self) -> tuple[list[Any], ...]:
        """The values of each axis of a grid, in order."""
        if self.settings.method != "grid":
            raise ValueError("only a grid has axes of counted values")
        return tuple(values.tolist() for values in self._tables)

    def coordinates(self, begin: int, stop: int) -> Ints:
        """Which value of each axis a point of a grid has: [points, axes]."""
        if self.settings.method != "grid":
            raise ValueError("only a grid has coordinates")
        return self._digits(self._combinations(begin, stop))

    def columns(self, begin: int, stop: int) -> dict[str, list[Any]]:
        """The values of the points from ``begin`` to ``stop``, by field."""
        if not 0 <= begin <= stop <= self._count:
            raise IndexError(f"points {begin} to {stop} of {self._count}")
        if self.settings.method == "adaptive":
            if stop > len(self._asked):
                raise ValueError("the points of an adaptive search follow from results: ask for them first")
            return {name: [values[name] for values in self._asked[begin:stop]] for name in self.names}
        return {name: values.tolist() for name, values in self._columns(begin, stop).items()}

    def values(self, point: int) -> dict[str, Any]:
        """The values of one point, by field."""
        return {name: values[0] for name, values in self.columns(point, point + 1).items()}

    def record(self, points: Iterable[Mapping[str, Any]]) -> None:
        """Take in the values of the next points of an adaptive search: from here on they are asked for like others."""
        if self.settings.method != "adaptive":
            raise ValueError("only the points of an adaptive search are recorded")
        self._asked += points

    def accepts(self, values: Mapping[str, Any]) -> bool:
        """Whether these values fulfil all constraints."""
        return bool(self._holds({name: column([values[name]]) for name in self.names}).all())

    # --- grids ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _tables(self) -> tuple[Column, ...]:
        found = [values_of(axis) for axis in self._axes]
        return tuple(values for values in found if values is not None)

    @functools.cached_property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self._tables)

    def _counted_grid(self) -> int:
        limit = self.settings.limit
        # An axis may turn out shorter, where whole numbers on a logarithmic scale fall together; never longer.
        counts = [count_of(axis) or 0 for axis in self._axes]
        most = math.prod(counts)
        if (most > limit and not self._constraints) or max(counts) > MOST_LOOKED_AT:
            raise _too_many(self.settings, most, exact=not self._constraints, looked_at=max(counts))
        combinations = math.prod(self._sizes)
        if not self._constraints:
            return combinations
        if combinations > limit:
            about = self._estimate(combinations)
            if about > limit or combinations > MOST_LOOKED_AT:
                raise _too_many(self.settings, about, exact=False, looked_at=combinations)
        kept = []
        found = 0
        for begin in range(0, combinations, BATCH):
            numbers = np.arange(begin, min(begin + BATCH, combinations), dtype=np.int64)
            numbers = numbers[self._holds(self._at(numbers))]
            kept.append(numbers)
            found += len(numbers)
            if found > limit:
                raise _too_many(self.settings, max(int(found / (begin + BATCH) * combinations), found), exact=False)
        if not found:
            raise JobError(f"reject all {combinations} points; loosen one of them", field=FIELD)
        self._accepted = np.concatenate(kept)
        self.rejected = combinations - found
        return found

    def _estimate(self, combinations: int) -> int:
        if combinations >= 2**63:
            return combinations
        spread = ((number * _GOLDEN & (2**64 - 1)) * combinations >> 64 for number in range(_SAMPLE))
        sample = np.fromiter(spread, np.int64, _SAMPLE)
        return int(self._holds(self._at(sample)).sum()) * combinations // _SAMPLE

    def _combinations(self, begin: int, stop: int) -> Ints:
        if self._accepted is not None:
            return self._accepted[begin:stop]
        return np.arange(begin, stop, dtype=np.int64)

    def _digits(self, combinations: Ints) -> Ints:
        digits = np.empty((len(combinations), len(self._sizes)), dtype=np.int64)
        rest = combinations
        for axis in range(len(self._sizes) - 1, -1, -1):
            rest, digits[:, axis] = np.divmod(rest, self._sizes[axis])
        return digits

    def _at(self, combinations: Ints) -> dict[str, Column]:
        digits = self._digits(combinations)
        return {name: self._tables[axis][digits[:, axis]] for axis, name in enumerate(self.names)}

    # --- drawn points --------------------------------------------------------------------------------------------

    def _drawn_count(self) -> int:
        points = self.settings.points or 0
        if points > self.settings.limit:
            raise _too_many(self.settings, points, exact=True)
        return points

    def _columns(self, begin: int, stop: int) -> dict[str, Column]:
        match self.settings.method:
            case "grid":
                return self._at(self._combinations(begin, stop))
            case "latin_hypercube":
                numbers = self._combinations(begin, stop)
                return self._valued(lambda axis: self._strata(axis, numbers))
            case _:
                return self._drawn(begin, stop)

    def _valued(self, position: Callable[[int], Floats]) -> dict[str, Column]:
        return {name: self._placed(axis, position(axis)) for axis, name in enumerate(self.names)}

    def _placed(self, number: int, position: Floats) -> Column:
        """Values of an axis at positions in [0, 1): all values of a countable axis have the same share."""
        axis, table = self._axes[number], self._drawn_tables[number]
        if table is not None:
            return table[_numbered(position, len(table))]
        if isinstance(axis, Range):
            return range_values(axis, _numbered(position, axis.size))
        assert isinstance(axis, Distribution)
        return at_position(axis, position)

    @functools.cached_property
    def _drawn_tables(self) -> tuple[Column | None, ...]:
        """Values of axes that are drawn from by number; a range is not made for it."""
        return tuple(None if isinstance(axis, Range) else values_of(axis) for axis in self._axes)

    def _drawn(self, begin: int, stop: int) -> dict[str, Column]:
        """Random points; those that break a constraint take their next draw until it keeps them all."""
        seed = self.settings.seed
        found = self._valued(lambda axis: uniform(seed, axis, _DRAW, 0, begin, stop))
        missing = np.flatnonzero(~self._holds(found))
        for draw in range(1, MOST_DRAWS):
            if not len(missing):
                return found
            first, last = begin + int(missing[0]), begin + int(missing[-1]) + 1
            places = missing - int(missing[0])

            def position(
                axis: int, draw: int = draw, first: int = first, last: int = last, at: Ints = places
            ) -> Floats:
                return uniform(seed, axis, _DRAW, draw, first, last)[at]

            again = self._valued(position)
            kept = self._holds(again)
            for name, values in again.items():
                found[name][missing[kept]] = values[kept]
            missing = missing[~kept]
        raise JobError(f"reject {MOST_DRAWS} draws of point {begin + int(missing[0])}; loosen one of them", field=FIELD)

    def _strata(self, axis: int, numbers: Ints) -> Floats:
        """Positions of Latin hypercube points on an axis: each in a stratum of its own, anywhere within it."""
        points, seed = self.settings.points or 0, self.settings.seed
        if not len(numbers):
            return np.empty(0)
        first, last = int(numbers[0]), int(numbers[-1]) + 1
        within = uniform(seed, axis, _PLACE, 0, first, last)[numbers - first]
        return np.asarray((self._orders[axis][numbers] + within) / points, dtype=np.float64)

    @functools.cached_property
    def _orders(self) -> tuple[Ints, ...]:
        """Which stratum of each axis a point of the Latin hypercube lies in."""
        points, seed = self.settings.points or 0, self.settings.seed
        keys = (uniform(seed, axis, _ORDER, 0, 0, points) for axis in range(len(self._axes)))
        return tuple(np.argsort(each, kind="stable") for each in keys)

    def _leave_out(self) -> None:
        if not self._constraints:
            return
        points = self._count
        kept = []
        for begin in range(0, points, BATCH):
            numbers = np.arange(begin, min(begin + BATCH, points), dtype=np.int64)
            at = functools.partial(self._strata, numbers=numbers)
            kept.append(numbers[self._holds(self._valued(at))])
        self._accepted = np.concatenate(kept)
        self._count = len(self._accepted)
        self.rejected = points - self._count
        if not self._count:
            raise JobError(f"reject all {points} points; loosen one of them", field=FIELD)

    # --- constraints ---------------------------------------------------------------------------------------------

    def _check_constraint_names(self) -> None:
        for constraint in self._constraints:
            for name in sorted(constraint.names):
                if name not in self.names:
                    swept = ", ".join(map(name_of, self.names))
                    raise JobError(f"{constraint.text!r}: {name_of(name)} is not swept; there are {swept}", field=FIELD)

    def _holds(self, columns: Mapping[str, Column]) -> Any:
        rows = len(next(iter(columns.values())))
        holds = np.ones(rows, dtype=np.bool_)
        for constraint in self._constraints:
            open_rows = np.flatnonzero(holds)
            if len(open_rows):
                holds[open_rows] = constraint.holds({name: columns[name][open_rows] for name in constraint.names})
        return holds


def uniform(seed: int, axis: int, purpose: int, draw: int, begin: int, stop: int) -> Floats:
    """Numbers ``begin`` to ``stop`` in [0, 1) of one stream: multiples of 2^-53, from Philox's own words."""
    block = begin // 4
    key, counter = np.array([seed, axis], np.uint64), np.array([block, draw, purpose, 0], np.uint64)
    generator = np.random.Philox(key=key, counter=counter)
    words = generator.random_raw(stop - 4 * block)[begin - 4 * block :]
    return np.asarray((words >> np.uint64(11)).astype(np.float64) * 2.0**-53, dtype=np.float64)


def _numbered(position: Floats, size: int) -> Ints:
    return np.minimum((position * float(size)).astype(np.int64), size - 1)


def _too_many(settings: SweepSettings, points: int, *, exact: bool, looked_at: int = 0) -> JobError:
    """The error of so many points, or of so many combinations to look at, which no limit lets pass."""
    limit, counted = settings.limit, points if points > settings.limit else looked_at
    count = f"{counted:,}".replace(",", " ") if counted < 10**18 else f"{counted:.1e}"
    hours = points / POINTS_PER_S / 3600
    if hours < 1:
        time = f"{hours * 60:.0f} minutes"
    elif hours < 48:
        time = f"{hours:.0f} hours"
    else:
        time = f"{hours / 24:,.0f} days".replace(",", " ")
    if settings.monte_carlo is not None:
        way_on = "take fewer markets"
    elif settings.method != "grid":
        way_on = "try fewer"
    else:
        way_on = f'take coarser steps, or method = "random" with points = {min(limit, 10_000)}'
    if looked_at <= MOST_LOOKED_AT:
        way_on += ", or raise the limit"
    if points <= limit:
        told = f"the sweep has {count} combinations to look at, and {MOST_LOOKED_AT} are the most"
        return JobError(f"{told}: {way_on}", field="sweep.parameters")
    return TooManyPoints(
        f"the sweep has {'' if exact else 'about '}{count} points, which take about {time} on one core at "
        f"{POINTS_PER_S} points/s; more than {limit} are refused: {way_on}",
        field="sweep.limit",
    )


# --- what a point does to its job ----------------------------------------------------------------------------------


def split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A point's parameters of the strategy, by their own names, and its other fields, by path."""
    own: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for path, value in values.items():
        section, _, name = path.partition(".")
        if section == "strategy":
            own[name] = value
        else:
            others[path] = value
    return own, others


def point_job(job: Job, values: Mapping[str, Any]) -> Job:
    """The job of one point: these fields set, no sweep; raises JobError where they do not go together."""
    fields = job.plain()
    del fields["sweep"]
    for path, value in values.items():
        *tables, last = path.split(".")
        table = fields
        for place, step in enumerate(tables):
            inner = table.setdefault(step, {})
            if not isinstance(inner, dict):
                whole = ".".join(tables[: place + 1])
                raise JobError(f"{step!r} is a value, not a table: sweep {whole} itself", field=path)
            table = inner
        table[last] = value
    made = Job.parse(fields).given(job.functions)
    made._folder = job.folder
    return made
