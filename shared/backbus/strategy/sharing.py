"""Indicator values that many runs over one panel have in common, kept so that a sweep computes each of them once.

Only a run that takes the whole panel as one block uses them: its indicators all start from nothing, so their values
depend on the panel and the parameters alone.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from numpy.typing import NDArray

Key = tuple[object, ...]

BUDGET_BYTES = 64 * 2**20
"""What one panel's shared values may take: a fifth of the memory that a sweep is allowed."""


class HasValues(Protocol):
    """What is kept: a stream."""

    @property
    def values(self) -> NDArray[Any]:
        """[rows, assets]."""
        ...


Kept = TypeVar("Kept", bound=HasValues)


class Shared(Generic[Kept]):
    """Streams by the chain of calls that made them. Belongs to one panel: never use it with another."""

    __slots__ = ("_left", "_streams")

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._left = budget_bytes
        self._streams: dict[Key, Kept] = {}

    def get(self, key: Key) -> Kept | None:
        """The stream, or None where it must be computed."""
        return self._streams.get(key)

    def put(self, key: Key, stream: Kept) -> None:
        """Keep a stream, as long as there is room."""
        if stream.values.nbytes <= self._left:
            self._left -= stream.values.nbytes
            self._streams[key] = stream
