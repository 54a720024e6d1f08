"""The worst drawdowns are those of pyfolio's definition, with what an account began with as a peak of its own."""

from __future__ import annotations

import empyrical
import numpy as np
import pandas as pd
import pytest

from backbus.performance.drawdowns import worst_drawdowns


def by_pyfolio(equity: pd.Series, top: int) -> list[tuple[int, int, int | None, float]]:
    """``get_top_drawdowns`` of pyfolio 0.9.2, on a curve: the deepest, then the deepest of what is left."""
    underwater = equity / equity.cummax() - 1.0
    depths = underwater.copy()
    found = []
    for _ in range(top):
        if not len(underwater) or not underwater.min() < 0.0:
            break
        valley = underwater.idxmin()
        peak = underwater.loc[:valley][underwater.loc[:valley] == 0].index[-1]
        after = underwater.loc[valley:][underwater.loc[valley:] == 0].index
        found.append((int(peak), int(valley), int(after[0]) if len(after) else None, float(depths[valley])))
        if len(after):
            underwater = underwater.drop(underwater.loc[peak : after[0]].index[1:-1])
        else:
            underwater = underwater.loc[:peak]
    return found


@pytest.mark.parametrize("seed", range(20))
def test_they_are_pyfolio_s_and_the_deepest_is_empyrical_s(seed: int) -> None:
    returns = np.random.default_rng(seed).normal(0.0005, 0.01, 400)
    equity = np.cumprod(1.0 + returns)
    found = worst_drawdowns(equity)
    theirs = by_pyfolio(pd.Series(equity), 10)
    assert [tuple(one)[:3] for one in found] == [one[:3] for one in theirs]
    assert [one.depth for one in found] == pytest.approx([one[3] for one in theirs], abs=1e-12)
    begun = worst_drawdowns(equity, 1.0)
    assert begun[0].depth == pytest.approx(empyrical.max_drawdown(returns), abs=1e-12)


def test_by_hand_peaks_troughs_and_recoveries_are_rows() -> None:
    equity = np.array([90.0, 80.0, 100.0, 110.0, 99.0, 104.5, 99.0, 110.0, 120.0, 108.0])
    first, second, third = worst_drawdowns(equity, 100.0)
    assert (first.begin, first.trough, first.recovery) == (-1, 1, 2) and first.depth == pytest.approx(-0.2)
    assert (second.begin, second.trough, second.recovery) == (3, 4, 7) and second.depth == pytest.approx(-0.1)
    assert (third.begin, third.trough, third.recovery) == (8, 9, None) and third.depth == pytest.approx(-0.1)
    days = np.arange(10).astype("M8[D]")
    assert first.times(days) == (days[0], days[1], days[2])
    assert third.times(days) == (days[8], days[9], None)
    assert len(worst_drawdowns(equity, 100.0, most=2)) == 2
    assert [one.begin for one in worst_drawdowns(equity)] == [0, 3, 8]  # the first row is the first peak


def test_rows_that_are_no_number_are_passed_over_and_nothing_has_no_drawdown() -> None:
    equity = np.array([np.nan, 100.0, np.nan, 90.0, np.nan, 100.0])
    (one,) = worst_drawdowns(equity, 100.0)
    assert (one.begin, one.trough, one.recovery) == (1, 3, 5)
    assert worst_drawdowns(np.array([]), 100.0) == worst_drawdowns(np.full(3, np.nan)) == []
    assert worst_drawdowns(np.array([1.0, 2.0])) == []
    assert worst_drawdowns(np.array([5.0]), 10.0)[0].depth == -0.5
