"""The command ``backbus``: where its groups come together, and how any error of ours ends it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from backbus import __version__
from backbus.cli import check, compile, data, jobs, keys, proofs, runs, simulate, stack, sweeps
from backbus.errors import BackbusError, StrategyError

app = typer.Typer(
    name="backbus",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # half of what --help takes is the import of what draws boxes around it
)
for group in (jobs, runs, proofs, sweeps, check, data, simulate, stack, keys, compile):
    group.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"backbus {__version__}\n")
        raise typer.Exit


@app.callback()
def backbus(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A distributed, event-driven backtester: one process or many, one answer."""


def main() -> None:
    """Run the command line; an error that backbus raises on purpose is one message on standard error."""
    try:
        app(prog_name="backbus")
    except BackbusError as error:
        sys.stderr.write(f"error: {error}\n")
        if isinstance(error, StrategyError) and error.traceback:
            sys.stderr.write(error.traceback.rstrip() + "\n")
        sys.exit(error.exit_status)
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        sys.stderr.write(f"error: the system refused{place}: {error.strerror or error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
