"""When what happened was: at the begin of its bar where it was at the open, at its end otherwise; and how intraday
dates are shown."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus import StrategyError, run
from backbus.api.explain import explain
from backbus.api.sentences import sentences
from backbus.market import calendars
from backbus.market.timeframes import DAY_NS
from backbus.performance.instants import Begins
from backbus.performance.summary import summary_lines
from backbus.strategy import Strategy
from tests.unit.panels import panel_of


class Buys(Strategy):
    """Buys at the second bar, and sells at a limit within another."""

    def on_bar(self, bar: Any, book: Any) -> None:
        if bar.row == 1:
            self.buy(1.0)
        if bar.row == 3:
            self.sell(1.0, limit=104.0)


class Breaks(Strategy):
    def on_bar(self, bar: Any) -> None:
        if bar.row == 1:
            raise ValueError("no")


class BreaksArrays(Strategy):
    def signals(self, bars: Any) -> Any:
        raise ValueError("no")


def frame(index: Any) -> pd.DataFrame:
    rows = len(index)
    close = [100.0 + row for row in range(rows)]
    prices = {"open": close, "high": [p + 0.5 for p in close], "low": [p - 0.5 for p in close], "close": close}
    return pd.DataFrame({**prices, "volume": [1e6] * rows}, index)


HOURS = pd.date_range("2024-01-02 14:30", periods=8, freq="h", tz="UTC")
DAYS = pd.bdate_range("2024-01-02", periods=8)


def made(tmp_path: Path, index: Any, strategy: Any = None, **data: Any) -> Any:
    return run({"strategy": {"use": "None"}, "data": data}, frame(index), strategy=strategy or Buys(), folder=tmp_path)


def times(result: Any, table: str, column: str) -> list[str]:
    return [str(time) for time in result.frame(table)[column]]


def test_a_fill_at_the_open_is_when_its_bar_begins(tmp_path: Path) -> None:
    result = made(tmp_path, HOURS)
    fills = result.frame("fills")
    assert fills["phase"].tolist() == ["OPEN_MATCH", "OPEN_MATCH"]
    assert times(result, "fills", "time") == ["2024-01-02 16:30:00+00:00", "2024-01-02 18:30:00+00:00"]
    assert times(result, "orders", "time")[0] == "2024-01-02 16:30:00+00:00"  # decided at the end of the bar before
    assert times(result, "trades", "entry_time") == ["2024-01-02 16:30:00+00:00"]
    assert times(result, "trades", "exit_time") == ["2024-01-02 18:30:00+00:00"]
    assert times(result, "equity", "time")[0] == "2024-01-02 15:30:00+00:00"


def test_within_a_bar_it_is_its_end(tmp_path: Path) -> None:
    bars = frame(HOURS)
    bars.iloc[4, :4] = [103.2, 104.5, 103.0, 104.2]
    result = run({"strategy": {"use": "None"}}, bars, strategy=Buys(), folder=tmp_path)
    assert result.frame("fills")["phase"].tolist() == ["OPEN_MATCH", "INTRABAR_MATCH"]
    assert times(result, "fills", "time")[1] == "2024-01-02 19:30:00+00:00"


def test_a_bar_begins_no_earlier_than_its_session(tmp_path: Path) -> None:
    index = pd.DatetimeIndex([day + pd.Timedelta(hours=h) for day in DAYS[:4] for h in (15, 16)]).tz_localize("UTC")
    result = made(tmp_path, index, calendar="XNYS", dates={"marks": "end"})
    assert times(result, "fills", "time")[0] == "2024-01-03 14:30:00+00:00"  # not 14:00, an hour before its end


def test_a_daily_bar_begins_when_its_session_opens(tmp_path: Path) -> None:
    result = made(tmp_path / "a", DAYS, calendar="XNYS")
    assert times(result, "fills", "time") == ["2024-01-04 14:30:00+00:00", "2024-01-08 14:30:00+00:00"]
    assert result.summary.first_time == "2024-01-02 14:30"
    unknown = made(tmp_path / "b", DAYS)
    assert times(unknown, "fills", "time") == ["2024-01-05 00:00:00+00:00", "2024-01-09 00:00:00+00:00"]
    assert result.fingerprint == unknown.fingerprint


def test_a_stack_says_the_same(tmp_path: Path) -> None:
    from backbus.engine.handlers import run_handlers
    from backbus.engine.inputs import as_panel
    from backbus.job.job import Job

    job = Job.parse({"strategy": {"use": "None"}, "data": {"calendar": "XNYS"}})
    panel = as_panel(frame(DAYS), job)
    one = run(job, panel, strategy=Buys(), tables=False).summary
    assert run_handlers(job, panel, Buys(), block=2, window=4) == one


def lines_of(report: Any) -> list[tuple[str, str, str]]:
    return [line[:3] for line in summary_lines(report)]


def test_screens_show_intraday_times_and_sessions_of_days(tmp_path: Path) -> None:
    hours, days = made(tmp_path / "hours", HOURS), made(tmp_path / "days", DAYS)
    assert ("Period", "2024-01-02 14:30 to 2024-01-02 22:30 UTC") in [one[::2] for one in lines_of(hours.summary)]
    assert ("Period", "2024-01-02 to 2024-01-11") in [one[::2] for one in lines_of(days.summary)]
    first = hours.frame("fills")["order"].iloc[0]
    told = "\n".join(sentences(explain(tmp_path / "hours", order=int(first))))
    assert "2024-01-02 16:30 UTC, row 2, at the open: bought 1" in told
    first = days.frame("fills")["order"].iloc[0]
    told = "\n".join(sentences(explain(tmp_path / "days", order=int(first))))
    assert "2024-01-04, row 2, at the open: bought 1" in told and "UTC" not in told


@pytest.mark.parametrize("strategy", [Breaks, BreaksArrays])
def test_errors_of_a_strategy_say_when(strategy: Any, tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match=r"\(2024-01-02 1[56]:30 UTC"):
        made(tmp_path, HOURS, strategy())
    with pytest.raises(StrategyError, match=r"\(2024-01-0[23](\)| to )"):
        made(tmp_path, DAYS, strategy())


def test_sessions_are_found_however_the_rows_are_cut_and_from_no_calendar_but_one(monkeypatch: Any) -> None:
    days = pd.bdate_range("1999-06-01", "2021-03-01").to_numpy().astype("M8[D]").astype(np.int64)
    panel = panel_of(*(np.ones((len(days), 1)) for _ in range(5)))
    layout = replace(panel.layout, calendar="XNYS")
    block = replace(panel.block, session=days, end=(days + 1) * DAY_NS)
    made = []
    make = calendars._make
    monkeypatch.setattr(calendars, "_made", deque(maxlen=8))
    monkeypatch.setattr(calendars, "_keeper", None)
    monkeypatch.setattr(calendars, "_make", lambda *asked: made.append(asked) or make(*asked))
    known = calendars.sessions_between("XNYS", int(days[0]), int(days[-1]), field="data.calendar")
    whole = Begins(layout).of(block)
    assert len(made) == 1
    at = np.flatnonzero(np.isin(days, known.days))
    np.testing.assert_array_equal(whole[at], known.opens[np.searchsorted(known.days, days[at])])
    calendars._made.clear()
    begins = Begins(layout)
    parts = [begins.of(block.rows(first, min(first + 97, len(days)))) for first in range(0, len(days), 97)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert len(made) <= 4  # a decade at a time
