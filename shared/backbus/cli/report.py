"""``backbus report``: a run or a search as one page that opens offline, or as Markdown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from backbus.cli.options import AsJson
from backbus.cli.output import print_json, to_stderr


def report(
    run: Annotated[
        str, typer.Argument(metavar="RUN|SWEEP", help="A run's id, its first letters, name or folder.")
    ] = "",
    last: Annotated[bool, typer.Option("--last", help="The latest run.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where it goes; report.html in its folder, if left out."),
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--md", help="A summary in Markdown, as FILE.md is; printed without one.")
    ] = False,
    with_source: Annotated[bool, typer.Option("--with-source", help="Put the strategy's sources into it.")] = False,
    show: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a run or a search as one page that opens offline. It has figures and tables."""
    from backbus.api.kept import read_run
    from backbus.errors import UsageError
    from backbus.folders import RUNS
    from backbus.report import MARKDOWN, check_page, markdown, write_markdown, write_report
    from backbus.runs.library import find_run, latest_run

    if bool(run) == last:
        raise UsageError("name a run, or say --last")
    as_markdown = as_markdown or (out is not None and out.suffix == MARKDOWN)
    if as_markdown and (with_source or show):
        raise UsageError("Markdown is a summary in words: leave out --open and --with-source")
    folder = latest_run(RUNS) if last else find_run(run, RUNS)
    path = (folder / "report.html") if out is None else out
    if not as_markdown:
        check_page(path)
    result = read_run(folder)
    if as_markdown:
        text = markdown(result, result.job) if out is None else write_markdown(result, out, job=result.job)
        _markdown(text, out, as_json)
        return
    with to_stderr():
        told = write_report(result, path, job=result.job, folder=folder, with_source=with_source)
    if as_json:
        print_json({"job": result.job, "file": str(path), "bytes": path.stat().st_size, **told})
    else:
        sys.stdout.write(f"{path}: {len(told['figures'])} figures, {len(told['tables'])} tables, {_size(path)}\n")
        for name, words in told["not_drawn"].items():
            sys.stdout.write(f"  {name}: {words}\n")
    if show:
        import webbrowser

        if not webbrowser.open(path.resolve().as_uri()):
            sys.stderr.write(f"no browser could be opened here; open {path} in one\n")


def _markdown(text: str, out: Path | None, as_json: bool) -> None:
    from backbus.together import encodable

    if as_json:
        print_json({"file": None if out is None else str(out), "markdown": text})
    elif out is None:
        sys.stdout.write(encodable(text))
    else:
        sys.stdout.write(f"{out}\n")


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(report)
