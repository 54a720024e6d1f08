"""What the orchestrator decides where members work out what others say: when all wait, and whose answer is kept."""

from __future__ import annotations

import pytest

from backbus.services.orchestrator.runs import events as ev
from tests.unit.test_runs_rules import MEMBERS, Scheduler, queued, stream


def mispredicted(scheduler: Scheduler, attempt: int = 1) -> list[ev.RunAction]:
    told = ev.MemberFaulted("portfolio-1", "job", attempt, False, "record 3 of FILL differs", None, True)
    return scheduler.tell(told)


def test_after_a_misprediction_comes_a_careful_attempt_that_is_not_counted() -> None:
    scheduler = queued()
    assert scheduler.submit(max_attempts=1) == [ev.AssignRun("job", 1, MEMBERS, careful=False)]
    scheduler.ready(*MEMBERS)
    assert mispredicted(scheduler)[0] == ev.EndAttempt("job", 1, "portfolio: record 3 of FILL differs", True)
    assert scheduler.all_beat_after(4)[-1:] == []
    assert scheduler.state.running["job"][1].careful
    start = scheduler.ready(*MEMBERS, attempt=2)[0]
    assert isinstance(start, ev.StartRun) and start.facts["careful"] is True
    # Whatever ends this one is the job's own doing: one attempt was all that it was given.
    faulted = scheduler.tell(ev.MemberFaulted("data-1", "job", 2, False, "gap", None))
    assert isinstance(faulted[-1], ev.FailRun)


@pytest.mark.parametrize(("said", "found", "again"), [(False, False, True), (True, False, False), (False, True, False)])
def test_what_came_of_a_member_s_own_rules_answers_no_other_job(said: bool, found: bool, again: bool) -> None:
    scheduler = queued()
    scheduler.tell(ev.RunSubmitted("job", int(found), 10, stall_s=60.0, mispredicted=found))
    number = 1 + found
    scheduler.tell(ev.MemberReady("execution-1", "job", number, {"execution-1": "ready"}, careful=said))
    scheduler.ready(*(name for name in MEMBERS if name != "execution-1"), attempt=number)
    for instance in MEMBERS:
        scheduler.tell(ev.MemberEnded(instance, "job", number, stream(instance.split("-")[0])))
    done = scheduler.tell(ev.RunReported("performance-1", "job", number, {}, {}))
    assert done[0] == ev.CommitRun("job", number, {}, {}, again)


def test_a_job_that_does_not_predict_is_careful_from_the_start() -> None:
    scheduler = queued()
    job = ev.RunSubmitted("job", 0, 10, stall_s=60.0, predict=False)
    assert scheduler.tell(job) == [ev.AssignRun("job", 1, MEMBERS, careful=True)]
    # What a careful attempt stumbles over is held against it, whatever it is called.
    scheduler.ready(*MEMBERS)
    assert mispredicted(scheduler)[0] == ev.EndAttempt("job", 1, "portfolio: record 3 of FILL differs", False)


def test_what_was_mispredicted_is_remembered_over_a_restart() -> None:
    scheduler = queued()
    job = ev.RunSubmitted("job", 1, 1, stall_s=60.0, mispredicted=True)
    assert scheduler.tell(job) == [ev.AssignRun("job", 2, MEMBERS, careful=True)]


def test_a_member_that_wants_to_be_waited_for_has_all_others_wait() -> None:
    scheduler = queued()
    assert scheduler.submit() == [ev.AssignRun("job", 1, MEMBERS, careful=False)]
    scheduler.tell(ev.MemberReady("execution-1", "job", 1, {"execution-1": "ready"}, careful=True))
    start = scheduler.ready(*(name for name in MEMBERS if name != "execution-1"))[0]
    assert isinstance(start, ev.StartRun) and start.facts["careful"] is True
