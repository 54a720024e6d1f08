"""Who works on what: a pure state machine. Events in, actions out; the shell carries them out, in their order.

A job waits in the queue until each role has a free, living member; they prepare; when all are ready they start; when
all have ended, their stream digests agree and the report is there, its result is committed. Whatever goes wrong in
between ends the attempt, and the job waits for its next one. Time comes in with each event, in seconds of the
orchestrator's own monotonic clock.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from backbus.streams.topology import READERS, SOURCES
from backbus.transport.control import StreamEnd

ROLES = (SOURCES[0], *READERS)
"""Of a run over history, which most are."""
BROKER = "broker"
BACKOFF_LIMIT_S = 10.0
BUSY_S = 1.0
"""Who has been inside one event for longer may never come back, and is given nothing more until it does."""

# --- state ---------------------------------------------------------------------------------------------------------


@dataclass
class Member:
    """A process that said HELLO."""

    instance: str
    role: str
    host: str
    pid: int
    beat_at: float
    run: str | None = None
    busy_s: float = 0.0
    """For how long it had been inside one event when it last beat."""


@dataclass
class Attempt:
    """One try at a job."""

    run: str
    number: int
    members: dict[str, str]
    """Role to instance."""
    began_at: float
    moved_at: float
    """When it last made progress."""
    facts: dict[str, Any] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    started: bool = False
    rows: dict[str, int] = field(default_factory=dict)
    ends: dict[str, list[StreamEnd]] = field(default_factory=dict)
    report: tuple[dict[str, Any], dict[str, str]] | None = None


@dataclass
class Waiting:
    """A job that has no attempt at the moment."""

    run: str
    attempts: int
    max_attempts: int
    stall_s: float
    source: str = SOURCES[0]
    not_before: float = 0.0


@dataclass
class State:
    """All that the scheduler knows."""

    dead_s: float
    backoff_s: float
    members: dict[str, Member] = field(default_factory=dict)
    queue: deque[Waiting] = field(default_factory=deque)
    running: dict[str, tuple[Waiting, Attempt]] = field(default_factory=dict)
    broker: str | None = None


# --- events --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Joined:
    """A member said HELLO."""

    instance: str
    role: str
    host: str
    pid: int


@dataclass(frozen=True)
class Beaten:
    """A member's beat."""

    instance: str
    run: str | None
    attempt: int
    rows: int
    busy_s: float
    where: str


@dataclass(frozen=True)
class WasReady:
    """A member is prepared."""

    instance: str
    run: str
    attempt: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """A member has worked off its run."""

    instance: str
    run: str
    attempt: int
    streams: list[StreamEnd]


@dataclass(frozen=True)
class Faulted:
    """A member cannot go on."""

    instance: str
    run: str
    attempt: int
    fatal: bool
    message: str
    traceback: str | None


@dataclass(frozen=True)
class Reported:
    """The performance member's result."""

    instance: str
    run: str
    attempt: int
    report: dict[str, Any]
    artifacts: dict[str, str]


@dataclass(frozen=True)
class Submitted:
    """A job is on disk. ``attempts`` that it has had already count."""

    run: str
    attempts: int
    max_attempts: int
    stall_s: float
    source: str = SOURCES[0]


@dataclass(frozen=True)
class Cancelled:
    """A client wants a job to end."""

    run: str


@dataclass(frozen=True)
class Clock:
    """Time has passed."""


Happening = Joined | Beaten | WasReady | Ended | Faulted | Reported | Submitted | Cancelled | Clock

# --- actions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AssignTo:
    """Record that the attempt begins, then send ASSIGN to each of its members."""

    run: str
    attempt: int
    instances: tuple[str, ...]


@dataclass(frozen=True)
class StartAll:
    """Send START."""

    run: str
    attempt: int
    instances: tuple[str, ...]
    facts: dict[str, Any]


@dataclass(frozen=True)
class ReleaseAll:
    """Send RELEASE."""

    run: str
    attempt: int
    instances: tuple[str, ...]


@dataclass(frozen=True)
class EndAttempt:
    """Record why an attempt ended without a result."""

    run: str
    attempt: int
    reason: str


@dataclass(frozen=True)
class Commit:
    """Record the result: the job is done."""

    run: str
    attempt: int
    report: dict[str, Any]
    artifacts: dict[str, str]


@dataclass(frozen=True)
class Fail:
    """Record that the job failed; ``message`` None stands for every attempt's reason."""

    run: str
    message: str | None
    traceback: str | None = None


@dataclass(frozen=True)
class Drop:
    """Record that the job was cancelled."""

    run: str


Action = AssignTo | StartAll | ReleaseAll | EndAttempt | Commit | Fail | Drop

# --- transitions ---------------------------------------------------------------------------------------------------


def decide(state: State, event: Happening, now: float) -> list[Action]:
    """Take one event; change the state; say what is to be done."""
    actions: list[Action] = []
    match event:
        case Joined():
            _join(state, event, now, actions)
        case Beaten():
            _beat(state, event, now, actions)
        case WasReady():
            _ready(state, event, now, actions)
        case Ended() | Reported():
            _end(state, event, now, actions)
        case Faulted():
            _fault(state, event, now, actions)
        case Submitted():
            if event.attempts >= event.max_attempts:  # the last one was running when the orchestrator was ended
                actions.append(Fail(event.run, None))
            else:
                waiting = Waiting(event.run, event.attempts, event.max_attempts, event.stall_s, event.source)
                state.queue.append(waiting)
        case Cancelled():
            _cancel(state, event.run, actions)
        case Clock():
            _look_for_dead(state, now, actions)
            _look_for_stalled(state, now, actions)
    _assign(state, now, actions)
    return actions


def _current(state: State, run: str, number: int) -> tuple[Waiting, Attempt] | None:
    pair = state.running.get(run)
    return pair if pair is not None and pair[1].number == number else None


def _join(state: State, event: Joined, now: float, actions: list[Action]) -> None:
    if event.role == BROKER:
        if state.broker is not None and state.broker != event.instance:
            state.members.pop(state.broker, None)
            for run in list(state.running):
                _end_attempt(state, run, "the broker was restarted", now, actions)
        state.broker = event.instance
    known = state.members.get(event.instance)
    if known is None:
        state.members[event.instance] = Member(event.instance, event.role, event.host, event.pid, now)
    else:
        known.beat_at = now


def _beat(state: State, event: Beaten, now: float, actions: list[Action]) -> None:
    member = state.members.get(event.instance)
    if member is None:
        return
    member.beat_at = now
    member.busy_s = event.busy_s
    pair = _current(state, event.run, event.attempt) if event.run else None
    if pair is None or event.instance not in pair[1].members.values():
        if member.run is not None and now - state.running[member.run][1].began_at > state.dead_s:
            reason = f"{member.role} is not working on its assignment ({member.instance})"
            _end_attempt(state, member.run, reason, now, actions)
        return
    job, attempt = pair
    if not attempt.started and event.busy_s > 0:
        attempt.moved_at = now  # reading a large input may take long
    if event.rows > attempt.rows.get(member.role, 0):
        attempt.rows[member.role] = event.rows
        attempt.moved_at = now
    if member.role == "strategy" and event.busy_s > job.stall_s:
        place = f"; it stands here:\n{event.where}" if event.where else ""
        reason = f"the strategy did not return for {event.busy_s:.0f} s (run.stall_s = {job.stall_s:g}){place}"
        _end_attempt(state, event.run or "", reason, now, actions, fatal=True)


def _ready(state: State, event: WasReady, now: float, actions: list[Action]) -> None:
    pair = _current(state, event.run, event.attempt)
    if pair is None or event.instance not in pair[1].members.values():
        return
    attempt = pair[1]
    attempt.moved_at = now
    if event.instance in attempt.ready:
        return
    attempt.ready.add(event.instance)
    attempt.facts.update(event.facts)
    if len(attempt.ready) == len(attempt.members) and not attempt.started:
        attempt.started = True
        actions.append(StartAll(event.run, event.attempt, tuple(attempt.members.values()), dict(attempt.facts)))


def _end(state: State, event: Ended | Reported, now: float, actions: list[Action]) -> None:
    pair = _current(state, event.run, event.attempt)
    if pair is None or event.instance not in pair[1].members.values():
        return
    attempt = pair[1]
    attempt.moved_at = now
    if isinstance(event, Ended):
        attempt.ends[event.instance] = event.streams
    else:
        attempt.report = (event.report, event.artifacts)
    if len(attempt.ends) < len(attempt.members) or attempt.report is None:
        return
    difference = differing_stream(attempt)
    if difference is not None:
        _end_attempt(state, event.run, difference, now, actions)
        return
    report, artifacts = attempt.report
    actions.append(Commit(event.run, attempt.number, report, artifacts))
    _release(state, event.run, actions)


def differing_stream(attempt: Attempt) -> str | None:
    """The first stream that a reader saw otherwise than its writer, in words."""
    written = {end.kind: end for ends in attempt.ends.values() for end in ends if end.written}
    for role, instance in attempt.members.items():
        for end in attempt.ends[instance]:
            if end.written:
                continue
            source = written.get(end.kind)
            if source is None:
                return f"{role} read a stream {end.kind} that nobody wrote"
            if (source.records, source.digest) != (end.records, end.digest):
                return (
                    f"stream {end.kind} differs between its ends: {source.records} records ({source.digest}) "
                    f"written, {end.records} ({end.digest}) read by {role}"
                )
    return None


def _fault(state: State, event: Faulted, now: float, actions: list[Action]) -> None:
    pair = _current(state, event.run, event.attempt)
    member = state.members.get(event.instance)
    if pair is None or member is None or event.instance not in pair[1].members.values():
        return
    reason = f"{member.role}: {event.message}"
    _end_attempt(state, event.run, reason, now, actions, fatal=event.fatal, traceback=event.traceback)


def _cancel(state: State, run: str, actions: list[Action]) -> None:
    waiting = next((job for job in state.queue if job.run == run), None)
    if waiting is not None:
        state.queue.remove(waiting)
        actions.append(Drop(run))
    elif run in state.running:
        actions.append(EndAttempt(run, state.running[run][1].number, "cancelled"))
        actions.append(Drop(run))
        _release(state, run, actions)


def _look_for_dead(state: State, now: float, actions: list[Action]) -> None:
    for member in list(state.members.values()):
        if now - member.beat_at <= state.dead_s:
            continue
        del state.members[member.instance]
        if member.instance == state.broker:
            state.broker = None
            for run in list(state.running):
                _end_attempt(state, run, "the broker died", now, actions)
        elif member.run is not None:
            _end_attempt(state, member.run, f"{member.role} died ({member.instance}, pid {member.pid})", now, actions)


def _look_for_stalled(state: State, now: float, actions: list[Action]) -> None:
    for run, (job, attempt) in list(state.running.items()):
        strategy = state.members.get(attempt.members["strategy"])
        if strategy is not None and strategy.busy_s > job.stall_s / 2:
            continue  # its own beats will tell that it never returned, and where it stands
        if now - attempt.moved_at > job.stall_s:
            rows = ", ".join(f"{role} {attempt.rows.get(role, 0)}" for role in attempt.members)
            _end_attempt(state, run, f"no progress for {job.stall_s:g} s (rows: {rows})", now, actions)


def _end_attempt(
    state: State,
    run: str,
    reason: str,
    now: float,
    actions: list[Action],
    *,
    fatal: bool = False,
    traceback: str | None = None,
) -> None:
    job, attempt = state.running[run]
    actions.append(EndAttempt(run, attempt.number, reason))
    _release(state, run, actions)
    if fatal:
        actions.append(Fail(run, reason, traceback))
    elif attempt.number >= job.max_attempts:
        actions.append(Fail(run, None))
    else:
        job.attempts = attempt.number
        job.not_before = now + backoff(run, attempt.number, state.backoff_s)
        state.queue.appendleft(job)


def backoff(run: str, attempt: int, first_s: float) -> float:
    """Seconds to wait after an attempt: doubled each time, with up to half as much again, the same for the same try."""
    spread = int.from_bytes(hashlib.blake2b(f"{run}/{attempt}".encode(), digest_size=2).digest(), "big") / 65536
    return min(first_s * 2.0 ** min(attempt - 1, 20), BACKOFF_LIMIT_S) * (1.0 + 0.5 * spread)


def _release(state: State, run: str, actions: list[Action]) -> None:
    _, attempt = state.running.pop(run)
    living = tuple(instance for instance in attempt.members.values() if instance in state.members)
    for instance in living:
        state.members[instance].run = None
    actions.append(ReleaseAll(run, attempt.number, living))


def _assign(state: State, now: float, actions: list[Action]) -> None:
    if state.broker is None:
        return
    for job in list(state.queue):
        if job.not_before > now:
            continue
        idle = [member for member in state.members.values() if member.run is None and member.busy_s <= BUSY_S]
        free = {role: [m.instance for m in idle if m.role == role] for role in (job.source, *READERS)}
        if not all(free[role] for role in READERS):
            return
        if not free[job.source]:
            continue  # a job with another source need not wait for it
        chosen = {role: min(instances) for role, instances in free.items()}
        state.queue.remove(job)
        attempt = Attempt(job.run, job.attempts + 1, chosen, now, now)
        state.running[job.run] = (job, attempt)
        for instance in chosen.values():
            state.members[instance].run = job.run
        actions.append(AssignTo(job.run, attempt.number, tuple(chosen.values())))
