"""What the orchestrator decides about models of the user's own: who runs them must say the same of them."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

from backbus.services.orchestrator.runs import events as ev
from tests.unit.test_runs_rules import MEMBERS, Scheduler, queued, running

USERS = ("strategy", "portfolio", "execution")


def with_models() -> Scheduler:
    """Attempt 1 of a job with models of the user's own has been assigned."""
    scheduler = queued()
    scheduler.submit(users=USERS)
    scheduler.ready("data-1", "performance-1")
    return scheduler


def says(scheduler: Scheduler, instance: str, bundle: str = "b", **answers: list[str]) -> list[ev.RunAction]:
    """A member is ready, and says what it has loaded, and what that answers."""
    models: dict[str, Any] = {"bundle": bundle}
    if answers:
        models |= {"answers": answers, "notes": ["plain Python"]}
    return scheduler.tell(ev.MemberReady(instance, "job", 1, {"own_models": models}))


def test_a_run_starts_when_members_say_the_same_of_the_users_models() -> None:
    scheduler = with_models()
    assert says(scheduler, "strategy-1") == []
    assert says(scheduler, "portfolio-1", fee=["1.0 for …", "2.0 for …"]) == []
    (start,) = says(scheduler, "execution-1", fee=["1.0 for …", "2.0 for …"])
    assert isinstance(start, ev.StartRun)
    assert start.facts["own_models"] == {"notes": ["plain Python"]}


def test_a_model_that_says_otherwise_to_another_member_fails_the_job_and_is_named() -> None:
    scheduler = with_models()
    says(scheduler, "strategy-1")
    says(scheduler, "portfolio-1", fee=["1.0 for a", "2.0 for b"])
    reason = "fee gives two answers: to portfolio 2.0 for b; to execution 2.5 for b"
    assert says(scheduler, "execution-1", fee=["1.0 for a", "2.5 for b"]) == [
        ev.EndAttempt("job", 1, reason),
        ev.ReleaseMembers("job", 1, MEMBERS),
        ev.FailRun("job", reason, None, events=ANY),
    ]


def test_members_with_other_files_of_the_strategy_do_not_start() -> None:
    scheduler = with_models()
    says(scheduler, "strategy-1", "one")
    actions = says(scheduler, "portfolio-1", "other", fee=[])
    assert actions[0] == ev.EndAttempt(
        "job", 1, "strategy and portfolio have loaded other files of the strategy (one, other)"
    )


def test_a_model_that_does_not_return_fails_the_job_as_a_strategy_does() -> None:
    scheduler = queued()
    scheduler.submit(users=USERS)
    scheduler.ready(*MEMBERS)
    actions = scheduler.beat("execution-1", busy_s=61.0)
    assert isinstance(actions[-1], ev.FailRun)
    assert (actions[-1].message or "").startswith("a model of the user's own, in execution, did not return for 61 s")
    plain = running()
    assert plain.beat("execution-1", busy_s=61.0) == []
