"""What happens to sweeps, and what is to be done of it: the words between the fleet's shell and the rules in
``sweeps``.

Plain facts in and plain orders out, so that each decision can be tried without a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["count", "points", "ask", "finish"]
"""What a lease is for: counting the points, computing some, saying which come next, or making the table."""


@dataclass(frozen=True)
class Lease:
    """A worker's right to some points, or to what is to be done once: then ``first`` is ``stop``."""

    number: int
    job: str
    kind: Kind
    first: int
    stop: int
    instance: str


@dataclass(frozen=True)
class Best:
    """A point and its score; a larger score is better."""

    score: float
    point: int


# --- events --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Joined:
    """A worker said HELLO."""

    instance: str


@dataclass(frozen=True)
class Beaten:
    """A worker lives."""

    instance: str
    moves: int = 0
    """How often it has looked after the work of its lease: what grows renews the lease."""


@dataclass(frozen=True)
class Wanted:
    """A worker is idle. Who holds a lease did not hear of it, and is told again."""

    instance: str
    prepared: tuple[str, ...] = ()
    """The sweeps that it could go on with at once."""


@dataclass(frozen=True)
class Submitted:
    """A sweep is on disk, with what of it is recorded."""

    job: str
    points: int
    priority: int
    max_faults: int
    recorded: tuple[tuple[int, int], ...] = ()
    known: int | None = None
    """Where points follow from results: those whose values are known."""
    failed: int = 0
    best: Best | None = None
    paused: bool = False


@dataclass(frozen=True)
class Computed:
    """A chunk's result."""

    instance: str
    job: str
    first: int
    stop: int
    seconds: float
    failed: int
    best: Best | None
    result: bytes


@dataclass(frozen=True)
class Counted:
    """How many points a sweep has."""

    instance: str
    job: str
    points: int


@dataclass(frozen=True)
class Asked:
    """The values of the points from ``first`` up to ``stop``, which follow from the results before them."""

    instance: str
    job: str
    first: int
    stop: int
    values: bytes


@dataclass(frozen=True)
class Finished:
    """The sweep's table and summary; the artifacts are there as blobs."""

    instance: str
    job: str
    report: dict[str, Any]
    artifacts: dict[str, str]


@dataclass(frozen=True)
class Faulted:
    """A worker could not do what lease ``number`` asks. ``fatal``: no other one can."""

    instance: str
    number: int
    fatal: bool
    message: str
    traceback: str | None = None


@dataclass(frozen=True)
class Cancelled:
    """A client wants the sweep to end."""

    job: str


@dataclass(frozen=True)
class Paused:
    """No more of it is leased; what is leased may end."""

    job: str


@dataclass(frozen=True)
class Resumed:
    """It goes on."""

    job: str


@dataclass(frozen=True)
class Clock:
    """Time has passed."""


Happening = (
    Joined
    | Beaten
    | Wanted
    | Submitted
    | Computed
    | Counted
    | Asked
    | Finished
    | Faulted
    | Cancelled
    | Paused
    | Resumed
    | Clock
)

# --- actions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Give:
    """Send LEASE."""

    lease: Lease


@dataclass(frozen=True)
class Begin:
    """Record that the sweep runs."""

    job: str


@dataclass(frozen=True)
class Size:
    """Record how many points a sweep has."""

    job: str
    points: int


@dataclass(frozen=True)
class Record:
    """Keep a chunk's result; only then is it acknowledged."""

    job: str
    first: int
    stop: int
    seconds: float
    failed: int
    best: Best | None
    result: bytes


@dataclass(frozen=True)
class Extend:
    """Keep the values of points; only then is it acknowledged."""

    job: str
    first: int
    stop: int
    values: bytes


@dataclass(frozen=True)
class Commit:
    """Record the sweep's result: the job is done."""

    job: str
    report: dict[str, Any]
    artifacts: dict[str, str]


@dataclass(frozen=True)
class Fail:
    """Record that the job failed."""

    job: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True)
class Drop:
    """Record that the job was cancelled."""

    job: str


Action = Begin | Give | Size | Record | Extend | Commit | Fail | Drop
