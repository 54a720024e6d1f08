"""From the file that a command names to its job: all of its mistakes at once, each with its line.

Those of a strategy's parameters are among them, as far as its class can be found; what is only seen once prices are
read tells the line of its setting, too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.errors import BackbusError, JobError, Mistake, TooManyPoints

if TYPE_CHECKING:
    from backbus.api.compiled import Work
    from backbus.job.job import Job
    from backbus.job.places import JobOrigin

STANDARD_INPUT = "-"
"""What stands for it where a job file is named."""


@contextmanager
def job_of(path: str | Path, overrides: Iterable[str] = ()) -> Iterator[Job]:
    """The job, of a file or of standard input, and within this context every error of one of its settings says where
    that stands."""
    from backbus.job.file import read_job_file
    from backbus.job.job import Job

    overrides, text = list(overrides), None
    if str(path) == STANDARD_INPUT:
        path, text = "standard input", sys.stdin.read()
    try:
        job = Job.load(path, overrides=overrides, text=text)
    except JobError as error:
        if not any(mistake.setting for mistake in error.mistakes):
            raise
        fields, origin = read_job_file(path, overrides, text)
        more = _of_parameters(fields, origin, Path(path).parent)
        raise _all_of([*error.mistakes, *more], origin) from None
    try:
        yield job
    except JobError as error:
        if error.file is not None or not any(mistake.setting for mistake in error.mistakes):
            raise
        placed = [_placed(mistake, job.origin) for mistake in error.mistakes]
        raise _all_of(placed, job.origin, type(error)) from error.__cause__


def compiled_for(work: Work, job: Job) -> None:
    """Have compiled what a command cannot do without, once its files are seen to be there: nobody waits a minute to
    hear that there are none."""
    from backbus.api import compiled
    from backbus.stack import kernels

    if compiled.are_compiled_for(work):
        return
    from backbus.engine.inputs import complete, files_of

    if job.data.files or job.data.dataset:
        files_of(complete(job))
    kernels.prepare(work)


def refuse_more_points(job: Job, most: int | None) -> None:
    """Refuse a job whose sweep has more points than whoever asks for it lets pass. Raises TooManyPoints."""
    if most is None or job.sweep is None:
        return
    from backbus.sweep.space.space import Space

    points = len(Space(job.sweep))
    if points > most:
        raise TooManyPoints(
            f"the sweep has {points} points, and --max-points lets {most} pass: take coarser steps, fewer values or "
            f'markets, or method = "random" with points = {most}',
            field="sweep",
        )


def _all_of(mistakes: Iterable[Mistake], origin: JobOrigin, kind: type[JobError] = JobError) -> JobError:
    from backbus.job.places import in_order

    return kind.of(in_order(mistakes), origin.file)


def _placed(mistake: Mistake, origin: JobOrigin) -> Mistake:
    if mistake.setting is None:
        return replace(mistake, place=origin.file or "")
    place, line = origin.of(mistake.setting.split("."))
    return replace(mistake, place=place, line=line)


def _of_parameters(fields: dict[str, Any], origin: JobOrigin, folder: Path) -> list[Mistake]:
    """What is wrong with a strategy's parameters, in a job that is wrong elsewhere; nothing where that is not known.
    One that is missing may be meant to be swept."""
    written = fields.get("strategy")
    if not isinstance(written, dict) or not isinstance(written.get("use"), str):
        return []
    from backbus.strategy import bundle, load_strategy, make_strategy

    params = dict(written)
    use = params.pop("use")
    try:
        make_strategy(load_strategy(use, bundle(use, folder)), params)
    except JobError as error:
        return [_placed(one, origin) for one in error.mistakes if one.setting and "no default" not in one.problem]
    except BackbusError:  # it is told once the job itself is right
        pass
    return []
