"""What the orchestrator decides, event by event: the list of actions that follows from each."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from backbus.services.orchestrator.recent_events import with_events
from backbus.services.orchestrator.runs import events as ev
from backbus.services.orchestrator.runs import rules
from backbus.services.orchestrator.runs import state as st
from backbus.transport.control import StreamEnd

MEMBERS = ("data-1", "strategy-1", "portfolio-1", "execution-1", "performance-1")
SECOND = ("data-2", "strategy-2", "portfolio-2", "execution-2", "performance-2")


class Scheduler:
    """A state, a clock that stands still, and short words for events."""

    def __init__(self) -> None:
        self.state = st.RunsState(dead_s=3.0, backoff_s=1.0)
        self.now = 1000.0

    def tell(self, event: ev.RunEvent) -> list[ev.RunAction]:
        return rules.decide(self.state, event, self.now)

    def join(self, *instances: str) -> list[ev.RunAction]:
        return [action for i in instances for action in self.tell(ev.MemberJoined(i, i.split("-")[0], "host", 7))]

    def submit(
        self, run: str = "job", *, attempts: int = 0, max_attempts: int = 10, users: tuple[str, ...] = ("strategy",)
    ) -> list[ev.RunAction]:
        return self.tell(ev.RunSubmitted(run, attempts, max_attempts, stall_s=60.0, users_code=users))

    def ready(self, *instances: str, run: str = "job", attempt: int = 1) -> list[ev.RunAction]:
        return [a for i in instances for a in self.tell(ev.MemberReady(i, run, attempt, {i: "ready"}))]

    def beat(self, instance: str, *, rows: int = 0, busy_s: float = 0.0, run: str = "job", attempt: int = 1) -> Any:
        return self.tell(ev.MemberHeartbeat(instance, run, attempt, rows, busy_s, "line 7"))

    def all_beat_after(self, seconds: float, *but: str) -> list[ev.RunAction]:
        """Pass time in steps in which nobody is silent for long, except for ``but``; the actions of the last second."""
        actions: list[ev.RunAction] = []
        for _ in range(int(seconds)):
            self.now += 1.0
            for member in list(self.state.members.values()):
                if member.instance not in but:
                    number = self.state.running[member.run][1].number if member.run else 0
                    self.beat(member.instance, run=member.run or "", attempt=number)
            actions = self.tell(ev.RunsClock())
        return actions


def queued() -> Scheduler:
    """The broker and one member of each role are there, and free."""
    scheduler = Scheduler()
    assert scheduler.join("broker-1", *MEMBERS) == []
    return scheduler


def running() -> Scheduler:
    """Attempt 1 of ``job`` has started."""
    scheduler = queued()
    scheduler.submit()
    scheduler.ready(*MEMBERS)
    return scheduler


def stream(role: str, digest: str = "abcd", records: int = 10) -> list[StreamEnd]:
    """The data handler writes a stream, and the others read it."""
    return [StreamEnd(kind="NEW_DATA", written=role == "data", records=records, digest=digest)]


def test_a_job_is_assigned_when_every_role_has_a_free_member() -> None:
    scheduler = Scheduler()
    scheduler.join("broker-1", *MEMBERS[:-1])
    assert scheduler.submit() == []
    assert scheduler.join("performance-1") == [ev.AssignRun("job", 1, MEMBERS)]


def test_nothing_is_assigned_without_a_broker() -> None:
    scheduler = Scheduler()
    scheduler.join(*MEMBERS)
    assert scheduler.submit() == []
    assert scheduler.join("broker-1") == [ev.AssignRun("job", 1, MEMBERS)]


def test_a_run_starts_when_the_last_member_is_ready_and_only_once() -> None:
    scheduler = queued()
    scheduler.submit()
    assert scheduler.ready(*MEMBERS[:4]) == []
    facts = {**dict.fromkeys(MEMBERS, "ready"), "careful": False}
    assert scheduler.ready(MEMBERS[4]) == [ev.StartRun("job", 1, MEMBERS, facts)]
    assert scheduler.ready(*MEMBERS) == []


def test_the_result_is_committed_when_all_have_ended_and_the_report_is_there() -> None:
    scheduler = running()
    for instance in MEMBERS:
        assert scheduler.tell(ev.MemberEnded(instance, "job", 1, stream(instance.split("-")[0]))) == []
    assert scheduler.tell(ev.RunReported("performance-1", "job", 1, {"fingerprint": "f"}, {"report": "r"})) == [
        ev.CommitRun("job", 1, {"fingerprint": "f"}, {"report": "r"}),
        ev.ReleaseMembers("job", 1, MEMBERS),
    ]
    assert scheduler.tell(ev.RunReported("performance-1", "job", 1, {"fingerprint": "f"}, {"report": "r"})) == []


def test_a_second_job_waits_for_the_members_of_the_first_and_then_gets_them() -> None:
    scheduler = running()
    assert scheduler.submit("second") == []
    scheduler.tell(ev.RunReported("performance-1", "job", 1, {}, {}))
    *_, last = (scheduler.tell(ev.MemberEnded(i, "job", 1, stream(i.split("-")[0]))) for i in MEMBERS)
    assert last == [
        ev.CommitRun("job", 1, {}, {}),
        ev.ReleaseMembers("job", 1, MEMBERS),
        ev.AssignRun("second", 1, MEMBERS),
    ]


def test_two_members_of_each_role_work_on_two_jobs() -> None:
    scheduler = queued()
    scheduler.join(*SECOND)
    assert scheduler.submit() == [ev.AssignRun("job", 1, MEMBERS)]
    assert scheduler.submit("second") == [ev.AssignRun("second", 1, SECOND)]
    assert scheduler.submit("third") == []


def test_differing_digests_end_the_attempt() -> None:
    scheduler = running()
    scheduler.tell(ev.RunReported("performance-1", "job", 1, {}, {}))
    for instance in MEMBERS[:4]:
        scheduler.tell(ev.MemberEnded(instance, "job", 1, stream(instance.split("-")[0])))
    assert scheduler.tell(ev.MemberEnded("performance-1", "job", 1, stream("performance", "beef"))) == [
        ev.EndAttempt(
            "job",
            1,
            "stream NEW_DATA differs between its ends: 10 records (abcd) written, 10 (beef) read by performance",
            mispredicted=True,
        ),
        ev.ReleaseMembers("job", 1, MEMBERS),
    ]


def test_a_stream_that_nobody_wrote_ends_the_attempt() -> None:
    scheduler = running()
    scheduler.tell(ev.RunReported("performance-1", "job", 1, {}, {}))
    actions = [a for i in MEMBERS for a in scheduler.tell(ev.MemberEnded(i, "job", 1, stream("reader")))]
    assert actions[0] == ev.EndAttempt("job", 1, "data read a stream NEW_DATA that nobody wrote", True)


def test_a_member_that_is_silent_for_too_long_ends_its_attempt_and_is_not_used_again() -> None:
    scheduler = running()
    assert scheduler.all_beat_after(3, "execution-1") == []
    assert scheduler.all_beat_after(1, "execution-1") == [
        ev.EndAttempt("job", 1, "execution died (execution-1, pid 7)"),
        ev.ReleaseMembers("job", 1, ("data-1", "strategy-1", "portfolio-1", "performance-1")),
    ]
    scheduler.all_beat_after(2)
    assert scheduler.join("execution-2") == [
        ev.AssignRun("job", 2, ("data-1", "strategy-1", "portfolio-1", "execution-2", "performance-1"))
    ]


def test_the_next_attempt_waits_for_its_backoff_which_doubles_up_to_a_limit() -> None:
    waits = [rules.backoff("job", attempt, 0.5) for attempt in range(1, 12)]
    for attempt, wait in enumerate(waits):
        step = min(0.5 * 2.0**attempt, rules.BACKOFF_LIMIT_S)
        assert step <= wait < 1.5 * step
    scheduler = running()
    scheduler.tell(ev.MemberFaulted("data-1", "job", 1, fatal=False, message="gap", traceback=None))
    scheduler.now += 0.999 * rules.backoff("job", 1, 1.0)
    assert scheduler.tell(ev.RunsClock()) == []
    scheduler.now += 0.002 * rules.backoff("job", 1, 1.0)
    assert scheduler.tell(ev.RunsClock()) == [ev.AssignRun("job", 2, MEMBERS)]


def test_a_job_in_its_backoff_lets_others_pass() -> None:
    scheduler = running()
    scheduler.submit("second")
    actions = scheduler.tell(ev.MemberFaulted("data-1", "job", 1, fatal=False, message="gap", traceback=None))
    assert actions == [
        ev.EndAttempt("job", 1, "data: gap"),
        ev.ReleaseMembers("job", 1, MEMBERS),
        ev.AssignRun("second", 1, MEMBERS),
    ]


def test_a_fault_of_the_strategys_own_fails_the_job_at_once() -> None:
    scheduler = running()
    event = ev.MemberFaulted("strategy-1", "job", 1, fatal=True, message="1/0", traceback="line 3")
    assert scheduler.tell(event) == [
        ev.EndAttempt("job", 1, "strategy: 1/0"),
        ev.ReleaseMembers("job", 1, MEMBERS),
        ev.FailRun("job", "strategy: 1/0", "line 3", ANY),
    ]
    assert scheduler.tell(event) == []


def test_the_last_attempt_fails_the_job_with_every_attempts_reason() -> None:
    scheduler = queued()
    assert scheduler.submit(attempts=2, max_attempts=3) == [ev.AssignRun("job", 3, MEMBERS)]
    assert scheduler.tell(ev.MemberFaulted("data-1", "job", 3, fatal=False, message="gap", traceback=None)) == [
        ev.EndAttempt("job", 3, "data: gap"),
        ev.ReleaseMembers("job", 3, MEMBERS),
        ev.FailRun("job", None, events=ANY),
    ]


def test_a_failure_tells_the_last_ten_events_of_its_job() -> None:
    scheduler = queued()
    scheduler.submit(max_attempts=2)
    scheduler.ready(*MEMBERS)
    for row in range(1, 30):
        scheduler.beat("data-1", rows=row)
    scheduler.now += 0.5
    scheduler.tell(ev.MemberFaulted("data-1", "job", 1, fatal=False, message="gap", traceback=None))
    scheduler.now += 2.0
    scheduler.tell(ev.RunsClock())
    scheduler.ready(*MEMBERS[:4], attempt=2)
    *_, failed = scheduler.tell(ev.MemberFaulted("data-1", "job", 2, fatal=False, message="gap", traceback=None))
    assert isinstance(failed, ev.FailRun)
    assert failed.events == (
        "2.5 s before: execution-1 is ready",
        "2.5 s before: performance-1 is ready",
        "2.5 s before: attempt 1 starts",
        "2.5 s before: data-1 is at row 29",
        "2.0 s before: attempt 1 ends",
        "0.0 s before: attempt 2 is given to data-1, strategy-1, portfolio-1, execution-1, performance-1",
        "0.0 s before: data-1 is ready",
        "0.0 s before: strategy-1 is ready",
        "0.0 s before: portfolio-1 is ready",
        "0.0 s before: execution-1 is ready",
    )


def test_a_failure_s_message_reads_as_a_reason_and_what_came_before_it() -> None:
    told = with_events("data: gap", ("2.0 s before: submitted", "1.0 s before: data-1 is ready"))
    assert told.splitlines() == [
        "data: gap",
        "the last events of the job:",
        "  2.0 s before: submitted",
        "  1.0 s before: data-1 is ready",
    ]
    assert with_events("data: gap", ()) == "data: gap"


def test_a_job_whose_last_attempt_was_running_when_the_orchestrator_ended_gets_no_further_one() -> None:
    assert Scheduler().submit(attempts=3, max_attempts=3) == [ev.FailRun("job", None, events=ANY)]


def test_a_strategy_that_does_not_return_for_longer_than_the_stall_limit_fails_the_job_at_once() -> None:
    scheduler = running()
    assert scheduler.beat("strategy-1", busy_s=60.0) == []
    reason = "the strategy did not return for 61 s (run.stall_s = 60); it stands here:\nline 7"
    assert scheduler.beat("strategy-1", busy_s=61.0) == [
        ev.EndAttempt("job", 1, reason),
        ev.ReleaseMembers("job", 1, MEMBERS),
        ev.FailRun("job", reason, events=ANY),
    ]


def test_any_other_member_may_be_busy_as_long_as_rows_go_on() -> None:
    scheduler = running()
    scheduler.all_beat_after(59)
    assert scheduler.beat("portfolio-1", rows=1, busy_s=61.0) == []
    assert scheduler.all_beat_after(60) == []
    assert scheduler.all_beat_after(1) == [
        ev.EndAttempt(
            "job",
            1,
            "no progress for 60 s (rows: data 0, strategy 0, portfolio 1, execution 0, performance 0)",
        ),
        ev.ReleaseMembers("job", 1, MEMBERS),
    ]


def test_a_member_that_forgot_its_assignment_ends_the_attempt_once_it_had_time_to_hear_of_it() -> None:
    scheduler = queued()
    scheduler.submit()
    scheduler.now += 2.0
    assert scheduler.beat("portfolio-1", run="", attempt=0) == []
    scheduler.now += 1.5
    assert scheduler.beat("portfolio-1", run="", attempt=0)[0] == ev.EndAttempt(
        "job", 1, "portfolio is not working on its assignment (portfolio-1)"
    )


def test_a_new_broker_ends_all_attempts_because_the_old_one_took_messages_with_it() -> None:
    scheduler = running()
    scheduler.join(*SECOND)
    scheduler.submit("second")
    assert scheduler.join("broker-2") == [
        ev.EndAttempt("job", 1, "the broker was restarted"),
        ev.ReleaseMembers("job", 1, MEMBERS),
        ev.EndAttempt("second", 1, "the broker was restarted"),
        ev.ReleaseMembers("second", 1, SECOND),
    ]
    assert scheduler.join("broker-2") == []


def test_a_dead_broker_ends_all_attempts_and_nothing_is_assigned_until_there_is_another() -> None:
    scheduler = running()
    assert scheduler.all_beat_after(4, "broker-1")[0] == ev.EndAttempt("job", 1, "the broker died")
    assert scheduler.all_beat_after(30) == []
    assert scheduler.join("broker-2") == [ev.AssignRun("job", 2, MEMBERS)]


def test_a_waiting_job_that_is_cancelled_is_dropped() -> None:
    scheduler = Scheduler()
    scheduler.submit()
    assert scheduler.tell(ev.RunCancelled("job")) == [ev.DropRun("job")]
    assert scheduler.join("broker-1", *MEMBERS) == []


def test_a_running_job_that_is_cancelled_lets_its_members_go() -> None:
    scheduler = running()
    assert scheduler.tell(ev.RunCancelled("job")) == [
        ev.EndAttempt("job", 1, "cancelled"),
        ev.DropRun("job"),
        ev.ReleaseMembers("job", 1, MEMBERS),
    ]
    assert scheduler.tell(ev.RunCancelled("job")) == []


@pytest.mark.parametrize(
    "event",
    [
        ev.MemberReady("data-1", "job", 1, {}),
        ev.MemberEnded("data-1", "job", 1, []),
        ev.RunReported("performance-1", "job", 1, {}, {}),
        ev.MemberFaulted("data-1", "job", 1, fatal=True, message="late", traceback=None),
        ev.MemberReady("data-1", "another", 2, {}),
        ev.MemberEnded("stranger-1", "job", 2, []),
        ev.MemberFaulted("stranger-1", "job", 2, fatal=True, message="not mine", traceback=None),
        ev.MemberHeartbeat("stranger-1", "job", 2, 5, 999.0, ""),
        ev.RunCancelled("another"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_an_old_attempt_or_a_stranger_says_changes_nothing(event: ev.RunEvent) -> None:
    scheduler = queued()
    scheduler.submit(attempts=1)
    assert scheduler.tell(event) == []
    assert scheduler.ready(*MEMBERS, attempt=2)[0] == ev.StartRun(
        "job", 2, MEMBERS, {**dict.fromkeys(MEMBERS, "ready"), "careful": False}
    )
