"""How long points are cold: told for each range, noted where they differ, and the same for all with a setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus import Job, run_sweep
from backbus.sweep.search.cold import cold_of, notes_of_cold
from tests.unit.small_prices import write_prices

STYLES = {
    "built in": ("SmaCross", "slow"),
    "indicators": ("mine.py:Indicators", "slow"),
    "weeks": ("mine.py:Weeks", "slow"),
    "raw": ("mine.py:Raw", "slow"),
    "events": ("mine.py:Events", "slow"),
}
MINE = """
from typing import ClassVar
from backbus import Strategy

class Indicators(Strategy):
    slow: int = 20

    def signals(self, bars):
        rising = bars.close.ema(3) - bars.close.sma(self.slow)
        return self.hold_long(rising > 0)

class Weeks(Strategy):
    slow: int = 20

    def signals(self, bars):
        weeks = bars.every("1w")
        return self.hold_long(bars.close > weeks.sma(self.slow // 10).on(bars))

class Raw(Strategy):
    slow: int = 20
    lookback: ClassVar[int] = 30

    def signals(self, bars):
        return self.hold_long(bars.raw.close[30:] > bars.raw.close[:-30])

class Events(Strategy):
    slow: int = 20
    lookback: ClassVar[int] = 30

    def on_bar(self, bar):
        if len(bar.closes(30)) == 30 and bar.closes(30)[0] < bar.close:
            self.go_long()
"""


def swept(folder: Path, style: str, **sweep: Any) -> dict[str, Any]:
    write_prices(folder, 300)
    (folder / "mine.py").write_text(MINE)
    use, name = STYLES[style]
    data = {"files": "prices.csv", "symbols": ["A"]}
    if style == "weeks":
        data["timeframes"] = ["1w"]
    searched = {"parameters": {name: [20, 100]}, "resamples": 0, "objective": "total_return", **sweep}
    job = Job.parse({"data": data, "strategy": {"use": use}, "sweep": searched})
    job.come_from(folder)
    return run_sweep(job, workers=0, folder=folder / f"out{len(list(folder.iterdir()))}").summary


@pytest.mark.parametrize(
    ("style", "least", "most"),
    [("built in", 19, 99), ("indicators", 19, 99), ("weeks", 11, 67), ("raw", 30, 30), ("events", 30, 30)],
)
def test_sessions_that_pass_before_a_point_can_speak(tmp_path: Path, style: str, least: int, most: int) -> None:
    summary = swept(tmp_path, style)
    assert summary["cold"] == {"least": least, "most": most}
    assert (len(summary["notes"]) == 1) == (least != most)


def test_folds_tell_it_and_history_gives_all_the_same(tmp_path: Path) -> None:
    folds = {"train": 120, "test": 40}
    told = swept(tmp_path, "built in", walk_forward=folds)
    assert told["cold"][0] == {"least": 19, "most": 99}
    assert told["cold"][-1] == {"least": 0, "most": 0}
    (note,) = told["notes"]
    assert "in fold 0 19 to 99 of 120 sessions passed" in note and "sweep.walk_forward.history = 99" in note
    even = swept(tmp_path, "built in", walk_forward={**folds, "history": 99})
    assert even["notes"] == [] and {each["most"] for each in even["cold"]} == {0}
    assert even["folds"][0]["train_start"] == str(np.datetime64("2020-01-01") + 99)


def test_so_do_groups(tmp_path: Path) -> None:
    told = swept(tmp_path, "built in", cpcv={"groups": 4, "test_groups": 1})
    assert told["cold"][0] == {"least": 19, "most": 75} and "sweep.cpcv.history = 99" in told["notes"][0]
    even = swept(tmp_path, "built in", cpcv={"groups": 4, "test_groups": 1, "history": 99})
    assert even["notes"] == [] and even["groups"][0][0] == str(np.datetime64("2020-01-01") + 99)
    assert even["splits"][0]["train_sessions"] == 150


def test_a_few_sessions_are_no_matter() -> None:
    assert notes_of_cold([("the data", 1000, {"least": 10, "most": 50})], "x") == []
    assert cold_of(np.array([], dtype=np.int64)) == {"least": 0, "most": 0}
