"""What becomes of a chunk whose points may kill the process that computes them. Pure: nothing here runs anything.

A death is blamed on the points that were in hand. Were they several, or is it not known, they are halved until the bad
one stands alone; the others are computed as if nothing had been. A point that is blamed twice, or once beyond doubt,
fails. Whatever way a chunk takes, its result is the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from backbus.sweep.statistics import Plan
from backbus.sweep.workers.chunk import Chunk, Failure, failed_chunk, joined

MOST_TRIES = 2


@dataclass(frozen=True)
class Death:
    """How a process ended that had points in hand."""

    failure: Failure
    """What is recorded of the point that it is due to."""
    sure: bool
    """Whether another try could not end otherwise."""
    first: int = 0
    """Place, in what the process was given, of the first point in hand."""
    count: int = 0
    """How many were in hand; 0: not known."""


class Watcher:
    """One chunk on its way. Take what is ``next``, say what came of it, until ``chunk`` is whole."""

    def __init__(self, points: int, plan: Plan) -> None:
        self._points, self._plan = points, plan
        self._left = [range(points)]
        self._parts: dict[int, Chunk] = {}
        self._tries: Counter[int] = Counter()
        self._given = range(0)

    @property
    def resamples(self) -> int:
        """Of the plan of its chunks."""
        return self._plan.resamples

    @property
    def next(self) -> range | None:
        """The points that a process should compute now; None where nothing is left to do. Asking again is harmless."""
        return self._left[0] if self._left else None

    @property
    def last(self) -> bool:
        """Whether nothing is left but what is ``next``."""
        return len(self._left) == 1

    def give(self) -> range:
        """The same, as given to a process whose parts and death are told from now."""
        self._given = self._left[0]
        return self._given

    def part(self, first: int, chunk: Chunk) -> None:
        """Some points are done: the next ones of those given, ``first`` of them on."""
        begin, count = self._given.start + first, len(chunk.figures)
        left = self._left[0]
        if begin != left.start or not 0 < count <= len(left):
            raise ValueError(f"points {begin} to {begin + count} were not to be computed, but {left.start} on")
        self._parts[begin] = chunk
        self._left[:1] = _not_empty([range(begin + count, left.stop)])

    def died(self, death: Death) -> None:
        """The process is gone, and what it had in hand is lost."""
        left = self._left.pop(0)
        begin = self._given.start + death.first
        hand = range(max(left.start, begin), min(left.stop, begin + death.count)) or left
        around = [range(left.start, hand.start), range(hand.stop, left.stop)]
        if len(hand) > 1:
            middle = hand.start + len(hand) // 2
            self._left[:0] = _not_empty([range(hand.start, middle), range(middle, hand.stop), *around])
            return
        place = hand.start
        self._tries[place] += 1
        if death.sure or self._tries[place] >= MOST_TRIES:
            self._parts[place] = failed_chunk(death.failure, self._plan)
            self._left[:0] = _not_empty(around)
        else:
            # First of all, because the process is new: no other point can have spoilt it.
            self._left[:0] = _not_empty([hand, *around])

    def chunk(self) -> Chunk:
        """All points, in their order; when nothing is left."""
        if self._left:
            raise ValueError(f"{sum(map(len, self._left))} of {self._points} points are not done")
        return joined([self._parts[first] for first in sorted(self._parts)])


def _not_empty(ranges: Iterable[range]) -> list[range]:
    return [each for each in ranges if each]
