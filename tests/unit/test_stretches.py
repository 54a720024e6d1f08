"""Rows without events, marked many at a time: as if each were marked alone, wherever holes lie and blocks end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Block, Layout, Panel
from backbus.performance.report import Report
from backbus.strategy import Strategy
from backbus.strategy.bars import Bars
from backbus.trading.records import Records

ROWS = 70


class AtRows(Strategy):
    """Long and flat in turns, from the rows that a bit of ``when`` names."""

    when: int

    def signals(self, bars: Bars) -> Records:
        """Sides by row."""
        turns = np.array([self.when >> row & 1 for row in range(bars.first_row, bars.first_row + len(bars))])
        return self.hold_long(turns.astype(np.bool_))


def one_asset(holes: set[int]) -> Panel:
    close = 100.0 + 5.0 * np.sin(np.arange(ROWS, dtype=np.float64))[:, None]
    close[sorted(holes)] = np.nan
    days = np.arange(ROWS, dtype=np.int64)
    arrays = (
        (days + 1) * 86_400_000_000_000,
        days // 3,
        close + 0.5,
        close + 1.0,
        close - 1.0,
        close,
        close * 0.0 + 1.0,
    )
    for array in arrays:
        array.flags.writeable = False
    return Panel(Layout(("A",), ROWS, 2, 86_400_000_000_000), Block(0, *arrays))


def report(panel: Panel, when: int, block: int) -> Report:
    return Engine(Job.parse({"strategy": {"use": "x"}, "run": {"block": block}}), panel, AtRows(when=when)).run()


@pytest.mark.slow
@settings(deadline=None)
@given(holes=st.sets(st.integers(0, ROWS - 1)), when=st.integers(0, 2**ROWS - 1), block=st.integers(2, ROWS))
def test_a_stretch_is_its_rows_one_by_one(holes: set[int], when: int, block: int) -> None:
    panel = one_asset(holes)
    assert report(panel, when, block) == report(panel, when, 1)


@pytest.mark.parametrize("block", [5, ROWS])
@pytest.mark.parametrize("last", [8, 9, 15, 16, 17])
def test_a_position_keeps_the_last_price_before_a_stretch_of_holes(last: int, block: int) -> None:
    panel = one_asset(set(range(last, ROWS)))
    found = report(panel, 2**ROWS - 1, block)
    shares = np.floor(100_000.0 / panel.block.close[2, 0])
    worth = 100_000.0 + shares * (panel.block.close[last - 1, 0] - panel.block.open[3, 0])
    assert found.final_equity == pytest.approx(worth, rel=1e-12)
