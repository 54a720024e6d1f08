"""The stationary bootstrap's plan: the same everywhere, whole resamples, the right lengths."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.sweep.statistics import Observer, Plan, ResampleSettings, judge, make_plan
from backbus.sweep.statistics.resamples import BLOCKS, UNROLLED

plans = st.builds(
    make_plan,
    st.integers(1, 120),
    st.integers(0, 2**64 - 1),
    st.builds(ResampleSettings, resamples=st.integers(1, 12), block_length=st.none() | st.integers(1, 150)),
)


def drawn(plan: Plan, resample: int) -> list[int]:
    """The sessions of a resample in the order in which they were drawn."""
    segments = range(plan.segments[resample], plan.segments[resample + 1])
    return [
        (int(plan.starts[each]) + step) % plan.sessions for each in segments for step in range(int(plan.lengths[each]))
    ]


@given(plans)
@settings(max_examples=60, deadline=None)
def test_pieces_draw_what_the_circular_segments_say(plan: Plan) -> None:
    for resample in range(plan.resamples):
        sessions = drawn(plan, resample)
        assert len(sessions) == plan.sessions
        begin, end = plan.pieces[resample], plan.pieces[resample + 1]
        assert (end - begin) % UNROLLED == 0
        pieces = zip(plan.begins[begin:end].tolist(), plan.ends[begin:end].tolist(), strict=True)
        assert sorted(session for first, last in pieces for session in range(first, last)) == sorted(sessions)


@given(plans)
@settings(max_examples=20, deadline=None)
def test_sessions_seed_and_settings_make_the_same_plan_again(plan: Plan) -> None:
    again = make_plan(plan.sessions, plan.seed, plan.settings)
    for name in ("starts", "lengths", "segments", "begins", "ends", "pieces", "bounds", "benchmark"):
        assert getattr(plan, name).tobytes() == getattr(again, name).tobytes()
        assert not getattr(plan, name).flags.writeable


def test_the_plan_of_one_seed_is_known() -> None:
    """Golden bytes: a plan that changes with a library or a machine would let workers disagree."""
    plan = make_plan(1000, 7)
    digest = hashlib.blake2b(plan.begins.tobytes() + plan.ends.tobytes() + plan.pieces.tobytes(), digest_size=8)
    assert digest.hexdigest() == "645dbc7aa5b67750"


def test_segments_have_the_mean_length_and_start_anywhere() -> None:
    plan = make_plan(2000, 1, ResampleSettings(resamples=400, block_length=20))
    whole = np.ones(len(plan.lengths), dtype=bool)
    whole[plan.segments[1:] - 1] = False  # the last of each resample is cut off
    assert plan.lengths[whole].mean() == pytest.approx(20, rel=0.02)
    assert np.mean(plan.lengths[whole] == 1) == pytest.approx(1 / 20, rel=0.1)
    assert plan.starts.mean() == pytest.approx(1000, rel=0.02)
    assert set(range(2000)) == set(plan.starts.tolist())


def test_blocks_of_length_one_are_the_ordinary_bootstrap() -> None:
    plan = make_plan(50, 3, ResampleSettings(resamples=4, block_length=1))
    assert set(plan.lengths.tolist()) == {1}


def test_blocks_are_about_the_root_of_the_sessions_unless_said_otherwise() -> None:
    assert [make_plan(sessions).block_length for sessions in (1, 2, 100, 2520, 5000)] == [1, 1, 10, 50, 71]


@pytest.mark.parametrize("sessions", (1, 15, 16, 43, 5000))
def test_the_sixteen_blocks_are_consecutive_and_differ_by_one_session_at_most(sessions: int) -> None:
    sizes = np.diff(make_plan(sessions, settings=ResampleSettings(resamples=1)).bounds)
    assert len(sizes) == BLOCKS
    assert sizes.sum() == sessions
    assert sizes.max() - sizes.min() <= 1


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 session"):
        make_plan(0)
    with pytest.raises(ValueError, match="seed"):
        make_plan(10, -1)
    with pytest.raises(ValueError, match="0 resamples or more"):
        ResampleSettings(resamples=-1)
    with pytest.raises(ValueError, match="mean length"):
        ResampleSettings(block_length=0)
    with pytest.raises(ValueError, match="rate"):
        ResampleSettings(rate=float("nan"))
    with pytest.raises(ValueError, match="9 returns for 10 sessions"):
        make_plan(10, benchmark=np.zeros(9))


def test_no_resamples_leave_out_what_needs_them_and_nothing_else() -> None:
    plan = make_plan(300, settings=ResampleSettings(resamples=0))
    observer = Observer(plan, 3)
    for point in range(3):
        assert observer.observe(point, np.random.default_rng(point).normal(0.001, 0.01, 300))
    returns = np.random.default_rng(0).normal(0.001, 0.01, 300)
    found = judge(
        plan,
        observer.rows,
        observer.maxima,
        periods_per_year=252,
        trials_sweep=3,
        trials_family=3,
        best_returns=returns,
    )
    needy = {"reality_check", "spa_lower", "spa_consistent", "spa_upper", "mean_interval", "sharpe_interval"}
    assert {name for name, reason in found.undefined.items() if "no resamples" in reason} == needy
    assert set(found.undefined) == needy | {"stability"}
