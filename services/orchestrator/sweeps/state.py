"""What is known of sweeps and of the workers that compute them, and what must hold of it after every event."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from backbus.services.orchestrator.recent_events import RecentEvents
from backbus.services.orchestrator.sweeps.events import BestPoint, GivenLease
from backbus.sweep.workers.chunk_sizes import ChunkSizes


class FreePoints:
    """The points that nobody has: ranges in order, with gaps between them."""

    def __init__(self, points: int, taken: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges = [(0, points)] if points else []
        for first, stop in taken:
            if not self.take(first, stop):
                raise ValueError(f"points {first} to {stop} are recorded twice, or are not of the sweep")

    def __bool__(self) -> bool:
        return bool(self._ranges)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """First and last of the points of each, the last one not included."""
        return tuple(self._ranges)

    def cut(self, most: int) -> tuple[int, int]:
        """Take the first ones, ``most`` of them where they lie together."""
        first, stop = self._ranges[0]
        stop = min(stop, first + most)
        self.take(first, stop)
        return first, stop

    def take(self, first: int, stop: int) -> bool:
        """Take these if all of them are free."""
        place = bisect_right(self._ranges, (first, math.inf)) - 1
        if not first < stop or place < 0 or self._ranges[place][1] < stop:
            return False
        begin, end = self._ranges[place]
        self._ranges[place : place + 1] = [(a, b) for a, b in ((begin, first), (stop, end)) if a < b]
        return True

    def give(self, first: int, stop: int) -> None:
        """These are free again."""
        place = bisect_right(self._ranges, (first, stop))
        low, high = place, place
        if place and self._ranges[place - 1][1] == first:
            low, first = place - 1, self._ranges[place - 1][0]
        if place < len(self._ranges) and self._ranges[place][0] == stop:
            high, stop = place + 1, self._ranges[place][1]
        self._ranges[low:high] = [(first, stop)]


@dataclass
class Sweep:
    """A job whose points are computed."""

    job: str
    points: int
    """How many there are; 0 until a worker, who has the data, has counted them."""
    follow: bool
    """Whether points follow from results."""
    known: int
    """Points whose values are known: all, unless they follow from results."""
    priority: int
    max_faults: int
    free: FreePoints
    recorded: int
    failed: int = 0
    best: BestPoint | None = None
    paused: bool = False
    leased: dict[tuple[int, int], GivenLease] = field(default_factory=dict)
    served_s: float = 0.0
    """Work given to it: the least served of the same priority is next."""
    sizes: ChunkSizes = field(default_factory=lambda: ChunkSizes(1))
    faults: list[str] = field(default_factory=list)
    """Reasons why chunks were not computed, since the last one that was."""
    recent: deque[tuple[float, int]] = field(default_factory=deque)
    since: float = 0.0
    begun: bool = False
    not_before: float = 0.0
    """After a fault nothing is leased for a while: what is missing, such as room on a disk, may come back."""
    events: RecentEvents = field(default_factory=RecentEvents)

    def has_work(self, now: float) -> bool:
        """Whether there is something to lease."""
        if self.paused or now < self.not_before:
            return False
        return bool(self.free) or (self.recorded == self.known and not self.leased)


@dataclass
class SweepsState:
    """All that is known of sweeps and their workers."""

    dead_s: float
    lease_s: float
    """A lease lasts so long from when its worker last showed that it works on it."""
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    workers: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """When each one was last heard, the longest silent one first."""
    idle: OrderedDict[str, tuple[str, ...]] = field(default_factory=OrderedDict)
    """Who waits for a lease, and what it is prepared for."""
    held: dict[str, GivenLease] = field(default_factory=dict)
    moved: dict[str, tuple[int, float]] = field(default_factory=dict)
    """How often a worker with a lease has looked after its work, and when it last said more than before."""
    ends: list[tuple[float, int, str]] = field(default_factory=list)
    """A heap of when leases run out; some of them are over already, or were renewed."""
    given: int = 0


def validate(state: SweepsState) -> None:
    """Raise an AssertionError that names what does not hold."""
    if timeless := state.held.keys() ^ state.moved.keys():
        raise AssertionError(f"{min(timeless)} has a lease without a time, or a time without a lease")
    if gone := (state.held.keys() | state.idle.keys()) - state.workers.keys():
        raise AssertionError(f"{min(gone)} has a lease or waits for one, and is gone")
    if both := state.held.keys() & state.idle.keys():
        raise AssertionError(f"{min(both)} has a lease and waits for one")
    timed = {(number, instance) for _, number, instance in state.ends}
    for instance, lease in state.held.items():
        name = f"lease {lease.number} of {lease.job}"
        sweep = state.sweeps.get(lease.job)
        if sweep is None or sweep.leased.get((lease.first, lease.stop)) != lease or lease.instance != instance:
            raise AssertionError(f"{instance} has {name}, of which the sweep knows nothing")
        if (lease.number, instance) not in timed:
            raise AssertionError(f"{name} never runs out")
    for job, sweep in state.sweeps.items():
        _validate_sweep(state, job, sweep)


def _validate_sweep(state: SweepsState, job: str, sweep: Sweep) -> None:
    if job != sweep.job:
        raise AssertionError(f"{sweep.job} is known as {job}")
    for (first, stop), lease in sweep.leased.items():
        if (lease.job, lease.first, lease.stop) != (job, first, stop) or state.held.get(lease.instance) != lease:
            raise AssertionError(
                f"points {first} to {stop} of {job} are leased to {lease.instance}, who has no such lease"
            )
        if lease.kind != "points" and (sweep.free or len(sweep.leased) > 1 or sweep.recorded != sweep.known):
            raise AssertionError(f"{job} has a lease to {lease.kind}, and points that are not recorded")
    leased = [(lease.first, lease.stop) for lease in sweep.leased.values() if lease.kind == "points"]
    ranges = sorted([*sweep.free.ranges, *leased])
    if any(stop > begin for (_, stop), (begin, _) in pairwise(ranges)):
        raise AssertionError(f"{job} has points that are free and leased, or leased twice: {ranges}")
    if any(not 0 <= first < stop <= sweep.known for first, stop in ranges):
        raise AssertionError(f"{job} has points that are none of its {sweep.known}: {ranges}")
    if sum(stop - first for first, stop in ranges) + sweep.recorded != sweep.known:
        raise AssertionError(f"{sweep.known} points of {job} are not those recorded ({sweep.recorded}) and {ranges}")
    if not sweep.follow and sweep.known != sweep.points:
        raise AssertionError(f"{job} has {sweep.points} points, and knows {sweep.known}")
    if not 0 <= sweep.failed <= sweep.recorded or len(sweep.faults) >= sweep.max_faults:
        raise AssertionError(f"{job} has {sweep.failed} failed points and {len(sweep.faults)} faults in a row")
    if sweep.leased and not sweep.begun:
        raise AssertionError(f"{job} has leases and has not begun")
