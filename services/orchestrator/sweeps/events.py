"""What happens to sweeps, and what is to be done of it: the words between the machine's shell and its rules.

Plain facts in and plain orders out, so that each decision can be tried without a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

LeaseKind = Literal["count", "points", "ask", "finish"]
"""What a lease is for: counting the points, computing some, saying which come next, or making the table."""


@dataclass(frozen=True)
class GivenLease:
    """A worker's right to some points, or to what is to be done once: then ``first`` is ``stop``."""

    number: int
    job: str
    kind: LeaseKind
    first: int
    stop: int
    instance: str


@dataclass(frozen=True)
class BestPoint:
    """A point and its score; a larger score is better."""

    score: float
    point: int


# --- events --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WorkerJoined:
    """A worker said HELLO."""

    instance: str


@dataclass(frozen=True)
class WorkerHeartbeat:
    """A worker lives."""

    instance: str
    moves: int = 0
    """How often it has looked after the work of its lease: what grows renews the lease."""


@dataclass(frozen=True)
class LeaseWanted:
    """A worker is idle. Who holds a lease did not hear of it, and is told again."""

    instance: str
    prepared: tuple[str, ...] = ()
    """The sweeps that it could go on with at once."""


@dataclass(frozen=True)
class SweepSubmitted:
    """A sweep is on disk, with what of it is recorded."""

    job: str
    points: int
    priority: int
    max_faults: int
    recorded: tuple[tuple[int, int], ...] = ()
    known: int | None = None
    """Where points follow from results: those whose values are known."""
    failed: int = 0
    best: BestPoint | None = None
    paused: bool = False


@dataclass(frozen=True)
class ChunkComputed:
    """A chunk's result."""

    instance: str
    job: str
    first: int
    stop: int
    seconds: float
    failed: int
    best: BestPoint | None
    result: bytes


@dataclass(frozen=True)
class PointsCounted:
    """How many points a sweep has."""

    instance: str
    job: str
    points: int


@dataclass(frozen=True)
class PointsProposed:
    """The values of the points from ``first`` up to ``stop``, which follow from the results before them."""

    instance: str
    job: str
    first: int
    stop: int
    values: bytes


@dataclass(frozen=True)
class SweepReported:
    """The sweep's table and summary; the artifacts are there as blobs."""

    instance: str
    job: str
    report: dict[str, Any]
    artifacts: dict[str, str]


@dataclass(frozen=True)
class LeaseFaulted:
    """A worker could not do what lease ``number`` asks. ``fatal``: no other one can."""

    instance: str
    number: int
    fatal: bool
    message: str
    traceback: str | None = None


@dataclass(frozen=True)
class SweepCancelled:
    """A client wants the sweep to end."""

    job: str


@dataclass(frozen=True)
class SweepPaused:
    """No more of it is leased; what is leased may end."""

    job: str


@dataclass(frozen=True)
class SweepResumed:
    """It goes on."""

    job: str


@dataclass(frozen=True)
class SweepsClock:
    """Time has passed."""


SweepEvent = (
    WorkerJoined
    | WorkerHeartbeat
    | LeaseWanted
    | SweepSubmitted
    | ChunkComputed
    | PointsCounted
    | PointsProposed
    | SweepReported
    | LeaseFaulted
    | SweepCancelled
    | SweepPaused
    | SweepResumed
    | SweepsClock
)

# --- actions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GiveLease:
    """Send LEASE."""

    lease: GivenLease


@dataclass(frozen=True)
class BeginSweep:
    """Record that the sweep runs."""

    job: str


@dataclass(frozen=True)
class SizeSweep:
    """Record how many points a sweep has."""

    job: str
    points: int


@dataclass(frozen=True)
class RecordChunk:
    """Keep a chunk's result; only then is it acknowledged."""

    job: str
    first: int
    stop: int
    seconds: float
    failed: int
    best: BestPoint | None
    result: bytes


@dataclass(frozen=True)
class RecordPoints:
    """Keep the values of points; only then is it acknowledged."""

    job: str
    first: int
    stop: int
    values: bytes


@dataclass(frozen=True)
class CommitSweep:
    """Record the sweep's result: the job is done."""

    job: str
    report: dict[str, Any]
    artifacts: dict[str, str]


@dataclass(frozen=True)
class FailSweep:
    """Record that the job failed."""

    job: str
    message: str
    traceback: str | None = None
    events: tuple[str, ...] = ()
    """The last events of the job, in words."""


@dataclass(frozen=True)
class DropSweep:
    """Record that the job was cancelled."""

    job: str


SweepAction = BeginSweep | GiveLease | SizeSweep | RecordChunk | RecordPoints | CommitSweep | FailSweep | DropSweep
