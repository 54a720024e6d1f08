"""What went wrong in a call, as an agent reads it: a code that stays the same word, what is wrong, and what to do next.

In: the error that a command printed as JSON, or a refusal of the server's own. Out: one plain value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MESSAGE, TRACEBACK = 2000, 3000
"""Characters of each that are told."""
MISTAKES = 20
"""Of a job, that are told one by one."""

NEXT = {
    "arguments.wrong": "call the tool again with arguments that fit its input schema",
    "job.wrong": "mend the setting that is named, in the job or by `settings`, and call the tool again",
    "data.wrong": "mend the file where it says, or set what the message names under [data] or [data.repair] by "
    "`settings`, and call the tool again",
    "strategy.failed": "mend the strategy where the traceback says, and call `check`",
    "not_found": "call `runs` for the runs there are; a job's path starts from the server's folder",
    "too_large": "narrow the sweep as the message says, by `settings` such as sweep.method='random' and "
    "sweep.points=200; or ask the user to start `backbus mcp` with a higher --max-points",
    "time_limit": "take less: later data.start, fewer data.symbols, fewer points; a sweep that is called again goes on "
    "where it was; or ask the user to start `backbus "
    "mcp` with a higher --max-seconds",
    "no_stack": "ask the user to start the stack with `backbus up`; `run` and `sweep` need none",
    "not_allowed": "name something inside of the server's folder",
    "job.failed": "look at the reasons in the message, and mend what they name",
    "system.refused": "ask the user to make room, or to give the rights that the message names",
    "failed": "mend what the message names, and call the tool again",
    "crashed": "call the tool again; where it ends so again, tell the user what it printed",
}
"""What to do, by code."""

_CODES = {
    "UsageError": "arguments.wrong",
    "JobError": "job.wrong",
    "RunNotFound": "not_found",
    "TooManyPoints": "too_large",
    "DataError": "data.wrong",
    "StrategyError": "strategy.failed",
    "StackError": "no_stack",
    "JobFailed": "job.failed",
}
_OF_THE_SYSTEM = ("OSError", "PermissionError", "FileNotFoundError", "IsADirectoryError", "NotADirectoryError")
_PLACES = ("file", "line", "column", "symbol", "field")


class CallRefused(Exception):
    """A call is not made, or ended without an answer."""

    def __init__(self, code: str, message: str, *, then: str = "", **more: Any) -> None:
        self.code, self.message, self.then, self.more = code, message, then, more
        super().__init__(message)

    def plain(self) -> dict[str, Any]:
        """As the agent gets it."""
        told = {name: value for name, value in self.more.items() if value not in (None, "")}
        return {
            "code": self.code,
            "message": _cut(self.message, MESSAGE),
            "next": self.then or NEXT[self.code],
            **told,
        }


def refusal_of(
    error: Mapping[str, Any], mistakes: object, printed: str, then: Mapping[str, str], *, of_job: bool = True
) -> CallRefused:
    """What a command's error says, and each of a job's mistakes where it has several; ``then`` is what the tool advises
    instead, by code. A tool that is given no job (``of_job``) was given something else that is wrong."""
    kind = str(error.get("kind", ""))
    code = "system.refused" if kind in _OF_THE_SYSTEM else _CODES.get(kind, "failed")
    if code == "job.wrong" and not of_job:
        code = "arguments.wrong"
    places = {name: error.get(name) for name in _PLACES}
    traceback = str(error.get("traceback") or "")[-TRACEBACK:]
    more = {**places, "traceback": traceback, "printed": printed}
    if isinstance(mistakes, list) and len(mistakes) > 1:
        more["mistakes"] = mistakes[:MISTAKES]
    return CallRefused(code, str(error.get("message", "")), then=then.get(code, ""), **more)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most} characters more)"
