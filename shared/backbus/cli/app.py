"""The command ``backbus``: where its groups come together, and how any error of ours ends it."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer

from backbus.cli import check, data, jobs, keys, simulate, stack, sweeps
from backbus.errors import BackbusError, StrategyError

app = typer.Typer(
    name="backbus",
    help="A distributed, event-driven backtester: one process or many, one answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group in (jobs, sweeps, check, data, simulate, stack, keys):
    group.register(app)


def print_json(value: Any) -> None:
    """One JSON object on standard output, and nothing else."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


def main() -> None:
    """Run the command line; an error that backbus raises on purpose is one message on standard error."""
    try:
        app()
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
