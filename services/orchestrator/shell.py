"""The orchestrator's shell: one ROUTER socket, one store, one clock; what to do is decided by the scheduler."""

from __future__ import annotations

import hashlib
import json
import signal
import time
from dataclasses import dataclass
from typing import Any

import zmq

from backbus.data import Catalog
from backbus.errors import BackbusError, JobError, ProtocolError, StackError
from backbus.jit.sources import identity
from backbus.job.job import Job
from backbus.log import logger
from backbus.services.orchestrator import fleet
from backbus.services.orchestrator import scheduler as s
from backbus.services.orchestrator.store import ENDED, Store
from backbus.settings import Settings
from backbus.streams.topology import READERS, SOURCES
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.blobs import BlobFolder
from backbus.transport.curve import Gate
from backbus.transport.sockets import CONTROL_HIGH_WATER, bind, make_socket

POLL_MS = 50
REPEAT_S = 0.5
REFRESH_S = 1.0
"""How soon a new key is let in."""


@dataclass
class Unheard:
    """An order that its member has not acknowledged yet."""

    instance: str
    frame: bytes
    sent_at: float


@dataclass
class Asking:
    """A client that waits for a job to end."""

    identity: bytes
    request: str
    until: float


class Orchestrator:
    """Serves members and clients until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = logger("orchestrator", settings)
        self._store = Store(settings.state / "orchestrator.sqlite")
        self._blobs = BlobFolder(settings.state / "blobs")
        self._epoch = self._store.begin_epoch()
        self._state = s.State(dead_s=settings.dead_s, backoff_s=settings.backoff_s)
        self._context: zmq.Context[Any] = zmq.Context()
        self._gate = Gate(self._context, settings)
        self._router = make_socket(self._context, zmq.ROUTER, high_water=CONTROL_HIGH_WATER)
        bind(self._router, settings, settings.orchestrator_bind or settings.orchestrator)
        self._fleet = fleet.Fleet(self._store, self._blobs, settings, self._epoch, self._send, self._over, self._log)
        self._outbox: dict[str, Unheard] = {}
        self._asking: dict[str, list[Asking]] = {}
        self._orders = 0
        self._unreadable = 0
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for job in self._store.unfinished():
            try:
                spec = Job.parse(job["job"])
            except JobError as error:
                self._store.fail(job["id"], f"this version of backbus does not read the job any more: {error}", None)
                continue
            self._take(job, spec, job["attempts"])
        self._log.info("serving", address=self._settings.orchestrator, epoch=self._epoch)
        looked = refreshed = 0.0
        try:
            while not self._stopping:
                if self._router.poll(POLL_MS):
                    self._take_messages()
                    self._fleet.settle()
                now = time.monotonic()
                if now - looked >= POLL_MS / 1000:
                    looked = now
                    self._decide(s.Clock())
                    self._fleet.look()
                    if now - refreshed >= REFRESH_S:
                        refreshed = now
                        self._gate.refresh()
                    self._repeat(now)
                    self._answer_late(now)
        finally:
            self._router.close(0)
            self._gate.close()
            self._context.term()
            self._store.close()

    def _take(self, row: dict[str, Any], job: Job, attempts: int) -> None:
        """Have a job of the store worked on."""
        if row["points"] is not None:
            self._fleet.carry_on(row, job)
        else:
            self._decide(s.Submitted(row["id"], attempts, job.run.max_attempts, job.run.stall_s, source_of(job)))

    def _stop(self, *_: object) -> None:
        self._stopping = True

    # --- messages --------------------------------------------------------------------------------------------------

    def _take_messages(self) -> None:
        for _ in range(1000):
            try:
                frames = self._router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(frames) != 2:
                self._count_unreadable(ProtocolError(f"2 frames expected, {len(frames)} found"))
                continue
            sender, frame = frames
            try:
                request = control_codec.read_request(frame)
            except ProtocolError as error:
                self._count_unreadable(error)
                self._send(sender, c.Error(id=control_codec.id_of(frame), message=str(error)))
                continue
            if isinstance(request, c.Ok | c.Error):
                self._outbox.pop(request.id, None)
                continue
            try:
                self._answer(sender, request)
            except BackbusError as error:
                usage = not isinstance(error, StackError)
                self._send(sender, c.Error(id=request.id, message=str(error), usage=usage))
            except Exception as error:
                self._log.error("a request failed", kind=request.kind, exc_info=error)
                message = f"the orchestrator could not do this: {type(error).__name__}: {error}"
                self._send(sender, c.Error(id=request.id, message=message, usage=False))

    def _answer(self, sender: bytes, request: Any) -> None:
        if isinstance(request, fleet.KINDS):
            self._fleet.take(sender, request)
            return
        value: Any = None
        match request:
            case c.Hello():
                if request.version != identity():
                    raise StackError(f"its version {request.version} is not the orchestrator's ({identity()})")
                if request.role == fleet.ROLE:
                    self._fleet.join(request)
                else:
                    self._decide(s.Joined(request.instance, request.role, request.host, request.pid))
                value = {"epoch": self._epoch}
            case c.Heartbeat():
                value = self._beat(request)
            case c.Ready():
                self._decide(s.WasReady(request.instance, request.run, request.attempt, request.facts))
            case c.End():
                self._decide(s.Ended(request.instance, request.run, request.attempt, request.streams))
            case c.PutReport():
                missing = [h for h in request.artifacts.values() if not self._blobs.has(h)]
                if missing:
                    raise StackError(f"artifacts are missing: {missing}")
                try:
                    json.dumps(request.report)
                except (TypeError, ValueError) as error:
                    raise StackError(f"the report cannot be kept: {error}") from None
                self._decide(
                    s.Reported(request.instance, request.run, request.attempt, request.report, request.artifacts)
                )
            case c.Fault():
                self._decide(
                    s.Faulted(
                        request.instance,
                        request.run,
                        request.attempt,
                        request.fatal,
                        request.message,
                        request.traceback,
                    )
                )
            case c.HaveBlobs():
                value = {"missing": [h for h in dict.fromkeys(request.hashes) if not self._blobs.has(h)]}
            case c.PutBlob():
                received = self._blobs.receive(request.hash, request.size, request.offset, request.data)
                value = {"received": received}
            case c.GetBlob():
                size, data = self._blobs.read(request.hash, request.offset, c.PART_BYTES)
                value = {"size": size, "data": data}
            case c.Submit():
                value = self._submit(request)
            case c.Jobs():
                value = {"jobs": self._store.latest(request.limit)}
            case c.Show():
                value = self._show(request.job)
                if request.wait_s > 0 and value["state"] not in ENDED:
                    until = time.monotonic() + request.wait_s
                    self._asking.setdefault(value["job"], []).append(Asking(sender, request.id, until))
                    return
            case c.Cancel():
                value = self._cancel(request.job)
            case c.Pause() | c.Resume():
                value = self._pause(request.job, request.kind == "PAUSE")
            case c.Status():
                value = self._status()
        self._send(sender, c.Ok(id=request.id, value=value))

    def _send(self, receiver: bytes, message: c.Message) -> None:
        try:
            self._router.send_multipart([receiver, control_codec.pack(message)], zmq.NOBLOCK)
        except zmq.Again:
            self._log.warning("a peer does not read its answers; one was dropped", peer=receiver.hex())

    def _order(self, instance: str, message: c.Message) -> None:
        self._orders += 1
        message = message.model_copy(update={"id": control_codec.order_name(self._epoch, self._orders)})
        frame = control_codec.pack(message)
        # A member's newest order voids those before it: repeating an old ASSIGN would tear it out of its new attempt.
        self._outbox = {name: one for name, one in self._outbox.items() if one.instance != instance}
        self._outbox[message.id] = Unheard(instance, frame, time.monotonic())
        self._router.send_multipart([instance.encode(), frame])

    def _repeat(self, now: float) -> None:
        for name, unheard in list(self._outbox.items()):
            if unheard.instance not in self._state.members:
                del self._outbox[name]
            elif now - unheard.sent_at > REPEAT_S:
                unheard.sent_at = now
                self._router.send_multipart([unheard.instance.encode(), unheard.frame])

    def _count_unreadable(self, error: ProtocolError) -> None:
        self._unreadable += 1
        if self._unreadable <= 10 or self._unreadable % 1000 == 0:
            self._log.warning("message dropped", error=str(error), dropped=self._unreadable)

    def _beat(self, beat: c.Heartbeat) -> dict[str, Any]:
        value = self._fleet.beat(beat)
        if value is not None:
            return value
        self._decide(s.Beaten(beat.instance, beat.run, beat.attempt, beat.rows, beat.busy_s, beat.where))
        current = self._state.running.get(beat.run or "")
        over = beat.run is not None and (current is None or current[1].number != beat.attempt)
        return {"epoch": self._epoch, "known": beat.instance in self._state.members, "abandon": over}

    # --- jobs ------------------------------------------------------------------------------------------------------

    def _submit(self, request: c.Submit) -> dict[str, Any]:
        known = self._store.by_submission(request.submission)
        if known is not None:
            return {"job": known["id"], "state": known["state"], "cached": known["cached"]}
        job = Job.parse(request.job)
        data, fields = request.data, request.job
        if job.data.dataset is not None and not data:
            data = self._dataset(job.data.dataset)
            job = job.on_calendar(Catalog(self._settings.datasets).calendar(job.data.dataset))
            fields = job.plain()
        inputs = {**data, **{f"strategy/{name}": h for name, h in request.strategy.items()}}
        missing = [name for name, blob in inputs.items() if not self._blobs.has(blob)]
        if missing:
            raise StackError(f"inputs were not uploaded: {', '.join(missing[:5])}")
        if not data and job.reads_files:
            if job.data.query is not None:
                raise JobError("is run by the client that submits it, never here: upload its rows", field="data.query")
            raise JobError("a job needs prices; name files", field="data.files")
        points = fleet.points_of(job)
        key = job_key(job, data, request.strategy)
        answer = None if request.fresh else self._store.done_with_key(key)
        job_id = hashlib.blake2b(request.submission.encode(), digest_size=6).hexdigest()
        self._store.add(
            job_id=job_id,
            submission=request.submission,
            name=job.name,
            key=key,
            job=fields,
            data=data,
            strategy=request.strategy,
            answer=answer,
            points=points,
            family=family_of(job, data),
        )
        self._log.info("accepted", job=job_id, name=job.name, cached=answer is not None)
        if answer is None:
            row = self._store.job(job_id)
            assert row is not None
            self._take(row, job, 0)
        return {"job": job_id, "state": "queued" if answer is None else "done", "cached": answer is not None}

    def _dataset(self, dataset: str) -> dict[str, str]:
        """A dataset of this machine's catalog, for who submits a job with its name alone."""
        blobs = {}
        for name, path in Catalog(self._settings.datasets).file(dataset).items():
            blobs[name] = path.stem
            self._blobs.take(path.stem, path)
        return blobs

    def _known(self, name: str) -> str:
        found = self._store.find(name)
        if name in found:
            return name
        if len(found) != 1:
            problem = "several jobs' ids begin with" if found else "there is no job"
            raise JobError(f"{problem} {name!r}; backbus jobs lists them")
        return found[0]

    def _show(self, name: str) -> dict[str, Any]:
        job_id = self._known(name)
        job = self._store.job(job_id)
        assert job is not None
        shown: dict[str, Any] = {"job": job_id}
        for field in ("name", "state", "cached", "error", "traceback", "report", "artifacts", "created_at", "ended_at"):
            shown[field] = job[field]
        shown["attempts"] = job["attempts"]
        shown["points"], shown["paused"] = job["points"], job["paused"]
        if job["points"] is not None:
            return shown | self._fleet_shown(job_id)
        pair = self._state.running.get(job_id)
        if pair is not None:
            attempt = pair[1]
            shown["progress"] = {
                "attempt": attempt.number,
                "started": attempt.started,
                "rows": {role: attempt.rows.get(role, 0) for role in attempt.members},
                "of": attempt.facts.get("rows"),
            }
        elif job["state"] == "queued":
            roles = {m.role for m in self._state.members.values()}
            needed = (s.BROKER, source_of(Job.parse(job["job"])), *READERS)
            shown["waits_for"] = [role for role in needed if role not in roles] or ["its turn"]
        return shown

    def _fleet_shown(self, job_id: str) -> dict[str, Any]:
        progress = self._fleet.progress(job_id)
        if progress is None:
            return {}
        waits = [] if progress["workers"] else ["optimizer"] if not self._fleet.members() else ["its turn"]
        return {"progress": progress, **({"waits_for": waits} if waits and not progress["paused"] else {})}

    def _pause(self, name: str, paused: bool) -> dict[str, Any]:
        job_id = self._known(name)
        job = self._store.job(job_id)
        assert job is not None
        if job["points"] is None:
            raise JobError(f"{job_id} is a single run, and only sweeps can be paused; cancel it, or let it end")
        if job["state"] not in ENDED:
            self._fleet.pause(job_id, paused)
        return {"job": job_id, "state": job["state"], "paused": paused}

    def _cancel(self, name: str) -> dict[str, Any]:
        job_id = self._known(name)
        self._decide(s.Cancelled(job_id))
        self._fleet.cancel(job_id)
        job = self._store.job(job_id)
        assert job is not None
        return {"job": job_id, "state": job["state"]}

    def _status(self) -> dict[str, Any]:
        members = [
            {
                "role": m.role,
                "instance": m.instance,
                "host": m.host,
                "pid": m.pid,
                "state": "idle" if m.run is None else "running",
                "run": m.run,
            }
            for m in sorted(self._state.members.values(), key=lambda m: (m.role, m.instance))
        ] + self._fleet.members()
        return {
            "epoch": self._epoch,
            "version": identity(),
            "members": members,
            "jobs": self._store.counts(),
            "dropped_messages": self._unreadable,
            "held_up": self._fleet.held_up,
        }

    def _answer_late(self, now: float) -> None:
        for job_id, asking in list(self._asking.items()):
            if not asking:
                del self._asking[job_id]
                continue
            due = [a for a in asking if a.until <= now]
            if due:
                self._asking[job_id] = [a for a in asking if a.until > now]
                self._tell(due, job_id)

    def _tell(self, asking: list[Asking], job_id: str) -> None:
        value = self._show(job_id)
        for one in asking:
            self._send(one.identity, c.Ok(id=one.request, value=value))

    # --- decisions and deeds ---------------------------------------------------------------------------------------

    def _decide(self, event: s.Happening) -> None:
        for action in s.decide(self._state, event, time.monotonic()):
            self._carry_out(action)

    def _carry_out(self, action: s.Action) -> None:
        match action:
            case s.AssignTo(run, attempt, instances):
                self._store.begin_attempt(run, attempt)
                job = self._store.job(run)
                assert job is not None
                self._log.info("attempt begins", job=run, attempt=attempt)
                for instance in instances:
                    self._order(
                        instance,
                        c.Assign(
                            epoch=self._epoch,
                            run=run,
                            attempt=attempt,
                            job=job["job"],
                            data=job["data"],
                            strategy=job["strategy"],
                        ),
                    )
            case s.StartAll(run, attempt, instances, facts):
                for instance in instances:
                    self._order(instance, c.Start(epoch=self._epoch, run=run, attempt=attempt, facts=facts))
            case s.ReleaseAll(run, attempt, instances):
                for instance in instances:
                    self._order(instance, c.Release(epoch=self._epoch, run=run, attempt=attempt))
            case s.EndAttempt(run, attempt, reason):
                self._log.warning("attempt ended", job=run, attempt=attempt, reason=reason)
                self._store.end_attempt(run, attempt, reason)
            case s.Commit(run, attempt, report, artifacts):
                self._store.commit(run, attempt, report, artifacts)
                self._log.info("done", job=run, attempt=attempt, fingerprint=report.get("fingerprint"))
                self._over(run)
            case s.Fail(run, message, traceback):
                self._store.fail(run, message or self._reasons(run), traceback)
                self._log.error("failed", job=run, error=message)
                self._over(run)
            case s.Drop(run):
                self._store.cancel(run)
                self._over(run)

    def _reasons(self, run: str) -> str:
        job = self._store.job(run)
        assert job is not None
        tried = "; ".join(f"attempt {a['number']}: {a['reason']}" for a in job["attempts"])
        return f"no attempt succeeded. {tried}"

    def _over(self, run: str) -> None:
        self._tell(self._asking.pop(run, []), run)


def job_key(job: Job, data: dict[str, str], strategy: dict[str, str]) -> str:
    """What a result depends on, as a hash: everything but how the run is carried out."""
    plain = job.model_dump(mode="json", exclude={"run": True, "sweep": {"priority"}})
    axes = None if job.sweep is None else list(job.sweep.parameters)  # points are numbered in the file's order
    return _hash([plain, axes, sorted(data.items()), sorted(strategy.items()), identity()])


def family_of(job: Job, data: dict[str, str]) -> str:
    """What trials of one strategy on one set of data have in common, whatever their parameters and their code."""
    made = None if job.simulator is None else job.simulator.model_dump(mode="json")
    return _hash([job.strategy.use, sorted(data.items()), *([made] if made else [])])


def source_of(job: Job) -> str:
    """The role that a job's bars come from."""
    return SOURCES[job.simulator is not None]


def _hash(parts: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
