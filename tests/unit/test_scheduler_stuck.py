"""What the scheduler makes of a member that is inside one event and does not come back."""

from __future__ import annotations

from backbus.services.orchestrator import scheduler as s

STALL_S = 4.0


def running() -> s.State:
    state = s.State(dead_s=3.0, backoff_s=0.0)
    for role in (s.BROKER, *s.ROLES):
        s.decide(state, s.Joined(f"{role}-1", role, "host", 1), 0.0)
    s.decide(state, s.Submitted("run", 0, 10, STALL_S), 0.0)
    for role in s.ROLES:
        s.decide(state, s.WasReady(f"{role}-1", "run", 1, {}), 0.0)
    return state


def beat(state: s.State, role: str, now: float, busy_s: float, run: str | None = "run") -> list[s.Action]:
    return s.decide(state, s.Beaten(f"{role}-1", run, 1, 0, busy_s, "line 7"), now)


def beat_all(state: s.State, now: float, strategy_busy_s: float) -> list[s.Action]:
    actions = [action for role in s.ROLES if role != "strategy" for action in beat(state, role, now, 0.0)]
    beat(state, "broker", now, 0.0, run=None)
    return actions + beat(state, "strategy", now, strategy_busy_s)


def test_a_strategy_that_never_returned_fails_its_job_even_where_the_stall_is_noticed_before_its_beat() -> None:
    state = running()
    for half in range(1, 9):
        assert beat_all(state, half / 2, half / 2 - 0.1) == []
    assert s.decide(state, s.Clock(), STALL_S + 0.05) == []
    actions = beat_all(state, STALL_S + 0.5, STALL_S + 0.4)
    failed = [action for action in actions if isinstance(action, s.Fail)]
    assert len(failed) == 1
    assert failed[0].message is not None
    assert "did not return" in failed[0].message
    assert "line 7" in failed[0].message


def test_an_attempt_without_progress_whose_strategy_is_not_busy_is_tried_again() -> None:
    state = running()
    for half in range(1, 9):
        beat_all(state, half / 2, 0.0)
    actions = s.decide(state, s.Clock(), STALL_S + 0.05)
    assert [type(action) for action in actions[:2]] == [s.EndAttempt, s.ReleaseAll]
    assert not any(isinstance(action, s.Fail) for action in actions)


def test_a_stuck_member_is_given_nothing_until_it_comes_back() -> None:
    state = running()
    beat_all(state, 2.0, 1.9)
    assert isinstance(s.decide(state, s.Cancelled("run"), 2.1)[0], s.EndAttempt)
    assert s.decide(state, s.Submitted("next", 0, 10, STALL_S), 2.2) == []
    assert beat_all(state, 2.5, 2.4) == []
    assert isinstance(beat(state, "strategy", 3.0, 0.0, run=None)[0], s.AssignTo)


def test_another_member_of_the_role_takes_the_place_of_a_stuck_one() -> None:
    state = running()
    beat_all(state, 2.0, 1.9)
    s.decide(state, s.Cancelled("run"), 2.1)
    s.decide(state, s.Submitted("next", 0, 10, STALL_S), 2.2)
    actions = s.decide(state, s.Joined("strategy-2", "strategy", "host", 2), 2.3)
    assert isinstance(actions[0], s.AssignTo)
    assert "strategy-2" in actions[0].instances
