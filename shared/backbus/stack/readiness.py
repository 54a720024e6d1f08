"""When a stack is ready: the orchestrator counts a healthy member of every role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from backbus.errors import StackError
from backbus.settings import Settings
from backbus.stack.services import Service

Ask = Callable[[Settings], dict[str, Any] | None]
"""Asks the orchestrator for its STATUS; ``None`` where it does not answer."""

ASK_S = 1.0


def ask_orchestrator(settings: Settings) -> dict[str, Any] | None:
    """STATUS by way of the client."""
    from backbus.api.client import Client

    try:
        with Client(settings, timeout_s=ASK_S) as client:
            return client.status()
    except StackError:
        return None


Pids = dict[str, int]
"""The process of each service by the service's name; 0 or left out where none runs."""


def missing(services: Iterable[Service], status: dict[str, Any] | None, pids: Pids | None = None) -> list[Service]:
    """The services that are not ready. While the orchestrator does not answer it is the one that is missing.

    The orchestrator lists a member until its heartbeats have been away for a while, so one that was killed is still
    in its list when another process has taken its place. Who knows the processes (``pids``) has each service counted
    by its own; else any member of its role will do.
    """
    if status is None:
        return [service for service in services if not service.role]
    members = status["members"]
    if pids is not None:
        there = {(member["role"], member["pid"]) for member in members}
        return [service for service in services if service.role and (service.role, pids.get(service.name)) not in there]
    left = Counter(member["role"] for member in members)
    absent = []
    for service in services:
        if service.role and left[service.role] == 0:
            absent.append(service)
        left[service.role] -= 1
    return absent
