"""Indicator values that many runs over one panel have in common, kept so that a sweep computes each of them once.

Only a run that takes the whole panel as one block uses them: its indicators all start from nothing, so their values
depend on the panel and the parameters alone.
"""

from __future__ import annotations

from backbus.market.panel import Floats

Key = tuple[object, ...]

BUDGET_BYTES = 64 * 2**20
"""What one panel's shared values may take: a fifth of the memory that a sweep is allowed."""


class Shared:
    """Values by the chain of calls that made them. Belongs to one panel: never use it with another."""

    __slots__ = ("_left", "_values")

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._left = budget_bytes
        self._values: dict[Key, Floats] = {}

    def get(self, key: Key) -> Floats | None:
        """The values, or None where they must be computed."""
        return self._values.get(key)

    def put(self, key: Key, values: Floats) -> None:
        """Keep read-only values, as long as there is room."""
        if values.nbytes <= self._left:
            self._left -= values.nbytes
            self._values[key] = values
