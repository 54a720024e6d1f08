"""Calls of tools, from what an agent gives to the answer that it gets; without the protocol itself.

A call that is cancelled, that takes too long, or whose server ends, ends with all of its processes.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import anyio
import anyio.to_thread

from backbus.mcp import places
from backbus.mcp.answers import bounded
from backbus.mcp.arguments import Typed, typed
from backbus.mcp.calls import GRACE_S, LOOK_S, AgentCall
from backbus.mcp.limits import ANSWER, AT_ONCE, LOOKS_AT_ONCE, Bounds
from backbus.mcp.progress import PROGRESS
from backbus.mcp.refusals import CallRefused, refusal_of
from backbus.mcp.tools import LIMITED, Offer, offers

HEARD_S = 1.0
"""Between two words of progress."""
Hears = Callable[[float, str], Awaitable[None]]
"""What is told of a call: how much of a hundred is done, and in words."""


class Desk:
    """The tools of one server, and the calls that are under way."""

    def __init__(self, bounds: Bounds, commands: Collection[str]) -> None:
        self.bounds = bounds
        self.offers = offers(bounds, commands)
        self._under_way: set[AgentCall] = set()
        self._turns = {True: anyio.CapacityLimiter(AT_ONCE), False: anyio.CapacityLimiter(LOOKS_AT_ONCE)}

    async def call(self, name: str, values: Mapping[str, Any], hears: Hears) -> dict[str, Any]:
        """The answer of a tool. Raises CallRefused."""
        offer = self.offers.get(name)
        if offer is None:
            there = ", ".join(self.offers)
            raise CallRefused(
                "arguments.wrong", f"there is no tool {name!r}; there are {there}", then="call one of these"
            )
        words = self._words(offer, values)
        async with self._turns[offer.computes]:
            return await self._done(offer, words, hears)

    def end_all(self) -> None:
        """End every call, at once: for who is told to end himself."""
        calls = list(self._under_way)
        for call in calls:
            call.interrupt()
        limit = time.monotonic() + GRACE_S
        while not all(call.over for call in calls) and time.monotonic() < limit:
            time.sleep(LOOK_S)
        for call in calls:
            call.end()

    def _words(self, offer: Offer, values: Mapping[str, Any]) -> Typed:
        told = typed(offer.given, values, self.bounds.folder)
        if offer.one_of and all(values.get(name) is None for name in offer.one_of):
            raise CallRefused("arguments.wrong", f"give {' or '.join(offer.one_of)}")
        always = [*offer.always, "--json"]
        if offer.name in LIMITED:
            always.append(f"--max-points={self.bounds.max_points}")
        if offer.or_else and "--" not in told.words:
            places.check_runs(self.bounds.folder)
            always.append(offer.or_else)
        return Typed((offer.command or offer.name, *always, *told.words), told.read)

    async def _done(self, offer: Offer, words: Typed, hears: Hears) -> dict[str, Any]:
        call = AgentCall(words, self.bounds.folder)
        self._under_way.add(call)
        try:
            ended = await self._waited(call, hears)
        finally:
            with anyio.CancelScope(shield=True):
                await _end(call)
                self._under_way.discard(call)
        try:
            return self._answer(offer, call, ended)
        finally:
            call.close()

    async def _waited(self, call: AgentCall, hears: Hears) -> str:
        """Why the call is not to be waited for any longer; empty where it has ended by itself."""
        told = call.begun
        done = 0.0
        while not call.over:
            now = time.monotonic()
            if now - call.begun > self.bounds.max_seconds:
                return "time_limit"
            if call.prints_too_much:
                return "too_large"
            if now - told >= HEARD_S:
                told = now
                done, words = _progress(call.progress, done)
                await hears(done, words or f"{now - call.begun:.0f} s")
            await anyio.sleep(LOOK_S)
        return ""

    def _answer(self, offer: Offer, call: AgentCall, ended: str) -> dict[str, Any]:
        printed = call.printed()
        if ended == "time_limit":
            most = self.bounds.max_seconds
            raise CallRefused(ended, f"{offer.name} took longer than {most:g} s and was ended", printed=printed)
        if ended:
            then = "have the strategy print less, and call the tool again"
            raise CallRefused(
                ended, f"{offer.name} printed more than it may, and was ended", then=then, printed=printed
            )
        said = _parsed(call.output())
        if said is None:
            raise CallRefused("crashed", f"{offer.name} ended with status {call.status} and no answer", printed=printed)
        error = said.get("error")
        if isinstance(error, dict) and set(said) <= {"error", "mistakes"}:
            error = {**error, "message": _in_arguments(str(error.get("message", "")), offer)}
            raise refusal_of(error, said.get("mistakes"), _before_error(printed), offer.then, of_job=offer.of_job)
        if printed:
            said = {**said, "printed": printed}
        return bounded(said, ANSWER, offer.rest)


async def _end(call: AgentCall) -> None:
    """End a call, if need be, and wait until nothing of it is left."""
    call.interrupt()
    limit = time.monotonic() + GRACE_S
    while not call.over and time.monotonic() < limit:
        await anyio.sleep(LOOK_S)
    await anyio.to_thread.run_sync(call.end)


def _progress(packed: bytes, before: float) -> tuple[float, str]:
    """How much of a hundred is done, more than before in any case and never all of it, and that in words."""
    least = before + (100.0 - before) / 1000.0
    if len(packed) < PROGRESS.size:
        return least, ""
    done, of = PROGRESS.unpack_from(packed)
    return max(99.0 * done / of if of > 0 else 0.0, least), f"{done} of {of}"


def _parsed(output: str) -> dict[str, Any] | None:
    """The object that a command printed: its last line."""
    lines = output.strip().splitlines()
    try:
        said = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _in_arguments(message: str, offer: Offer) -> str:
    """A command's words with the tool's arguments for its options."""
    for one in offer.given:
        if one.option:
            message = re.sub(rf"(?<![\w-]){one.option}(?![\w-])", f"`{one.name}`", message)
    return message


def _before_error(printed: str) -> str:
    """What was printed before the command said what is wrong, which is told apart."""
    lines = printed.split("\n")
    first = next((number for number, line in enumerate(lines) if line.startswith("error: ")), len(lines))
    return os.linesep.join(lines[:first]).strip()
