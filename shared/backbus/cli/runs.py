"""``backbus runs | runs rm | fetch``: what was run here, and what a stack has computed for whoever wants it here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from backbus.cli import completion
from backbus.cli.options import AsJson, JobId
from backbus.cli.output import print_json, print_result, print_sweep
from backbus.cli.printed.screen import NO_BREAK, say
from backbus.cli.printed.tables import Cell, Heading, TextTable, print_table, sign_colour

app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)
FEW = 3
"""Values of a list that a cell tells."""
KINDS = ("run", "sweep", "walk_forward", "cpcv", "monte_carlo", "damaged")


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Those with this in the job's name.")] = None,
    strategy: Annotated[str | None, typer.Option(metavar="TEXT", help="Those with this in the strategy's.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help=f"Those of a kind: {', '.join(KINDS)}.")] = None,
    sort: Annotated[
        str, typer.Option(metavar="BY", help="when, return, sharpe, drawdown, name, strategy or kind; -BY reverses.")
    ] = "when",
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what has been run here, the latest first."""
    if context.invoked_subcommand is not None:
        return
    from backbus.errors import UsageError
    from backbus.folders import RUNS
    from backbus.runs.library import kept_runs, sorted_by, told_apart

    if kind is not None and kind not in KINDS:
        raise UsageError(f"there is no kind {kind!r}; choose one of {', '.join(KINDS)}")
    found = [
        run
        for run in sorted_by(kept_runs(RUNS), sort)
        if (name or "") in run.name and (strategy or "") in run.strategy and kind in (None, run.kind)
    ]
    listed = found[:limit]
    apart = told_apart(listed)
    if as_json:
        told = [{**run.plain(), "differs_in": differs} for run, differs in zip(listed, apart, strict=True)]
        print_json({"runs": told, "of": len(found)})
        return
    if not found:
        asked = any(one is not None for one in (name, strategy, kind))
        why = f"no run in {RUNS} matches these options" if asked else f"there is no run in {RUNS} yet"
        sys.stdout.write(f"{why}; `backbus run JOB.toml` makes one\n")
        return
    _print_runs(listed, apart)
    if len(found) > limit:
        sys.stdout.write(f"{limit} of {len(found)}; --limit shows more\n")
    for run in listed:
        if run.problem:
            say(f"damaged: {run.problem}", "red", "  ")


def _print_runs(found: list[Any], apart: list[dict[str, Any]]) -> None:
    from backbus.performance.summary import number, percent

    beside = [Heading("Differs in")] if any(apart) else []
    table = TextTable(
        Heading("Run", "whole"),
        Heading("Kind", spare=3),
        Heading("Name"),
        Heading("Strategy", spare=1),
        *beside,
        Heading("From", "whole", spare=4),
        Heading("To", "whole", spare=4),
        Heading("Total return", "number"),
        Heading("Sharpe", "number"),
        Heading("Max drawdown", "number"),
        Heading("When, UTC", "whole", spare=2),
    )
    for run, differs in zip(found, apart, strict=True):
        told = ", ".join(f"{key}{NO_BREAK}{value}" for key, value in run.parameters.items())
        strategy = f"{run.strategy}, {told}" if told else run.strategy
        figures = (
            Cell(percent(run.total_return), sign_colour(run.total_return)),
            Cell(number(run.sharpe), sign_colour(run.sharpe)),
            Cell(percent(run.max_drawdown), sign_colour(run.max_drawdown)),
        )
        when = run.begun_at[:16].replace("T", " ")
        kind = Cell(run.kind.replace("_", " "), "red" if run.kind == "damaged" else "")
        first, last = run.first_session or "", run.last_session or ""
        settings = [_settings(differs)] if beside else []
        table.add(run.id, kind, run.name, strategy, *settings, first, last, *figures, when)
    print_table(table)


def _settings(differs: dict[str, Any]) -> str:
    """Settings as words that fit a cell; of a table whose others tell what it is, those alone that the run has."""
    told = {name.rpartition(".")[0] for name, value in differs.items() if value is not None}
    shown = {name: value for name, value in differs.items() if value is not None or name.rpartition(".")[0] not in told}
    return ", ".join(f"{name}{NO_BREAK}{_value(value)}" for name, value in shown.items())


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} values" if len(value) > FEW else NO_BREAK.join(map(str, value))
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@app.command("rm")
def remove(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Ids, their first letters, or names that one run alone has.",
            autocompletion=completion.runs,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Remove runs and all their files."""
    from backbus.folders import RUNS
    from backbus.runs.library import find_removable, remove_run

    folders = dict.fromkeys(find_removable(name, RUNS) for name in names)  # all are found before the first one goes
    for folder in folders:
        remove_run(folder)
        if not as_json:
            sys.stdout.write(f"removed {folder}\n")
    if as_json:
        print_json({"removed": [str(folder) for folder in folders]})


def fetch(
    job: JobId,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where its files go; var/runs/JOB, where left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download what a stack computed."""
    from backbus.api.client import Client
    from backbus.api.result import Result
    from backbus.errors import JobFailed
    from backbus.folders import RUNS

    with Client() as client:
        shown = client.show(job)
        if shown["state"] not in ("done", "failed", "cancelled"):
            raise JobFailed(
                f"job {shown['job']} is {shown['state']}: there is nothing to download yet; "
                f"`backbus show {shown['job']}` says how far it is"
            )
        took = (shown["ended_at"] or shown["created_at"]) - shown["created_at"]
        result = client.result(shown, folder=out or RUNS / shown["job"], elapsed_s=took)
    if isinstance(result, Result):
        print_result(result, as_json)
    else:
        print_sweep(result, as_json)


def register(into: typer.Typer) -> None:
    """Add these commands."""
    into.add_typer(app, name="runs")
    into.command()(fetch)
