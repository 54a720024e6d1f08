"""What members and clients say to the orchestrator and back, over DEALER and ROUTER: the schema of each message.

Every message has an ``id``. A request is repeated with the same ``id`` until a reply with that ``id`` comes; whoever
answers must therefore take the same request twice without harm. A reply is ``{"kind": "OK" | "ERROR", "id": …}``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backbus.streams.codec import Count, Name

VERSION = 1
PART_BYTES = 1 << 20
"""Size of the parts in which blobs travel."""

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""BLAKE2b-256 of the bytes, as hex."""


class Message(BaseModel):
    """Common to all: the version and the id."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    v: Literal[1] = 1
    id: Annotated[str, Field(min_length=1, max_length=100)] = "0"


class Ok(Message):
    """A request was carried out; ``value`` is what it asked for."""

    kind: Literal["OK"] = "OK"
    value: Any = None


class Error(Message):
    """A request was refused: ``usage`` says whether what was asked is at fault."""

    kind: Literal["ERROR"] = "ERROR"
    message: str
    usage: bool = True


# --- members to the orchestrator -----------------------------------------------------------------------------------


class Hello(Message):
    """A member is there. Answered with ``{"epoch": …}``, the number of the orchestrator's own start."""

    kind: Literal["HELLO"] = "HELLO"
    role: Name
    instance: Name
    host: str
    pid: int
    version: str
    """The arithmetic that it performs: it must be the orchestrator's own."""


class Heartbeat(Message):
    """Sent twice a second from a thread of its own. Answered with ``{"epoch", "known", "abandon"}``.

    A worker says its lease: the sweep as ``run``, the lease's number as ``attempt``.
    """

    kind: Literal["BEAT"] = "BEAT"
    instance: Name
    run: str | None = None
    attempt: Count = 0
    rows: Count = 0
    """Rows worked off in this attempt."""
    busy_s: float = 0.0
    """For how long the handler has been inside one event."""
    where: str = ""
    """The handler's stack, once it has been busy for long."""


class Ready(Message):
    """A member has its inputs, its kernels and its subscriptions, and heard its own probe.

    ``facts`` are what others need of it: from data the panel's layout, the window and its findings, from the strategy
    whether it reads the book and whether it could work it out, and from all who run functions of the user's what they
    have loaded and what it says. ``careful``: it answers otherwise than others could work out, and wants them to wait.
    ``where``: whose memory it can open; who says the same can open its own. Left empty by one that opens none.
    """

    kind: Literal["READY"] = "READY"
    instance: Name
    run: Name
    attempt: Count
    facts: dict[str, Any] = {}
    careful: bool = False
    where: Annotated[str, Field(max_length=1000)] = ""


class StreamEnd(BaseModel):
    """One end of a stream as a member saw it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: str
    written: bool
    records: Count
    digest: str


class End(Message):
    """A member has worked off the whole run."""

    kind: Literal["END"] = "END"
    instance: Name
    run: Name
    attempt: Count
    streams: list[StreamEnd]


class Fault(Message):
    """A member cannot go on. ``fatal``: no other attempt can do better. ``cause``: what it cannot go on for; where it
    was told something else than it had worked out, the next attempt is a careful one."""

    kind: Literal["FAULT"] = "FAULT"
    instance: Name
    run: Name
    attempt: Count
    fatal: bool
    cause: Literal["error", "mispredicted"] = "error"
    message: str
    traceback: str | None = None


class PutReport(Message):
    """The result of an attempt; its artifacts are already there as blobs."""

    kind: Literal["REPORT"] = "REPORT"
    instance: Name
    run: Name
    attempt: Count
    report: dict[str, Any]
    artifacts: dict[str, Hash]


# --- the orchestrator to members -----------------------------------------------------------------------------------


class Assign(Message):
    """Prepare for an attempt: fetch inputs, load, subscribe, probe; then say READY. ``careful``: in this attempt every
    member waits for what others say."""

    kind: Literal["ASSIGN"] = "ASSIGN"
    epoch: Count
    run: Name
    attempt: Count
    job: dict[str, Any]
    data: dict[str, Hash]
    strategy: dict[str, Hash]
    careful: bool = False


class Start(Message):
    """All members are ready; ``facts`` are what they said, put together, and ``careful``: whether each is to wait for
    what others say, as ASSIGN or one of them wants it."""

    kind: Literal["START"] = "START"
    epoch: Count
    run: Name
    attempt: Count
    facts: dict[str, Any]


class Release(Message):
    """The attempt is over, well or not: forget it."""

    kind: Literal["RELEASE"] = "RELEASE"
    epoch: Count
    run: Name
    attempt: Count


class Lease(Message):
    """A worker's right to some points of a sweep, until it is lost; sent again to who wants one and has this.

    ``count``: say how many points there are. ``ask``: say which come next. ``finish``: make the table; ``trials`` are
    those of the strategy's family, and ``told`` says of what and since when.
    """

    kind: Literal["LEASE"] = "LEASE"
    epoch: Count
    number: Count
    job: Name
    work: Literal["count", "points", "ask", "finish"]
    first: Count
    stop: Count
    points: list[dict[str, Any]] | None = None
    """The values of the points, where these follow from results; else they follow from the job."""
    trials: Count = 0
    told: str = ""


# --- workers to the orchestrator -----------------------------------------------------------------------------------


class Want(Message):
    """A worker is idle. Answered at once; a LEASE comes when there is work."""

    kind: Literal["WANT"] = "WANT"
    instance: Name
    prepared: list[Name] = []
    """Sweeps that it could go on with at once."""


class GetInputs(Message):
    """What a sweep is made of: answered with ``{"job", "data", "strategy"}``, as in SUBMIT."""

    kind: Literal["GET_INPUTS"] = "GET_INPUTS"
    job: Name


class GetChunks(Message):
    """Results of a sweep from that of the chunk that begins at ``first``: ``{"chunks": [[first, stop, result], …]}``.

    As many as fit into a part, and at least one; none behind the last.
    """

    kind: Literal["GET_CHUNKS"] = "GET_CHUNKS"
    job: Name
    first: Count


class GetPoints(Message):
    """Values of points that follow from results, for those that end behind ``first``.

    Answered with ``{"rounds": [[first, stop, [point, …]], …]}``.
    """

    kind: Literal["GET_POINTS"] = "GET_POINTS"
    job: Name
    first: Count


class Total(Message):
    """How many points a sweep has that could not be counted without its data."""

    kind: Literal["TOTAL"] = "TOTAL"
    instance: Name
    job: Name
    points: Annotated[int, Field(ge=1)]


class PutChunk(Message):
    """The result of some points. Answered when it is on disk, or when others' were there before."""

    kind: Literal["CHUNK"] = "CHUNK"
    instance: Name
    job: Name
    first: Count
    stop: Count
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    failed: Count
    best_point: Count | None
    best_score: Annotated[float, Field(allow_inf_nan=False)] | None
    """The larger the better, whatever the objective; None where no point has it."""
    result: bytes
    """A chunk as the library packs it; the orchestrator does not look into it."""
    prepared: list[Name] | None = None
    """As in WANT, of a worker that wants its next lease with this; None: it does not want one yet."""


class PutPoints(Message):
    """The values of points that follow from the results before them. Answered when they are on disk."""

    kind: Literal["POINTS"] = "POINTS"
    instance: Name
    job: Name
    first: Count
    points: Annotated[list[dict[str, Any]], Field(min_length=1)]


class PutTable(Message):
    """A sweep's summary; its artifacts are already there as blobs."""

    kind: Literal["TABLE"] = "TABLE"
    instance: Name
    job: Name
    report: dict[str, Any]
    artifacts: dict[str, Hash]


class LeaseFault(Message):
    """A worker cannot do what a lease asks. ``fatal``: no other one can."""

    kind: Literal["LEASE_FAULT"] = "LEASE_FAULT"
    instance: Name
    number: Count
    fatal: bool
    message: str
    traceback: str | None = None


# --- clients to the orchestrator -----------------------------------------------------------------------------------


class HaveBlobs(Message):
    """Which of these blobs are missing? Answered with ``{"missing": [hash, …]}``."""

    kind: Literal["HAVE_BLOBS"] = "HAVE_BLOBS"
    hashes: list[Hash]


class PutBlob(Message):
    """A part of a blob, from its first byte on; answered with ``{"received": bytes}``. The last part is checked."""

    kind: Literal["PUT_BLOB"] = "PUT_BLOB"
    hash: Hash
    size: Count
    offset: Count
    data: Annotated[bytes, Field(max_length=PART_BYTES)]


class GetBlob(Message):
    """A part of a blob: answered with ``{"size": bytes, "data": bytes}``."""

    kind: Literal["GET_BLOB"] = "GET_BLOB"
    hash: Hash
    offset: Count


class Submit(Message):
    """A job; ``submission`` is the client's own id for it, so that sending it twice submits it once.

    Answered with ``{"job": id, "state": …, "cached": …}`` once the job is on disk.
    """

    kind: Literal["SUBMIT"] = "SUBMIT"
    submission: Annotated[str, Field(min_length=8, max_length=100)]
    job: dict[str, Any]
    data: dict[Annotated[str, Field(max_length=4096)], Hash]
    """Files by the names that the job's ``data.files`` stand for."""
    strategy: dict[Annotated[str, Field(max_length=4096)], Hash] = {}
    """The strategy's own file and the files beside it that it imports; empty for a built-in."""
    fresh: bool = False


class Jobs(Message):
    """The latest jobs, newest first."""

    kind: Literal["JOBS"] = "JOBS"
    limit: Annotated[int, Field(ge=1, le=10_000)] = 50


class Show(Message):
    """One job with its attempts, progress and, when it has ended, its result."""

    kind: Literal["SHOW"] = "SHOW"
    job: Name
    wait_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Answer later, but within this time, if the job has not ended yet."""


class Cancel(Message):
    """End a job that has not ended."""

    kind: Literal["CANCEL"] = "CANCEL"
    job: Name


class Pause(Message):
    """Lease no more points of a sweep; those that are leased are still recorded."""

    kind: Literal["PAUSE"] = "PAUSE"
    job: Name


class Resume(Message):
    """Go on with a sweep that was paused."""

    kind: Literal["RESUME"] = "RESUME"
    job: Name


class Status(Message):
    """Who is there: the members by role, and how many jobs are queued, running and ended."""

    kind: Literal["STATUS"] = "STATUS"
