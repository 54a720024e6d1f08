"""The text of what a run's strategy, and the user's own models, are written in."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backbus.job.job import Job, StrategySettings
from backbus.models.loading import files_of_job
from backbus.strategy import Strategy


def sources_of(job: Job, strategy: Strategy | type[Strategy] | None = None) -> dict[str, str]:
    """Texts by file; of a strategy that was handed over its module's, or its class's where that is typed in. Empty for
    a built-in."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in files_of_job(job, strategy).items()}
    if strategy is None:
        return texts
    made = strategy if isinstance(strategy, type) else type(strategy)
    if made.__module__.startswith("backbus."):
        return texts
    with contextlib.suppress(OSError, TypeError):
        place = Path(inspect.getfile(made))
        if place.suffix == ".py" and place.is_file():
            return {place.name: place.read_text(encoding="utf-8"), **texts}
    with contextlib.suppress(OSError, TypeError):
        return {f"{made.__name__}.py": inspect.getsource(made), **texts}
    return texts


def as_it_ran(job: Job, strategy: Strategy | type[Strategy] | None, texts: Mapping[str, str]) -> Job:
    """The job with the strategy that was handed over in the place of the one that it names: where its source is, which
    class, and, of an instance, its parameters."""
    if strategy is None:
        return job
    made = strategy if isinstance(strategy, type) else type(strategy)
    file = _file_of(made, texts)
    params = job.strategy.params if isinstance(strategy, type) else _params_of(strategy)
    told = {**params, "use": made.__name__ if file is None else f"{file}:{made.__name__}"}
    ran = job.model_copy(update={"strategy": StrategySettings.model_validate(told)})
    ran.come_from(job.folder)
    return ran


def _params_of(strategy: Strategy) -> dict[str, Any]:
    known = parameters_of(strategy)
    if known is None:  # a value that no job could give: told as Python writes it
        return {name: repr(value) for name, value in strategy.model_dump().items()}
    return known


def parameters_of(strategy: Strategy) -> dict[str, Any] | None:
    """All parameters of a strategy, defaults too, as a job can give them; None where one is of a kind that none can."""
    try:
        told: dict[str, Any] = strategy.model_dump(mode="json")
        json.dumps(told, allow_nan=False)
    except (ValueError, TypeError):
        return None
    return told


def with_parameters_told(job: Job, parameters: Mapping[str, Any] | None) -> Job:
    """The job with all parameters of the strategy that ran, where they are known: a default may be another one some
    day, and whoever reads the job wants to know what it was."""
    if not parameters:
        return job
    told = {"use": job.strategy.use, **parameters}
    ran = job.model_copy(update={"strategy": StrategySettings.model_validate(told)})
    ran.come_from(job.folder)
    return ran


def _file_of(strategy: type[Strategy], texts: Mapping[str, str]) -> str | None:
    """Which of the sources a class is in; None of a built-in."""
    with contextlib.suppress(OSError, TypeError):
        name = Path(inspect.getfile(strategy)).name
        if name in texts:
            return name
    return next((name for name in (f"{strategy.__name__}.py",) if name in texts), None)


def hashes_of_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """BLAKE2b-256 of each, as blobs are named."""
    return {name: hashlib.blake2b(text.encode(), digest_size=32).hexdigest() for name, text in texts.items()}
