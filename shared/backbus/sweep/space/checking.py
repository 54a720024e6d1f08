"""Whether a search fits its job and its strategy: every name and every value, before anything runs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from backbus.engine.check import quick_finding
from backbus.errors import BackbusError, JobError, StrategyError
from backbus.job.axes import Axis, Distribution, Range
from backbus.job.job import Job
from backbus.job.sweep import name_of
from backbus.market.panel import Panel
from backbus.performance.metrics import Metrics
from backbus.strategy import Strategy, make_strategy
from backbus.sweep.search.plan import points_between
from backbus.sweep.space.axes import at_position, range_values, values_of
from backbus.sweep.space.space import Space, point_job, split

MOST_TRIED = 2000
"""Values of a range that are tried one by one; of a longer one so many, evenly spread, with both ends."""
_INSIDE = 0.3819660112501051
"""A position that meets no whole number, where the ends of a distribution do: (3 - √5) / 2."""


def check_names(space: Space, job: Job, strategy: type[Strategy]) -> None:
    """Refuse, by a JobError, an objective, a name or a value that this job or this strategy cannot take.

    Values are tried one axis at a time: what is wrong only together with others is a point that fails, no mistake.
    """
    _check_objectives(space, job)
    axes = space.settings.axes
    tried = {path: _values(axis) for path, axis in axes.items()}
    own, others = split(tried)
    _check_parameters(strategy, job.strategy.params, own)
    for path, values in others.items():
        for value in values:
            _try_field(job, path, value)


def _values(axis: Axis) -> list[Any]:
    if isinstance(axis, Range):
        last = axis.size - 1
        spread = np.unique(np.linspace(0, last, min(axis.size, MOST_TRIED)).astype(np.int64))
        return list(range_values(axis, spread).tolist())
    if isinstance(axis, Distribution) and axis.steps is None:
        return [axis.low, at_position(axis, np.array([_INSIDE])).tolist()[0], axis.high]
    table = values_of(axis)
    return [] if table is None else list(table.tolist())


def _check_objectives(space: Space, job: Job) -> None:
    field = "sweep.objective"
    figures = Metrics.model_fields
    for metric, _ in space.settings.objectives:
        if metric not in figures:
            close = difflib.get_close_matches(metric, figures, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(figures)}"
            raise JobError(f"there is no figure {metric!r}; {hint}", field=field)
        compares = not figures[metric].is_required()
        if compares and job.performance.benchmark is None and "performance.benchmark" not in space.names:
            raise JobError(f"{metric} compares with a benchmark; name one in performance.benchmark", field=field)


def _check_parameters(strategy: type[Strategy], given: Mapping[str, Any], swept: Mapping[str, list[Any]]) -> None:
    """Each value beside the first ones of the other axes; of several mistakes the first in the strategy's order."""
    firsts = {name: values[0] for name, values in swept.items()}
    for name, values in swept.items():
        for value in values:
            try:
                make_strategy(strategy, {**given, **firsts, name: value})
            except JobError as error:
                at = (error.field or "").removeprefix("strategy").removeprefix(".").partition(".")[0]
                if at == name:
                    raise _at_axis(name, error) from None
                if at and at not in swept:
                    raise


def _try_field(job: Job, path: str, value: Any) -> None:
    try:
        point_job(job, {path: value})
    except JobError as error:
        field, steps = error.field or "", path.split(".")
        # A choice of models adds its own step to the place of a mistake: execution.commission.bps.minimum.
        places = iter(field.split("."))
        model = _table(job, path).get("model")
        if all(step in places for step in steps):
            raise _at_axis(path, error, f" (its model is {model!r} in this job)" if model else "") from None
        if path.startswith(f"{field}.") and not _table(job, path):
            raise _at_axis(path, error, f" (it is about {field})") from None


def _table(job: Job, path: str) -> dict[str, Any]:
    """The table that a field is in, as this job has it; empty where it has none."""
    table: Any = job.plain()
    for step in path.split(".")[:-1]:
        table = table.get(step) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _at_axis(path: str, error: JobError, more: str = "") -> JobError:
    message = str(error).removeprefix(f"{error.field}: ")
    return JobError(message + more, field=f"sweep.parameters.{name_of(path)}")


def refuse_look_ahead(job: Job, panel: Panel, space: Space, strategy: type[Strategy]) -> None:
    """StrategyError where the strategy is seen to know the future; its best points would be its best leaks.

    Nothing is looked at where ``sweep.allow_look_ahead`` says so.
    """
    if space.settings.allow_look_ahead:
        return
    finding = quick_finding(_first_strategy(job, space, strategy), panel, job=job)
    if finding is not None:
        raise StrategyError(
            f"{strategy.__name__} does not pass `backbus check`: {finding.kind} at row {finding.row} "
            f"({finding.symbol}); mend it, or sweep it all the same with sweep.allow_look_ahead = true"
        )


def _first_strategy(job: Job, space: Space, strategy: type[Strategy]) -> Strategy:
    """The strategy of the first point whose parameters go together; JobError where none of the first ones do."""
    refusal: BackbusError | None = None
    if space.settings.method == "adaptive":
        space = Space(space.settings.model_copy(update={"method": "random"}))
    for values in points_between(space, 0, min(len(space), 1000)):
        own, _ = split(values)
        try:
            return make_strategy(strategy, {**job.strategy.params, **own})
        except (JobError, StrategyError) as error:
            refusal = refusal or error
    raise JobError(f"none of the first points can be had; the first of them: {refusal}", field="sweep.parameters")
