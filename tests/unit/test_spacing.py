"""What a year is: by the bars' own spacing, by a calendar, by the days of the week, or as a setting says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus import Job, run, run_sweep
from backbus.engine.handlers import run_handlers
from backbus.engine.inputs import load_inputs, open_inputs
from backbus.market.panel import Layout
from backbus.market.spacing import year_of
from backbus.market.timeframes import DAY_NS
from backbus.trading.numbers import rules_of


def frame(index: pd.DatetimeIndex, growth: float = 1.006) -> pd.DataFrame:
    close = 100.0 * growth ** np.arange(len(index))
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    return pd.DataFrame({**columns, "volume": 1000.0}, index=index)


def job_of(**sections: Any) -> Job:
    held = {"cash": 1e6, "lot": 0}
    fields = {"strategy": {"use": "BuyAndHold"}, "portfolio": held, "execution": {"fill": "close"}}
    return Job.parse({**fields, **sections})


def year(index: pd.DatetimeIndex, **sections: Any) -> tuple[float, str]:
    report = run(job_of(**sections), frame(index), tables=False).summary
    return report.year, report.year_because


def days(start: str, count: int, freq: str) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, freq=freq)


@pytest.mark.parametrize(
    ("index", "sessions", "because"),
    [
        (days("2023-01-02", 27, "7D"), 52.0, "bars, which are a week apart"),
        (days("2023-01-06", 3, "W-FRI"), 52.0, "bars, which are a week apart"),
        (days("2015-01-31", 60, "ME"), 12.0, "bars, which are a month apart"),
        (days("2015-01-01", 60, "MS"), 12.0, "bars, which are a month apart"),
        (days("2000-03-31", 40, "QE"), 4.0, "bars, which are a quarter apart"),
        (days("1980-12-31", 20, "YE"), 1.0, "bars, which are a year apart"),
        (days("2023-01-02", 100, "14D"), 26.0, "bars, which are two weeks apart"),
        (days("2023-01-02", 100, "3D"), 365.25 / 3, "bars, which are 3 days apart"),
        (days("2023-01-02", 100, "B"), 252.0, "sessions, as of shares: no calendar is named"),
        (days("2023-01-06", 2, "B"), 252.0, "sessions, as of shares: no calendar is named"),
        (days("2023-01-02", 100, "D"), 365.0, "days, since there are bars on all of a week"),
        (days("2023-01-02", 9, "D"), 365.0, "days, since there are bars on all of a week"),
        (days("2023-01-02", 4000, "h"), 365.0, "days, since there are bars on all of a week"),
    ],
)
def test_a_year_has_as_many_sessions_as_the_bars_say(index: pd.DatetimeIndex, sessions: float, because: str) -> None:
    assert year(index) == (pytest.approx(sessions), because)


def test_sunday_evenings_make_a_week_of_six_days() -> None:
    hours = days("2023-01-01", 24 * 7 * 30, "h")
    open_ = hours[
        (hours.day_of_week < 4)
        | ((hours.day_of_week == 4) & (hours.hour < 22))
        | ((hours.day_of_week == 6) & (hours.hour >= 22))
    ]
    assert year(open_)[0] == 313.0


@pytest.mark.parametrize("count", [10, 40, 100, 250])
def test_one_odd_saturday_makes_no_week_of_six_days(count: int) -> None:
    weekdays = days("2023-01-02", count, "B")
    assert year(weekdays.append(pd.DatetimeIndex(["2023-01-07"])).sort_values())[0] == 252.0


def test_sunday_evenings_are_found_in_a_sample_of_years() -> None:
    minutes = days("2020-01-01", 4 * 24 * 365 * 4, "15min")
    day, late = minutes.day_of_week, minutes.hour >= 22
    open_ = minutes[(day < 4) | ((day == 4) & ~late) | ((day == 6) & late)]
    session = (open_ - pd.Timestamp("1970-01-01")).days.to_numpy()
    found = year_of(session, Layout(("A",), len(session), 0, 15 * 60 * 1_000_000_000))
    assert (found.sessions, found.bars) == (313.0, 96.0)


def test_a_calendar_says_it_for_days_and_not_for_weeks() -> None:
    sessions = days("2023-01-03", 60, "B").difference(pd.DatetimeIndex(["2023-01-16", "2023-02-20"]))
    assert year(sessions, data={"calendar": "XNYS"}) == (251.55, "sessions of XNYS")
    fridays = days("2023-01-06", 20, "W-FRI")  # Good Friday among them
    report = run(job_of(data={"calendar": "XNYS"}), frame(fridays), tables=False).summary
    assert (report.year, report.sessions) == (52.0, 20)
    assert any("2023-04-07 for one, which ends on 2023-04-06" in told for told in (*report.notes, *report.warnings))


def test_bars_that_are_made_have_their_own_year() -> None:
    assert year(days("2020-01-01", 700, "D"), data={"bars": "1w"})[0] == 52.0
    assert year(days("2020-01-01", 900, "D"), data={"bars": "1mo"})[0] == 12.0


def test_figures_are_annualised_by_it_and_a_setting_goes_before() -> None:
    index = days("2023-01-02", 27, "7D")
    report = run(job_of(), frame(index), tables=False).summary
    assert report.metrics.annual_return == pytest.approx((1.006**26) ** (52 / 27) - 1.0)
    assert not any("periods_per_year" in note for note in report.notes)
    told = run(job_of(performance={"periods_per_year": 252}), frame(index), tables=False).summary
    assert (told.year, told.year_because) == (252.0, "as performance.periods_per_year says")
    assert "performance.periods_per_year is 252, and by the data it would be 52 (bars, which are a week apart): " in (
        " ".join(told.notes)
    )


def test_a_volatility_target_knows_how_many_bars_a_session_has() -> None:
    sizing = {"model": "volatility_target", "target": 0.2}
    layouts = {}
    for freq, count in (("h", 24 * 30), ("D", 60), ("7D", 60)):
        panel = open_inputs(job_of(), frame(days("2023-01-02", count, freq))).panel
        layouts[freq] = rules_of(job_of(portfolio={"sizing": sizing}), panel.layout).instruments["bars_per_year"][0]
    assert layouts == {"h": 365.0 * 24, "D": 365.0, "7D": 52.0}
    told = run(
        job_of(portfolio={"sizing": {**sizing, "bars_per_year": 252}}),
        frame(days("2023-01-02", 720, "h")),
        tables=False,
    )
    assert any(
        "portfolio.sizing.bars_per_year is 252, and by the data it would be 8760" in n for n in told.summary.notes
    )


def test_the_handlers_hear_it_with_the_layout() -> None:
    job, data = job_of(), frame(days("2023-01-02", 27, "7D"))
    job, inputs, strategy = load_inputs(job, data)
    here = run(job, data, tables=False).summary
    assert run_handlers(job, inputs.panel, strategy) == here
    facts = inputs.panel.layout.facts()
    assert (Layout.of(facts).year, Layout.of(facts).year_because) == (52.0, "bars, which are a week apart")


def test_a_sweep_annualises_as_its_runs_do(tmp_path: Path) -> None:
    data = frame(days("2010-01-01", 300, "7D"))
    rising = data["close"] * (1.0 + 0.05 * np.sin(np.arange(300)))
    for name in ("open", "high", "low", "close"):
        data[name] = rising
    strategy = {"use": "SmaCross", "fast": 3, "slow": 10}
    sweep = {"parameters": {"strategy.fast": [2, 3, 4]}, "resamples": 200}
    whole = run_sweep(job_of(strategy=strategy, sweep=sweep), data, folder=tmp_path / "sweep")
    best = whole.summary["best"]
    chosen = {name.removeprefix("strategy."): value for name, value in best["params"].items()}
    alone = run(job_of(strategy={**strategy, **chosen}), data, tables=False).summary
    assert best["metrics"]["sharpe"] == alone.metrics.sharpe
    assert whole.summary["statistics"]["sharpe"] == pytest.approx(alone.metrics.sharpe)


def test_a_sample_of_a_long_market_is_enough() -> None:
    session = np.repeat(np.arange(2000) + np.arange(2000) // 5 * 2 + 4, 390)
    found = year_of(session, Layout(("A",), len(session), 0, 60_000_000_000))
    assert (found.sessions, found.bars) == (252.0, 390.0)
    assert year_of(np.arange(6000), Layout(("A",), 6000, 0, DAY_NS)).sessions == 365.0
    assert year_of(np.zeros(0, dtype=np.int64), Layout(("A",), 0, 0, DAY_NS)).sessions == 252.0
    assert math.isclose(year_of(np.arange(60) * 7, Layout(("A",), 60, 0, 0)).sessions, 52.0)


def test_a_hurdle_is_what_the_best_point_has_to_beat(tmp_path: Path) -> None:
    data = frame(days("2015-01-01", 600, "D"))
    swings = 100.0 * np.cumprod(1.0 + np.random.default_rng(4).normal(0.001, 0.01, 600))
    for name in ("open", "high", "low", "close"):
        data[name] = swings
    found = {}
    for hurdle in (0.0, 0.5, 50.0):
        sweep = {"parameters": {"strategy.fast": [2, 3, 4]}, "resamples": 0, "hurdle": hurdle}
        job = job_of(strategy={"use": "SmaCross", "slow": 10}, sweep=sweep)
        found[hurdle] = run_sweep(job, data, folder=tmp_path / str(hurdle)).summary["statistics"]
    assert found[0.5]["min_track_record"] > found[0.0]["min_track_record"]
    assert found[0.5]["probabilistic_sharpe"] < found[0.0]["probabilistic_sharpe"]
    assert found[50.0]["min_track_record"] is None
    assert "not above the hurdle" in found[50.0]["undefined"]["min_track_record"]
