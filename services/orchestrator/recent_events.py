"""What befell a job of late, in words: the message of a job that failed ends with it.

A story that anybody can read without the log of the orchestrator, and of constant size: news of the same kind take the
place of the news before them.
"""

from __future__ import annotations

KEPT = 10


class RecentEvents:
    """The last events of one job."""

    def __init__(self) -> None:
        self._events: dict[object, tuple[float, str]] = {}
        self._count = 0

    def add(self, now: float, text: str, *, instead_of: str = "") -> None:
        """Something happened. It takes the place of what was last added ``instead_of`` the same, if that is kept."""
        self._count += 1
        self._events.pop(instead_of, None)
        self._events[instead_of or self._count] = (now, text)
        if len(self._events) > KEPT:
            del self._events[next(iter(self._events))]

    def told(self, now: float) -> tuple[str, ...]:
        """What happened, oldest first, each with the seconds since."""
        return tuple(f"{now - then:.1f} s before: {text}" for then, text in self._events.values())


def with_events(message: str, events: tuple[str, ...]) -> str:
    """A failure's message, and below it what came before it."""
    return "\n  ".join((f"{message}\nthe last events of the job:", *events)) if events else message
