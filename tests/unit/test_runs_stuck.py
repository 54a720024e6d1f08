"""What the scheduler makes of a member that is inside one event and does not come back."""

from __future__ import annotations

from backbus.services.orchestrator.runs import events as ev
from backbus.services.orchestrator.runs import rules
from backbus.services.orchestrator.runs import state as st

STALL_S = 4.0


def running() -> st.RunsState:
    state = st.RunsState(dead_s=3.0, backoff_s=0.0)
    for role in (st.BROKER, *st.ROLES):
        rules.decide(state, ev.MemberJoined(f"{role}-1", role, "host", 1), 0.0)
    rules.decide(state, ev.RunSubmitted("run", 0, 10, STALL_S), 0.0)
    for role in st.ROLES:
        rules.decide(state, ev.MemberReady(f"{role}-1", "run", 1, {}), 0.0)
    return state


def beat(state: st.RunsState, role: str, now: float, busy_s: float, run: str | None = "run") -> list[ev.RunAction]:
    return rules.decide(state, ev.MemberHeartbeat(f"{role}-1", run, 1, 0, busy_s, "line 7"), now)


def beat_all(state: st.RunsState, now: float, strategy_busy_s: float) -> list[ev.RunAction]:
    actions = [action for role in st.ROLES if role != "strategy" for action in beat(state, role, now, 0.0)]
    beat(state, "broker", now, 0.0, run=None)
    return actions + beat(state, "strategy", now, strategy_busy_s)


def test_a_strategy_that_never_returned_fails_its_job_even_where_the_stall_is_noticed_before_its_beat() -> None:
    state = running()
    for half in range(1, 9):
        assert beat_all(state, half / 2, half / 2 - 0.1) == []
    assert rules.decide(state, ev.RunsClock(), STALL_S + 0.05) == []
    actions = beat_all(state, STALL_S + 0.5, STALL_S + 0.4)
    failed = [action for action in actions if isinstance(action, ev.FailRun)]
    assert len(failed) == 1
    assert failed[0].message is not None
    assert "did not return" in failed[0].message
    assert "line 7" in failed[0].message


def test_an_attempt_without_progress_whose_strategy_is_not_busy_is_tried_again() -> None:
    state = running()
    for half in range(1, 9):
        beat_all(state, half / 2, 0.0)
    actions = rules.decide(state, ev.RunsClock(), STALL_S + 0.05)
    assert [type(action) for action in actions[:2]] == [ev.EndAttempt, ev.ReleaseMembers]
    assert not any(isinstance(action, ev.FailRun) for action in actions)


def test_a_stuck_member_is_given_nothing_until_it_comes_back() -> None:
    state = running()
    beat_all(state, 2.0, 1.9)
    assert isinstance(rules.decide(state, ev.RunCancelled("run"), 2.1)[0], ev.EndAttempt)
    assert rules.decide(state, ev.RunSubmitted("next", 0, 10, STALL_S), 2.2) == []
    assert beat_all(state, 2.5, 2.4) == []
    assert isinstance(beat(state, "strategy", 3.0, 0.0, run=None)[0], ev.AssignRun)


def test_another_member_of_the_role_takes_the_place_of_a_stuck_one() -> None:
    state = running()
    beat_all(state, 2.0, 1.9)
    rules.decide(state, ev.RunCancelled("run"), 2.1)
    rules.decide(state, ev.RunSubmitted("next", 0, 10, STALL_S), 2.2)
    actions = rules.decide(state, ev.MemberJoined("strategy-2", "strategy", "host", 2), 2.3)
    assert isinstance(actions[0], ev.AssignRun)
    assert "strategy-2" in actions[0].instances


def others_beat(state: st.RunsState, now: float) -> list[ev.RunAction]:
    for role in (*st.ROLES, st.BROKER):
        if role != "strategy":
            beat(state, role, now, 0.0, run=None if role == st.BROKER else "run")
    return rules.decide(state, ev.RunsClock(), now)


def test_a_member_that_is_connected_and_does_not_beat_is_held_and_not_dead() -> None:
    state = running()
    for half in range(1, 9):
        assert rules.decide(state, ev.MemberLinked("strategy-1"), half / 2) == []
        assert others_beat(state, half / 2) == []
    assert beat(state, "strategy", 4.0, 0.0) == []  # the call has returned
    assert "strategy-1" in state.members and "run" in state.running


def test_one_that_is_not_connected_either_is_dead() -> None:
    state = running()
    for half in range(1, 7):
        assert others_beat(state, half / 2) == []
    actions = others_beat(state, 3.5)
    assert isinstance(actions[0], ev.EndAttempt) and "strategy died" in actions[0].reason
    assert "strategy-1" not in state.members


def test_a_call_that_holds_the_interpreter_for_longer_than_a_stall_fails_the_job() -> None:
    state = running()
    actions: list[ev.RunAction] = []
    for half in range(1, 10):
        rules.decide(state, ev.MemberLinked("strategy-1"), half / 2)
        actions += others_beat(state, half / 2)
    (failed,) = [action for action in actions if isinstance(action, ev.FailRun)]
    assert failed.message is not None and "held its interpreter for 4 s in one call" in failed.message
    # What still holds it is given nothing.
    assert rules.decide(state, ev.RunSubmitted("next", 0, 10, STALL_S), 4.6) == []
    assert isinstance(beat(state, "strategy", 5.0, 0.0, run=None)[0], ev.AssignRun)
