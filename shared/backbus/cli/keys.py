"""``backbus keys``: who may talk to a stack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from backbus.cli.options import AsJson
from backbus.cli.output import print_json

DEFAULT_FOLDER = Path("var/keys")

Folder = Annotated[
    Path | None, typer.Option(help="The key folder; BACKBUS_KEYS, or var/keys, where left out.", show_default=False)
]


def _folder(given: Path | None) -> Path:
    from backbus.settings import Settings

    return given or Settings().keys or DEFAULT_FOLDER


def init(folder: Folder = None, as_json: AsJson = False) -> None:
    """Make keys for the server, the services and the client of this machine."""
    from backbus.transport.curve import init_keys

    place = _folder(folder)
    names = init_keys(place)
    if as_json:
        print_json({"folder": str(place.resolve()), "keys": names})
        return
    sys.stdout.write(f"{place}: keys of {', '.join(names)}\nUse them with: export BACKBUS_KEYS={place.resolve()}\n")


def add(
    name: Annotated[str, typer.Argument(help="Letters, digits, - and _.")],
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for one more user or machine, and let it in from now on."""
    from backbus.transport.curve import add_key

    place = _folder(folder)
    secret = add_key(place, name)
    if as_json:
        print_json({"folder": str(place.resolve()), "key": name, "secret": str(secret.resolve())})
        return
    sys.stdout.write(
        f"{secret}: hand this file and {place / 'server.key'} to {name}, over a channel that you trust.\n"
        f"There: BACKBUS_KEYS=FOLDER BACKBUS_KEY_NAME={name}\n"
    )


def register(app: typer.Typer) -> None:
    """Add the group ``keys``."""
    group = typer.Typer(name="keys", help="Keys: who may talk to a stack.", no_args_is_help=True)
    group.command()(init)
    group.command()(add)
    app.add_typer(group)
