"""``backbus simulate``: a market that is made, as files that any run can read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from backbus.cli.jobs import AsJson, JobFile, Sets, bar_of


def simulate(
    job: JobFile,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where SYMBOL.csv of each asset goes.")],
    sets: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Write the market of a job's [simulator] table to CSV files, and tell how a job reads them."""
    from backbus.cli.app import print_json
    from backbus.data import write_csv
    from backbus.errors import JobError
    from backbus.jobs import Job
    from backbus.local import open_inputs

    made = Job.load(job, overrides=sets or [])
    if made.simulator is None:
        raise JobError("is missing: there is no market to simulate", field="simulator", file=str(job))
    source = open_inputs(made).source
    with bar_of(made.name, quiet=as_json) as move:
        fields = write_csv(source, out, calendar=made.simulator.calendar, progress=move)
    told = {
        "rows": len(source),
        "files": {symbol: str(out / f"{symbol}.csv") for symbol in source.layout.symbols},
        "data": {**fields, "files": str(out / fields["files"])},
        "notes": list(source.notes),
    }
    if as_json:
        print_json(told)
    else:
        sys.stdout.write(_words(told))


def _words(told: dict[str, Any]) -> str:
    table = "".join(f'{name} = "{value}"\n' for name, value in told["data"].items())
    notes = "".join(f"note: {note}\n" for note in told["notes"])
    return f"{told['rows']} rows of {len(told['files'])} assets; a job reads them by\n\n[data]\n{table}\n{notes}"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(simulate)
