"""When a run's members read blocks in their source's memory: all of them or none, and once."""

from __future__ import annotations

import pytest

from backbus.services.orchestrator.runs import events as ev
from tests.unit.test_runs_rules import MEMBERS, Scheduler, queued

FACT = {"process": 7}
HERE = "a boot of a machine"


def started(scheduler: Scheduler, where: dict[str, str], attempt: int = 1) -> ev.StartRun:
    """What follows when all are ready, the source with memory, each from where it says to be."""
    actions = [
        action
        for name in MEMBERS
        for action in scheduler.tell(
            ev.MemberReady(
                name, "job", attempt, {"memory": FACT} if name == "data-1" else {}, where=where.get(name, HERE)
            )
        )
    ]
    (start,) = actions
    assert isinstance(start, ev.StartRun)
    return start


def test_members_who_can_open_each_others_memory_are_told_where_the_blocks_are() -> None:
    scheduler = queued()
    scheduler.submit()
    assert started(scheduler, {}).facts["memory"] == FACT


@pytest.mark.parametrize("place", ["", "another machine"])
@pytest.mark.parametrize("who", MEMBERS)
def test_one_who_is_elsewhere_or_says_nothing_has_all_use_the_bus(who: str, place: str) -> None:
    scheduler = queued()
    scheduler.submit()
    assert "memory" not in started(scheduler, {who: place}).facts


def test_nobody_who_says_where_it_is_has_all_use_the_bus() -> None:
    scheduler = queued()
    scheduler.submit()
    assert "memory" not in started(scheduler, dict.fromkeys(MEMBERS, "")).facts


def test_after_an_attempt_that_failed_blocks_go_over_the_bus() -> None:
    scheduler = queued()
    scheduler.submit()
    assert "memory" in started(scheduler, {}).facts
    scheduler.tell(ev.MemberFaulted("execution-1", "job", 1, False, "cannot open the memory", None))
    scheduler.all_beat_after(4)
    assert "memory" not in started(scheduler, {}, attempt=2).facts
