"""What happens to runs, and what is to be done of it: the words between the machine's shell and its rules.

Plain facts in and plain orders out, so that each decision can be tried without a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backbus.streams.topology import SOURCES, STRATEGY
from backbus.transport.control import StreamEnd

# --- events --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MemberJoined:
    """A member said HELLO."""

    instance: str
    role: str
    host: str
    pid: int


@dataclass(frozen=True)
class MemberHeartbeat:
    """A member's heartbeat."""

    instance: str
    run: str | None
    attempt: int
    rows: int
    busy_s: float
    where: str


@dataclass(frozen=True)
class MemberLinked:
    """A member that has not beaten for a while is connected all the same: its process lives, and something holds it."""

    instance: str


@dataclass(frozen=True)
class MemberReady:
    """A member is prepared. ``careful``: it wants to be waited for. ``where``: whose memory it can open."""

    instance: str
    run: str
    attempt: int
    facts: dict[str, Any]
    careful: bool = False
    where: str = ""


@dataclass(frozen=True)
class MemberEnded:
    """A member has worked off its run."""

    instance: str
    run: str
    attempt: int
    streams: list[StreamEnd]


@dataclass(frozen=True)
class MemberFaulted:
    """A member cannot go on. ``mispredicted``: it was told something else than it had worked out."""

    instance: str
    run: str
    attempt: int
    fatal: bool
    message: str
    traceback: str | None
    mispredicted: bool = False


@dataclass(frozen=True)
class RunReported:
    """The performance member's result."""

    instance: str
    run: str
    attempt: int
    report: dict[str, Any]
    artifacts: dict[str, str]


@dataclass(frozen=True)
class RunSubmitted:
    """A job is on disk. ``attempts`` that it has had already count."""

    run: str
    attempts: int
    max_attempts: int
    stall_s: float
    source: str = SOURCES[0]
    users_code: tuple[str, ...] = (STRATEGY,)
    """Roles that run what a user wrote."""
    predict: bool = True
    """Whether members may work out what others will say."""
    mispredicted: bool = False
    """Whether they did so once and were told something else."""


@dataclass(frozen=True)
class RunCancelled:
    """A client wants a job to end."""

    run: str


@dataclass(frozen=True)
class RunsClock:
    """Time has passed."""


RunEvent = (
    MemberJoined
    | MemberHeartbeat
    | MemberLinked
    | MemberReady
    | MemberEnded
    | MemberFaulted
    | RunReported
    | RunSubmitted
    | RunCancelled
    | RunsClock
)

# --- actions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AssignRun:
    """Record that the attempt begins, then send ASSIGN to each of its members."""

    run: str
    attempt: int
    instances: tuple[str, ...]
    careful: bool = False


@dataclass(frozen=True)
class StartRun:
    """Send START."""

    run: str
    attempt: int
    instances: tuple[str, ...]
    facts: dict[str, Any]


@dataclass(frozen=True)
class ReleaseMembers:
    """Send RELEASE."""

    run: str
    attempt: int
    instances: tuple[str, ...]


@dataclass(frozen=True)
class EndAttempt:
    """Record why an attempt ended without a result. ``mispredicted``: and that all others of its job are careful."""

    run: str
    attempt: int
    reason: str
    mispredicted: bool = False


@dataclass(frozen=True)
class CommitRun:
    """Record the result: the job is done. ``again``: and that it answers the same job from now on."""

    run: str
    attempt: int
    report: dict[str, Any]
    artifacts: dict[str, str]
    again: bool = True


@dataclass(frozen=True)
class FailRun:
    """Record that the job failed; ``message`` None stands for every attempt's reason."""

    run: str
    message: str | None
    traceback: str | None = None
    events: tuple[str, ...] = ()
    """The last events of the job, in words."""


@dataclass(frozen=True)
class DropRun:
    """Record that the job was cancelled."""

    run: str


RunAction = AssignRun | StartRun | ReleaseMembers | EndAttempt | CommitRun | FailRun | DropRun
