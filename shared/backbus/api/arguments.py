"""What ``run``, ``run_sweep`` and ``Client`` take: a job however it is written, changed settings, a strategy."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.errors import JobError, UsageError
from backbus.job.job import Job
from backbus.limits import executed_file

if TYPE_CHECKING:
    from backbus.strategy import Strategy

AnyJob = Job | Mapping[str, Any] | str | Path
"""A job, a mapping of its fields, or the path of its file."""


def job_of(
    job: AnyJob,
    overrides: Mapping[str, Any] | None = None,
    strategy: Strategy | type[Strategy] | None = None,
) -> Job:
    """The job, with ``overrides``: values by dotted setting, such as ``{"portfolio.cash": 1e6}``.

    Where a strategy is handed over, the job need not name one. Raises JobError, also where the job gives parameters of
    the same strategy and the instance that was handed over has others.
    """
    file = executed_file()
    if file:
        raise UsageError(
            f"{file} runs a job while it is loaded for what it defines: put what runs it under "
            'if __name__ == "__main__":'
        )
    if not isinstance(overrides, Mapping | None):
        told = 'are values by dotted setting, such as {"portfolio.cash": 1e6}'
        raise UsageError(f"overrides {told}, not {type(overrides).__name__}")
    changes = dict(overrides or {})
    if isinstance(job, str | Path):
        made = Job.load(job, overrides=_texts(Path(job), changes, strategy))
    elif isinstance(job, Job):
        made = job
        if changes:
            made = Job.parse(_changed(job.plain(), changes)).given(job.functions)
            made.come_from(job.folder)
    elif isinstance(job, Mapping):
        made = Job.parse(_changed(_with_strategy(job, strategy), changes))
    else:
        raise UsageError(f"a job is the path of its file, a mapping of its fields or a Job, not {type(job).__name__}")
    if strategy is not None and not isinstance(strategy, type):
        _agree(made, strategy)
    return made


def class_of(strategy: Strategy | type[Strategy]) -> type[Strategy]:
    """The class of what was handed over. Raises UsageError where it is no strategy."""
    from backbus.strategy import Strategy

    made = strategy if isinstance(strategy, type) else type(strategy)
    if not issubclass(made, Strategy):
        raise UsageError(f"a strategy is a class that extends backbus.Strategy, or an instance, not {made.__name__}")
    return made


def with_parameters(job: Job, strategy: Strategy | type[Strategy]) -> Job:
    """The job with the parameters of an instance that was handed over, which a search starts from."""
    if isinstance(strategy, type):
        return job
    fields = job.plain()
    fields["strategy"] = {**strategy.model_dump(mode="json"), "use": job.strategy.use}
    made = Job.parse(fields).given(job.functions)
    made.come_from(job.folder)
    return made


def from_its_file(job: Job, strategy: Strategy | type[Strategy]) -> Job:
    """The job that names a strategy that was handed over by its file, so that it can travel. Raises UsageError where
    it was typed in."""
    made = class_of(strategy)
    home = Path(job.folder)
    if made.__module__.startswith("backbus."):
        use = made.__name__
    else:
        try:
            place = Path(inspect.getfile(made)).resolve()
        except (OSError, TypeError):
            place = Path()
        if place.suffix != ".py" or not place.is_file():
            raise UsageError(
                f"{made.__name__} is in no file, and only files travel: write it to one, for example "
                f'"{made.__name__.lower()}.py", and import it from there'
            )
        home, use = place.parent, f"{place.name}:{made.__name__}"
    fields = job.plain()
    params = job.strategy.params if isinstance(strategy, type) else strategy.model_dump(mode="json")
    fields["strategy"] = {**params, "use": use}
    if home != Path(job.folder):
        from backbus.runs.folder import change_paths

        change_paths(fields, lambda written: str((job.folder / Path(written).expanduser()).resolve()))
    found = Job.parse(fields)
    found.come_from(home)
    return found


def _texts(path: Path, changes: Mapping[str, Any], strategy: Strategy | type[Strategy] | None) -> list[str]:
    """Changed settings as a command has them; the name of the strategy where the file has none."""
    texts = [f"{name}={_toml(value)}" for name, value in changes.items()]
    if strategy is not None and not re.search(r"(?m)^\s*(\[\s*strategy\s*\]|strategy\s*[.=])", _read(path)):
        texts.append(f"strategy.use={json.dumps(class_of(strategy).__name__)}")
    return texts


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""  # whoever reads it as a job says what is wrong


def _with_strategy(fields: Mapping[str, Any], strategy: Strategy | type[Strategy] | None) -> dict[str, Any]:
    if strategy is None:
        return dict(fields)
    given = fields.get("strategy", {})
    if not isinstance(given, Mapping):
        return dict(fields)  # refused with its own words
    return {**fields, "strategy": {"use": class_of(strategy).__name__, **given}}


def _changed(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(fields)
    for name, value in changes.items():
        *tables, last = name.split(".")
        table = made
        for step in tables:
            inner = table.get(step) or {}
            if not isinstance(inner, Mapping):
                raise JobError(f"{step!r} is a value, not a table", field=name)
            table[step] = dict(inner)
            table = table[step]
        table[last] = value
    return made


def _toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(name))} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, bool | str) else str(value)


def _agree(job: Job, strategy: Strategy) -> None:
    if job.strategy.use.rpartition(":")[2] != type(strategy).__name__:
        return  # parameters of another one, which it stands for
    given, has = job.strategy.params, strategy.model_dump(mode="json")
    for name, value in given.items():
        if name in has and has[name] != value:
            raise JobError(
                f"the job says {value!r}, and the strategy that was handed over has {has[name]!r}: leave it out of the "
                "job, or hand over the class",
                field=f"strategy.{name}",
            )
