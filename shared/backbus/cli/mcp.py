"""``backbus mcp``: a server of the Model Context Protocol, for agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backbus.mcp.limits import MAX_POINTS, MAX_SECONDS


def mcp(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="Where jobs, strategies and runs are.")
    ] = Path(),
    stack: Annotated[bool, typer.Option("--stack", help="Let jobs be submitted to the stack, by this key.")] = False,
    max_points: Annotated[
        int, typer.Option("--max-points", metavar="N", min=1, help="Points of a sweep that are let pass.")
    ] = MAX_POINTS,
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", metavar="S", min=1.0, help="How long a call may take.")
    ] = MAX_SECONDS,
) -> None:
    """Serve backtests to an agent (Model Context Protocol). It speaks over standard input and output."""
    from backbus.errors import UsageError
    from backbus.mcp.limits import Bounds

    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name one by --folder")
    try:
        from backbus.mcp.server import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        from backbus.extras import install

        raise UsageError(f"a server for agents needs its SDK: {install('mcp')}") from None
    commands = getattr(context.find_root().command, "commands", {})
    serve(Bounds(folder.resolve(), stack, max_points, max_seconds), frozenset(commands))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)
