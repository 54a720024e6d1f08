"""``backbus data``: datasets of prices, each imported once under a name that jobs use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backbus.cli.options import AsJson, OutFolder
from backbus.cli.output import print_json
from backbus.cli.printed.progress import bar_of
from backbus.cli.printed.screen import say, say_all
from backbus.cli.printed.tables import Heading, TextTable, print_table

if TYPE_CHECKING:
    from backbus.data import Catalog
    from backbus.job.data import DataSettings

Name = Annotated[str, typer.Argument(metavar="NAME", help="A dataset.")]
SHOWN = 5
"""Findings of one kind and asset that are printed; --json has more."""


def import_(
    files: Annotated[list[str], typer.Argument(metavar="FILES", help="Files, folders or globs.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What jobs call it.")],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="How files are read: [data] of a job, as calendar=XNYS."),
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--column", metavar="COLUMN", help="A further column to keep.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In place of what has this name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read files once, and keep them as a dataset that opens at once."""
    from backbus.data import resolve_files

    settings = _settings_of(files, columns or [], sets or [])
    found = resolve_files(settings, Path())
    with bar_of(name, quiet=as_json, unit="B") as move:
        about = _catalog().add(name, found, settings, replace=replace, progress=move)
    if as_json:
        print_json(about)
    else:
        _print(about, f'a job reads it by\n\n[data]\ndataset = "{name}"\n')


def list_(as_json: AsJson = False) -> None:
    """List the datasets."""
    catalog = _catalog()
    known = [catalog.about(name) for name in catalog.names()]
    if as_json:
        print_json({"datasets": known})
        return
    if not known:
        sys.stdout.write("there are no datasets; `backbus data import FILES --name NAME` makes one\n")
        return
    table = TextTable(
        Heading("Dataset"),
        Heading("Assets", "number"),
        Heading("Rows", "number"),
        Heading("Bars of", spare=2),
        Heading("From", "whole"),
        Heading("To", "whole"),
        Heading("Size", "number", spare=3),
        Heading("Findings", "number", spare=1),
    )
    for about in known:
        count = sum(finding["count"] for finding in about["findings"])
        when = _interval(about), str(about["first"]), str(about["last"])
        table.add(about["name"], f"{about['assets']:,}", f"{about['rows']:,}", *when, _size(about), f"{count:,}")
    print_table(table)


def show(name: Name, as_json: AsJson = False) -> None:
    """Show what a dataset holds, and where it comes from."""
    about = _catalog().about(name)
    if as_json:
        print_json(about)
        return
    _print(about, "".join(f"from {source}, {size} bytes\n" for source, size in about["sources"].items()))


def check(
    names: Annotated[list[str], typer.Argument(metavar="NAME|FILES", help="A dataset, or files, folders or globs.")],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="How files are read: [data] of a job, as calendar=XNYS."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong in a dataset, or in files. Of files it says how they would be read, too."""
    if len(names) > 1 or names[0] not in _catalog().names():
        _check_files(names, sets or [], as_json)
        return
    (name,) = names
    findings = _catalog().check(name)
    if as_json:
        print_json({"dataset": name, "findings": findings})
        return
    sys.stdout.write(f"{name}: its bytes are those that were imported\n")
    _print_findings(findings)


def _check_files(files: list[str], sets: list[str], as_json: bool) -> None:
    """What files are, as a job would read them: which column is which, what stamps mark, what looks wrong."""
    from backbus.data import load_panel, resolve_files
    from backbus.data.catalog.findings import findings_of
    from backbus.data.files import universe_file
    from backbus.data.panels.sessions import span_text
    from backbus.errors import JobError, UsageError
    from backbus.market.panel import instant_text

    settings = _settings_of(files, [], sets)
    try:
        found = resolve_files(settings, Path())
    except JobError as error:
        known = ", ".join(_catalog().names()) or "none"
        raise UsageError(f"{error}; there is no dataset of this name either (datasets: {known})") from None
    panel = load_panel(settings, {**found, **universe_file(settings, Path())})
    layout, block = panel.layout, panel.block
    sessions = block.session.astype("M8[D]").astype(str)
    named = ", ".join(dict.fromkeys(filter(None, layout.calendars))) or layout.calendar
    findings = findings_of(panel, settings.calendar)
    told = {
        "files": list(found),
        "symbols": list(layout.symbols),
        "rows": layout.rows,
        "bars": layout.bars or span_text(layout.interval_ns),
        "first": str(sessions[0]),
        "last": str(sessions[-1]),
        "first_end": instant_text(int(block.end[0])),
        "timezone": layout.timezone or "UTC",
        "calendar": named,
        "read": list(layout.read),
        "notes": list(panel.notes),
        "findings": findings,
    }
    if as_json:
        print_json(told)
        return
    symbols = layout.symbols
    shown = ", ".join(symbols[:8]) + (f" and {len(symbols) - 8} more" if len(symbols) > 8 else "")
    say(
        f"{len(found)} files: {layout.rows} rows of {told['bars']}, {told['first']} to {told['last']}, the first ends"
        f" {told['first_end']} UTC; {layout.assets} assets ({shown}), calendar {named or 'none'}"
    )
    for sentence in layout.read:
        say(sentence, indent="  ")
    say_all(panel.notes)
    _print_findings(findings)


def _settings_of(files: list[str], columns: list[str], sets: list[str]) -> DataSettings:
    """The settings by which files are read that a command names."""
    from backbus.errors import UsageError
    from backbus.job.data import DataSettings as Settings
    from backbus.job.parsing import override_field, parse

    fields: dict[str, Any] = {"files": files, "columns": columns}
    for assignment in sets:
        override_field(fields, assignment.removeprefix("data."))
    if fields["files"] is not files:
        raise UsageError("files are named without --set: backbus data import FILES --name NAME")
    return parse(Settings, fields, within=("data",))


def export(
    name: Name,
    out: OutFolder,
    as_json: AsJson = False,
) -> None:
    """Write a dataset to CSV files that any program reads."""
    from backbus.data import open_source, write_csv
    from backbus.job.data import DataSettings

    catalog = _catalog()
    about = catalog.about(name)
    source = open_source(DataSettings(columns=tuple(about["columns"])), catalog.file(name))
    with bar_of(name, quiet=as_json) as move:
        fields = write_csv(source, out, calendar=about["settings"].get("calendar"), progress=move)
    told = {"data": {**fields, "files": str(out / fields["files"])}}
    if as_json:
        print_json(told)
    else:
        sys.stdout.write(f"{about['assets']} files in {out}\n")


def rm(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Datasets.")],
    as_json: AsJson = False,
) -> None:
    """Remove datasets; the files they were made of stay."""
    catalog = _catalog()
    missing = [name for name in names if name not in catalog.names()]
    if missing:
        catalog.about(missing[0])  # so that none is removed where one is not there
    for name in names:
        catalog.remove(name)
    if as_json:
        print_json({"removed": names})
    else:
        sys.stdout.write(f"removed {', '.join(names)}\n")


def _catalog() -> Catalog:
    from backbus.data import Catalog
    from backbus.settings import Settings

    return Catalog(Settings().datasets)


def _interval(about: dict[str, Any]) -> str:
    from backbus.data.panels.sessions import span_text

    return span_text(about["interval_ns"])


def _size(about: dict[str, Any]) -> str:
    return f"{about['bytes'] / 2**20:.1f} MiB"


def _print(about: dict[str, Any], more: str) -> None:
    from backbus.data.panels.adjust import ADVICE, UNADJUSTED

    symbols = about["symbols"]
    told = ", ".join(symbols[:8]) + (f" and {len(symbols) - 8} more" if len(symbols) > 8 else "")
    columns = f"; columns {', '.join(about['columns'])}" if about["columns"] else ""
    say(
        f"{about['name']}: {about['rows']} rows of {_interval(about)}, {about['first']} to {about['last']}, "
        f"{about['assets']} assets ({told}){columns}; {_size(about)}"
    )
    say_all(note for note in about["notes"] if not note.endswith((ADVICE, UNADJUSTED)))  # that is among the findings
    _print_findings(about["findings"])
    sys.stdout.write(more)


def _print_findings(findings: list[dict[str, Any]]) -> None:
    if not findings:
        say("nothing looks wrong", "green")
    for finding in findings:
        at = "; ".join(_told(one) for one in finding["at"][:SHOWN])
        more = f"; {finding['count'] - SHOWN} more" if finding["count"] > SHOWN else ""
        symbol = f"{finding['symbol']}: " if finding["symbol"] else ""
        say(f"{symbol}{finding['count']} × {finding['kind']}: {at}{more}", "yellow", "  ")


def _told(one: dict[str, Any]) -> str:
    rest = [f"{name.replace('_', ' ')} {_cell(name, value)}" for name, value in one.items() if name != "date"]
    return f"{one['date']} ({', '.join(rest)})" if rest else str(one["date"])


def _cell(name: str, value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:+.1%}" if "return" in name else f"{value:.3g}"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(help="Datasets: prices that are read once and used by name.", no_args_is_help=True)
    for name, command in (("import", import_), ("list", list_), ("show", show), ("check", check)):
        group.command(name)(command)
    group.command()(export)
    group.command()(rm)
    app.add_typer(group, name="data")
