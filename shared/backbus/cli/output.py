"""What commands print: results as tables, or one JSON object and nothing else.

Commands of different files show the same things, and show them alike: tables are made and fitted in ``tables.py``, the
screen is looked at in ``screen.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.cli.printed.screen import near, say_all, say_page
from backbus.cli.printed.tables import SheetLine, print_sheet, sign_colour

if TYPE_CHECKING:
    from backbus.api.result import Result
    from backbus.api.sweep_result import SweepResult
    from backbus.performance.report import Report
    from backbus.performance.summary import Particulars


def print_json(value: Any) -> None:
    """One JSON object on standard output, and nothing else."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


def draw_one(result: Result | SweepResult, path: Path | None, name: str | None) -> None:
    """Write one of a result's figures, its main one where none is named; nothing where no file is. Raises UsageError,
    with the figure's own words where there is nothing to show."""
    from backbus.errors import UsageError

    if path is None:
        if name is not None:
            raise UsageError(f"--draw {name} says which figure, and --figure FILE where it goes: give both")
        return
    from backbus.figures import NothingToShow, check_place, find_figure, write_figure
    from backbus.figures.lines import lightened

    check_place(path)
    shown = result.figures
    chosen = find_figure(name or shown.main, shown.of)
    try:
        drawn = chosen.draw(result)
    except NothingToShow as said:
        raise UsageError(f"the figure {chosen.name} shows nothing of this: {said}") from None
    write_figure(lightened(drawn), path)


def to_stderr() -> AbstractContextManager[object]:
    """While it lasts, what users' code prints goes to standard error: standard output is the command's own."""
    return redirect_stdout(sys.stderr)


def print_result(result: Result, as_json: bool) -> None:
    """A run's summary, what it advises, and its artifacts' places; or its JSON."""
    if as_json:
        print_json(result.plain())
        return
    settings = None if result.receipt is None else result.receipt.job
    print_report(result.summary, settings, _particulars(result))
    how = "from the store" if result.cached else f"in {result.elapsed_s:.2f} s"
    where = "in this process" if result.mode == "local" else f"by the stack, attempts: {result.attempts}"
    told = f"{how}, {where}; " if result.ran.begun_at else ""  # runs of before do not say
    sys.stdout.write(f"job {result.job}: {told}its artifacts:\n")
    for path in result.artifacts.values():
        sys.stdout.write(f"  {near(path)}\n")
    say_page(result.job, result.folder)


def _particulars(result: Result) -> Particulars | None:
    from backbus.runs.particulars import particulars_of

    if result.receipt is None or not {"equity", "trades"} <= set(result.tables):
        return None
    return particulars_of(result, result.settings["portfolio"]["cash"])


def print_report(report: Report, settings: Mapping[str, Any] | None, particulars: Particulars | None = None) -> None:
    """A report's summary, its notes and warnings, and what follows from it."""
    from backbus.performance.summary import summary_lines
    from backbus.runs.advice import advice_of

    lines = summary_lines(report, settings, particulars)
    shown = [SheetLine(line.label, line.figure, line.words, sign_colour(line.sign)) for line in lines]
    print_sheet(shown, report.name)
    sys.stdout.write("\n")
    say_all([*advice_of(report, settings), *report.notes])
    say_all(report.warnings, "warning")


def print_sweep(result: SweepResult, as_json: bool, top: int = 10, by: str | None = None) -> None:
    """The best points of a sweep (by a figure of their own order), what is to be thought of them, and its files'
    places; or its JSON."""
    if as_json:
        print_json(result.plain())
        return
    from backbus.cli.printed import sweep_tables as tables
    from backbus.sweep.results import top_points

    summary = result.summary
    if "statistics" in summary and top:
        table: Path = result.artifacts["table"]
        tables.print_points(summary, top_points(table.parent, top, by), by)
    tables.print_search(summary)
    tables.print_end(result)
    if "statistics" in summary and summary["best"] is not None:
        sys.stdout.write(f"the best one whole: backbus rerun {result.job} --best\n")
