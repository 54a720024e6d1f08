"""``backbus run | explain | submit | jobs | show | cancel | pause | resume``: backtests, here and on a stack."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from backbus.cli import completion
from backbus.cli.job_file import compiled_for, job_of, refuse_more_points
from backbus.cli.options import AsJson, FigureFile, FigureName, JobFile, JobId, MaxPoints, Sets
from backbus.cli.output import draw_one, print_result, print_sweep, to_stderr
from backbus.cli.printed.progress import bar_of
from backbus.cli.printed.screen import say
from backbus.loading import loading


def run(
    job: JobFile,
    sets: Sets = None,
    as_json: AsJson = False,
    block: Annotated[int | None, typer.Option(metavar="ROWS", min=1, help="Rows per block.")] = None,
) -> None:
    """Run a backtest in this process."""
    with loading():
        from backbus.api.run import run as run_here
        from backbus.engine.run import Engine  # noqa: F401
        from backbus.performance.artifacts import ArtifactWriter  # noqa: F401
        from backbus.runs.folder import new_folder

    overrides = list(sets or [])
    if block is not None:
        overrides.append(f"run.block={block}")
    with job_of(job, overrides) as loaded:
        compiled_for("run", loaded)
        with bar_of(loaded.name, quiet=as_json) as move, to_stderr():
            result = run_here(loaded, folder=new_folder(), progress=move)
    print_result(result, as_json)


def submit(
    job: JobFile,
    sets: Sets = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the result and download it.")] = False,
    as_json: AsJson = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute it even if the answer is known.")] = False,
    max_points: MaxPoints = None,
) -> None:
    """Submit a backtest or a sweep to a running stack."""
    from backbus.api.client import Client
    from backbus.api.result import Result
    from backbus.cli.output import print_json
    from backbus.cli.printed.stack_tables import attempts_told
    from backbus.folders import RUNS

    with job_of(job, sets or ()) as loaded, Client() as client:
        refuse_more_points(loaded, max_points)
        started = time.perf_counter()
        submitted = client.submit(loaded, fresh=fresh)
        if not wait:
            if as_json:
                print_json(submitted)
            else:
                note = " (known already: cached)" if submitted["cached"] else ""
                sys.stdout.write(f"job {submitted['job']} is {submitted['state']}{note}\n")
            return
        try:
            unit = "rows" if loaded.sweep is None else "points"
            with bar_of(loaded.name, quiet=as_json, unit=unit) as move:
                shown = client.wait(submitted["job"], lambda seen: _move(seen, move))
        except KeyboardInterrupt:
            sys.stderr.write(f"job {submitted['job']} goes on without you; see `backbus show {submitted['job']}`\n")
            raise
        took = time.perf_counter() - started
        result = client.result(shown, folder=RUNS / shown["job"], elapsed_s=took, job_folder=loaded.folder)
    if isinstance(result, Result):
        if not as_json and len(shown["attempts"]) > 1:
            for line in attempts_told(shown):
                say(line)
        print_result(result, as_json)
    else:
        print_sweep(result, as_json)


def _move(shown: dict[str, Any], move: Callable[[int, int], None] | None) -> None:
    progress = shown.get("progress")
    if move is not None and progress and progress["of"]:
        move(progress["done"] if "done" in progress else progress["rows"]["performance"], progress["of"])


def jobs(
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="How many to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the latest jobs of the stack."""
    from backbus.api.client import Client
    from backbus.cli.output import print_json
    from backbus.cli.printed.stack_tables import print_jobs, told_in_utc

    with Client() as client:
        found = client.jobs(limit)

    if as_json:
        print_json({"jobs": [told_in_utc(one) for one in found]})
        return
    print_jobs(found)


def show(
    job: Annotated[
        str,
        typer.Argument(
            metavar="JOB", help="A run's id, its first letters, or its job's name.", autocompletion=completion.runs
        ),
    ] = "",
    last: Annotated[bool, typer.Option("--last", help="The latest run of this machine.")] = False,
    figure: FigureFile = None,
    draw: FigureName = None,
    here: Annotated[bool, typer.Option("--here", help="Ask no stack: only what was run on this machine.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one job, run here or on the stack. It tells its progress, its attempts, and what came of it, and draws one
    of its figures, the main one of its kind where none is named."""
    from backbus.api.kept import read_run
    from backbus.api.result import Result
    from backbus.errors import UsageError
    from backbus.folders import RUNS
    from backbus.runs.library import find_run, latest_run, lies_in

    if bool(job) == last:
        raise UsageError("name a job, or say --last")
    if last or here or lies_in(job, RUNS):
        result = read_run(latest_run(RUNS) if last else find_run(job, RUNS))
        draw_one(result, figure, draw)
        if isinstance(result, Result):
            print_result(result, as_json)
        else:
            print_sweep(result, as_json)
        if figure is not None and not as_json:
            sys.stdout.write(f"figure: {figure}\n")
        return
    if figure is not None or draw is not None:
        raise UsageError(f"figures are of what lies here: `backbus fetch {job}` first, and show it then")
    _show_of_stack(job, as_json)


def _show_of_stack(job: str, as_json: bool) -> None:
    from backbus.api.client import Client
    from backbus.cli.output import print_json
    from backbus.cli.printed.stack_tables import print_job, told_in_utc
    from backbus.errors import StackError
    from backbus.folders import RUNS

    try:
        with Client() as client:
            shown = client.show(job)
    except StackError as error:
        raise StackError(f"there is no run {job!r} in {RUNS}, and the stack does not tell: {error}") from None
    if as_json:
        print_json(told_in_utc(shown))
        return
    print_job(shown)


def explain(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run's id, its first letters, its name or folder.", autocompletion=completion.runs
        ),
    ] = "",
    order: Annotated[int | None, typer.Option(metavar="N", help="One order, by its number or id.")] = None,
    asset: Annotated[str | None, typer.Option(metavar="SYMBOL", help="What happened to one asset.")] = None,
    date: Annotated[str | None, typer.Option(metavar="DATE", help="What happened in a session: 2008-10-06.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many things to list.")] = 30,
    last: Annotated[bool, typer.Option("--last", help="The latest run of this machine.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell why orders filled as they did, and why others did not."""
    from backbus.api import explain as told
    from backbus.api.sentences import sentences
    from backbus.cli.output import print_json
    from backbus.errors import UsageError
    from backbus.folders import RUNS
    from backbus.runs.library import find_run, latest_run

    if bool(run) == last:
        raise UsageError("name a run, or say --last")
    folder = latest_run(RUNS) if last else find_run(run, RUNS)
    found = told.explain(folder, order=order, asset=asset, date=date)
    if as_json:
        print_json(found)
        return
    if "happened" in found:
        found = {**found, "happened": found["happened"][:limit], "of": len(found["happened"])}
    for line in sentences(found):
        begin = " " * (len(line) - len(line.lstrip()))
        say(line, indent=begin + "    ")


def pause(job: JobId, as_json: AsJson = False) -> None:
    """Lease no more points of a sweep; what is computed stays."""
    _pause(job, True, as_json)


def resume(job: JobId, as_json: AsJson = False) -> None:
    """Go on with a sweep that was paused."""
    _pause(job, False, as_json)


def _pause(job: str, paused: bool, as_json: bool) -> None:
    from backbus.api.client import Client
    from backbus.cli.output import print_json

    with Client() as client:
        value = client.pause(job) if paused else client.resume(job)
    if as_json:
        print_json(value)
    else:
        how = "paused" if paused else "not paused"
        sys.stdout.write(f"job {value['job']} is {value['state']}, {how}\n")


def cancel(job: JobId, as_json: AsJson = False) -> None:
    """End a job that has not ended."""
    from backbus.api.client import Client
    from backbus.cli.output import print_json

    with Client() as client:
        value = client.cancel(job)
    if as_json:
        print_json(value)
    else:
        sys.stdout.write(f"job {value['job']} is {value['state']}\n")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (run, explain, submit, jobs, show, cancel, pause, resume):
        app.command()(command)
