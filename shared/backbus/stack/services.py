"""Which processes make a stack, and in which role the orchestrator knows each of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the stack. ``role`` is empty for the orchestrator, which is who is asked."""

    name: str
    command: tuple[str, ...]
    role: str = ""


def _of_ours(name: str, role: str) -> Service:
    return Service(name, (sys.executable, "-P", "-m", f"services.{name}"), role)


SERVICES = (
    _of_ours("orchestrator", ""),
    _of_ours("broker", "broker"),
    _of_ours("data", "data"),
    _of_ours("strategy", "strategy"),
    _of_ours("portfolio", "portfolio"),
    _of_ours("execution", "execution"),
    _of_ours("performance", "performance"),
)
"""Started in this order; any order works, since each waits for the others."""
