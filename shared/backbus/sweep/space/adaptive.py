"""Points that follow from the results of earlier ones: Optuna's samplers, asked for a generation at a time.

One answer: a search is its settings and the results that it was told, in the order of points. The same ones give the
same points, so that a search that was interrupted is rebuilt by telling it again what is known.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from backbus.errors import JobError
from backbus.extras import install
from backbus.job.axes import Axis, Choices, Distribution, Range
from backbus.job.sweep import SweepSettings
from backbus.sweep.space.axes import DIGITS, Column, range_values, values_of
from backbus.sweep.space.space import Space

Results = Sequence[Sequence[float | None] | None]
"""Of each point of a generation, its objectives in their order; None where it failed or one is not defined."""

_MOST_REJECTED = 20
"""Suggestions in a row that break a constraint, before a random point that breaks none takes their place."""


class Adaptive:
    """An adaptive search: ``ask`` for a generation, ``tell`` its results, until ``ask`` gives no points.

    TPE where there is one objective, NSGA-II where there are several. All by ``settings.seed``.
    """

    def __init__(self, settings: SweepSettings) -> None:
        self.settings = settings
        self.space = Space(settings)
        """Has the values of all points that were asked for, by number."""
        self._spare = Space(settings.model_copy(update={"method": "random"}))
        self._axes = {path: _Suggested(path, axis) for path, axis in settings.axes.items()}
        self._open: list[Any] = []
        self._asked = 0

    @functools.cached_property
    def _study(self) -> Any:
        return _study(self.settings)

    @classmethod
    def replay(cls, settings: SweepSettings, generations: Iterable[Results]) -> Adaptive:
        """A search as it was after it had been told these generations."""
        search = cls(settings)
        for results in generations:
            search.ask()
            search.tell(results)
        return search

    @property
    def asked(self) -> int:
        """Points given out so far; the next one has this number."""
        return self._asked

    def ask(self) -> list[dict[str, Any]]:
        """The values of the next generation's points, by field; empty at the end."""
        if self._open:
            raise ValueError("the last generation has not been told yet")
        count = min(self.settings.generation, len(self.space) - self._asked)
        points = [self._next(self._asked + number) for number in range(count)]
        self._asked += count
        self.space.record(points)
        return points

    def tell(self, results: Results) -> None:
        """What the points of the last generation achieved, in their order."""
        import optuna

        if len(results) != len(self._open):
            raise ValueError(f"{len(results)} results for {len(self._open)} points")
        for trial, objectives in zip(self._open, results, strict=True):
            known = [value for value in objectives or () if value is not None and math.isfinite(value)]
            if len(known) == len(self.settings.objective):
                self._study.tell(trial, known)
            else:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        self._open = []

    def _next(self, number: int) -> dict[str, Any]:
        study = self._study
        import optuna

        for rejected in range(_MOST_REJECTED + 1):
            if rejected == _MOST_REJECTED:
                spare = self._spare.values(number)
                study.enqueue_trial({path: self._axes[path].coded(value) for path, value in spare.items()})
            trial = study.ask()
            values = {path: axis.suggested(trial) for path, axis in self._axes.items()}
            if self.space.accepts(values):
                self._open.append(trial)
                return values
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        raise AssertionError("a point of the random space keeps all constraints")


def _study(settings: SweepSettings) -> Any:
    try:
        import optuna
    except ImportError:
        raise JobError(
            f"method adaptive needs optuna, which is not installed: {install('optimize')}",
            field="sweep.method",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = settings.seed % 2**32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if len(settings.objective) == 1:
            sampler: Any = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        else:
            sampler = optuna.samplers.NSGAIISampler(seed=seed, population_size=max(2, settings.generation))
    directions = [direction for _, direction in settings.objectives]
    return optuna.create_study(sampler=sampler, directions=directions)


class _Suggested:
    """One axis in Optuna's words: ordered values by their number, others as categories, distributions as they are."""

    def __init__(self, path: str, axis: Axis) -> None:
        self._path = path
        self._axis = axis
        self._table: Column | None = None if isinstance(axis, Range) else values_of(axis)
        self._ordered = isinstance(axis, Range | Distribution) or _in_order(axis)

    def suggested(self, trial: Any) -> Any:
        axis = self._axis
        if isinstance(axis, Distribution) and self._table is None:
            log = axis.scale == "log"
            if axis.whole:
                return trial.suggest_int(self._path, axis.low, axis.high, log=log)
            drawn = trial.suggest_float(self._path, axis.low, axis.high, log=log)
            return min(max(float(f"{drawn:.{DIGITS}g}"), float(axis.low)), float(axis.high))
        size = axis.size if isinstance(axis, Range) else len(self._values())
        if self._ordered:
            number = trial.suggest_int(self._path, 0, size - 1)
        else:
            number = trial.suggest_categorical(self._path, list(range(size)))
        if isinstance(axis, Range):
            return range_values(axis, np.array([number])).tolist()[0]
        return self._values()[number : number + 1].tolist()[0]

    def coded(self, value: Any) -> Any:
        """What Optuna knows a value by."""
        axis = self._axis
        if isinstance(axis, Range):
            return round((value - axis.first) / axis.step)
        if self._table is None:
            return value
        return self._values().tolist().index(value)

    def _values(self) -> Column:
        assert self._table is not None
        return self._table


def _in_order(axis: Choices) -> bool:
    """Whether a list's values ascend or descend, so that near ones are alike."""
    values = axis.values
    if not all(type(value) in (int, float) for value in values):
        return False
    return list(values) in (sorted(values), sorted(values, reverse=True))
