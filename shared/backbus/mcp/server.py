"""The server: tools over the Model Context Protocol on standard input and output, by its official SDK.

Standard output is the protocol's alone. It ends at the end of its input, when nobody reads its
output any longer, and when it is told to, with all of its calls.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import Collection
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from backbus import __version__
from backbus.mcp.arguments import schema_of
from backbus.mcp.limits import Bounds
from backbus.mcp.refusals import CallRefused
from backbus.mcp.serving import Desk
from backbus.mcp.tools import Offer

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INSTRUCTIONS = """Backtests of trading strategies on bars, in the folder {folder}.
A job (TOML) names prices, a strategy and every setting that changes a result: `run` it by path or as text, and change \
settings by `settings`. `check` a strategy for look-ahead before you believe it. Runs are kept: `runs`, `show`, \
`explain`, `diff`, `verify`. A sweep tries many points, at most {points}, and each one that is tried lowers what the \
best is worth: read `statistics`. Errors have a code, a message, and what to do next. A call takes at most {seconds:g} \
seconds. Nothing is removed, and nothing outside of the folder is read for you or written."""


def serve(bounds: Bounds, commands: Collection[str]) -> None:
    """Serve until the end of input."""
    asyncio.run(_serve(bounds, commands))


async def _serve(bounds: Bounds, commands: Collection[str]) -> None:
    desk = Desk(bounds, commands)
    for number in ENDS:
        asyncio.get_running_loop().add_signal_handler(number, _stop, desk, number)
    if _ends_with_its_reader(1):
        # Of a pipe that is written to there is nothing to read but that nobody reads it any longer.
        asyncio.get_running_loop().add_reader(os.dup(1), _end, desk, 0)
    server = server_of(desk)
    try:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
    except* (BrokenPipeError, ConnectionError):  # the client has gone in the middle of an answer
        _end(desk, 0)


def _ends_with_its_reader(number: int) -> bool:
    """Whether an open file is a pipe, or a socket that is not the input as well."""
    mine, other = os.fstat(number), os.fstat(0)
    pipe = stat.S_ISFIFO(mine.st_mode) or stat.S_ISSOCK(mine.st_mode)
    return pipe and not os.path.samestat(mine, other)


def _stop(desk: Desk, number: signal.Signals) -> None:
    _end(desk, 128 + number)


def _end(desk: Desk, status: int) -> None:
    """End now: a thread that waits for input would be waited for."""
    desk.end_all()
    os._exit(status)


def server_of(desk: Desk) -> Server[Any]:
    """The SDK's server with the tools of a desk."""
    bounds = desk.bounds

    async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_tool(one) for one in desk.offers.values()])

    async def call_tool(context: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        async def hears(done: float, words: str) -> None:
            await context.session.report_progress(done, 100.0, words)

        try:
            answer = await desk.call(asked.name, asked.arguments or {}, hears)
        except CallRefused as refusal:
            return _result({"error": refusal.plain()}, is_error=True)
        except Exception as error:
            code = "system.refused" if isinstance(error, OSError) else "crashed"
            sys.stderr.write(f"{asked.name}: {type(error).__name__}: {error}\n")
            told = CallRefused(code, f"{asked.name} was not made: {type(error).__name__}: {error}")
            return _result({"error": told.plain()}, is_error=True)
        return _result(answer, is_error=False)

    return Server(
        "backbus",
        version=__version__,
        title="backbus",
        instructions=INSTRUCTIONS.format(folder=bounds.folder, points=bounds.max_points, seconds=bounds.max_seconds),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _result(value: dict[str, Any], *, is_error: bool) -> types.CallToolResult:
    """The value as it is, and as text for clients that read no other."""
    text = types.TextContent(text=json.dumps(value))
    return types.CallToolResult(content=[text], structured_content=value, is_error=is_error)


def _tool(offer: Offer) -> types.Tool:
    return types.Tool(
        name=offer.name,
        description=offer.does,
        input_schema=schema_of(offer.given),
        output_schema=offer.output_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=not offer.writes, destructive_hint=False, open_world_hint=False
        ),
    )
