"""``backbus init | strategies``: where to begin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from backbus.cli.options import AsJson
from backbus.cli.output import print_json
from backbus.cli.printed.screen import say
from backbus.cli.printed.tables import SheetLine, print_sheet


def init(
    folder: Annotated[Path, typer.Argument(metavar="NAME", help="The folder to make.")], as_json: AsJson = False
) -> None:
    """Make a project that runs: a job, a strategy, prices, a test."""
    from backbus.api.project import init as make

    made = make(folder)
    if as_json:
        print_json({"folder": str(folder), "files": [str(path) for path in made]})
        return
    for path in made:
        sys.stdout.write(f"  {path}\n")
    sys.stdout.write(f"cd {folder} && backbus run job.toml\n")


def strategies(as_json: AsJson = False) -> None:
    """List the strategies that come with backbus, with parameters."""
    import inspect

    from backbus.strategy.builtins import CLASSES
    from backbus.strategy.parameters import parameters

    found: list[dict[str, Any]] = [
        {
            "name": strategy.__name__,
            "does": " ".join((inspect.getdoc(strategy) or "").split("\n\n")[0].split()),
            "parameters": [
                {
                    "name": one.name,
                    "type": one.type,
                    "default": one.default,
                    "required": one.required,
                    "bounds": one.bounds,
                    "description": one.description,
                }
                for one in parameters(strategy)
            ],
        }
        for strategy in CLASSES
    ]
    if as_json:
        print_json({"strategies": found})
        return
    for one in found:
        say(f"{one['name']}: {one['does']}", "bold", "  ")
        lines = []
        for value in one["parameters"]:
            default = "required" if value["required"] else f"{value['default']!r}"
            told = ", ".join(part for part in (value["type"], value["bounds"]) if part)
            lines.append(SheetLine(f"  {value['name']}", default, f"({told}) {value['description']}".rstrip()))
        print_sheet(lines)
    say('use one as [strategy] use = "SmaCross", or your own as use = "my_file.py:MyClass"')


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (init, strategies):
        app.command()(command)
