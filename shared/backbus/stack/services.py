"""Which processes make a stack, and in which role the orchestrator knows each of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the stack. ``role`` is empty for the orchestrator, which is who is asked."""

    name: str
    command: tuple[str, ...]
    role: str = ""


def _of_ours(name: str, role: str) -> Service:
    return Service(name, (sys.executable, "-P", "-m", f"backbus.services.{name}"), role)


SERVICES = (
    _of_ours("orchestrator", ""),
    _of_ours("broker", "broker"),
    _of_ours("data", "data"),
    _of_ours("simulator", "simulator"),
    _of_ours("strategy", "strategy"),
    _of_ours("portfolio", "portfolio"),
    _of_ours("execution", "execution"),
    _of_ours("performance", "performance"),
)
"""Started in this order; any order works, since each waits for the others."""
WORKER = _of_ours("optimizer", "optimizer")
"""A worker of the fleet, of which there may be any number."""


def with_workers(count: int) -> tuple[Service, ...]:
    """A stack with so many workers: ``optimizer-1`` and so on."""
    return *SERVICES, *(replace(WORKER, name=f"{WORKER.name}-{number}") for number in range(1, count + 1))


def workers_among(names: Iterable[str]) -> int:
    """How many of these are workers' names."""
    return sum(name.startswith(f"{WORKER.name}-") for name in names)
