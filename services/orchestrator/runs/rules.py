"""Who works on what: a pure state machine. Events in, actions out; the shell carries them out, in their order.

A job waits in the queue until each role has a free, living member; they prepare; when all are ready they start; when
all have ended, their stream digests agree and the report is there, its result is committed. Whatever goes wrong in
between ends the attempt, and the job waits for its next one. Time comes in with each event, in seconds of the
orchestrator's own monotonic clock.
"""

from __future__ import annotations

import hashlib
import itertools

from backbus.services.orchestrator.runs import events as ev
from backbus.services.orchestrator.runs.state import BROKER, Attempt, PendingRun, RunMember, RunsState
from backbus.streams.topology import PORTFOLIO, READERS

BACKOFF_LIMIT_S = 10.0
OWN_MODELS = "own_models"
"""The fact of READY that is not the same for all who say it."""
MEMORY = "memory"
"""The fact of a source that puts its blocks into memory: left out of START where not all members can open it, and after
a first attempt that failed, since a member that dies of its memory cannot say so."""
BUSY_S = 1.0
"""Who has been inside one event for longer may never come back, and is given nothing more until it does."""


def decide(state: RunsState, event: ev.RunEvent, now: float) -> list[ev.RunAction]:
    """Take one event; change the state; say what is to be done."""
    actions: list[ev.RunAction] = []
    match event:
        case ev.MemberJoined():
            _join(state, event, now, actions)
        case ev.MemberHeartbeat():
            _beat(state, event, now, actions)
        case ev.MemberLinked():
            if event.instance in state.members:
                state.members[event.instance].linked_at = now
        case ev.MemberReady():
            _ready(state, event, now, actions)
        case ev.MemberEnded() | ev.RunReported():
            _end(state, event, now, actions)
        case ev.MemberFaulted():
            _fault(state, event, now, actions)
        case ev.RunSubmitted():
            _submit(state, event, now, actions)
        case ev.RunCancelled():
            _cancel(state, event.run, actions)
        case ev.RunsClock():
            _look_for_dead(state, now, actions)
            _look_for_stalled(state, now, actions)
    _assign(state, now, actions)
    return actions


def _current(state: RunsState, run: str, number: int) -> tuple[PendingRun, Attempt] | None:
    pair = state.running.get(run)
    return pair if pair is not None and pair[1].number == number else None


def _submit(state: RunsState, event: ev.RunSubmitted, now: float, actions: list[ev.RunAction]) -> None:
    job = PendingRun(
        event.run, event.attempts, event.max_attempts, event.stall_s, event.source, event.users_code, event.predict,
        event.mispredicted,
    )  # fmt: skip
    job.events.add(now, f"taken up again after attempt {event.attempts}" if event.attempts else "submitted")
    if event.attempts >= job.last_attempt:  # the last one was running when the orchestrator was ended
        actions.append(ev.FailRun(event.run, None, events=job.events.told(now)))
    else:
        state.queue.append(job)


def _join(state: RunsState, event: ev.MemberJoined, now: float, actions: list[ev.RunAction]) -> None:
    if event.role == BROKER:
        if state.broker is not None and state.broker != event.instance:
            state.members.pop(state.broker, None)
            for run in list(state.running):
                _end_attempt(state, run, "the broker was restarted", now, actions)
        state.broker = event.instance
    known = state.members.get(event.instance)
    if known is None:
        state.members[event.instance] = RunMember(event.instance, event.role, event.host, event.pid, now)
    else:
        known.beat_at = now


def _beat(state: RunsState, event: ev.MemberHeartbeat, now: float, actions: list[ev.RunAction]) -> None:
    member = state.members.get(event.instance)
    if member is None:
        return
    member.beat_at = now
    member.busy_s = event.busy_s
    pair = _current(state, event.run, event.attempt) if event.run else None
    if pair is None or event.instance not in pair[1].members.values():
        if member.run is not None and now - state.running[member.run][1].began_at > state.dead_s:
            reason = f"{member.role} is not working on its assignment ({member.instance})"
            _end_attempt(state, member.run, reason, now, actions)
        return
    job, attempt = pair
    if not attempt.started and event.busy_s > 0:
        attempt.moved_at = now  # reading a large input may take long
    if event.rows > attempt.rows.get(member.role, 0):
        attempt.rows[member.role] = event.rows
        attempt.moved_at = now
        job.events.add(now, f"{event.instance} is at row {event.rows}", instead_of=f"rows of {event.instance}")
    if event.busy_s > BUSY_S:
        busy = f"{event.instance} has been inside one event for {event.busy_s:.0f} s"
        job.events.add(now, busy, instead_of=f"patience with {event.instance}")
    if member.role in job.users_code and event.busy_s > job.stall_s:
        place = f"; it stands here:\n{event.where}" if event.where else ""
        who = _users_words(member.role)
        reason = f"{who} did not return for {event.busy_s:.0f} s (run.stall_s = {job.stall_s:g}){place}"
        _end_attempt(state, event.run or "", reason, now, actions, fatal=True)


def _ready(state: RunsState, event: ev.MemberReady, now: float, actions: list[ev.RunAction]) -> None:
    pair = _current(state, event.run, event.attempt)
    if pair is None or event.instance not in pair[1].members.values():
        return
    job, attempt = pair
    attempt.moved_at = now
    if event.instance in attempt.ready:
        return
    attempt.ready.add(event.instance)
    attempt.careful = attempt.careful or event.careful
    attempt.apart = attempt.apart or event.careful
    attempt.where.add(event.where)
    role = next(role for role, instance in attempt.members.items() if instance == event.instance)
    said = {name: value for name, value in event.facts.items() if name != OWN_MODELS}
    attempt.facts.update(said)
    if OWN_MODELS in event.facts:
        attempt.own_models[role] = event.facts[OWN_MODELS]
        difference = differing_models(attempt)
        if difference is not None:
            _end_attempt(state, event.run, difference, now, actions, fatal=True)
            return
    job.events.add(now, f"{event.instance} is ready")
    if len(attempt.ready) == len(attempt.members) and not attempt.started:
        attempt.started = True
        if attempt.own_models:
            # Both who run models say what these cost where they are: once is enough to know.
            attempt.facts[OWN_MODELS] = {"notes": attempt.own_models.get(PORTFOLIO, {}).get("notes", [])}
        job.events.add(now, f"attempt {attempt.number} starts{', carefully' if attempt.careful else ''}")
        if attempt.number > 1 or len(attempt.where) > 1 or "" in attempt.where:
            attempt.facts.pop(MEMORY, None)
        facts = {**attempt.facts, "careful": attempt.careful}
        actions.append(ev.StartRun(event.run, event.attempt, tuple(attempt.members.values()), facts))


def _end(state: RunsState, event: ev.MemberEnded | ev.RunReported, now: float, actions: list[ev.RunAction]) -> None:
    pair = _current(state, event.run, event.attempt)
    if pair is None or event.instance not in pair[1].members.values():
        return
    job, attempt = pair
    attempt.moved_at = now
    if isinstance(event, ev.MemberEnded):
        attempt.ends[event.instance] = event.streams
        job.events.add(now, f"{event.instance} has worked off the run", instead_of=f"end of {event.instance}")
    else:
        attempt.report = (event.report, event.artifacts)
        job.events.add(now, f"{event.instance} has sent its report", instead_of="report")
    if len(attempt.ends) < len(attempt.members) or attempt.report is None:
        return
    difference = differing_stream(attempt)
    if difference is not None:
        _end_attempt(state, event.run, difference, now, actions, mispredicted=not attempt.careful)
        return
    report, artifacts = attempt.report
    # What a member answers by rules of its own is no answer to whoever asks for the job by ours.
    again = not (attempt.apart or job.mispredicted)
    actions.append(ev.CommitRun(event.run, attempt.number, report, artifacts, again))
    _release(state, event.run, actions)


def differing_stream(attempt: Attempt) -> str | None:
    """The first stream that a reader saw otherwise than its writer, in words."""
    written = {end.kind: end for ends in attempt.ends.values() for end in ends if end.written}
    for role, instance in attempt.members.items():
        for end in attempt.ends[instance]:
            if end.written:
                continue
            source = written.get(end.kind)
            if source is None:
                return f"{role} read a stream {end.kind} that nobody wrote"
            if (source.records, source.digest) != (end.records, end.digest):
                return (
                    f"stream {end.kind} differs between its ends: {source.records} records ({source.digest}) "
                    f"written, {end.records} ({end.digest}) read by {role}"
                )
    return None


def differing_models(attempt: Attempt) -> str | None:
    """The first way in which two roles differ in the user's own models: in their files, or in what they say."""
    for (first, known), (role, own) in itertools.combinations(attempt.own_models.items(), 2):
        if own["bundle"] != known["bundle"]:
            return f"{first} and {role} have loaded other files of the strategy ({known['bundle']}, {own['bundle']})"
        for model, answers in own.get("answers", {}).items():
            for one, other in zip(known.get("answers", {}).get(model, answers), answers, strict=False):
                if one != other:
                    return f"{model} gives two answers: to {first} {one}; to {role} {other}"
    return None


def _users_words(role: str) -> str:
    return "the strategy" if role == "strategy" else f"a model of the user's own, in {role},"


def _fault(state: RunsState, event: ev.MemberFaulted, now: float, actions: list[ev.RunAction]) -> None:
    pair = _current(state, event.run, event.attempt)
    member = state.members.get(event.instance)
    if pair is None or member is None or event.instance not in pair[1].members.values():
        return
    reason = f"{member.role}: {event.message}"
    told = {"fatal": event.fatal, "mispredicted": event.mispredicted and not pair[1].careful}
    _end_attempt(state, event.run, reason, now, actions, traceback=event.traceback, **told)


def _cancel(state: RunsState, run: str, actions: list[ev.RunAction]) -> None:
    waiting = next((job for job in state.queue if job.run == run), None)
    if waiting is not None:
        state.queue.remove(waiting)
        actions.append(ev.DropRun(run))
    elif run in state.running:
        actions.append(ev.EndAttempt(run, state.running[run][1].number, "cancelled"))
        actions.append(ev.DropRun(run))
        _release(state, run, actions)


def _look_for_dead(state: RunsState, now: float, actions: list[ev.RunAction]) -> None:
    for member in list(state.members.values()):
        if now - max(member.beat_at, member.linked_at) <= state.dead_s:
            continue
        del state.members[member.instance]
        if member.instance == state.broker:
            state.broker = None
            for run in list(state.running):
                _end_attempt(state, run, "the broker died", now, actions)
        elif member.run is not None:
            _end_attempt(state, member.run, f"{member.role} died ({member.instance}, pid {member.pid})", now, actions)


def _look_for_stalled(state: RunsState, now: float, actions: list[ev.RunAction]) -> None:
    for run, (job, attempt) in list(state.running.items()):
        users = [state.members.get(attempt.members[role]) for role in job.users_code]
        here = [member for member in users if member is not None]
        silent = next((member for member in here if now - member.beat_at > job.stall_s), None)
        if silent is not None:
            held = f"{_users_words(silent.role)} held its interpreter for {now - silent.beat_at:.0f} s in one call"
            _end_attempt(state, run, f"{held} (run.stall_s = {job.stall_s:g})", now, actions, fatal=True)
            continue
        if any(member.busy_s > job.stall_s / 2 for member in here):
            continue  # its own beats will tell that it never returned, and where it stands
        if now - attempt.moved_at > job.stall_s:
            rows = ", ".join(f"{role} {attempt.rows.get(role, 0)}" for role in attempt.members)
            _end_attempt(state, run, f"no progress for {job.stall_s:g} s (rows: {rows})", now, actions)


def _end_attempt(
    state: RunsState,
    run: str,
    reason: str,
    now: float,
    actions: list[ev.RunAction],
    *,
    fatal: bool = False,
    mispredicted: bool = False,
    traceback: str | None = None,
) -> None:
    job, attempt = state.running[run]
    job.mispredicted = job.mispredicted or mispredicted
    actions.append(ev.EndAttempt(run, attempt.number, reason, mispredicted))
    _release(state, run, actions)
    if fatal:
        actions.append(ev.FailRun(run, reason, traceback, job.events.told(now)))
    elif attempt.number >= job.last_attempt:
        actions.append(ev.FailRun(run, None, events=job.events.told(now)))
    else:
        job.events.add(now, f"attempt {attempt.number} ends")
        job.attempts = attempt.number
        job.not_before = now + backoff(run, attempt.number, state.backoff_s)
        state.queue.appendleft(job)


def backoff(run: str, attempt: int, first_s: float) -> float:
    """Seconds to wait after an attempt: doubled each time, with up to half as much again, the same for the same try."""
    spread = int.from_bytes(hashlib.blake2b(f"{run}/{attempt}".encode(), digest_size=2).digest(), "big") / 65536
    return min(first_s * 2.0 ** min(attempt - 1, 20), BACKOFF_LIMIT_S) * (1.0 + 0.5 * spread)


def _release(state: RunsState, run: str, actions: list[ev.RunAction]) -> None:
    _, attempt = state.running.pop(run)
    living = tuple(instance for instance in attempt.members.values() if instance in state.members)
    for instance in living:
        state.members[instance].run = None
    actions.append(ev.ReleaseMembers(run, attempt.number, living))


def _assign(state: RunsState, now: float, actions: list[ev.RunAction]) -> None:
    if state.broker is None:
        return
    for job in list(state.queue):
        if job.not_before > now:
            continue
        heard = [member for member in state.members.values() if now - member.beat_at <= state.dead_s]
        idle = [member for member in heard if member.run is None and member.busy_s <= BUSY_S]
        free = {role: [m.instance for m in idle if m.role == role] for role in (job.source, *READERS)}
        if not all(free[role] for role in READERS):
            return
        if not free[job.source]:
            continue  # a job with another source need not wait for it
        chosen = {role: min(instances) for role, instances in free.items()}
        state.queue.remove(job)
        attempt = Attempt(job.run, job.attempts + 1, chosen, now, now)
        attempt.careful = job.mispredicted or not job.predict
        state.running[job.run] = (job, attempt)
        job.events.add(now, f"attempt {attempt.number} is given to {', '.join(chosen.values())}")
        for instance in chosen.values():
            state.members[instance].run = job.run
        actions.append(ev.AssignRun(job.run, attempt.number, tuple(chosen.values()), attempt.careful))
