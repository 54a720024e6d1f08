"""The command ``backbus``: where its groups come together, and how any error of ours ends it."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, NoReturn

import typer

from backbus import __version__
from backbus.cli import (
    check,
    compile,
    data,
    doctor,
    jobs,
    keys,
    mcp,
    project,
    proofs,
    report,
    runs,
    simulate,
    stack,
    sweeps,
)
from backbus.cli.printed.screen import clean_lines, coloured, screen_of
from backbus.errors import BackbusError, JobError, StrategyError, UsageError

app = typer.Typer(
    name="backbus",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,  # half of what --help takes is the import of what draws boxes around it
)
for group in (project, jobs, runs, report, proofs, sweeps, check, data, simulate, stack, keys, compile, doctor, mcp):
    group.register(app)


MISTYPED: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What says that the words of a command are wrong: of click, or of the one that newer versions of typer bring along."""


INTERRUPTED = 130


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
    """Run the command line; an error that backbus raises on purpose is one message on standard error, and with
    ``--json`` an object on standard output as well."""
    try:
        status = app(prog_name="backbus", standalone_mode=False)
    except BackbusError as error:
        _say_error(str(error))
        if isinstance(error, StrategyError) and error.traceback:
            sys.stderr.write(clean_lines(error.traceback.rstrip()) + "\n")
        _end(error.exit_status, type(error).__name__, str(error), error)
    except MISTYPED as error:
        error.show()
        _end(error.exit_code, UsageError.__name__, error.format_message(), error)
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        message = f"the system refused{place}: {error.strerror or error}"
        _say_error(message)
        _end(1, type(error).__name__, message, error)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
    if status == INTERRUPTED:  # newer versions of typer make a status of it
        sys.stderr.write("interrupted\n")
    sys.exit(status if isinstance(status, int) else 0)


def _say_error(message: str) -> None:
    head = coloured("error:", "red", screen_of(sys.stderr))
    sys.stderr.write(f"{head} {clean_lines(message)}\n")


PLACES = ("file", "line", "column", "symbol", "field", "traceback")
"""What an error may know of where it is."""


def _end(status: int, kind: str, message: str, error: Exception) -> NoReturn:
    if "--json" in sys.argv[1:]:
        where = {name: getattr(error, name, None) for name in PLACES}
        told = {"kind": kind, "message": message, **{name: one for name, one in where.items() if one is not None}}
        whole: dict[str, Any] = {"error": told}
        if isinstance(error, JobError):
            whole["mistakes"] = [
                {"setting": one.setting, "line": one.line, "problem": one.problem} for one in error.mistakes
            ]
        sys.stdout.write(json.dumps(whole) + "\n")
    sys.exit(status)
