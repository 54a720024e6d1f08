"""What a finished search found, as tables: points, folds, splits and paths, or the spread over markets."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backbus.cli.printed.screen import NO_BREAK, near, say, say_all, say_page
from backbus.cli.printed.tables import Cell, Heading, SheetLine, TextTable, print_sheet, print_table, sign_colour
from backbus.performance.summary import DISTRIBUTION_TITLES, NOTHING, sign_of, title_of, written
from backbus.runs.luck import luck_lines

if TYPE_CHECKING:
    from backbus.api.sweep_result import SweepResult

_SHOWN = ("total_return", "sharpe", "max_drawdown", "trades")
"""Figures that a table shows besides the objective."""
_SPREAD = ("total_return", "annual_return", "volatility", "sharpe", "sortino", "max_drawdown", "exposure", "turnover")
"""Figures whose distribution over markets is shown; the summary has all."""


def print_points(summary: Mapping[str, Any], found: Sequence[Mapping[str, Any]], by: str | None) -> None:
    """Points of a sweep as a table: their parameters, the figure that they are ordered by, and some more."""
    if not found:
        return
    params = [name for name in found[0] if "." in name]
    first = (by or summary["objective"]).removeprefix("-")
    figures = list(dict.fromkeys((first, *_SHOWN)))
    table = TextTable(
        Heading("Point", "number"),
        *(_heading_of(short(name), [row[name] for row in found]) for name in params),
        *(Heading(title_of(name), "number") for name in figures),
    )
    for row in found:
        table.add(
            str(row["point"]), *(value_in_words(row[name]) for name in params), *(figure(row, n) for n in figures)
        )
    print_table(table)


def print_luck(summary: Mapping[str, Any]) -> None:
    """The statistics of selection, each with a verdict."""
    sys.stdout.write("\n")
    print_sheet([SheetLine(*line) for line in luck_lines(summary["statistics"])], "How much of it may be luck")
    if "trials_family_told" in summary:
        say(summary["trials_family_told"])


def print_folds(summary: Mapping[str, Any]) -> None:
    """A walk-forward: each fold in train and test, and the test ranges joined."""
    names = list(dict.fromkeys((summary["objective"].removeprefix("-"), "annual_return")))
    table = TextTable(
        Heading("Fold", "number"),
        Heading("Tested from", "whole"),
        Heading("to", "whole"),
        Heading("Best"),
        *(Heading(f"{title_of(name)} {where}", "number") for name in names for where in ("train", "test")),
    )
    for fold in summary["folds"]:
        cells = [figure(fold[where], name) for name in names for where in ("in_sample", "out_of_sample")]
        best = in_words(fold["params"]) or f"failed: {fold['failure']}"
        table.add(str(fold["fold"]), fold["test_start"], fold["test_end"], best, *cells)
    print_table(table)
    changes = summary["parameter_changes"]
    sys.stdout.write("\n")
    lines = [_line(name, value) for name, value in (summary["figures"] or {}).items()]
    if summary["efficiency"] is not None:
        words = "annual return in test, per that in train"
        lines.append(SheetLine("Efficiency", f"{summary['efficiency']:.2f}", words))
    lines.append(SheetLine("Parameter changes", str(changes["any"]), f"of {changes['of']}"))
    print_sheet(lines, "Test ranges joined")


def print_splits(summary: Mapping[str, Any]) -> None:
    """A cross-validation: each split in train and test, and how figures spread over its paths."""
    objective = summary["objective"].removeprefix("-")
    title = title_of(objective)
    table = TextTable(
        Heading("Split", "number"),
        Heading("Tested groups"),
        Heading("Best"),
        Heading(f"{title} train", "number"),
        Heading(f"{title} test", "number"),
        Heading("Rank in test", "number"),
    )
    for place, split in enumerate(summary["splits"]):
        best = in_words(split["params"]) or "none has the objective"
        cells = [figure(split[where], objective) for where in ("in_sample", "out_of_sample")]
        rank = NOTHING if split["rank"] is None else f"{split['rank']:.2f}"
        table.add(str(place), ", ".join(map(str, split["test"])), best, *cells, rank)
    print_table(table)
    sys.stdout.write("\n")
    spread = {name: told for name, told in summary["distribution"].items() if told is not None}
    print_spread(spread, "Over all paths")
    if summary["degradation"] is not None:
        say(_degradation(objective, summary["degradation"]))


def _degradation(objective: str, told: Mapping[str, Any]) -> str:
    text = (
        f"{title_of(objective)} of the best, in the {told['of']} splits that have it in train and test: "
        f"{written(objective, told['in_sample'])} in train, {written(objective, told['out_of_sample'])} in test"
    )
    if told["overfitting_probability"] is not None:
        text += f", and in {100 * told['overfitting_probability']:.0f} % of them no better there than the median point"
    return text


def print_spread(figures: Mapping[str, Mapping[str, Any] | None], title: str) -> None:
    """How figures spread over markets or paths."""
    known = {name: told for name, told in figures.items() if told is not None}
    if not known:
        return
    first = next(iter(known.values()))
    columns = [name for name in DISTRIBUTION_TITLES if name in first]
    table = TextTable(Heading(title, "whole"), *(Heading(DISTRIBUTION_TITLES[name], "number") for name in columns))
    for name, told in known.items():
        cells = [
            Cell(f"{100 * told[one]:.0f} %")
            if one == "negative"
            else Cell(written(name, told[one]), "" if one == "spread" else sign_colour(sign_of(name, told[one])))
            for one in columns
        ]
        table.add(title_of(name), *cells)
    print_table(table)


def _spread_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a search over markets whose spread is shown."""
    return {name: summary["distribution"][name] for name in _SPREAD}


def print_best(summary: Mapping[str, Any]) -> None:
    """The best point of a sweep whose table is not at hand: its parameters and figures."""
    best = summary["best"]
    if best is None:
        say("no point has the objective", "red")
        return
    first = summary["objective"].removeprefix("-")
    figures = list(dict.fromkeys((first, *_SHOWN)))
    params = [SheetLine(short(name), value_in_words(value)) for name, value in best["params"].items()]
    print_sheet([*params, *(_line(name, best["metrics"][name]) for name in figures)], f"Best: point {best['point']}")


def in_a_line(summary: Mapping[str, Any], job: str) -> str:
    """What kind of search it was, and how much of it there was."""
    failed = f"{summary['failed']:,} failed"
    if "folds" in summary:
        return f"walk-forward {job}: {len(summary['folds'])} folds, {failed}"
    if "splits" in summary:
        objective = summary["objective"].removeprefix("-")
        told = summary["distribution"].get(objective)
        paths = f"{len(summary['paths'])} paths, {0 if told is None else told['of']} of them with {title_of(objective)}"
        return f"cross-validation {job}: {len(summary['splits'])} splits, {failed}, {paths}"
    return f"sweep {job}: {summary['points']:,} points, {failed}"


def print_search(summary: Mapping[str, Any]) -> None:
    """What a search found, all but the table of its points."""
    if "folds" in summary:
        print_folds(summary)
    elif "splits" in summary:
        print_splits(summary)
    elif "statistics" in summary:
        print_luck(summary)
    else:
        print_spread(_spread_of(summary), "Over all markets")


def print_end(result: SweepResult) -> None:
    """What it was in a line, where its files lie, and what one should know."""
    summary = result.summary
    took = ""
    if result.elapsed_s > 0.0 and not result.cached:
        rate = ""
        if not {"folds", "splits"} & set(summary):
            rate = f" ({summary['points'] / result.elapsed_s:,.0f} points a second)"
        took = f", in {result.elapsed_s:.2f} s{rate}"
    say(f"{in_a_line(summary, result.job)}{', from the store' if result.cached else took}")
    say(f"table {summary['table_sha256']}; its files:")
    for path in result.artifacts.values():
        sys.stdout.write(f"  {near(path)}\n")
    say_page(result.job, result.folder)
    say_all(summary.get("notes", ()))


def short(name: str) -> str:
    """A parameter as a heading has it."""
    return name.removeprefix("strategy.")


def value_in_words(value: Any) -> str:
    """A parameter's value; floats in six figures."""
    if value is None:
        return NOTHING
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def figure(row: Mapping[str, Any] | None, name: str) -> Cell:
    """A figure of a row, in its colour."""
    value = None if row is None else row[name]
    return Cell(written(name, value), sign_colour(sign_of(name, value)))


def _line(name: str, value: float | None) -> SheetLine:
    return SheetLine(title_of(name), written(name, value), colour=sign_colour(sign_of(name, value)))


def in_words(params: Mapping[str, Any] | None) -> str:
    """Parameters of a point, by the field that each sets."""
    return ", ".join(f"{short(name)}{NO_BREAK}{value_in_words(value)}" for name, value in (params or {}).items())


def _heading_of(title: str, values: Sequence[Any]) -> Heading:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return Heading(title, "number" if numbers else "words")
