"""From the names of a job's own models to functions: out of the bundle of its strategy, or of files beside it."""

from __future__ import annotations

import difflib
import inspect
import sys
import types
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from backbus.errors import JobError, StrategyError
from backbus.job.job import Job
from backbus.models.functions import OwnFunction
from backbus.strategy import Strategy
from backbus.strategy.bundling import bundle, split_use
from backbus.strategy.loading import load_modules

ARGUMENTS = 3


def files_of_job(job: Job, strategy: Strategy | type[Strategy] | None = None) -> dict[str, Path]:
    """The files that a job's strategy and its own models are made of, by name relative to their folder; those of the
    models alone where a strategy was handed over."""
    files = bundle(job.strategy.use, job.folder) if strategy is None else {}
    mains = _mains(job, strategy)
    first = split_use(job.strategy.use)[0] if files else next(iter(mains), "")
    home = (job.folder / first).parent
    for written, field in mains.items():
        if (job.folder / written).parent != home:
            raise JobError(
                f"{written} lies in another folder than the strategy's file, and files travel by one folder: put it "
                "beside it",
                field=field,
            )
        files.update(bundle(written, job.folder, field=field))
    return dict(sorted(files.items()))


def _mains(job: Job, strategy: object) -> dict[str, str]:
    """The files that a job's own models are in, as they are written, with the field that says so."""
    found: dict[str, str] = {}
    for own in job.named_functions():
        written = _place(job, own.use, strategy)[0]
        if written.endswith(".py"):
            found.setdefault(written, own.field)
    return found


def _place(job: Job, use: str, strategy: object) -> tuple[str, str]:
    """The file that a function is in, as it is written, and its name; no file where its strategy was handed over."""
    written, name = split_use(use)
    if name is not None:
        return written, name
    return split_use(job.strategy.use)[0] if strategy is None else "", written


def with_functions(job: Job, files: Mapping[str, Path], strategy: Strategy | type[Strategy] | None = None) -> Job:
    """The job with the functions that its own models name: out of ``files``, its bundle, or, where a strategy was
    handed over, out of the module that its class is in. Raises JobError or StrategyError."""
    uses = list(job.named_functions())
    if not uses:
        return job
    modules = load_modules(files)
    functions: dict[str, OwnFunction] = {}
    for kind, use, _, field in uses:
        if use in functions:
            continue
        written, name = _place(job, use, strategy)
        main = written if written in files else PurePosixPath(written).name
        if main in files:
            functions[use] = _function(modules(main), main, name, kind, field)
            continue
        handed = _module_of(strategy)
        if written.endswith(".py"):
            has = ", ".join(sorted(files)) or "none"
            raise JobError(f"the bundle has no file {main}; it has {has}", field=field)
        if handed is None:
            raise JobError(
                f"{use!r} names no file, and the strategy is in none: write my_models.py:{name}", field=field
            )
        functions[use] = _function(handed, handed.__name__, name, kind, field)
    return job.given(functions)


def _module_of(strategy: Strategy | type[Strategy] | None) -> types.ModuleType | None:
    if strategy is None:
        return None
    found = strategy if isinstance(strategy, type) else type(strategy)
    return None if found.__module__.startswith("backbus.") else sys.modules.get(found.__module__)


def _function(module: types.ModuleType, place: str, name: str, kind: str, field: str) -> OwnFunction:
    found = getattr(module, name, None)
    here = [key for key, value in vars(module).items() if isinstance(value, types.FunctionType)]
    if found is None:
        close = difflib.get_close_matches(name, here, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it defines {', '.join(here) or 'no function'}"
        raise JobError(f"{place} has no function {name}; {hint}", field=field)
    plain = getattr(found, "py_func", found)
    if not isinstance(plain, types.FunctionType):
        raise JobError(f"{place}:{name} is no function: write def {name}(…)", field=field)
    wanted = _ARGUMENTS[kind]
    try:
        inspect.signature(plain).bind(*range(ARGUMENTS))
    except TypeError:
        raise StrategyError(
            f"{place}:{name} does not take what {kind} is given: write def {name}({wanted}, market, parameters)"
        ) from None
    return OwnFunction(name, place, plain)


def said_by(job: Job) -> tuple[dict[str, list[str]], list[str]]:
    """What each of a job's own models says to numbers that are the same everywhere, and what is to be said of them."""
    said: dict[str, list[str]] = {}
    notes: list[str] = []
    for own in job.own_models():
        model = job.functions[own.use].bound(own.kind, own.parameters)
        given = "".join(f", {name} = {value!r}" for name, value in sorted(own.parameters.items()))
        said[f"{own.kind} {own.use} ({own.field}{given})"] = model.answers()
        notes += model.notes
    return said, list(dict.fromkeys(notes))


_ARGUMENTS = {"slippage": "order", "commission": "fill", "sizing": "signal", "margin": "position"}
