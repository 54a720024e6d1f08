"""Arguments and options that several commands have: each is defined once, so that it reads the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backbus.cli import completion

JobFile = Annotated[
    Path,
    typer.Argument(metavar="JOB.toml", help="The job file, - for standard input.", autocompletion=completion.job_files),
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, or its first letters.")]
SweepName = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP",
        help="A sweep's id, its first letters, or the folder of its files.",
        autocompletion=completion.sweeps,
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.FIELD=VALUE",
        help="Change a setting of the job.",
        autocompletion=completion.settings,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Top = Annotated[int, typer.Option(metavar="N", min=0, help="Points to show.")]
MaxPoints = Annotated[
    int | None, typer.Option("--max-points", metavar="N", min=1, help="Refuse a sweep of more points, in each fold.")
]
OutFolder = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where SYMBOL.csv of each asset goes.")]
FigureName = Annotated[
    str | None, typer.Option("--draw", metavar="NAME", help="Which figure --figure draws: docs/figures.md lists them.")
]
FigureFile = Annotated[
    Path | None,
    typer.Option("--figure", metavar="FILE", help="Draw it too: a page that ends in .html, or .svg, .png or .pdf."),
]
