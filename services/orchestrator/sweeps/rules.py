"""Who computes which points of which sweep: a pure state machine, as that of runs is.

Each point of a sweep is free, leased or recorded, and in one of these only. A result is taken where its points are
exactly one lease's, whoever sends it, or all free; every other one is a duplicate and is dropped. So each point is
recorded once, and what is outstanding follows from what is recorded: a new orchestrator needs nothing else. Where
points follow from results, a lease asks one worker for the next ones when all before them are recorded. When all are,
a last lease asks one for the table. Time comes in, in seconds of the orchestrator's own clock.
"""

from __future__ import annotations

import heapq
from typing import Any

from backbus.services.orchestrator.sweeps import events as ev
from backbus.services.orchestrator.sweeps.state import FreePoints, Sweep, SweepsState
from backbus.sweep.workers.chunk_sizes import CHUNK_S, FIRST_POINTS

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 10.0
"""How long nothing of a sweep is leased after a fault, doubled with each in a row."""
RATE_S = 10.0
"""The rate is that of the last so many seconds."""
LOYAL_S = 10.0
"""A worker stays with a sweep that it is prepared for until another one has had so much less work: preparing costs
seconds."""


def decide(state: SweepsState, event: ev.SweepEvent, now: float) -> list[ev.SweepAction]:
    """Take one event; change the state; say what is to be done."""
    actions: list[ev.SweepAction] = []
    match event:
        case ev.WorkerJoined(instance):
            _hear(state, instance, now)
        case ev.WorkerHeartbeat(instance, moves):
            if instance in state.workers:
                _hear(state, instance, now)
                if instance in state.held and moves > state.moved[instance][0]:
                    state.moved[instance] = moves, now
        case ev.LeaseWanted(instance, prepared):
            if instance in state.workers:
                _hear(state, instance, now)
                if instance in state.held:
                    actions.append(ev.GiveLease(state.held[instance]))
                else:
                    state.idle[instance] = prepared
        case ev.SweepSubmitted():
            _submit(state, event, now)
        case ev.ChunkComputed():
            _compute(state, event, now, actions)
        case ev.PointsCounted():
            _count(state, event, now, actions)
        case ev.PointsProposed():
            _extend(state, event, now, actions)
        case ev.SweepReported():
            sweep = state.sweeps.get(event.job)
            if sweep is not None and sweep.recorded == sweep.points > 0:
                actions.append(ev.CommitSweep(event.job, event.report, event.artifacts))
                _end(state, event.job)
        case ev.LeaseFaulted():
            _fault(state, event, now, actions)
        case ev.SweepCancelled(job):
            if job in state.sweeps:
                actions.append(ev.DropSweep(job))
                _end(state, job)
        case ev.SweepPaused(job):
            if job in state.sweeps:
                state.sweeps[job].paused = True
                state.sweeps[job].events.add(now, "paused")
        case ev.SweepResumed(job):
            if job in state.sweeps:
                _resume(state, state.sweeps[job], now)
        case ev.SweepsClock():
            _look_for_silent(state, now)
            _look_for_run_out(state, now)
    _lease(state, now, actions)
    return actions


def _hear(state: SweepsState, instance: str, now: float) -> None:
    state.workers[instance] = now
    state.workers.move_to_end(instance)


def _submit(state: SweepsState, event: ev.SweepSubmitted, now: float) -> None:
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
        FreePoints(known, event.recorded),
        sum(stop - first for first, stop in event.recorded),
        event.failed,
        event.best,
        event.paused,
        since=now,
    )
    begun = f"taken up again with {sweep.recorded} of {sweep.points} points" if sweep.recorded else "submitted"
    sweep.events.add(now, begun)
    _catch_up(state, sweep, now)
    state.sweeps[event.job] = sweep


def _catch_up(state: SweepsState, sweep: Sweep, now: float) -> None:
    """Who begins now gets an equal share from now on, and not all that others have had so far."""
    others = [o.served_s for o in state.sweeps.values() if o is not sweep and o.has_work(now)]
    sweep.served_s = max(sweep.served_s, min(others, default=0.0))


def _resume(state: SweepsState, sweep: Sweep, now: float) -> None:
    if sweep.paused:
        sweep.paused = False
        sweep.recent.clear()
        sweep.since = now
        sweep.events.add(now, "resumed")
        _catch_up(state, sweep, now)


def _compute(state: SweepsState, event: ev.ChunkComputed, now: float, actions: list[ev.SweepAction]) -> None:
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
    sweep.events.add(now, f"{event.instance} has computed points {event.first} to {event.stop}")
    actions.append(
        ev.RecordChunk(event.job, event.first, event.stop, event.seconds, event.failed, event.best, event.result),
    )


def _count(state: SweepsState, event: ev.PointsCounted, now: float, actions: list[ev.SweepAction]) -> None:
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
    sweep.events.add(now, f"{event.instance} has counted {event.points} points")
    actions.append(ev.SizeSweep(event.job, event.points))


def _extend(state: SweepsState, event: ev.PointsProposed, now: float, actions: list[ev.SweepAction]) -> None:
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
    sweep.events.add(now, f"{event.instance} has named points {event.first} to {event.stop}")
    actions.append(ev.RecordPoints(event.job, event.first, event.stop, event.values))


def better(one: ev.BestPoint | None, other: ev.BestPoint | None) -> ev.BestPoint | None:
    """The higher score; of equal ones the lower point, so that the order of arrival does not matter."""
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda best: (-best.score, best.point))


def _fault(state: SweepsState, event: ev.LeaseFaulted, now: float, actions: list[ev.SweepAction]) -> None:
    lease = state.held.get(event.instance)
    if lease is None or lease.number != event.number:
        return
    sweep = state.sweeps[lease.job]
    _return(state, lease)
    sweep.faults.append(event.message)
    sweep.events.add(now, f"{event.instance} ends lease {lease.number} with a fault")
    events = sweep.events.told(now)
    if event.fatal:
        actions.append(ev.FailSweep(lease.job, event.message, event.traceback, events))
    elif len(sweep.faults) >= sweep.max_faults:
        tried = "; ".join(dict.fromkeys(sweep.faults))
        message = f"{len(sweep.faults)} leases in a row ended in a fault: {tried}"
        actions.append(ev.FailSweep(lease.job, message, events=events))
    else:
        sweep.not_before = now + min(FIRST_PAUSE_S * 2.0 ** (len(sweep.faults) - 1), LONGEST_PAUSE_S)
        return
    _end(state, lease.job)


def _end(state: SweepsState, job: str) -> None:
    for lease in list(state.sweeps[job].leased.values()):
        _take_back(state, lease)
    del state.sweeps[job]


def _take_back(state: SweepsState, lease: ev.GivenLease) -> None:
    del state.sweeps[lease.job].leased[lease.first, lease.stop]
    del state.held[lease.instance], state.moved[lease.instance]


def _return(state: SweepsState, lease: ev.GivenLease) -> None:
    """The lease is over and its points are free again."""
    _take_back(state, lease)
    if lease.kind == "points":
        state.sweeps[lease.job].free.give(lease.first, lease.stop)


def _look_for_silent(state: SweepsState, now: float) -> None:
    while state.workers:
        instance, heard = next(iter(state.workers.items()))
        if now - heard <= state.dead_s:
            return
        del state.workers[instance]
        state.idle.pop(instance, None)
        if instance in state.held:
            lease = state.held[instance]
            state.sweeps[lease.job].events.add(now, f"{instance} is silent: lease {lease.number} is over")
            _return(state, lease)


def _look_for_run_out(state: SweepsState, now: float) -> None:
    while state.ends and state.ends[0][0] <= now:
        _, number, instance = heapq.heappop(state.ends)
        lease = state.held.get(instance)
        if lease is None or lease.number != number:
            continue
        until = state.moved[instance][1] + state.lease_s
        if until > now:
            heapq.heappush(state.ends, (until, number, instance))
        else:
            state.sweeps[lease.job].events.add(now, f"{instance} does not move: lease {lease.number} is over")
            _return(state, lease)


# --- leases --------------------------------------------------------------------------------------------------------


def _lease(state: SweepsState, now: float, actions: list[ev.SweepAction]) -> None:
    while state.idle:
        ready = [sweep for sweep in state.sweeps.values() if sweep.has_work(now)]
        if not ready:
            return
        instance, prepared = state.idle.popitem(last=False)
        sweep = _next_sweep(ready, prepared)
        if not sweep.begun:
            sweep.begun = True
            actions.append(ev.BeginSweep(sweep.job))
        lease = _cut(state, sweep, instance)
        sweep.events.add(now, f"{instance} is given lease {lease.number}: {_task(lease)}")
        sweep.leased[lease.first, lease.stop] = lease
        state.held[instance], state.moved[instance] = lease, (0, now)
        heapq.heappush(state.ends, (now + state.lease_s, lease.number, instance))
        actions.append(ev.GiveLease(lease))


def _next_sweep(ready: list[Sweep], prepared: tuple[str, ...]) -> Sweep:
    first = min(ready, key=lambda sweep: (-sweep.priority, sweep.served_s, sweep.job))
    near = [
        sweep
        for sweep in ready
        if sweep.job in prepared and sweep.priority == first.priority and sweep.served_s < first.served_s + LOYAL_S
    ]
    return min(near, key=lambda sweep: (sweep.served_s, sweep.job), default=first)


def _cut(state: SweepsState, sweep: Sweep, instance: str) -> ev.GivenLease:
    kind: ev.LeaseKind = "points"
    if sweep.free:
        sweep.sizes.workers = max(len(state.workers), 1)
        first, stop = sweep.free.cut(sweep.sizes.next(sweep.known - sweep.recorded))
    elif not sweep.points:
        kind, first, stop = "count", 0, 0
    else:
        kind, first, stop = "ask" if sweep.known < sweep.points else "finish", sweep.known, sweep.known
    sweep.served_s += (stop - first) * (sweep.sizes.point_s or CHUNK_S / FIRST_POINTS)
    state.given += 1
    return ev.GivenLease(state.given, sweep.job, kind, first, stop, instance)


def _task(lease: ev.GivenLease) -> str:
    match lease.kind:
        case "points":
            return f"points {lease.first} to {lease.stop}"
        case "count":
            return "how many points there are"
        case "ask":
            return f"which points follow on {lease.first}"
        case "finish":
            return "the table"


def _forget_old(sweep: Sweep, now: float) -> None:
    while sweep.recent and sweep.recent[0][0] < now - RATE_S:
        sweep.recent.popleft()


def holds(state: SweepsState, instance: str, job: str | None, number: int) -> bool:
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
