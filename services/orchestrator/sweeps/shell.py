"""The shell of sweeps: what workers say becomes what is decided and kept, and the leases that follow.

Actions are carried out in order: first all results of a burst of messages go to disk together, then leases and answers
go out. A disk that takes no more holds all of this up until it does; nothing is acknowledged before it is kept. Leases
of points that follow from no result go out before, unless the disk has taken no more: its worker computes meanwhile.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgpack

from backbus.errors import StackError
from backbus.job.job import Job
from backbus.services.orchestrator.orders import Outbox
from backbus.services.orchestrator.recent_events import with_events
from backbus.services.orchestrator.results import require_complete
from backbus.services.orchestrator.store import Store
from backbus.services.orchestrator.submission import told_of
from backbus.services.orchestrator.sweeps import events as ev
from backbus.services.orchestrator.sweeps import rules
from backbus.services.orchestrator.sweeps.state import SweepsState
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport.blobs import BlobFolder

ROLE = "optimizer"
RETRY_S = 0.5
"""How soon a disk that took no more is tried again."""

Send = Callable[[bytes, c.Message], None]
Messages = (
    c.Want | c.GetInputs | c.GetChunks | c.GetPoints | c.Total | c.PutChunk | c.PutPoints | c.PutTable | c.LeaseFault
)
KINDS = (c.Want, c.GetInputs, c.GetChunks, c.GetPoints, c.Total, c.PutChunk, c.PutPoints, c.PutTable, c.LeaseFault)


class Sweeps:
    """Sweeps and workers of one orchestrator. ``over`` hears of each sweep that has ended."""

    def __init__(
        self,
        store: Store,
        blobs: BlobFolder,
        settings: Settings,
        epoch: int,
        outbox: Outbox,
        send: Send,
        over: Callable[[str], None],
        log: Any,
    ) -> None:
        self._store, self._blobs, self._epoch = store, blobs, epoch
        self._outbox, self._send, self._over, self._log = outbox, send, over, log
        self._state = SweepsState(dead_s=settings.dead_s, lease_s=settings.lease_s)
        self._hosts: dict[str, tuple[str, int]] = {}
        self._families: dict[str, str] = {}
        self._results: list[ev.RecordChunk | ev.RecordPoints] = []
        self._actions: deque[ev.SweepAction] = deque()
        self._answers: list[tuple[bytes, c.Message]] = []
        self._retry_at = 0.0
        self._held_up = False
        """Whether the disk took no more when it was last tried."""

    # --- sweeps ----------------------------------------------------------------------------------------------------

    def take_up(self, row: dict[str, Any], job: Job) -> None:
        """Have a sweep of the store worked on, from what is recorded of it on."""
        assert job.sweep is not None
        chunks = self._store.chunks(row["id"])
        best = None
        for chunk in chunks:
            best = rules.better(best, chunk.best)
        known = None
        if job.sweep.method == "adaptive":
            known = max((stop for _, stop, _ in self._store.rounds(row["id"])), default=0)
        self._families[row["id"]] = row["family"]
        self._decide(
            ev.SweepSubmitted(
                row["id"],
                row["points"],
                job.sweep.priority,
                job.run.max_attempts,
                tuple((chunk.first, chunk.stop) for chunk in chunks),
                known,
                sum(chunk.failed for chunk in chunks),
                best,
                row["paused"],
            )
        )

    def cancel(self, job: str) -> None:
        """End a sweep."""
        self._decide(ev.SweepCancelled(job))
        self.settle()

    def pause(self, job: str, paused: bool) -> None:
        """Lease no more of a sweep, or go on with it."""
        self._store.pause(job, paused)
        self._decide(ev.SweepPaused(job) if paused else ev.SweepResumed(job))
        self.settle()

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """How far a sweep is, and what it waits for, as ``SHOW`` tells it."""
        sweep = self._state.sweeps.get(row["id"])
        if sweep is None:
            return {}
        shown = {"progress": {**rules.progress(sweep, time.monotonic()), "workers": len(sweep.leased)}}
        if sweep.leased or sweep.paused:
            return shown
        return {**shown, "waits_for": ["its turn"] if self._state.workers else [ROLE]}

    # --- workers ---------------------------------------------------------------------------------------------------

    def members(self) -> list[dict[str, Any]]:
        """The workers, as ``STATUS`` shows them."""
        self._hosts = {name: where for name, where in self._hosts.items() if name in self._state.workers}
        held = self._state.held
        return [
            {
                "role": ROLE,
                "instance": name,
                "host": host,
                "pid": pid,
                "state": "running" if name in held else "idle",
                "job": held[name].job if name in held else None,
            }
            for name, (host, pid) in sorted(self._hosts.items())
        ]

    @property
    def backlog(self) -> int:
        """Results that wait for room on the disk."""
        return len(self._results)

    def join(self, hello: c.Hello) -> None:
        """A worker said HELLO."""
        self._hosts[hello.instance] = hello.host, hello.pid
        self._decide(ev.WorkerJoined(hello.instance))

    def heartbeat(self, beat: c.Heartbeat) -> dict[str, Any] | None:
        """The answer to a worker's heartbeat; None where it is no worker's."""
        if beat.instance not in self._state.workers:
            return None
        self._decide(ev.WorkerHeartbeat(beat.instance, beat.rows))
        over = beat.run is not None and not rules.holds(self._state, beat.instance, beat.run, beat.attempt)
        return {"epoch": self._epoch, "known": True, "abandon": over}

    def take(self, sender: bytes, message: Messages) -> None:
        """Take a worker's message; it is answered when all that it brought is kept."""
        value: Any = None
        match message:
            case c.Want():
                self._decide(ev.LeaseWanted(message.instance, tuple(message.prepared)))
            case c.GetInputs():
                value = self._inputs(message.job)
            case c.GetChunks():
                value = {"chunks": self._store.results(message.job, message.first, c.PART_BYTES)}
            case c.GetPoints():
                rounds = self._store.rounds(message.job, message.first)
                value = {"rounds": [(first, stop, msgpack.unpackb(points)) for first, stop, points in rounds]}
            case c.PutChunk():
                best = None
                if message.best_point is not None and message.best_score is not None:
                    best = ev.BestPoint(message.best_score, message.best_point)
                self._decide(
                    ev.ChunkComputed(
                        message.instance,
                        message.job,
                        message.first,
                        message.stop,
                        message.seconds,
                        message.failed,
                        best,
                        message.result,
                    )
                )
                if message.prepared is not None:
                    self._decide(ev.LeaseWanted(message.instance, tuple(message.prepared)))
            case c.Total():
                self._decide(ev.PointsCounted(message.instance, message.job, message.points))
            case c.PutPoints():
                stop = message.first + len(message.points)
                values = msgpack.packb(message.points)
                self._decide(ev.PointsProposed(message.instance, message.job, message.first, stop, values))
            case c.PutTable():
                require_complete(self._blobs, message.report, message.artifacts)
                self._decide(ev.SweepReported(message.instance, message.job, message.report, message.artifacts))
            case c.LeaseFault():
                self._log.warning("a lease ended in a fault", instance=message.instance, error=message.message)
                self._decide(
                    ev.LeaseFaulted(message.instance, message.number, message.fatal, message.message, message.traceback)
                )
        self._answers.append((sender, c.Ok(id=message.id, value=value)))

    def _inputs(self, job: str) -> dict[str, Any]:
        row = self._store.job(job)
        if row is None:
            raise StackError(f"there is no job {job!r}")
        return {name: row[name] for name in ("job", "data", "strategy")}

    # --- decisions and actions -------------------------------------------------------------------------------------

    def look(self) -> None:
        """Time has passed."""
        self._decide(ev.SweepsClock())
        self.settle()

    def _decide(self, event: ev.SweepEvent) -> None:
        for action in rules.decide(self._state, event, time.monotonic()):
            if isinstance(action, ev.RecordChunk | ev.RecordPoints):
                self._results.append(action)
            elif isinstance(action, ev.GiveLease) and self._is_known(action.lease):
                self._give(action.lease)
            else:
                self._actions.append(action)

    def _is_known(self, lease: ev.GivenLease) -> bool:
        """Whether a lease follows from nothing that is on its way to the disk: its worker need not wait for that."""
        return lease.kind == "points" and not self._state.sweeps[lease.job].follow and not self._held_up

    def settle(self) -> None:
        """Keep what came, then do what follows, then answer; what a full disk holds up is tried again."""
        if time.monotonic() < self._retry_at:
            return
        try:
            if self._results:
                self._store.keep(self._results)
                self._results = []
            while self._actions:
                self._carry_out(self._actions[0])
                self._actions.popleft()
        except sqlite3.OperationalError as error:
            self._log.error("the store takes nothing; trying again", error=str(error), waiting=len(self._results))
            self._retry_at, self._held_up = time.monotonic() + RETRY_S, True
            return
        self._held_up = False
        answers, self._answers = self._answers, []
        for receiver, message in answers:
            self._send(receiver, message)

    def _carry_out(self, action: ev.SweepAction) -> None:
        match action:
            case ev.BeginSweep(job):
                self._store.begin_sweep(job)
                self._log.info("sweep begins", job=job)
            case ev.GiveLease(lease):
                self._give(lease)
            case ev.SizeSweep(job, points):
                self._store.size(job, points)
            case ev.CommitSweep(job, report, artifacts):
                self._store.end_sweep(job, report, artifacts)
                self._log.info("done", job=job, table=report.get("table_sha256"))
                self._over(job)
            case ev.FailSweep(job, message, traceback, events):
                self._store.fail(job, with_events(message, events), traceback)
                self._log.error("failed", job=job, error=message)
                self._over(job)
            case ev.DropSweep(job):
                self._store.cancel(job)
                self._over(job)

    def _give(self, lease: ev.GivenLease) -> None:
        if not rules.holds(self._state, lease.instance, lease.job, lease.number):
            return  # over before it could be told
        points = None
        if lease.kind == "points" and self._state.sweeps[lease.job].follow:
            points = self._points(lease)
        trials, since = self._store.trials(self._families[lease.job]) if lease.kind == "finish" else (0, "")
        order = c.Lease(
            epoch=self._epoch,
            number=lease.number,
            job=lease.job,
            work=lease.kind,
            first=lease.first,
            stop=lease.stop,
            points=points,
            trials=trials,
            told=told_of(self._families[lease.job], trials, since) if trials else "",
        )
        self._outbox.give_once(lease.instance, order)

    def _points(self, lease: ev.GivenLease) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = []
        for first, _, packed in self._store.rounds(lease.job, lease.first):
            if first >= lease.stop:
                break
            found += msgpack.unpackb(packed)[max(lease.first - first, 0) : lease.stop - first]
        return found or None
