"""``backbus verify | diff | compare``: whether a run comes again, why two part, several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backbus.cli import completion
from backbus.cli.options import AsJson
from backbus.cli.output import print_json, to_stderr
from backbus.cli.printed.progress import bar_of
from backbus.cli.printed.screen import Colour, say
from backbus.cli.printed.tables import Cell, Heading, TextTable, print_table

if TYPE_CHECKING:
    from backbus.api.compare import Comparison
    from backbus.api.verify import Verified


def verify(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run's id, name or folder, or a receipt.json.", autocompletion=completion.runs
        ),
    ] = "",
    last: Annotated[bool, typer.Option("--last", help="The latest run.")] = False,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PLACE", help="A folder or file to look for its prices in.")
    ] = None,
    strategy: Annotated[
        Path | None, typer.Option("--strategy", metavar="PLACE", help="A folder or file to look for its strategy in.")
    ] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Run the sources that lie beside the receipt.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a run again, and say whether the same comes out. Where it does not, it names what differs first."""
    from backbus.api.verify import THEN_AND_NOW
    from backbus.api.verify import verify as verify_here

    place = _place(run, last)
    with bar_of("verify", quiet=as_json) as move, to_stderr():
        found = verify_here(place, data=data, strategy=strategy, trust=trust, progress=move)
    if as_json:
        print_json(found.plain())
    else:
        _print_all(found.differences, *THEN_AND_NOW)
        say(_verdict(found), "green" if found.same else "red")
    if not found.same:
        raise typer.Exit(1)


def _verdict(found: Verified) -> str:
    if found.same:
        return f"the same: {found.fingerprint}"
    if found.came_again:
        return f"the same result, despite the differences above: {found.fingerprint}"
    return f"not the same: {found.receipt.fingerprint} then, {found.fingerprint} now"


def diff(
    first: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, name or folder.", autocompletion=completion.runs)
    ],
    second: Annotated[str, typer.Argument(metavar="RUN", help="Another one's.", autocompletion=completion.runs)],
    as_json: AsJson = False,
) -> None:
    """Say why two runs are not the same. It names settings, code, data, the first order and fill that part them."""
    from backbus.api.diff import diff as apart
    from backbus.folders import RUNS
    from backbus.runs.library import find_run

    found = apart(find_run(first, RUNS), find_run(second, RUNS))
    if as_json:
        print_json(found.plain())
        return
    _print_all(found.differences)
    same, apart_ = f"the same came out: {found.first}", f"not the same: {found.first}, {found.second}"
    say(same if found.same else apart_, "green" if found.same else "yellow")


def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Ids, names or folders.", autocompletion=completion.runs)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A page with their curves, a file that ends in .html.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show runs side by side. It tells figures and the settings that part them, and draws their curves in a page."""
    from backbus.api.compare import compare as compare_here

    found = compare_here(*runs)
    page = None if out is None else found.report(out)
    if as_json:
        print_json({**found.plain(), "page": None if page is None else str(page)})
        return
    _print_beside(found)
    if page is not None:
        say(f"{page}")


def _print_beside(found: Comparison) -> None:
    from backbus.performance.summary import FORMS, sign_of, title_of, written

    table = TextTable(Heading("", "whole"), *(Heading(name, "number") for name in found.names))
    for name in FORMS:
        values = [one.metrics[name] for one in found.results]
        if any(value is not None for value in values):
            table.add(title_of(name), *(Cell(written(name, one), _COLOURS[sign_of(name, one)]) for one in values))
    print_table(table)
    apart = found.plain()["settings"]
    if apart:
        say("")
        settings = TextTable(Heading("setting"), *map(Heading, found.names))
        for name, values in apart.items():
            settings.add(name, *("–" if value is None else str(value) for value in values))
        print_table(settings)


_COLOURS: dict[int, Colour] = {-1: "red", 0: "", 1: "green"}


def _place(run: str, last: bool) -> Path:
    from backbus.errors import UsageError
    from backbus.folders import RUNS
    from backbus.runs.library import find_run, latest_run

    if bool(run) == last:
        raise UsageError("name a run, or say --last")
    if last:
        return latest_run(RUNS)
    return Path(run) if Path(run).is_file() else find_run(run, RUNS)


def _print_all(differences: tuple[Any, ...], *words: str) -> None:
    for one in differences:
        say(one.told(*words), indent="  ")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (verify, diff, compare):
        app.command()(command)
