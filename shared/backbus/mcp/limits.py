"""What a server lets pass, as it was started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MAX_POINTS = 1000
"""Of a sweep: some seconds of a compiled strategy, and a few minutes of one in plain Python; and each point that is
tried lowers what the best of them is worth, so that many are for the user to ask for."""
MAX_SECONDS = 600.0
"""Of a call: a first one may compile for some minutes."""
ANSWER = 20_000
"""Characters of an answer: some 6000 tokens, below what clients cut by themselves."""
AT_ONCE = 2
"""Calls that compute at the same time; others wait for their turn."""
LOOKS_AT_ONCE = 4
"""The same of calls that only look at what is there."""


@dataclass(frozen=True)
class Bounds:
    """Of one server."""

    folder: Path
    """Resolved. Nothing outside of it is read or written for an agent, but what the user's own jobs name."""
    stack: bool = False
    """Whether jobs are submitted to a stack."""
    max_points: int = MAX_POINTS
    max_seconds: float = MAX_SECONDS
