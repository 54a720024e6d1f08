"""What commands print: results as tables, or one JSON object and nothing else; and a progress bar meanwhile.

Commands of different files show the same things, and show them alike.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backbus.api.result import Result
    from backbus.api.sweep_result import SweepResult

_SHOWN = ("total_return", "sharpe", "max_drawdown", "trades")
"""Figures that a table shows besides the objective."""

_SPREAD = ("total_return", "annual_return", "volatility", "sharpe", "sortino", "max_drawdown", "exposure", "turnover")
"""Figures whose distribution over markets is shown; the summary has all."""
_SPREAD_COLUMNS = ("mean", "q05", "q25", "q50", "q75", "q95")

_TOLD = (
    ("probabilistic_sharpe", "probability that the best one's true Sharpe ratio is above 0, were it the only trial"),
    ("deflated_sharpe_sweep", "the same, knowing that it is the best of this sweep"),
    ("deflated_sharpe_family", "the same, knowing of all {trials_family} trials of this strategy on this market"),
    ("overfitting_probability", "probability that the best in one half of the time is below the median in the other"),
    ("spa_consistent", "p-value of a best as good without any skill (Hansen's SPA)"),
    ("reality_check", "the same by White's reality check"),
)


def print_json(value: Any) -> None:
    """One JSON object on standard output, and nothing else."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


def print_result(result: Result, as_json: bool) -> None:
    """A run's table and its artifacts' places, or its JSON."""
    if as_json:
        print_json(result.plain())
        return
    from rich.console import Console

    from backbus.performance.summary import summary_table

    console = Console()
    console.print(summary_table(result.summary))
    how = "from the store" if result.cached else f"in {result.elapsed_s:.2f} s"
    where = "in this process" if result.mode == "local" else f"by the stack, attempts: {result.attempts}"
    told = f"{how}, {where}; " if result.ran.begun_at else ""  # runs of before do not say
    sys.stdout.write(f"job {result.job}: {told}its artifacts:\n")
    for path in result.artifacts.values():
        sys.stdout.write(f"  {path}\n")


def draw_one(result: Result | SweepResult, path: Path | None, name: str | None) -> None:
    """Write one of a result's figures, its main one where none is named; nothing where no file is. Raises UsageError,
    with the figure's own words where there is nothing to show."""
    from backbus.errors import UsageError

    if path is None:
        if name is not None:
            raise UsageError(f"--draw {name} says which figure, and --figure FILE where it goes: give both")
        return
    from backbus.figures import NothingToShow, check_place, find_figure, write_figure

    check_place(path)
    shown = result.figures
    chosen = find_figure(name or shown.main, shown.of)
    try:
        drawn = chosen.draw(result)
    except NothingToShow as said:
        raise UsageError(f"the figure {chosen.name} shows nothing of this: {said}") from None
    write_figure(drawn, path)


def to_stderr() -> AbstractContextManager[object]:
    """While it lasts, what users' code prints goes to standard error: standard output is the command's own."""
    return redirect_stdout(sys.stderr)


@contextmanager
def bar_of(name: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on standard error, where somebody looks at it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def move(done: int, rows: int) -> None:
            bar.update(task, completed=done, total=rows)

        yield move


def print_sweep(result: SweepResult, as_json: bool, top: int = 10, by: str | None = None) -> None:
    """The best points of a sweep (by a figure of their own order), what is to be thought of them, and its files'
    places; or its JSON."""
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
        print_points(summary, top_points(table.parent, top, by) if top else [], by)
        _print_statistics(summary["statistics"])
        if "trials_family_told" in summary:
            sys.stdout.write(f"{summary['trials_family_told']}\n")
    else:
        _print_spread(summary["distribution"])
    how = ", from the store" if result.cached else _took(result, f" ({_rate(result)} a second)")
    sys.stdout.write(
        f"sweep {result.job}: {summary['points']} points, {summary['failed']} failed{how}\n"
        f"table {summary['table_sha256']}; its files:\n"
    )
    for path in result.artifacts.values():
        sys.stdout.write(f"  {path}\n")
    _print_notes(summary)


def _took(result: SweepResult, more: str = "") -> str:
    """How long it took, where that is known."""
    return f", in {result.elapsed_s:.2f} s{more}" if result.elapsed_s > 0.0 else ""


def _rate(result: SweepResult) -> str:
    return f"{result.summary['points'] / result.elapsed_s:.0f}" if result.elapsed_s > 0.0 else ""


def _print_notes(summary: dict[str, Any]) -> None:
    for note in summary.get("notes", ()):
        sys.stdout.write(f"note: {note}\n")


def print_points(summary: dict[str, Any], found: list[dict[str, Any]], by: str | None) -> None:
    """Points of a sweep as a table: their parameters, the figure that they are ordered by, and some more."""
    from rich.console import Console
    from rich.table import Table

    if not found:
        return
    params = [name for name in found[0] if "." in name]
    first = (by or summary["objective"]).removeprefix("-")
    figures = list(dict.fromkeys((first, *_SHOWN)))
    table = Table("point", *(name.removeprefix("strategy.") for name in params), *figures)
    for row in found:
        cells = [row["point"], *(row[name] for name in params), *(row[name] for name in figures)]
        table.add_row(*map(_cell, cells))
    Console().print(table)


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
        f"walk-forward {result.job}: {len(summary['folds'])} folds, {summary['failed']} failed{_took(result)}\n"
        f"table {summary['table_sha256']}; its files:\n"
    )
    for path in result.artifacts.values():
        sys.stdout.write(f"  {path}\n")
    _print_notes(summary)


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
        f"{len(summary['paths'])} paths, {having} of them with {objective}{_took(result)}\n"
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
    _print_notes(summary)


def _print_spread(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    known = {name: figures[name] for name in _SPREAD if figures[name] is not None}
    table = Table("over all markets", *_SPREAD_COLUMNS)
    for name, told in known.items():
        table.add_row(name, *(f"{told[column]:.3g}" for column in _SPREAD_COLUMNS))
    Console().print(table)


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


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
