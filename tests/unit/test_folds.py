"""Folds by hand, what they never share, and that a part of a panel is the job with ``data.start`` and ``data.end``."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.api.run import run
from backbus.engine.inputs import as_panel
from backbus.engine.warm import small_panel
from backbus.errors import JobError
from backbus.job.job import Job
from backbus.job.sweep import WalkForwardSettings
from backbus.market.panel import session_date
from backbus.performance.metrics import session_rate
from backbus.sweep.search.folds import panel_between, session_figures, session_rows, walk_forward_folds


def folds(sessions: int, **lengths: int | bool) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    found = walk_forward_folds(sessions, WalkForwardSettings.model_validate(lengths))
    return [(tuple(train), tuple(test)) for train, test in found]  # type: ignore[misc]


def test_rolling_folds_and_a_shorter_last_one() -> None:
    assert folds(11, train=4, test=3) == [((0, 4), (4, 7)), ((3, 7), (7, 10)), ((6, 10), (10, 11))]


def test_anchored_folds_grow_and_a_longer_step_leaves_gaps() -> None:
    assert folds(10, train=4, test=3, anchored=True) == [((0, 4), (4, 7)), ((0, 7), (7, 10))]
    assert folds(12, train=4, test=2, step=5) == [((0, 4), (4, 6)), ((5, 9), (9, 11))]


def test_history_is_left_before_the_first_fold() -> None:
    assert folds(11, train=4, test=3, history=3) == [((3, 7), (7, 10)), ((6, 10), (10, 11))]
    assert folds(12, train=4, test=3, history=3, anchored=True) == [((3, 7), (7, 10)), ((3, 10), (10, 12))]
    with pytest.raises(JobError, match="5 sessions of history, 4 of train and 3 of test are 12, and the data has 11"):
        folds(11, train=4, test=3, history=5)


def test_lengths_that_do_not_fit_name_their_field() -> None:
    for lengths, field in (({"train": 10, "test": 1}, "train"), ({"train": 8, "test": 3}, "test")):
        with pytest.raises(JobError) as caught:
            folds(10, **lengths)
        assert caught.value.field == f"sweep.walk_forward.{field}"
    with pytest.raises(JobError, match="test ranges would overlap"):
        Job.parse(
            {
                "strategy": {"use": "SmaCross"},
                "sweep": {"parameters": {"fast": [2]}, "walk_forward": {"train": 5, "test": 3, "step": 2}},
            }
        )


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(1, 20), st.integers(0, 9), st.booleans(), st.integers(0, 200))
def test_no_session_is_both_trained_and_tested_and_none_is_tested_twice(
    train: int, test: int, gap: int, anchored: bool, more: int
) -> None:
    sessions = train + test + more
    tested: list[int] = []
    for learned, tried in folds(sessions, train=train, test=test, step=test + gap, anchored=anchored):
        assert learned[1] == tried[0]
        assert learned[1] - learned[0] == train or anchored
        assert 0 <= learned[0] < learned[1] < tried[1] <= sessions
        tested += range(*tried)
    assert len(set(tested)) == len(tested)
    if not gap:
        assert tested == list(range(train, sessions))


@pytest.mark.parametrize("warmup", [None, 0, 7])
def test_a_part_of_a_panel_is_the_job_that_starts_and_ends_there(warmup: int | None) -> None:
    import pandas as pd

    block = small_panel(200).block
    names = ("open", "high", "low", "close", "volume")
    frames = {
        symbol: pd.DataFrame(
            {name: getattr(block, name)[:, asset] for name in names}, index=pd.to_datetime(block.end, utc=True)
        ).dropna()
        for asset, symbol in enumerate(small_panel(200).symbols)
    }
    fields = {
        "strategy": {"use": "SmaCross", "fast": 3, "slow": 12},
        "data": {"dates": {"marks": "end"}, "warmup": warmup},
    }
    panel = as_panel(frames, Job.parse({**fields, "data": {"dates": {"marks": "end"}}}))
    rows = session_rows(panel)
    last = len(rows) - 1
    for first, stop in ((last // 4, last // 2), (last // 2, last)):
        dates = [session_date(panel.block.session[row]) for row in (rows[first], rows[stop] - 1)]
        ranged = {**fields, "data": {"dates": {"marks": "end"}, "warmup": warmup, "start": dates[0], "end": dates[1]}}
        part = panel_between(panel, int(rows[first]), int(rows[stop]), warmup)
        assert part.block.first_row == 0
        one, two = run(ranged, frames, tables=False), run(fields, part, tables=False)
        assert (one.fingerprint, one.metrics, one.summary.rows) == (two.fingerprint, two.metrics, two.summary.rows)


def test_figures_of_returns_are_those_of_a_run_with_these_returns() -> None:
    returns = np.array([0.5, -0.25, 0.0, 0.25])
    found = session_figures(returns, 1000.0, 4.0, np.array([session_rate(0.0, 4.0)]))
    assert found["total_return"] == found["annual_return"] == 0.40625
    assert found["max_drawdown"] == -0.25
    assert found["calmar"] == 1.625
    assert found["volatility"] == pytest.approx(np.std(returns, ddof=1) * 2.0, rel=1e-14)
    assert found["sharpe"] == pytest.approx(0.125 / np.std(returns, ddof=1) * 2.0, rel=1e-14)
    assert found["sortino"] == pytest.approx(0.125 / 0.125 * 2.0, rel=1e-14)
