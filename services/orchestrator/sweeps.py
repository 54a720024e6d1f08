"""Who computes which points of which sweep: a pure state machine, as the scheduler of runs is.

Each point of a sweep is free, leased or recorded, and in one of these only. A result is taken where its points are
exactly one lease's, whoever sends it, or all free; every other one is a duplicate and is dropped. So each point is
recorded once, and what is outstanding follows from what is recorded: a new orchestrator needs nothing else. Where
points follow from results, a lease asks one worker for the next ones when all before them are recorded. When all are,
a last lease asks one for the table. Time comes in, in seconds of the orchestrator's own clock.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from backbus.services.orchestrator.sweep_events import (
    Action,
    Asked,
    Beaten,
    Begin,
    Best,
    Cancelled,
    Clock,
    Commit,
    Computed,
    Counted,
    Drop,
    Extend,
    Fail,
    Faulted,
    Finished,
    Give,
    Happening,
    Joined,
    Kind,
    Lease,
    Paused,
    Record,
    Resumed,
    Size,
    Submitted,
    Wanted,
)
from backbus.sweep.workers.chunk_sizes import CHUNK_S, FIRST_POINTS, ChunkSizes

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 10.0
"""How long nothing of a sweep is leased after a fault, doubled with each in a row."""
RATE_S = 10.0
"""The rate is that of the last so many seconds."""
LOYAL_S = 10.0
"""A worker stays with a sweep that it is prepared for until another one has had so much less work: preparing costs
seconds."""

# --- state ---------------------------------------------------------------------------------------------------------


class Free:
    """The points that nobody has: ranges in order, with gaps between them."""

    def __init__(self, points: int, taken: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges = [(0, points)] if points else []
        for first, stop in taken:
            if not self.take(first, stop):
                raise ValueError(f"points {first} to {stop} are recorded twice, or are not of the sweep")

    def __bool__(self) -> bool:
        return bool(self._ranges)

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
    free: Free
    recorded: int
    failed: int = 0
    best: Best | None = None
    paused: bool = False
    leased: dict[tuple[int, int], Lease] = field(default_factory=dict)
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

    def has_work(self, now: float) -> bool:
        """Whether there is something to lease."""
        if self.paused or now < self.not_before:
            return False
        return bool(self.free) or (self.recorded == self.known and not self.leased)


@dataclass
class State:
    """All that is known of sweeps and their workers."""

    dead_s: float
    lease_s: float
    """A lease lasts so long from when its worker last showed that it works on it."""
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    workers: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """When each one was last heard, the longest silent one first."""
    idle: OrderedDict[str, tuple[str, ...]] = field(default_factory=OrderedDict)
    """Who waits for a lease, and what it is prepared for."""
    held: dict[str, Lease] = field(default_factory=dict)
    moved: dict[str, tuple[int, float]] = field(default_factory=dict)
    """How often a worker with a lease has looked after its work, and when it last said more than before."""
    ends: list[tuple[float, int, str]] = field(default_factory=list)
    """A heap of when leases run out; some of them are over already, or were renewed."""
    given: int = 0


# --- transitions ---------------------------------------------------------------------------------------------------


def decide(state: State, event: Happening, now: float) -> list[Action]:
    """Take one event; change the state; say what is to be done."""
    actions: list[Action] = []
    match event:
        case Joined(instance):
            _hear(state, instance, now)
        case Beaten(instance, moves):
            if instance in state.workers:
                _hear(state, instance, now)
                if instance in state.held and moves > state.moved[instance][0]:
                    state.moved[instance] = moves, now
        case Wanted(instance, prepared):
            if instance in state.workers:
                _hear(state, instance, now)
                if instance in state.held:
                    actions.append(Give(state.held[instance]))
                else:
                    state.idle[instance] = prepared
        case Submitted():
            _submit(state, event, now)
        case Computed():
            _compute(state, event, now, actions)
        case Counted():
            _count(state, event, actions)
        case Asked():
            _extend(state, event, actions)
        case Finished():
            sweep = state.sweeps.get(event.job)
            if sweep is not None and sweep.recorded == sweep.points > 0:
                actions.append(Commit(event.job, event.report, event.artifacts))
                _end(state, event.job)
        case Faulted():
            _fault(state, event, now, actions)
        case Cancelled(job):
            if job in state.sweeps:
                actions.append(Drop(job))
                _end(state, job)
        case Paused(job):
            if job in state.sweeps:
                state.sweeps[job].paused = True
        case Resumed(job):
            if job in state.sweeps:
                _resume(state, state.sweeps[job], now)
        case Clock():
            _look_for_silent(state, now)
            _look_for_run_out(state, now)
    _lease(state, now, actions)
    return actions


def _hear(state: State, instance: str, now: float) -> None:
    state.workers[instance] = now
    state.workers.move_to_end(instance)


def _submit(state: State, event: Submitted, now: float) -> None:
    if event.job in state.sweeps:
        return
    known = event.points if event.known is None else event.known
    sweep = Sweep(
        event.job,
        event.points,
        event.known is not None,
        known,
        event.priority,
        event.max_faults,
        Free(known, event.recorded),
        sum(stop - first for first, stop in event.recorded),
        event.failed,
        event.best,
        event.paused,
        since=now,
    )
    _catch_up(state, sweep, now)
    state.sweeps[event.job] = sweep


def _catch_up(state: State, sweep: Sweep, now: float) -> None:
    """Who begins now gets an equal share from now on, and not all that others have had so far."""
    others = [o.served_s for o in state.sweeps.values() if o is not sweep and o.has_work(now)]
    sweep.served_s = max(sweep.served_s, min(others, default=0.0))


def _resume(state: State, sweep: Sweep, now: float) -> None:
    if sweep.paused:
        sweep.paused = False
        sweep.recent.clear()
        sweep.since = now
        _catch_up(state, sweep, now)


def _compute(state: State, event: Computed, now: float, actions: list[Action]) -> None:
    sweep = state.sweeps.get(event.job)
    if sweep is None:
        return
    lease = sweep.leased.get((event.first, event.stop))
    if lease is not None and lease.kind == "points":
        _take_back(state, lease)
    elif not sweep.free.take(event.first, event.stop):
        return
    count = event.stop - event.first
    sweep.recorded += count
    sweep.failed += event.failed
    sweep.best = better(sweep.best, event.best)
    sweep.faults.clear()
    sweep.sizes.took(count, event.seconds)
    sweep.recent.append((now, count))
    _forget_old(sweep, now)
    actions.append(
        Record(event.job, event.first, event.stop, event.seconds, event.failed, event.best, event.result),
    )


def _count(state: State, event: Counted, actions: list[Action]) -> None:
    sweep = state.sweeps.get(event.job)
    if sweep is None or sweep.points or event.points < 1:
        return
    for lease in list(sweep.leased.values()):
        _take_back(state, lease)
    sweep.points = event.points
    if not sweep.follow:
        sweep.known = event.points
        sweep.free.give(0, event.points)
    sweep.faults.clear()
    actions.append(Size(event.job, event.points))


def _extend(state: State, event: Asked, actions: list[Action]) -> None:
    sweep = state.sweeps.get(event.job)
    if (
        sweep is None
        or not sweep.known == event.first == sweep.recorded
        or not event.first < event.stop <= sweep.points
    ):
        return
    for lease in list(sweep.leased.values()):
        _take_back(state, lease)
    sweep.known = event.stop
    sweep.free.give(event.first, event.stop)
    sweep.faults.clear()
    actions.append(Extend(event.job, event.first, event.stop, event.values))


def better(one: Best | None, other: Best | None) -> Best | None:
    """The higher score; of equal ones the lower point, so that the order of arrival does not matter."""
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda best: (-best.score, best.point))


def _fault(state: State, event: Faulted, now: float, actions: list[Action]) -> None:
    lease = state.held.get(event.instance)
    if lease is None or lease.number != event.number:
        return
    sweep = state.sweeps[lease.job]
    _return(state, lease)
    sweep.faults.append(event.message)
    if event.fatal:
        actions.append(Fail(lease.job, event.message, event.traceback))
    elif len(sweep.faults) >= sweep.max_faults:
        tried = "; ".join(dict.fromkeys(sweep.faults))
        actions.append(Fail(lease.job, f"{len(sweep.faults)} leases in a row ended in a fault: {tried}"))
    else:
        sweep.not_before = now + min(FIRST_PAUSE_S * 2.0 ** (len(sweep.faults) - 1), LONGEST_PAUSE_S)
        return
    _end(state, lease.job)


def _end(state: State, job: str) -> None:
    for lease in list(state.sweeps[job].leased.values()):
        _take_back(state, lease)
    del state.sweeps[job]


def _take_back(state: State, lease: Lease) -> None:
    del state.sweeps[lease.job].leased[lease.first, lease.stop]
    del state.held[lease.instance], state.moved[lease.instance]


def _return(state: State, lease: Lease) -> None:
    """The lease is over and its points are free again."""
    _take_back(state, lease)
    if lease.kind == "points":
        state.sweeps[lease.job].free.give(lease.first, lease.stop)


def _look_for_silent(state: State, now: float) -> None:
    while state.workers:
        instance, heard = next(iter(state.workers.items()))
        if now - heard <= state.dead_s:
            return
        del state.workers[instance]
        state.idle.pop(instance, None)
        if instance in state.held:
            _return(state, state.held[instance])


def _look_for_run_out(state: State, now: float) -> None:
    while state.ends and state.ends[0][0] <= now:
        _, number, instance = heapq.heappop(state.ends)
        lease = state.held.get(instance)
        if lease is None or lease.number != number:
            continue
        until = state.moved[instance][1] + state.lease_s
        if until > now:
            heapq.heappush(state.ends, (until, number, instance))
        else:
            _return(state, lease)


# --- leases --------------------------------------------------------------------------------------------------------


def _lease(state: State, now: float, actions: list[Action]) -> None:
    while state.idle:
        ready = [sweep for sweep in state.sweeps.values() if sweep.has_work(now)]
        if not ready:
            return
        instance, prepared = state.idle.popitem(last=False)
        sweep = _next_sweep(ready, prepared)
        if not sweep.begun:
            sweep.begun = True
            actions.append(Begin(sweep.job))
        lease = _cut(state, sweep, instance)
        sweep.leased[lease.first, lease.stop] = lease
        state.held[instance], state.moved[instance] = lease, (0, now)
        heapq.heappush(state.ends, (now + state.lease_s, lease.number, instance))
        actions.append(Give(lease))


def _next_sweep(ready: list[Sweep], prepared: tuple[str, ...]) -> Sweep:
    first = min(ready, key=lambda sweep: (-sweep.priority, sweep.served_s, sweep.job))
    near = [
        sweep
        for sweep in ready
        if sweep.job in prepared and sweep.priority == first.priority and sweep.served_s < first.served_s + LOYAL_S
    ]
    return min(near, key=lambda sweep: (sweep.served_s, sweep.job), default=first)


def _cut(state: State, sweep: Sweep, instance: str) -> Lease:
    kind: Kind = "points"
    if sweep.free:
        sweep.sizes.workers = max(len(state.workers), 1)
        first, stop = sweep.free.cut(sweep.sizes.next(sweep.known - sweep.recorded))
    elif not sweep.points:
        kind, first, stop = "count", 0, 0
    else:
        kind, first, stop = "ask" if sweep.known < sweep.points else "finish", sweep.known, sweep.known
    sweep.served_s += (stop - first) * (sweep.sizes.point_s or CHUNK_S / FIRST_POINTS)
    state.given += 1
    return Lease(state.given, sweep.job, kind, first, stop, instance)


def _forget_old(sweep: Sweep, now: float) -> None:
    while sweep.recent and sweep.recent[0][0] < now - RATE_S:
        sweep.recent.popleft()


def holds(state: State, instance: str, job: str | None, number: int) -> bool:
    """Whether a worker has this lease."""
    lease = state.held.get(instance)
    return lease is not None and (lease.job, lease.number) == (job, number)


def progress(sweep: Sweep, now: float) -> dict[str, Any]:
    """How far a sweep is: points, points per second, seconds left (None where nobody can know), the best so far."""
    _forget_old(sweep, now)
    over_s = min(RATE_S, now - sweep.since)
    rate = sum(count for _, count in sweep.recent) / over_s if over_s > 0 else 0.0
    left = sweep.points - sweep.recorded
    return {
        "done": sweep.recorded,
        "failed": sweep.failed,
        "of": sweep.points,
        "paused": sweep.paused,
        "rate": rate,
        "seconds_left": None if sweep.paused or (left and not rate) else left / rate if left else 0.0,
        "best": None if sweep.best is None else {"point": sweep.best.point, "score": sweep.best.score},
    }
