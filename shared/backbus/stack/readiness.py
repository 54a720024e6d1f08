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


def healthy_roles(status: dict[str, Any] | None) -> Counter[str]:
    """How many members fill each role; the orchestrator lists a member for as long as its heartbeats arrive."""
    return Counter(member["role"] for member in status["members"]) if status else Counter()


def missing(services: Iterable[Service], status: dict[str, Any] | None) -> list[Service]:
    """The services that are not ready. While the orchestrator does not answer it is the one that is missing."""
    if status is None:
        return [service for service in services if not service.role]
    there = healthy_roles(status)
    absent = []
    for service in services:
        if service.role and there[service.role] == 0:
            absent.append(service)
        there[service.role] -= 1
    return absent
