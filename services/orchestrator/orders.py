"""Orders to members: each has a number, and is repeated until its member has heard it or is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from backbus.transport import control as c
from backbus.transport import control_codec

REPEAT_S = 0.5

Post = Callable[[bytes, bytes], None]
"""Sends a frame to who has this identity, or drops it."""


@dataclass
class Unheard:
    """An order that its member has not acknowledged yet."""

    instance: str
    frame: bytes
    sent_at: float


class Outbox:
    """The orders of one epoch."""

    def __init__(self, epoch: int, post: Post) -> None:
        self._epoch, self._post = epoch, post
        self._given = 0
        self._unheard: dict[str, Unheard] = {}

    def give(self, instance: str, order: c.Message) -> None:
        """Send until it is heard.

        A member's newest order voids those before it: repeating an old ASSIGN would tear it out of its new attempt.
        """
        order = self._numbered(order)
        frame = control_codec.pack(order)
        self._unheard = {name: one for name, one in self._unheard.items() if one.instance != instance}
        self._unheard[order.id] = Unheard(instance, frame, time.monotonic())
        self._post(instance.encode(), frame)

    def give_once(self, instance: str, order: c.Message) -> None:
        """Send once: to who asks again where it has not heard."""
        self._post(instance.encode(), control_codec.pack(self._numbered(order)))

    def heard(self, order: str) -> None:
        """The member has acknowledged it."""
        self._unheard.pop(order, None)

    def repeat(self, now: float, members: Container[str]) -> None:
        """Send again what was not heard for long, to those who are still there."""
        for name, unheard in list(self._unheard.items()):
            if unheard.instance not in members:
                del self._unheard[name]
            elif now - unheard.sent_at > REPEAT_S:
                unheard.sent_at = now
                self._post(unheard.instance.encode(), unheard.frame)

    def _numbered(self, order: c.Message) -> c.Message:
        self._given += 1
        return order.model_copy(update={"id": control_codec.order_name(self._epoch, self._given)})
