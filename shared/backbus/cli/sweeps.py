"""``backbus sweep | results | rerun``: many points of one job, their table, and any of them whole."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from backbus.cli.job_file import compiled_for, job_of, refuse_more_points
from backbus.cli.options import AsJson, FigureFile, FigureName, JobFile, MaxPoints, Sets, SweepName, Top
from backbus.cli.output import draw_one, print_json, print_result, print_sweep, to_stderr
from backbus.cli.printed.progress import bar_of
from backbus.loading import loading


def sweep(
    job: JobFile,
    sets: Sets = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Processes: as many as cores, where left out; 0 is this one alone."),
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A cluster that computes the points: dask://HOST:PORT.")
    ] = None,
    allow_look_ahead: Annotated[
        bool, typer.Option("--allow-look-ahead", help="Sweep a strategy that does not pass `backbus check`.")
    ] = False,
    max_points: MaxPoints = None,
    top: Top = 10,
    as_json: AsJson = False,
) -> None:
    """Run all points of a job's [sweep], here or on a cluster."""
    with loading():
        from backbus.api.run_sweep import run_sweep
        from backbus.errors import UsageError
        from backbus.runs.folder import new_folder

    overrides = list(sets or [])
    if allow_look_ahead:
        overrides.append("sweep.allow_look_ahead=true")
    if on is not None and workers is not None:
        raise UsageError("--on says that a cluster computes the points, and --workers that this machine does: give one")
    with job_of(job, overrides) as loaded:
        refuse_more_points(loaded, max_points)
        compiled_for("sweep", loaded)
        with bar_of(loaded.name, quiet=as_json, unit="points") as move, to_stderr():
            result = run_sweep(loaded, folder=new_folder(), workers=workers, on=on, progress=move, say=_say)
    print_sweep(result, as_json, top)


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def results(
    sweep: SweepName,
    top: Top = 10,
    by: Annotated[
        str | None, typer.Option(metavar="FIGURE", help="Order by this figure, -FIGURE for the smallest first.")
    ] = None,
    figure: FigureFile = None,
    draw: FigureName = None,
    as_json: AsJson = False,
) -> None:
    """Show again what a finished search showed. It shows points in another order where asked for, and draws one of its
    figures, the main one of its kind where none is named."""
    from backbus.api.kept import read_run
    from backbus.api.sweep_result import SweepResult
    from backbus.errors import UsageError
    from backbus.runs.library import find_sweep
    from backbus.sweep.results import top_points

    folder = find_sweep(sweep)
    result = read_run(folder)
    assert isinstance(result, SweepResult)
    has_points = "statistics" in result.summary
    if by is not None and not has_points:
        raise UsageError(f"{folder} holds no table of points that could be ordered by {by}; leave --by out")
    draw_one(result, figure, draw)
    if as_json:
        more = {"top": top_points(folder, top, by)} if has_points else {}
        drawn = {} if figure is None else {"figure": str(figure)}
        print_json({"sweep": folder.name, **result.plain(), **more, **drawn})
        return
    print_sweep(result, False, top, by)
    if figure is not None:
        sys.stdout.write(f"figure: {figure}\n")


def rerun(
    sweep: SweepName,
    point: Annotated[int | None, typer.Option(metavar="N", min=0, help="The point's number.")] = None,
    best: Annotated[bool, typer.Option("--best", help="The best point; so it is where none is named.")] = False,
    fold: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="The test range of this fold of a walk-forward.")
    ] = None,
    split: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="A test group of this split of a cross-validation.")
    ] = None,
    group: Annotated[int | None, typer.Option(metavar="N", min=0, help="Which one; its first, where left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run one point of a sweep whole, and see that it comes again."""
    from backbus.api.rerun import rerun as rerun_here
    from backbus.api.rerun import rerun_fold, rerun_split
    from backbus.errors import UsageError
    from backbus.runs.folder import new_folder
    from backbus.runs.library import find_sweep

    if (best, point is not None, fold is not None, split is not None).count(True) > 1:
        raise UsageError("give one of --point, --best, --fold and --split")
    if group is not None and split is None:
        raise UsageError("--group goes with --split")
    with bar_of(f"{sweep}", quiet=as_json) as move, to_stderr():
        folder, into = find_sweep(sweep), new_folder()
        if fold is not None:
            result = rerun_fold(folder, fold, folder=into, progress=move)
        elif split is not None:
            result = rerun_split(folder, split, group, folder=into, progress=move)
        else:
            result = rerun_here(folder, point, folder=into, progress=move)
    print_result(result, as_json)
    if not as_json:
        sys.stdout.write("it came again as the sweep has it\n")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (sweep, results, rerun):
        app.command()(command)
