"""The shell around a handler: sockets, time and process life; the handler inside has none of these.

A member says HELLO, sends heartbeats, and waits. ASSIGN: it fetches the job's inputs, prepares, subscribes, and loops
its probe through the broker until it hears it; then READY. START: it makes the handler and feeds it what arrives on the
bus. When the handler is done it says END with what it saw of each stream, and goes on repeating its high-water marks
until RELEASE, because another member may still miss the last message.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import time
import traceback
from collections.abc import Iterable
from typing import Any

import zmq

from backbus.errors import BackbusError, DataError, JobError, Mispredicted, ProtocolError, StackError, StrategyError
from backbus.job.job import Job
from backbus.loading import loading
from backbus.log import logger
from backbus.market.kept_sessions import keep_sessions
from backbus.market.panel import Layout
from backbus.settings import Settings
from backbus.streams import codec
from backbus.streams.admission import admit
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.attempt_memory import AttemptMemory
from backbus.transport.role import Assignment, Role, RunningHandler
from backbus.transport.session import Session
from backbus.transport.sockets import BUS_HIGH_WATER, connect, make_socket

BURST_S = 0.05
"""How long events are taken before the clock and the orchestrator are looked at again: a strategy that is merely slow
must not keep its member from hearing that the attempt is over."""
LOOK_EVERY_MS, IDLE_MS = 25, 250
"""How long is waited, at most, before clock and orchestrator are looked at: in a run, and before and after one."""
LARGE = 1 << 16
"""Bytes from which on a frame is worth not copying."""
PROBE_EVERY_S = 0.05
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 32 << 20
FATAL = (StrategyError, DataError, JobError)


class Member:
    """One process of a stack that works runs off, one at a time."""

    def __init__(self, role: Role, settings: Settings) -> None:
        self._role, self._settings = role, settings
        self._log = logger(role.name, settings)
        self._context: zmq.Context[Any] = zmq.Context()
        self._session = Session(self._context, settings, role.name, self._log)
        self._vitals = self._session.vitals
        self._pub = make_socket(self._context, zmq.PUB, high_water=BUS_HIGH_WATER)
        connect(self._pub, settings, settings.member_bus_in)
        self._sub = make_socket(self._context, zmq.SUB, high_water=BUS_HIGH_WATER)
        self._sub.setsockopt(zmq.RCVTIMEO, LOOK_EVERY_MS)
        connect(self._sub, settings, settings.member_bus_out)
        self._obeyed = (0, 0)
        """Epoch and number of the newest order; one that comes after it and is older is void."""
        self._topics: list[bytes] = []
        self._assign: Assignment | None = None
        self._layout: Layout | None = None
        self._handler: RunningHandler | None = None
        self._memory = AttemptMemory(role, self._log, wanted=settings.shared_memory)
        self._ended = False
        self._sent_at: dict[Kind, float] = {}
        self._progress: Event | None = None
        self._stopping = self._waiting = False
        self._looked = 0.0
        """When clock and orchestrator were last looked at."""

    # --- life ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        started = time.monotonic()
        with loading():  # what is there now is there for good: no collection need walk through it
            self._role.warm()
        self._log.info("ready to serve", instance=self._session.instance, warm_s=round(time.monotonic() - started, 2))
        self._session.start()
        self._session.look()
        try:
            while not self._stopping:
                if self._handler is None:
                    # What the bus brings waits in its socket until there is a handler.
                    self._waiting = True
                    self._session.socket.poll(IDLE_MS)
                    self._waiting = False
                else:
                    self._work()
                self._hear_orchestrator()
                if time.monotonic() - self._looked >= LOOK_EVERY_MS / 1000:
                    self._look_around()
        except KeyboardInterrupt:
            pass
        finally:
            self._role.leave()
            self._session.close()
            for socket in (self._pub, self._sub):
                socket.close(0)
            self._context.term()

    def _look_around(self) -> None:
        """What does not have to happen at every message: epochs, repetitions, high-water marks."""
        self._looked = time.monotonic()
        if self._assign is not None and self._session.renewed:
            self._log.warning("another orchestrator is there: this attempt is over")
            self._forget()
        self._session.look()
        if self._handler is not None:
            self._repeat_high_water_marks(self._handler)

    def _stop(self, *_: object) -> None:
        if self._vitals.busy_since is not None or self._stopping or self._waiting:
            raise KeyboardInterrupt
        self._stopping = True

    # --- the orchestrator ------------------------------------------------------------------------------------------

    def _hear_orchestrator(self) -> None:
        for order in self._session.hear():
            match order:
                case c.Error(message=message):
                    if self._assign is not None and (self._handler is not None or not self._ended):
                        problem = StackError(f"the orchestrator refused what this member said: {message}")
                        self._fault(problem, self._assign.run, self._assign.attempt)
                case c.Assign() | c.Start() | c.Release():
                    self._session.tell(control_codec.pack(c.Ok(id=order.id)))
                    place = (order.epoch, control_codec.order_number(order.id))
                    if place > self._obeyed:
                        self._obeyed = place
                        self._obey(order)

    def _obey(self, order: c.Assign | c.Start | c.Release) -> None:
        same = self._assign is not None and self._assign.run == order.run and self._assign.attempt == order.attempt
        match order:
            case c.Assign() if not same:
                self._forget()
                self._take(order)
            case c.Start() if same and self._handler is None and not self._ended:
                self._begin(order.facts)
            case c.Release() if same:
                self._forget()

    # --- an attempt ------------------------------------------------------------------------------------------------

    def _take(self, order: c.Assign) -> None:
        self._vitals.run, self._vitals.attempt, self._vitals.rows = order.run, order.attempt, 0
        self._log.info("assigned", job=order.run, attempt=order.attempt)
        try:
            self._vitals.busy_since = time.monotonic()
            self._assign = Assignment(
                order.run, order.attempt, Job.parse(order.job), order.data, order.strategy, self._session.fetch,
                order.careful,
            )  # fmt: skip
            facts = {**self._role.prepare(self._assign), **self._memory.prepare()}
            self._vitals.busy_since = None
            self._subscribe(order.run, order.attempt)
        except Exception as error:
            self._fault(error, order.run, order.attempt)
            return
        finally:
            self._vitals.busy_since = None
        self._session.say(
            c.Ready(
                instance=self._session.instance,
                run=order.run,
                attempt=order.attempt,
                facts=facts,
                careful=self._role.careful,
                where=self._memory.where,
            )
        )

    def _subscribe(self, run: str, attempt: int) -> None:
        probe = codec.encode_probe(run, attempt, self._role.name)
        self._topics = [*(codec.topic(run, attempt, kind) for kind in self._role.hears), probe[0]]
        for name in self._topics:
            self._sub.setsockopt(zmq.SUBSCRIBE, name)
        deadline = time.monotonic() + 30.0
        while time.monotonic() < deadline:
            self._pub.send_multipart(probe)
            if not self._sub.poll(int(PROBE_EVERY_S * 1000)):
                continue
            if self._sub.recv_multipart()[0] == probe[0]:
                return
        place = self._settings.member_bus_out
        raise StackError(f"the broker at {place} did not bring back this member's own probe in 30 s")

    def _begin(self, facts: dict[str, Any]) -> None:
        assignment = self._assign
        assert assignment is not None
        try:
            self._layout = Layout.of(facts)
            self._memory.begin(assignment, facts)
            self._handler = self._role.build(assignment, self._layout, facts)
            self._sent_at = {}
            self._publish(self._handler.start())
        except Exception as error:
            self._fault(error, assignment.run, assignment.attempt)

    def _work(self) -> None:
        """Wait for events, for a moment at most, and take what comes."""
        assignment, handler = self._assign, self._handler
        assert assignment is not None and handler is not None
        flags = 0
        if self._role.linger_s > 0 and not handler.done:
            # Nobody waits for this role's answer: let more arrive and take it all at once.
            if not self._sub.poll(LOOK_EVERY_MS):
                return
            self._session.socket.poll(int(self._role.linger_s * 1000))
            flags = zmq.NOBLOCK
        until = time.monotonic() + BURST_S
        try:
            # A blocking receive (RCVTIMEO) and no poll: a wake-up costs more than all that is done in it.
            while time.monotonic() < until:
                try:
                    frames = self._receive(flags)
                except zmq.Again:
                    break
                self._one(frames, assignment, handler)
                if self._handler is not handler:
                    return
                if handler.done and not self._ended:
                    break
            self._role.after(handler)
            if handler.done and not self._ended:
                self._finish(assignment, handler)
        except Exception as error:
            self._fault(error, assignment.run, assignment.attempt)

    def _receive(self, flags: int) -> list[bytes | memoryview]:
        """The frames of a message; a large one where the socket left it, because decoding copies it anyway."""
        frames: list[bytes | memoryview] = [self._sub.recv(flags)]
        more = self._sub.getsockopt(zmq.RCVMORE)
        while more:
            frame = self._sub.recv(flags, copy=False)
            frames.append(frame.bytes if len(frame) < LARGE else frame.buffer)
            more = frame.more
        return frames

    def _one(self, frames: list[bytes | memoryview], assignment: Assignment, handler: RunningHandler) -> None:
        try:
            envelope, event = codec.decode(frames, self._memory.borrowed)
            if event is None or envelope.attempt != assignment.attempt or envelope.run != assignment.run:
                return
            assert self._layout is not None
            admit(event, self._layout)
        except ProtocolError as error:
            self._session.count_unreadable(error)
            return
        self._vitals.busy_since = time.monotonic()
        try:
            self._publish(handler.receive(event))
        finally:
            self._vitals.busy_since = None
        if self._handler is handler:
            self._vitals.rows = handler.rows_done

    def _publish(self, events: Iterable[Event]) -> None:
        """Send what a handler says as it says it. Between two events the orchestrator is heard, where it is time: what
        follows from one event may take long."""
        assignment = self._assign
        assert assignment is not None
        for event in events:
            topic, message = codec.encode(event, assignment.run, assignment.attempt, self._memory.place(event))
            self._pub.send(topic, zmq.SNDMORE)
            self._pub.send(message)
            self._sent_at[event.kind] = time.monotonic()
            if event.kind is Kind.PROGRESS:
                self._progress = event
            if self._vitals.busy_since is not None and not self._go_on():
                return

    def _go_on(self) -> bool:
        """Between two events of one handler: whether it is still wanted. No high-water mark is repeated here, since a
        handler may have written more than is sent."""
        handler, now = self._handler, time.monotonic()
        self._vitals.busy_since = now
        if handler is not None and now - self._looked >= LOOK_EVERY_MS / 1000:
            self._vitals.rows, self._looked = handler.rows_done, now
            self._session.look()
            self._hear_orchestrator()
        return self._handler is handler

    def _repeat_high_water_marks(self, handler: RunningHandler) -> None:
        now = time.monotonic()
        marks: list[Event] = [
            writer.high_water_mark()
            for kind, writer in handler.writers.items()
            if now - self._sent_at.get(kind, 0.0) >= self._settings.high_mark_s
        ]
        if self._progress is not None and now - self._sent_at[Kind.PROGRESS] >= self._settings.high_mark_s:
            marks.append(self._progress)
        self._publish(marks)

    def _finish(self, assignment: Assignment, handler: RunningHandler) -> None:
        self._ended = True
        result = self._role.finish(handler, self._session.requester)
        if result is not None:
            report, artifacts = result
            self._session.say(
                c.PutReport(
                    instance=self._session.instance,
                    run=assignment.run,
                    attempt=assignment.attempt,
                    report=report,
                    artifacts=artifacts,
                )
            )
        ends = [
            c.StreamEnd(kind=kind, written=written, records=stream.digest.records, digest=stream.digest.value())
            for written, streams in ((True, handler.writers), (False, handler.readers), (False, handler.vouched))
            for kind, stream in streams.items()
        ]
        self._session.say(
            c.End(instance=self._session.instance, run=assignment.run, attempt=assignment.attempt, streams=ends)
        )

    def _fault(self, error: Exception, run: str, attempt: int) -> None:
        ours = isinstance(error, BackbusError)
        text = getattr(error, "traceback", None) if ours else "".join(traceback.format_exception(error))
        self._log.error("the attempt cannot go on", job=run, attempt=attempt, error=str(error), traceback=text)
        self._handler = None
        self._ended = True
        self._session.say(
            c.Fault(
                instance=self._session.instance,
                run=run,
                attempt=attempt,
                fatal=isinstance(error, FATAL),
                cause="mispredicted" if isinstance(error, Mispredicted) else "error",
                message=str(error) if ours else f"{type(error).__name__}: {error}",
                traceback=text,
            )
        )

    def _forget(self) -> None:
        for name in self._topics:
            self._sub.setsockopt(zmq.UNSUBSCRIBE, name)
        self._topics = []
        if self._assign is not None:
            self._role.leave()
        self._memory.forget()
        self._assign = self._layout = self._handler = self._progress = None
        self._ended = False
        self._session.forget()
        self._vitals.run, self._vitals.attempt, self._vitals.rows = None, 0, 0
        while True:
            try:
                self._sub.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed: a block is half a megabyte, and new pages for each cost as much as copying it."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def serve(role: Role, settings: Settings | None = None) -> None:
    """Run a role as this process."""
    _keep_freed_memory()
    keep_sessions()
    Member(role, settings or Settings(key_name="service")).run()
