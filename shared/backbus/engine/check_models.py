"""``backbus check`` of a user's own models: whether they say the same of the same numbers, whenever they are asked.

A job is run with every call written down. Then all calls are made again, the last one first, of functions out of
modules that nobody has used: what a function remembers, draws or reads from a clock shows as two answers. Models look
at no price of the future, since none is given to them; what they read themselves nobody sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from backbus.engine.run import Engine
from backbus.errors import StrategyError
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.models.functions import Call, OwnFunction, Recording
from backbus.strategy import Strategy
from backbus.strategy.finding import CheckedModel
from backbus.strategy.futures import portion


def check_models(
    job: Job, panel: Panel, strategy: Strategy, rows: int, anew: Callable[[], Job]
) -> tuple[CheckedModel, ...]:
    """Try a job's own models over at most so many rows; ``anew`` gives the job with functions that nobody has used."""
    part, _ = portion(panel, rows)
    calls: list[Call] = []
    written = {use: Recording(use, function, calls) for use, function in _functions(job).items()}
    failure = ""
    try:
        Engine(job.given(written), part, strategy).run()
    except StrategyError as error:
        failure = str(error)
        if not any(failure.startswith(_title(own.kind, written[own.use])) for own in job.own_models()):
            raise
    fresh = _functions(anew())
    found = []
    for own in job.own_models():
        name = written[own.use].name
        mine = [call for call in calls if (call.kind, call.use) == (own.kind, own.use)]
        mine = [call for call in mine if call.asked[2]._asdict() == own.parameters]
        model = fresh[own.use].bound(own.kind, own.parameters)
        checked = CheckedModel(own.kind, name, not model.is_plain, len(mine), model.cost_us, None, None)
        if failure.startswith(_title(own.kind, written[own.use])):
            found.append(replace(checked, finding=failure))
            continue
        found.append(replace(checked, finding=model.differing(mine), note=model.rounding(mine)))
    return tuple(found)


def _title(kind: str, function: OwnFunction) -> str:
    """What an error of a function begins with."""
    return f"{kind} {function.name} of {function.place}"


def _functions(job: Job) -> dict[str, OwnFunction]:
    return {use: function for use, function in job.functions.items() if isinstance(function, OwnFunction)}
