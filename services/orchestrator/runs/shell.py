"""The shell of runs: what members say becomes what is decided and kept, and the orders that follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from typing import Any

from backbus.job.job import Job
from backbus.services.orchestrator.orders import Outbox
from backbus.services.orchestrator.recent_events import with_events
from backbus.services.orchestrator.results import require_complete
from backbus.services.orchestrator.runs import events as ev
from backbus.services.orchestrator.runs import rules
from backbus.services.orchestrator.runs.state import BROKER, RunsState
from backbus.services.orchestrator.store import Store
from backbus.settings import Settings
from backbus.streams.topology import EXECUTION, PORTFOLIO, READERS, SOURCES, STRATEGY
from backbus.transport import control as c
from backbus.transport.blobs import BlobFolder

Messages = c.Ready | c.End | c.PutReport | c.Fault
KINDS = (c.Ready, c.End, c.PutReport, c.Fault)


class Runs:
    """Runs and members of one orchestrator. ``over`` hears of each run that has ended."""

    def __init__(
        self,
        store: Store,
        blobs: BlobFolder,
        settings: Settings,
        epoch: int,
        outbox: Outbox,
        over: Callable[[str], None],
        linked: Callable[[str], bool],
        log: Any,
    ) -> None:
        self._store, self._blobs, self._epoch = store, blobs, epoch
        self._outbox, self._over, self._linked, self._log = outbox, over, linked, log
        self._state = RunsState(dead_s=settings.dead_s, backoff_s=settings.backoff_s)

    # --- runs ------------------------------------------------------------------------------------------------------

    def take_up(self, row: dict[str, Any], job: Job) -> None:
        """Have a run of the store worked on."""
        had = max((attempt["number"] for attempt in row["attempts"]), default=0)
        limits = job.run.max_attempts, job.run.stall_s
        careful = job.run.predict, row["mispredicted"]
        self._decide(ev.RunSubmitted(row["id"], had, *limits, _source_of(job), _users_code(job), *careful))

    def cancel(self, job: str) -> None:
        """End a run."""
        self._decide(ev.RunCancelled(job))

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """How far a run is, or what it waits for, as ``SHOW`` tells it."""
        pair = self._state.running.get(row["id"])
        if pair is not None:
            attempt = pair[1]
            progress = {
                "attempt": attempt.number,
                "started": attempt.started,
                "rows": {role: attempt.rows.get(role, 0) for role in attempt.members},
                "of": attempt.facts.get("rows"),
            }
            return {"progress": progress}
        if row["state"] != "queued":
            return {}
        roles = {member.role for member in self._state.members.values()}
        needed = (BROKER, _source_of(Job.parse(row["job"])), *READERS)
        return {"waits_for": [role for role in needed if role not in roles] or ["its turn"]}

    # --- members ---------------------------------------------------------------------------------------------------

    def members(self) -> list[dict[str, Any]]:
        """The members, as ``STATUS`` shows them."""
        return [
            {
                "role": member.role,
                "instance": member.instance,
                "host": member.host,
                "pid": member.pid,
                "state": "idle" if member.run is None else "running",
                "job": member.run,
            }
            for member in sorted(self._state.members.values(), key=lambda member: (member.role, member.instance))
        ]

    @property
    def instances(self) -> Container[str]:
        """Who is there."""
        return self._state.members

    def join(self, hello: c.Hello) -> None:
        """A member said HELLO."""
        self._decide(ev.MemberJoined(hello.instance, hello.role, hello.host, hello.pid))

    def heartbeat(self, beat: c.Heartbeat) -> dict[str, Any]:
        """The answer to a member's heartbeat."""
        self._decide(ev.MemberHeartbeat(beat.instance, beat.run, beat.attempt, beat.rows, beat.busy_s, beat.where))
        current = self._state.running.get(beat.run or "")
        over = beat.run is not None and (current is None or current[1].number != beat.attempt)
        return {"epoch": self._epoch, "known": beat.instance in self._state.members, "abandon": over}

    def take(self, message: Messages) -> None:
        """Take a member's message."""
        who = message.instance, message.run, message.attempt
        match message:
            case c.Ready():
                self._decide(ev.MemberReady(*who, message.facts, message.careful, message.where))
            case c.End():
                self._decide(ev.MemberEnded(*who, message.streams))
            case c.PutReport():
                require_complete(self._blobs, message.report, message.artifacts)
                self._decide(ev.RunReported(*who, message.report, message.artifacts))
            case c.Fault():
                why = message.message, message.traceback
                self._decide(ev.MemberFaulted(*who, message.fatal, *why, message.cause == "mispredicted"))

    # --- decisions and actions -------------------------------------------------------------------------------------

    def look(self) -> None:
        """Time has passed."""
        now, dead_s = time.monotonic(), self._state.dead_s
        for member in list(self._state.members.values()):
            silent = now - max(member.beat_at, member.linked_at) > dead_s / 2.0
            if silent and self._linked(member.instance):
                self._decide(ev.MemberLinked(member.instance))
        self._decide(ev.RunsClock())

    def _decide(self, event: ev.RunEvent) -> None:
        for action in rules.decide(self._state, event, time.monotonic()):
            self._carry_out(action)

    def _carry_out(self, action: ev.RunAction) -> None:
        match action:
            case ev.AssignRun(run, attempt, instances, careful):
                self._store.begin_attempt(run, attempt)
                self._log.info("attempt begins", job=run, attempt=attempt, careful=careful)
                self._assign(run, attempt, instances, careful)
            case ev.StartRun(run, attempt, instances, facts):
                self._order(instances, c.Start(epoch=self._epoch, run=run, attempt=attempt, facts=facts))
            case ev.ReleaseMembers(run, attempt, instances):
                self._order(instances, c.Release(epoch=self._epoch, run=run, attempt=attempt))
            case ev.EndAttempt(run, attempt, reason, mispredicted):
                self._log.warning("attempt ended", job=run, attempt=attempt, reason=reason)
                self._store.end_attempt(run, attempt, reason, mispredicted=mispredicted)
            case ev.CommitRun(run, attempt, report, artifacts, again):
                self._store.commit(run, attempt, report, artifacts, again=again)
                self._log.info("done", job=run, attempt=attempt, fingerprint=report.get("fingerprint"))
                self._over(run)
            case ev.FailRun(run, message, traceback, events):
                self._store.fail(run, with_events(message or self._reasons(run), events), traceback)
                self._log.error("failed", job=run, error=message)
                self._over(run)
            case ev.DropRun(run):
                self._store.cancel(run)
                self._over(run)

    def _assign(self, run: str, attempt: int, instances: tuple[str, ...], careful: bool) -> None:
        row = self._store.job(run)
        assert row is not None
        inputs = {name: row[name] for name in ("job", "data", "strategy")}
        self._order(instances, c.Assign(epoch=self._epoch, run=run, attempt=attempt, careful=careful, **inputs))

    def _order(self, instances: tuple[str, ...], order: c.Message) -> None:
        for instance in instances:
            self._outbox.give(instance, order)

    def _reasons(self, run: str) -> str:
        row = self._store.job(run)
        assert row is not None
        tried = "; ".join(f"attempt {attempt['number']}: {attempt['reason']}" for attempt in row["attempts"])
        return f"no attempt succeeded. {tried}"


def _users_code(job: Job) -> tuple[str, ...]:
    """The roles that run what a user wrote."""
    return (STRATEGY, PORTFOLIO, EXECUTION) if any(job.own_models()) else (STRATEGY,)


def _source_of(job: Job) -> str:
    """The role that a job's bars come from."""
    return SOURCES[job.simulator is not None]
