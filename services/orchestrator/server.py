"""The orchestrator as a server: one ROUTER socket, one store, one clock.

Each message goes to who knows about it: members' to the machine of runs, workers' to that of sweeps, clients' to their
requests. What none of them knows is refused; nothing that comes in ends this process.
"""

from __future__ import annotations

import signal
import time
from typing import Any

import zmq

from backbus.errors import BackbusError, JobError, ProtocolError, StackError
from backbus.jit.sources import identity
from backbus.job.job import Job
from backbus.log import logger
from backbus.services.orchestrator.orders import Outbox
from backbus.services.orchestrator.requests import Requests
from backbus.services.orchestrator.runs import shell as runs
from backbus.services.orchestrator.store import Store
from backbus.services.orchestrator.sweeps import shell as sweeps
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.blobs import BlobFolder
from backbus.transport.curve import Gate
from backbus.transport.sockets import CONTROL_HIGH_WATER, bind, make_socket

LINK = "link"
"""The id of an answer to nothing: who hears it passes it over."""
POLL_MS = 50
BURST = 1000
"""Messages that are taken before what they brought is kept and answered."""
REFRESH_S = 1.0
"""How soon a new key is let in."""


class Server:
    """Serves members and clients until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = log = logger("orchestrator", settings)
        self._store = store = Store(settings.state / "orchestrator.sqlite")
        self._blobs = blobs = BlobFolder(settings.state / "blobs")
        self._epoch = epoch = store.begin_epoch()
        self._context: zmq.Context[Any] = zmq.Context()
        self._gate = Gate(self._context, settings)
        self._router = make_socket(self._context, zmq.ROUTER, high_water=CONTROL_HIGH_WATER)
        bind(self._router, settings, settings.orchestrator_bind or settings.orchestrator)
        self._outbox = outbox = Outbox(epoch, self._post)
        self._runs = runs.Runs(store, blobs, settings, epoch, outbox, self._over, self._linked, log)
        self._sweeps = sweeps.Sweeps(store, blobs, settings, epoch, outbox, self._send, self._over, log)
        self._requests = Requests(store, blobs, settings, self._runs, self._sweeps, self._send, log)
        self._unreadable = 0
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._take_up_unfinished()
        self._log.info("serving", address=self._settings.orchestrator, epoch=self._epoch)
        looked = refreshed = 0.0
        try:
            while not self._stopping:
                if self._router.poll(POLL_MS):
                    self._take_messages()
                    self._sweeps.settle()
                now = time.monotonic()
                if now - looked >= POLL_MS / 1000:
                    looked = now
                    self._look(now)
                    if now - refreshed >= REFRESH_S:
                        refreshed = now
                        self._gate.refresh()
        finally:
            self._router.close(0)
            self._gate.close()
            self._context.term()
            self._store.close()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _take_up_unfinished(self) -> None:
        for row in self._store.unfinished():
            try:
                job = Job.parse(row["job"])
            except JobError as error:
                self._store.fail(row["id"], f"this version of backbus does not read the job any more: {error}", None)
                continue
            self._requests.take_up(row, job)

    def _look(self, now: float) -> None:
        """Time has passed."""
        self._runs.look()
        self._sweeps.look()
        self._outbox.repeat(now, self._runs.instances)
        self._requests.look(now)

    def _over(self, job: str) -> None:
        self._requests.over(job)

    # --- messages --------------------------------------------------------------------------------------------------

    def _take_messages(self) -> None:
        for _ in range(BURST):
            try:
                frames = self._router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(frames) != 2:
                self._count_unreadable(ProtocolError(f"2 frames expected, {len(frames)} found"))
                continue
            self._take(*frames)

    def _take(self, sender: bytes, frame: bytes) -> None:
        try:
            request = control_codec.read_request(frame)
        except ProtocolError as error:
            self._count_unreadable(error)
            self._send(sender, c.Error(id=control_codec.id_of(frame), message=str(error)))
            return
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
        value: Any = None
        match request:
            case c.Ok() | c.Error():
                self._outbox.heard(request.id)
                return
            case c.Hello():
                value = self._greet(request)
            case c.Heartbeat():
                value = self._sweeps.heartbeat(request) or self._runs.heartbeat(request)
            case c.HaveBlobs():
                value = {"missing": [blob for blob in dict.fromkeys(request.hashes) if not self._blobs.has(blob)]}
            case c.PutBlob():
                value = {"received": self._blobs.receive(request.hash, request.size, request.offset, request.data)}
            case c.GetBlob():
                size, data = self._blobs.read(request.hash, request.offset, c.PART_BYTES)
                value = {"size": size, "data": data}
            case c.Status():
                value = self._status()
            case _ if isinstance(request, runs.KINDS):
                self._runs.take(request)
            case _ if isinstance(request, sweeps.KINDS):
                self._sweeps.take(sender, request)
                return
            case _:
                self._requests.answer(sender, request)
                return
        self._send(sender, c.Ok(id=request.id, value=value))

    def _greet(self, hello: c.Hello) -> dict[str, Any]:
        if hello.version != identity():
            raise StackError(f"its version {hello.version} is not the orchestrator's ({identity()})")
        if hello.role == sweeps.ROLE:
            self._sweeps.join(hello)
        else:
            self._runs.join(hello)
        return {"epoch": self._epoch}

    def _status(self) -> dict[str, Any]:
        return {
            "epoch": self._epoch,
            "now": time.time(),
            "version": identity(),
            "members": self._runs.members() + self._sweeps.members(),
            "jobs": self._store.counts(),
            "dropped_messages": self._unreadable,
            "held_up": self._sweeps.backlog,
        }

    def _send(self, receiver: bytes, message: c.Message) -> None:
        self._post(receiver, control_codec.pack(message))

    def _post(self, receiver: bytes, frame: bytes) -> None:
        try:
            self._router.send_multipart([receiver, frame], zmq.NOBLOCK)
        except zmq.Again:
            self._log.warning("a peer does not read what it is sent; a message was dropped", peer=receiver.hex())

    def _linked(self, instance: str) -> bool:
        """Whether a member's connection is there: its process lives, though a call in it may hold the interpreter and
        with it the thread that beats. libzmq's own thread answers its heartbeats all the while."""
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            self._router.send_multipart([instance.encode(), control_codec.pack(c.Ok(id=LINK))], zmq.NOBLOCK)
        except zmq.Again:
            return True
        except zmq.ZMQError:
            return False
        finally:
            self._router.setsockopt(zmq.ROUTER_MANDATORY, 0)
        return True

    def _count_unreadable(self, error: ProtocolError) -> None:
        self._unreadable += 1
        if self._unreadable <= 10 or self._unreadable % 1000 == 0:
            self._log.warning("message dropped", error=str(error), dropped=self._unreadable)
