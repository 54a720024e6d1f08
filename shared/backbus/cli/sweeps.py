"""``backbus sweep | results | rerun``: many points of one job, their table, and any of them whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backbus.cli.jobs import AsJson, FigureFile, JobFile, Sets, bar_of, print_result

if TYPE_CHECKING:
    from backbus.api.sweep_result import SweepResult

SweepName = Annotated[
    str, typer.Argument(metavar="SWEEP", help="A sweep's id, its first letters, or the folder of its files.")
]
SHOWN = ("total_return", "sharpe", "max_drawdown", "trades")
"""Figures that a table shows besides the objective."""


def sweep(
    job: JobFile,
    sets: Sets = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes: as many as cores, where left out; 0 is this one alone.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A cluster that computes the points: dask://HOST:PORT.")
    ] = None,
    allow_look_ahead: Annotated[
        bool, typer.Option("--allow-look-ahead", help="Sweep a strategy that does not pass `backbus check`.")
    ] = False,
    top: Annotated[int, typer.Option(min=0, help="Points to show.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Run all points of a job's [sweep], on this machine or on a cluster."""
    from backbus.api.run_sweep import run_sweep
    from backbus.errors import UsageError
    from backbus.job.job import Job

    overrides = list(sets or [])
    if allow_look_ahead:
        overrides.append("sweep.allow_look_ahead=true")
    loaded = Job.load(job, overrides=overrides)
    if on is not None and workers is not None:
        raise UsageError("--on says that a cluster computes the points, and --workers that this machine does: give one")
    with bar_of(loaded.name, quiet=as_json) as move:
        result = run_sweep(loaded, workers=workers, on=on, progress=move)
    print_sweep(result, as_json, top)


def results(
    sweep: SweepName,
    top: Annotated[int, typer.Option(min=1, help="Points to show.")] = 10,
    by: Annotated[
        str | None, typer.Option(metavar="FIGURE", help="Order by this figure, -FIGURE for the smallest first.")
    ] = None,
    figure: FigureFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the best points of a finished sweep; of a Monte-Carlo job also how its equity fans out, in a figure."""
    from backbus.cli.app import print_json
    from backbus.sweep.results import find_sweep, load_summary, top_points

    folder = find_sweep(sweep)
    summary = load_summary(folder)
    found = top_points(folder, top, by)
    if figure is not None:
        _draw_fan(folder, figure)
    if as_json:
        print_json({"sweep": folder.name, "points": summary["points"], "failed": summary["failed"], "top": found})
        return
    _print_points(summary, found, by)


def _draw_fan(folder: Path, path: Path) -> None:
    from backbus.errors import UsageError
    from backbus.figures import check_place, fan_figure, write_figure
    from backbus.sweep.results import fan_of

    check_place(path)
    found = fan_of(folder)
    if found is None:
        raise UsageError("only a sweep over simulated markets, [sweep.monte_carlo], has a fan to draw")
    job, table = found
    write_figure(fan_figure(table, job.portfolio.cash, job.name), path)


def rerun(
    sweep: SweepName,
    point: Annotated[int | None, typer.Option(min=0, help="The point's number.")] = None,
    best: Annotated[bool, typer.Option("--best", help="The best point; so it is where none is named.")] = False,
    fold: Annotated[int | None, typer.Option(min=0, help="The test range of this fold of a walk-forward.")] = None,
    split: Annotated[int | None, typer.Option(min=0, help="A test group of this split of a cross-validation.")] = None,
    group: Annotated[int | None, typer.Option(min=0, help="Which one; its first, where left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run one point of a finished sweep whole, and see that its row comes again."""
    from backbus.api.rerun import rerun as rerun_here
    from backbus.api.rerun import rerun_fold, rerun_split
    from backbus.errors import UsageError
    from backbus.sweep.results import find_sweep

    if (best, point is not None, fold is not None, split is not None).count(True) > 1:
        raise UsageError("give one of --point, --best, --fold and --split")
    if group is not None and split is None:
        raise UsageError("--group goes with --split")
    with bar_of(f"{sweep}", quiet=as_json) as move:
        folder = find_sweep(sweep)
        if fold is not None:
            result = rerun_fold(folder, fold, progress=move)
        elif split is not None:
            result = rerun_split(folder, split, group, progress=move)
        else:
            result = rerun_here(folder, point, progress=move)
    print_result(result, as_json)


def _print_folds(result: SweepResult) -> None:
    from rich.console import Console
    from rich.table import Table

    summary = result.summary
    objective = summary["objective"].removeprefix("-")
    figures = list(dict.fromkeys((objective, "annual_return")))
    titles = [f"{figure} {where}" for figure in figures for where in ("train", "test")]
    table = Table("fold", "tested in", "best", *titles)
    for fold in summary["folds"]:
        params = fold["params"] or {}
        best = ", ".join(f"{name.removeprefix('strategy.')} {_cell(value)}" for name, value in params.items())
        numbers = [_cell(fold[where][name]) for name in figures for where in ("in_sample", "out_of_sample")]
        tested = f"{fold['test_start']} – {fold['test_end']}"
        table.add_row(str(fold["fold"]), tested, best or f"failed: {fold['failure']}", *numbers)
    console = Console()
    console.print(table)
    joined = Table(show_header=False, title="test ranges joined", title_justify="left")
    for name, value in (summary["figures"] or {}).items():
        joined.add_row(name, _cell(value))
    joined.add_row("efficiency", _cell(summary["efficiency"]))
    changes = summary["parameter_changes"]
    joined.add_row("parameter changes", f"{changes['any']} of {changes['of']}")
    console.print(joined)
    sys.stdout.write(
        f"walk-forward {result.job}: {len(summary['folds'])} folds, {summary['failed']} failed, "
        f"in {result.elapsed_s:.2f} s\ntable {summary['table_sha256']}; its files:\n"
    )
    for path in result.artifacts.values():
        sys.stdout.write(f"  {path}\n")


def _print_splits(result: SweepResult) -> None:
    from rich.console import Console
    from rich.table import Table

    summary = result.summary
    objective = summary["objective"].removeprefix("-")
    table = Table("split", "tested groups", "best", f"{objective} train", f"{objective} test", "rank in test")
    for number, split in enumerate(summary["splits"]):
        params = split["params"] or {}
        best = ", ".join(f"{name.removeprefix('strategy.')} {_cell(value)}" for name, value in params.items())
        figures = [split[where][objective] if split[where] else None for where in ("in_sample", "out_of_sample")]
        cells = [*map(_cell, figures), _cell(split["rank"])]
        table.add_row(str(number), ", ".join(map(str, split["test"])), best or "none has the objective", *cells)
    console = Console()
    console.print(table)
    known = {name: dict(told) for name, told in summary["distribution"].items() if told is not None}
    having = known[objective]["of"] if objective in known else 0
    for told in known.values():
        del told["of"]
    paths = Table("paths", *next(iter(known.values()), ()))
    for name, told in known.items():
        paths.add_row(name, *map(_cell, told.values()))
    console.print(paths)
    sys.stdout.write(
        f"cross-validation {result.job}: {len(summary['splits'])} splits, {summary['failed']} failed, "
        f"{len(summary['paths'])} paths, {having} of them with {objective}, in {result.elapsed_s:.2f} s\n"
    )
    if summary["degradation"] is not None:
        told = summary["degradation"]
        sys.stdout.write(
            f"{objective} of the best, in the {told['of']} splits that have it in train and test: "
            f"{told['in_sample']:.3g} in train, {told['out_of_sample']:.3g} in test"
        )
        if told["overfitting_probability"] is not None:
            share = 100 * told["overfitting_probability"]
            sys.stdout.write(f", and in {share:.0f} % of them no better there than the median point")
        sys.stdout.write("\n")
    sys.stdout.write(f"table {summary['table_sha256']}; its files:\n")
    for path in result.artifacts.values():
        sys.stdout.write(f"  {path}\n")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (sweep, results, rerun):
        app.command()(command)


def print_sweep(result: SweepResult, as_json: bool, top: int = 10) -> None:
    """The best points of a sweep, what is to be thought of them, and its files' places; or its JSON."""
    from backbus.cli.app import print_json
    from backbus.sweep.results import top_points

    if as_json:
        print_json(result.plain())
        return
    if "folds" in result.summary:
        _print_folds(result)
        return
    if "splits" in result.summary:
        _print_splits(result)
        return
    summary = result.summary
    table: Path = result.artifacts["table"]
    if "statistics" in summary:
        _print_points(summary, top_points(table.parent, top, None) if top else [], None)
        _print_statistics(summary["statistics"])
    else:
        _print_spread(summary["distribution"])
    rate = summary["points"] / result.elapsed_s
    how = "from the store" if result.cached else f"in {result.elapsed_s:.2f} s ({rate:.0f} a second)"
    sys.stdout.write(
        f"sweep {result.job}: {summary['points']} points, {summary['failed']} failed, {how}\n"
        f"table {summary['table_sha256']}; its files:\n"
    )
    for path in result.artifacts.values():
        sys.stdout.write(f"  {path}\n")


def _print_points(summary: dict[str, Any], found: list[dict[str, Any]], by: str | None) -> None:
    from rich.console import Console
    from rich.table import Table

    if not found:
        return
    params = [name for name in found[0] if "." in name]
    first = (by or summary["objective"]).removeprefix("-")
    figures = list(dict.fromkeys((first, *SHOWN)))
    table = Table("point", *(name.removeprefix("strategy.") for name in params), *figures)
    for row in found:
        cells = [row["point"], *(row[name] for name in params), *(row[name] for name in figures)]
        table.add_row(*map(_cell, cells))
    Console().print(table)


SPREAD = ("total_return", "annual_return", "volatility", "sharpe", "sortino", "max_drawdown", "exposure", "turnover")
"""Figures whose distribution over markets is shown; the summary has all."""
SPREAD_COLUMNS = ("mean", "q05", "q25", "q50", "q75", "q95")


def _print_spread(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    known = {name: figures[name] for name in SPREAD if figures[name] is not None}
    table = Table("over all markets", *SPREAD_COLUMNS)
    for name, told in known.items():
        table.add_row(name, *(f"{told[column]:.3g}" for column in SPREAD_COLUMNS))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_TOLD = (
    ("probabilistic_sharpe", "probability that the best one's true Sharpe ratio is above 0, were it the only trial"),
    ("deflated_sharpe_sweep", "the same, knowing that it is the best of this sweep"),
    ("deflated_sharpe_family", "the same, knowing of all {trials_family} trials of this strategy on this data"),
    ("overfitting_probability", "probability that the best in one half of the time is below the median in the other"),
    ("spa_consistent", "p-value of a best as good without any skill (Hansen's SPA)"),
    ("reality_check", "the same by White's reality check"),
)


def _print_statistics(statistics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, title="how much of it may be luck", title_justify="left")
    for name, meaning in _TOLD:
        value = statistics[name]
        shown = statistics["undefined"].get(name, "undefined") if value is None else f"{value:.3f}"
        table.add_row(name, shown, meaning.format(**statistics))
    if statistics["sharpe_interval"] is not None:
        low, high = statistics["sharpe_interval"]
        table.add_row(
            "sharpe_interval", f"{low:.2f} to {high:.2f}", "95 % confidence, knowing nothing of the selection"
        )
    if statistics["stability"] is not None:
        meaning = "from the best point to its neighbours, one step of one parameter away"
        table.add_row("stability", statistics["stability"]["shape"], meaning)
    Console().print(table)
