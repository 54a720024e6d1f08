"""What must hold of the orchestrator's states is found where it does not, and named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backbus.services.orchestrator.runs import events as run_events
from backbus.services.orchestrator.runs import rules as run_rules
from backbus.services.orchestrator.runs import state as runs
from backbus.services.orchestrator.sweeps import events as sweep_events
from backbus.services.orchestrator.sweeps import rules as sweep_rules
from backbus.services.orchestrator.sweeps import state as sweeps


def some_runs() -> runs.RunsState:
    """One run has an attempt, and another waits."""
    state = runs.RunsState(dead_s=3.0, backoff_s=1.0)
    for role in (runs.BROKER, *runs.ROLES):
        run_rules.decide(state, run_events.MemberJoined(f"{role}-1", role, "host", 1), 0.0)
    for run in ("first", "second"):
        run_rules.decide(state, run_events.RunSubmitted(run, 0, 10, 60.0), 0.0)
    return state


def some_sweeps() -> sweeps.SweepsState:
    """One worker has a lease, and another waits, as there is nothing more to do."""
    state = sweeps.SweepsState(dead_s=3.0, lease_s=3.0)
    for worker in ("busy", "idle"):
        sweep_rules.decide(state, sweep_events.WorkerJoined(worker), 0.0)
        sweep_rules.decide(state, sweep_events.LeaseWanted(worker), 0.0)
    sweep_rules.decide(state, sweep_events.SweepSubmitted("job", 1, 0, 10), 0.0)
    return state


def test_states_that_events_made_are_valid() -> None:
    runs.validate(some_runs())
    sweeps.validate(some_sweeps())


def _set(name: str, value: object) -> Callable[[object], None]:
    return lambda of: setattr(of, name, value)


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda state: state.members.pop("broker-1"), r"broker-1 is the broker, and no member"),
        (lambda state: state.members.update(other=state.members["data-1"]), r"data-1 is known as other"),
        (lambda state: state.running.pop("first"), r"data-1 works on first, which has no attempt"),
        (lambda state: state.queue.append(state.queue[0]), r"second waits twice"),
        (
            lambda state: state.queue.append(state.running["first"][0]),
            r"first waits twice, or waits and has",
        ),
        (lambda state: _set("attempts", 10)(state.queue[0]), r"second waits for another attempt after 10 of 10"),
        (lambda state: _set("number", 3)(state.running["first"][1]), r"attempt 3 of first follows 0 attempts, of 10"),
        (lambda state: state.running["first"][1].members.pop("data"), r"first, whose attempt has another data"),
        (lambda state: _set("run", None)(state.members["data-1"]), r"has data-1 as its data, which is gone"),
        (
            lambda state: state.running["first"][1].ready.add("stranger-1"),
            r"first has heard of a stranger",
        ),
        (lambda state: _set("started", True)(state.running["first"][1]), r"has started before all were ready"),
    ],
)
def test_what_is_broken_of_runs_is_named(harm: Callable[[runs.RunsState], object], named: str) -> None:
    state = some_runs()
    harm(state)
    with pytest.raises(AssertionError, match=named):
        runs.validate(state)


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda state: state.moved.clear(), r"busy has a lease without a time"),
        (lambda state: state.workers.pop("idle"), r"idle has a lease or waits for one, and is gone"),
        (lambda state: state.idle.update(busy=()), r"busy has a lease and waits for one"),
        (lambda state: state.ends.clear(), r"lease 1 of job never runs out"),
        (
            lambda state: state.sweeps["job"].leased.clear(),
            r"busy has lease 1 of job, of which the sweep",
        ),
        (lambda state: (state.held.clear(), state.moved.clear()), r"leased to busy, who has no such lease"),
        (lambda state: state.sweeps["job"].free.give(0, 1), r"points that are free and leased, or leased twice"),
        (lambda state: state.sweeps["job"].free.give(1, 2), r"points that are none of its 1"),
        (lambda state: _set("recorded", 1)(state.sweeps["job"]), r"1 points of job are not those recorded \(1\)"),
        (lambda state: _set("points", 2)(state.sweeps["job"]), r"job has 2 points, and knows 1"),
        (lambda state: _set("failed", 1)(state.sweeps["job"]), r"job has 1 failed points and 0 faults"),
        (lambda state: _set("begun", False)(state.sweeps["job"]), r"job has leases and has not begun"),
    ],
)
def test_what_is_broken_of_sweeps_is_named(harm: Callable[[sweeps.SweepsState], object], named: str) -> None:
    state = some_sweeps()
    harm(state)
    with pytest.raises(AssertionError, match=named):
        sweeps.validate(state)
