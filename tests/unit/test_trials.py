"""What is counted as a trial of one strategy on one market: here, and by an orchestrator, which opens no data."""

from __future__ import annotations

import json
import multiprocessing
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus import Job, run_sweep
from backbus.services.orchestrator.submission import family_of, same_family, told_of
from backbus.strategy import Strategy
from backbus.strategy.builtins import SmaCross
from backbus.sweep.trials import TRIALS_FILE, MarketTried, Trials

MARKET = MarketTried("1 d", ("A", "B"), 100, 200)


def job_of(**more: Any) -> Job:
    return Job.parse({"strategy": {"use": "SmaCross"}, **more})


def counted(path: Path, market: MarketTried, points: int, job: Job | None = None, strategy: Any = SmaCross) -> int:
    return Trials(path, job or job_of(), strategy, market).family(points).trials


@pytest.mark.parametrize(
    ("market", "same"),
    [
        (MARKET, True),
        (MARKET._replace(first=150, last=260), True),
        (MARKET._replace(symbols=("B", "C")), True),
        (MARKET._replace(symbols=("A",)), True),
        (MARKET._replace(symbols=("C",)), False),
        (MARKET._replace(first=201, last=300), False),
        (MARKET._replace(kind="60000000000 ns"), False),
    ],
)
def test_the_same_market_shares_an_asset_and_a_day_of_bars_of_one_kind(
    tmp_path: Path, market: MarketTried, same: bool
) -> None:
    path = tmp_path / TRIALS_FILE
    assert counted(path, MARKET, 9, job_of(name="one")) == 9
    assert counted(path, market, 5, job_of(name="two")) == (14 if same else 5)


def test_a_search_counts_once_with_the_most_that_it_tried(tmp_path: Path) -> None:
    path = tmp_path / TRIALS_FILE
    assert [counted(path, MARKET, points) for points in (4, 9, 6)] == [4, 9, 9]


def test_a_strategy_is_its_class_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / TRIALS_FILE

    class Mine(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.hold_long(bars.close > 0)

    def of(use: str, folder: str) -> int:
        job = Job.parse({"strategy": {"use": use}, "name": f"{use} {folder}"})
        job.come_from(tmp_path / folder)
        return counted(path, MARKET, 3, job, Mine)

    assert of("mine.py:Mine", "here") == 3
    assert of("mine.py:Mine", "there") == 3
    assert of("../here/mine.py", "there") == 6
    assert of("other.py:Mine", "here") == 3


def test_a_file_that_cannot_be_read_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / TRIALS_FILE
    path.write_text('{"SmaCross 0123": {"4567": 9}}', encoding="utf-8")
    assert counted(path, MARKET, 2) == 2
    path.write_text("[3", encoding="utf-8")
    assert counted(path, MARKET, 2) == 2


def count_one(path: Path, number: int) -> None:
    trials = Trials(path, job_of(name=f"job {number}"), SmaCross, MARKET)
    for points in (1, 2, 3):
        trials.family(points)


def test_processes_that_count_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / TRIALS_FILE
    some = [multiprocessing.get_context("fork").Process(target=count_one, args=(path, number)) for number in range(6)]
    for process in some:
        process.start()
    for process in some:
        process.join()
    assert counted(path, MARKET, 1, job_of(name="last")) == 6 * 3 + 1


def prices(start: str = "2020-01-01", rows: int = 120) -> pd.DataFrame:
    close = 100.0 + np.cumsum(np.sin(np.arange(rows)))
    index = pd.date_range(start, periods=rows, freq="D")
    return pd.DataFrame({**dict.fromkeys(("open", "high", "low", "close"), close), "volume": 1e6}, index)


SWEEP = {"strategy": {"use": "SmaCross", "slow": 20}, "sweep": {"parameters": {"strategy.fast": [2, 3, 4, 5]}}}


def test_another_start_or_a_row_more_goes_on_counting(tmp_path: Path) -> None:
    number = count()

    def family(market: pd.DataFrame, **more: Any) -> Any:
        return run_sweep({**SWEEP, **more}, market, workers=0, folder=tmp_path / f"sweep{next(number)}").summary

    assert family(prices())["statistics"]["trials_family"] == 4
    assert family(prices(), data={"start": "2020-02-01"})["statistics"]["trials_family"] == 8
    told = family(prices(rows=121), name="longer")["trials_family_told"]
    assert told.startswith("12 trials of SmaCross on ") and " in 3 searches since 20" in told
    assert family(prices("2022-01-01"), name="later")["statistics"]["trials_family"] == 4


def test_a_sweep_that_is_stopped_counts_what_it_tried(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, points: int) -> None:
        raise Stopped

    many = {**SWEEP, "sweep": {"parameters": {"strategy.fast": {"from": 2, "to": 19, "step": 1}, "strategy.slow": {
        "from": 20, "to": 60, "step": 1}}}}  # fmt: skip
    with pytest.raises(Stopped):
        run_sweep(many, prices(), workers=0, folder=tmp_path / "sweep", progress=stop)
    (kept,) = json.loads((tmp_path / TRIALS_FILE).read_text(encoding="utf-8"))["searches"]
    assert 0 < kept["points"] < 18 * 41
    found = run_sweep(SWEEP, prices(), workers=0, folder=tmp_path / "sweep").summary
    assert found["statistics"]["trials_family"] == kept["points"] + 4


FILES = {"A.csv": "1", "B.csv": "2"}


@pytest.mark.parametrize(
    ("data", "files", "same"),
    [
        ({}, FILES, True),
        ({}, {"A.csv": "another content"}, True),
        ({}, {"C.csv": "1"}, False),
        ({"calendar": "XNYS", "adjust": "splits"}, FILES, True),
        ({"bars": "1h"}, FILES, False),
        ({"start": "2020-01-01"}, FILES, True),
        ({"symbols": ["A"]}, FILES, True),
    ],
)
def test_on_a_fleet_a_market_is_its_files_whatever_they_say(
    data: dict[str, Any], files: dict[str, str], same: bool
) -> None:
    one, other = family_of(job_of(), FILES), family_of(job_of(data=data), files)
    assert same_family(one, other) is same
    assert same_family(other, one) is same


def test_on_a_fleet_days_and_assets_that_are_named_tell_markets_apart() -> None:
    def family(**data: Any) -> str:
        return family_of(job_of(data=data), FILES)

    assert not same_family(family(end="2019-12-31"), family(start="2020-01-01"))
    assert not same_family(family(symbols=["A"]), family(symbols=["B"]))
    assert not same_family(family(), family_of(Job.parse({"strategy": {"use": "BuyAndHold"}}), FILES))
    assert not same_family("3f", family()) and same_family("3f", "3f")
    assert told_of(family(), 9, "2026-01-01") == "9 trials of SmaCross on A.csv, B.csv since 2026-01-01"
