"""What is known of runs and of the members that work on them, and what must hold of it after every event."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from backbus.services.orchestrator.recent_events import RecentEvents
from backbus.streams.topology import READERS, SOURCES, STRATEGY
from backbus.transport.control import StreamEnd

ROLES = (SOURCES[0], *READERS)
"""Of a run over history, which most are."""
BROKER = "broker"


@dataclass
class RunMember:
    """A process that said HELLO."""

    instance: str
    role: str
    host: str
    pid: int
    beat_at: float
    run: str | None = None
    busy_s: float = 0.0
    """For how long it had been inside one event when it last beat."""
    linked_at: float = 0.0
    """When its connection was last seen to be there while it did not beat."""


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
    own_models: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each role that runs models of the user's said of them, with READY."""
    ready: set[str] = field(default_factory=set)
    where: set[str] = field(default_factory=set)
    """Whose memory those can open who are ready, "" for nobody's."""
    started: bool = False
    careful: bool = False
    """Whether its members wait for what others say, because the job or one of them wants it."""
    apart: bool = False
    """Whether one of them said that it answers otherwise than others can work out."""
    rows: dict[str, int] = field(default_factory=dict)
    ends: dict[str, list[StreamEnd]] = field(default_factory=dict)
    report: tuple[dict[str, Any], dict[str, str]] | None = None


@dataclass
class PendingRun:
    """A job that has not ended: it waits for its next attempt, or has one."""

    run: str
    attempts: int
    """Those that are over."""
    max_attempts: int
    stall_s: float
    source: str = SOURCES[0]
    users_code: tuple[str, ...] = (STRATEGY,)
    """Roles that run what a user wrote."""
    predict: bool = True
    """Whether members of its attempts may work out what others will say."""
    mispredicted: bool = False
    """Whether they did so once and were told something else: that attempt is none of ``max_attempts``."""
    not_before: float = 0.0
    events: RecentEvents = field(default_factory=RecentEvents)

    @property
    def last_attempt(self) -> int:
        """The number of the last attempt that it may have."""
        return self.max_attempts + self.mispredicted


@dataclass
class RunsState:
    """All that the rules know."""

    dead_s: float
    backoff_s: float
    members: dict[str, RunMember] = field(default_factory=dict)
    queue: deque[PendingRun] = field(default_factory=deque)
    running: dict[str, tuple[PendingRun, Attempt]] = field(default_factory=dict)
    broker: str | None = None


def validate(state: RunsState) -> None:
    """Raise an AssertionError that names what does not hold."""
    broker = state.members.get(state.broker or "")
    if state.broker is not None and (broker is None or broker.role != BROKER):
        raise AssertionError(f"{state.broker} is the broker, and no member that is one")
    for name, member in state.members.items():
        if name != member.instance:
            raise AssertionError(f"{member.instance} is known as {name}")
        if member.run is not None and member.run not in state.running:
            raise AssertionError(f"{name} works on {member.run}, which has no attempt")
        if member.run is not None and state.running[member.run][1].members.get(member.role) != name:
            raise AssertionError(f"{name} works on {member.run}, whose attempt has another {member.role}")
    waiting = [job.run for job in state.queue]
    twice = [run for run in waiting if waiting.count(run) > 1 or run in state.running]
    if twice:
        raise AssertionError(f"{twice[0]} waits twice, or waits and has an attempt")
    for job in state.queue:
        if job.attempts >= job.last_attempt:
            raise AssertionError(f"{job.run} waits for another attempt after {job.attempts} of {job.last_attempt}")
    for run, (job, attempt) in state.running.items():
        _validate_attempt(state, run, job, attempt)


def _validate_attempt(state: RunsState, run: str, job: PendingRun, attempt: Attempt) -> None:
    name = f"attempt {attempt.number} of {run}"
    if not run == job.run == attempt.run:
        raise AssertionError(f"{name} is kept as one of {job.run} and {attempt.run}")
    if not job.attempts + 1 == attempt.number <= job.last_attempt:
        raise AssertionError(f"{name} follows {job.attempts} attempts, of {job.last_attempt} at the most")
    if not (attempt.careful or (job.predict and not job.mispredicted)):
        raise AssertionError(f"{name} is to predict, which its job does not want or did in vain")
    if set(attempt.members) != {job.source, *READERS}:
        raise AssertionError(f"{name} has members for {', '.join(attempt.members)}")
    instances = set(attempt.members.values())
    for role, instance in attempt.members.items():
        member = state.members.get(instance)
        if member is None or member.role != role or member.run != run:
            raise AssertionError(f"{name} has {instance} as its {role}, which is gone or works on something else")
    if (
        not attempt.ready <= instances
        or not set(attempt.ends) <= instances
        or not set(attempt.rows) <= {*attempt.members}
    ):
        raise AssertionError(f"{name} has heard of a stranger")
    if attempt.started != (attempt.ready == instances):
        raise AssertionError(f"{name} has started before all were ready, or not although they are")
