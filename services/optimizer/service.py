"""A worker of the fleet: wants a lease, has a watched child do what it asks, says what came of it, and wants the next.

It needs the orchestrator's address and a key, and nothing else: strategy and prices come from the orchestrator by their
hashes. What a strategy does to its child cannot hurt this process. It waits for the acknowledgement of a result while
it computes the next.
"""

from __future__ import annotations

import contextlib
import select
import signal
import time
import traceback
from typing import Any

import zmq

from backbus.errors import BackbusError, DataError, JobError, StackError, StrategyError
from backbus.log import logger
from backbus.services.optimizer.prepared_sweep import PreparedSweep
from backbus.settings import Settings
from backbus.sweep.outcome import best_of, worth
from backbus.sweep.trials import Family
from backbus.sweep.workers.chunk import Chunk
from backbus.sweep.workers.pool import LOOK_EVERY_S
from backbus.sweep.workers.wire import pack_chunk
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.session import Session

ROLE = "optimizer"
WANT_EVERY_S = 1.0
UNHEARD = 1
"""Results that may wait for their acknowledgement while more is computed."""
KEPT = 2
"""Sweeps that children are kept for: preparing one takes seconds, keeping one takes memory."""
IDLE_LOOK_S = 0.25
"""How often it is looked around without a lease."""
IDLE_S = 60.0
"""A child without a lease for so long is let go."""
FATAL = (StrategyError, DataError, JobError)


class Optimizer:
    """One worker and its children."""

    def __init__(self, settings: Settings) -> None:
        self._log = logger(ROLE, settings)
        self._context: zmq.Context[Any] = zmq.Context()
        self._session = Session(self._context, settings, ROLE, self._log)
        self._kept: list[PreparedSweep] = []
        """The one in use last is the last."""
        self._lease: c.Lease | None = None
        self._began = 0.0
        self._wanted_at = 0.0
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._session.start()
        self._log.info("ready to serve", instance=self._session.instance)
        try:
            while not self._stopping:
                self._wait()
                for order in self._session.hear():
                    match order:
                        case c.Lease():
                            self._take(order)
                        case c.Error(message=message):
                            self._fault(StackError(f"the orchestrator refused a result: {message}"))
                self._work()
                self._look()
        finally:
            for sweep in self._kept:
                sweep.close()
            self._session.close()
            self._context.term()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _wait(self) -> None:
        poller = zmq.Poller()
        poller.register(self._session.socket, zmq.POLLIN)
        if self._lease is not None:
            poller.register(self._kept[-1].fileno(), zmq.POLLIN)
        with contextlib.suppress(InterruptedError, select.error):
            poller.poll(int(1000 * (IDLE_LOOK_S if self._lease is None else LOOK_EVERY_S)))

    def _look(self) -> None:
        vitals, session = self._session.vitals, self._session
        session.look()
        if self._lease is not None:
            vitals.rows += 1
            if vitals.abandoned == (self._lease.job, self._lease.number) or session.renewed:
                self._log.warning("the lease is lost", job=self._lease.job, number=self._lease.number)
                self._kept[-1].abandon()
                self._let_go()
            return
        now = time.monotonic()
        if session.epoch is not None and session.unheard <= UNHEARD and now - self._wanted_at > WANT_EVERY_S:
            self._want()
        for sweep in [each for each in self._kept if now - each.used_at > IDLE_S]:
            self._drop(sweep)

    def _want(self) -> None:
        self._wanted_at = time.monotonic()
        self._session.tell(control_codec.pack(c.Want(instance=self._session.instance, prepared=self._prepared_for)))

    @property
    def _prepared_for(self) -> list[str]:
        return [sweep.name for sweep in self._kept]

    # --- a lease ---------------------------------------------------------------------------------------------------

    def _take(self, lease: c.Lease) -> None:
        if self._lease is not None:
            if self._lease.number == lease.number:
                return
            self._kept[-1].abandon()
        self._lease, self._began = lease, time.monotonic()
        vitals = self._session.vitals
        # Another orchestrator counts its leases anew, and this one may have the number of a lost one.
        vitals.abandoned = None
        vitals.rows, vitals.attempt, vitals.run = 0, lease.number, lease.job
        try:
            sweep = self._prepared(lease.job)
            match lease.work:
                case "points":
                    sweep.compute(lease.first, lease.stop, lease.points)
                case "count" | "ask":
                    pass  # when the child has looked at the data
                case "finish":
                    sweep.finish(self._session.requester, lease.stop, Family(lease.trials, lease.told))
        except Exception as error:
            self._fault(error)

    def _prepared(self, job: str) -> PreparedSweep:
        for sweep in self._kept:
            if sweep.name == job:
                self._kept.remove(sweep)
                self._kept.append(sweep)
                return sweep
        while len(self._kept) >= KEPT:
            self._drop(self._kept[0])
        inputs = self._session.requester.ask(c.GetInputs(job=job))
        self._kept.append(PreparedSweep(job, inputs, self._session.fetch))
        self._log.info("preparing", job=job)
        return self._kept[-1]

    def _drop(self, sweep: PreparedSweep) -> None:
        self._kept.remove(sweep)
        sweep.close()

    def _work(self) -> None:
        lease = self._lease
        if lease is None:
            return
        sweep = self._kept[-1]
        try:
            chunk = sweep.work()
            if lease.work == "count":
                if sweep.search is not None:
                    self._say(c.Total(instance=self._session.instance, job=lease.job, points=len(sweep.search)))
            elif lease.work == "ask":
                if sweep.search is not None:
                    points = sweep.ask(self._session.requester, lease.first)
                    self._say(
                        c.PutPoints(instance=self._session.instance, job=lease.job, first=lease.first, points=points)
                    )
            elif chunk is not None:
                self._say_chunk(lease, sweep, chunk)
            elif sweep.finished:
                report, artifacts = sweep.upload(self._session.requester)
                self._session.say(
                    c.PutTable(instance=self._session.instance, job=lease.job, report=report, artifacts=artifacts)
                )
                self._drop(sweep)
                self._done()
        except Exception as error:
            self._fault(error)

    def _say(self, message: c.Message) -> None:
        self._session.say(message)
        self._done()

    def _say_chunk(self, lease: c.Lease, sweep: PreparedSweep, chunk: Chunk) -> None:
        goal = sweep.goal
        best = best_of(chunk.figures, goal)
        wants = self._session.unheard < UNHEARD
        self._session.say(
            c.PutChunk(
                instance=self._session.instance,
                job=lease.job,
                first=lease.first,
                stop=lease.stop,
                seconds=time.monotonic() - self._began,
                failed=len(chunk.failures),
                best_point=None if best is None else lease.first + best,
                best_score=None if best is None else float(worth(chunk.figures, goal)[best]),
                result=pack_chunk(chunk),
                prepared=self._prepared_for if wants else None,
            )
        )
        self._let_go()
        if wants:
            self._wanted_at = time.monotonic()

    def _fault(self, error: Exception) -> None:
        """The lease cannot be done here; who is prepared for it begins anew."""
        lease = self._lease
        if lease is None:
            return
        ours = isinstance(error, BackbusError)
        text = getattr(error, "traceback", None) if ours else "".join(traceback.format_exception(error))
        self._log.error(
            "the lease cannot be done", job=lease.job, number=lease.number, error=str(error), traceback=text
        )
        for sweep in [each for each in self._kept if each.name == lease.job]:
            self._drop(sweep)
        self._session.say(
            c.LeaseFault(
                instance=self._session.instance,
                number=lease.number,
                fatal=isinstance(error, FATAL),
                message=str(error) if ours else f"{type(error).__name__}: {error}",
                traceback=text,
            )
        )
        self._done()

    def _done(self) -> None:
        """The lease is over: at once for the next, unless too much waits to be heard."""
        self._let_go()
        if self._session.unheard <= UNHEARD:
            self._want()

    def _let_go(self) -> None:
        if self._kept:
            self._kept[-1].used_at = time.monotonic()
        self._lease = None
        vitals = self._session.vitals
        vitals.run, vitals.attempt, vitals.rows = None, 0, 0
        self._wanted_at = 0.0
