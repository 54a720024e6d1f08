"""Points computed by the process that asks for them: where a class was handed over, or nobody wants children."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from backbus.sweep.search.search import Computes
from backbus.sweep.workers.chunk import Chunk
from backbus.sweep.workers.chunk_sizes import ChunkSizes
from backbus.sweep.workers.pool import PointsBetween


class InThisProcess:
    """A cluster that is no other process."""

    def __init__(self, computes: Computes) -> None:
        self._computes = computes

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def run(self, count: int, points: PointsBetween) -> Iterator[tuple[int, Chunk]]:
        """In order."""
        return in_chunks(count, lambda begin, stop: self._computes.compute(points(begin, stop)))


def in_chunks(count: int, compute: Callable[[int, int], Chunk]) -> Iterator[tuple[int, Chunk]]:
    """All of ``count`` points, computed in this process in chunks of up to a second, with the first point of each."""
    sizes, begin = ChunkSizes(1), 0
    while begin < count:
        stop, started = begin + sizes.next(count - begin), time.monotonic()
        chunk = compute(begin, stop)
        sizes.took(stop - begin, time.monotonic() - started)
        yield begin, chunk
        begin = stop
