"""``backbus check``: whether a strategy looks ahead, depends on how rows are cut, or does not repeat itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backbus.cli import completion
from backbus.cli.job_file import STANDARD_INPUT, compiled_for, job_of
from backbus.cli.options import AsJson, Sets
from backbus.cli.printed.screen import say
from backbus.cli.printed.tables import SheetLine, print_sheet

if TYPE_CHECKING:
    from backbus.job.job import Job
    from backbus.strategy.finding import Checked

Target = Annotated[
    str,
    typer.Argument(
        metavar="STRATEGY",
        help="A built-in's name, path/to/file.py:ClassName, or a job file.",
        autocompletion=completion.strategies,
    ),
]


def check(
    target: Target,
    job: Annotated[
        Path | None,
        typer.Option(
            "--job", metavar="JOB.toml", help="Use this job's data and portfolio.", autocompletion=completion.job_files
        ),
    ] = None,
    sets: Sets = None,
    rows: Annotated[int | None, typer.Option(metavar="N", min=2, help="Try at most so many traded rows.")] = None,
    thorough: Annotated[bool, typer.Option("--thorough", help="All rows, and many more cuts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for look-ahead in a strategy. Exit status 1 where a signal depends on the future, on blocks, or on chance.

    Without a job the prices are made up: the same synthetic market each time.
    """
    from backbus.api.check import check as look
    from backbus.cli.output import print_json, to_stderr

    with _job(target, job, sets or []) as asked:
        compiled_for("check", asked)
        with to_stderr():
            checked = look(asked, thorough=thorough, rows=rows)
    if as_json:
        print_json(checked.plain())
    else:
        _print(checked)
    if not checked.clean:
        raise typer.Exit(1)


def _job(target: str, job: Path | None, sets: list[str]) -> AbstractContextManager[Job]:
    from backbus.engine.check import PLAIN_JOB
    from backbus.errors import UsageError
    from backbus.job.job import Job
    from backbus.job.parsing import override_field, parse
    from backbus.job.places import JobOrigin

    if target.endswith(".toml") or target == STANDARD_INPUT:
        if job is not None:
            raise UsageError(f"{target} is a job already; name a strategy beside --job {job}")
        return job_of(target, sets)
    path, colon, name = target.partition(":")
    if path.endswith(".py") and not Path(path).is_file():
        raise UsageError(f"there is no file {path}")
    if job is not None:
        # A strategy is named from where the command is typed, a job's own paths from where the job lies.
        use = f"{Path(path).resolve()}{colon}{name}" if path.endswith(".py") else target
        return job_of(job, [f"strategy={{use={json.dumps(use)}}}", *sets])
    fields = {**PLAIN_JOB.plain(), "strategy": {"use": target}}
    overrides = tuple(override_field(fields, assignment) for assignment in sets)
    return nullcontext(parse(Job, fields, origin=JobOrigin(overrides=overrides)))


def _print(checked: Checked) -> None:
    from backbus.strategy.finding import instant, said

    finding = checked.finding
    if finding is None:
        wrong = "" if checked.clean else ", but a model of the job is not fit"
        say(f"{checked.strategy}: no look-ahead found{wrong}", "green" if checked.clean else "red")
    else:
        title = {
            "look-ahead": "look-ahead",
            "blocks": "its signals depend on how the rows are cut into blocks",
            "repeat": "its signals are not the same each time",
        }[finding.kind]
        say(f"{checked.strategy}: {title}", "red")
        place = f"row {finding.row}, {instant(finding.time)}, {finding.symbol}"
        shaken = " (after prices were shaken by jumps)" if finding.shaken else ""
        lines = [
            SheetLine("  first at", words=f"{place}{shaken}"),
            SheetLine("  as it is", words=said(finding.expected)),
            SheetLine(f"  {finding.change}", words=said(finding.found)),
        ]
        print_sheet(lines)
        say(f"  {finding.hint}", "yellow", "  ")
    print_sheet(list(_tried(checked)))


def _tried(checked: Checked) -> Iterator[SheetLine]:
    all_rows = (
        f"{checked.rows} rows" if checked.rows == checked.of_rows else f"{checked.rows} of {checked.of_rows} rows"
    )
    market = "synthetic: random walks with jumps and holes, " if checked.synthetic else ""
    assets = "1 asset" if checked.assets == 1 else f"{checked.assets} assets"
    nothing = "" if checked.signals else ": nothing was said, so nothing could differ"
    cuts = f"{checked.cuts} cuts: {checked.truncated} truncated, {checked.altered} altered"
    yield SheetLine("  data", words=f"{market}{assets}, {all_rows}")
    yield SheetLine("  signals", words=f"{checked.signals}{nothing}")
    yield SheetLine("  futures", words=f"{cuts} ({', '.join(checked.futures)})")
    yield SheetLine("  blocks", words=f"{', '.join(map(str, checked.blocks))} rows and all at once")
    yield SheetLine("  repeats", words=f"{checked.repeats}")
    if checked.intraday and checked.synthetic:
        yield SheetLine("  sessions", words=f"{checked.intraday} rows of quarters of an hour beside the days")
    elif not checked.intraday:
        yield SheetLine("  not seen", words="what looks ahead within a session: these rows are whole ones")
    for model in checked.models:
        way = "compiled" if model.cost_us is None else f"plain Python, {model.cost_us:.2g} µs a call"
        words = [f"{model.kind} {model.name}: {way}; {model.calls} calls, each made again"]
        yield SheetLine("  model", words="; ".join([*words, *filter(None, (model.finding, model.note))]))
    if checked.raised:
        yield SheetLine("  raised", words=f"in {checked.raised} of these runs, which prove nothing")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)
