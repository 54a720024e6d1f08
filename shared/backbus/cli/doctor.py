"""``backbus doctor``: whether all that backbus needs is there, and how to mend what is not."""

from __future__ import annotations

import sys

import typer

from backbus.cli.options import AsJson
from backbus.cli.output import print_json


def doctor(as_json: AsJson = False) -> None:
    """Look for what is wrong here, and say how to mend it. It looks at installation, folders, keys, ports and stack.

    Exit status 1 where something is wrong that matters.
    """
    from backbus.stack.installation import installation
    from backbus.stack.surroundings import surroundings

    checked = [*installation(), *surroundings()]
    wrong = sum(one.state == "wrong" for one in checked)
    if as_json:
        print_json({"well": not wrong, "checks": [one.plain() for one in checked]})
    else:
        width = max(len(one.what) for one in checked)
        for one in checked:
            sys.stdout.write(f"{one.state:5}  {one.what:{width}}  {one.told}\n")
            if one.mend:
                sys.stdout.write(f"{'':5}  {'':{width}}  -> {one.mend}\n")
        sys.stdout.write("all is well\n" if not wrong else f"{wrong} of {len(checked)} are wrong\n")
    if wrong:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)
