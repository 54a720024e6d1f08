"""How much of what looks ahead the check finds, and how seldom it accuses what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbus import check
from tests.unit.small_prices import write_prices
from tools.check_rates import ACTS, HONEST, LEAKS, rates

WITHIN = """
import numpy as np
from backbus import Strategy

class DayLeak(Strategy):
    def signals(self, bars):
        close, session = bars.close.values, bars.session
        last = np.searchsorted(session, session, side="right") - 1
        return self.hold_long(close[last] > close)
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_part_of_them() -> None:
    assert len(LEAKS) * len(ACTS) >= 60 and len(HONEST) * len(ACTS) >= 60
    found = rates(every=7)
    assert (found.missed, found.wrong) == ([], [])


def test_what_looks_ahead_within_a_session_shows_in_rows_of_minutes(tmp_path: Path) -> None:
    (tmp_path / "leak.py").write_text(WITHIN)
    checked = check({"strategy": {"use": f"{tmp_path}/leak.py:DayLeak"}})
    assert checked.finding is not None and checked.finding.kind == "look-ahead" and checked.intraday == 800
    assert check({"strategy": {"use": "SmaCross"}}).intraday == 800


def test_rows_of_whole_sessions_are_said_to_show_nothing_of_it(tmp_path: Path) -> None:
    write_prices(tmp_path, 300)
    checked = check({"data": {"files": f"{tmp_path}/prices.csv"}, "strategy": {"use": "SmaCross"}})
    assert checked.clean and checked.intraday == 0 and not checked.synthetic
