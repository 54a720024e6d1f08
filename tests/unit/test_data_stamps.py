"""What dates and timestamps mean: ends of bars, sessions, zones, calendars, one interval per panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backbus.data import load_panel
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.market.panel import session_date
from backbus.market.timeframes import DAY_NS

HOUR_NS = 3_600 * 10**9
MINUTE_NS = 60 * 10**9


def load(folder: Path, *stamps: list[str], header: str = "date", **settings: object):
    files = {}
    for number, column in enumerate(stamps):
        path = folder / f"F{number}.csv"
        path.write_text(f"{header},open,high,low,close\n" + "".join(f"{stamp},1,1,1,1\n" for stamp in column))
        files[path.name] = path
    return load_panel(DataSettings(**settings), files)


def ends(panel) -> list[str]:
    return [str(np.datetime64(int(end), "s")) for end in panel.block.end // 10**9]


def sessions(panel) -> list[str]:
    return [session_date(session) for session in panel.block.session]


@pytest.mark.parametrize(
    "stamps",
    [
        ["2024-01-12", "2024-01-13"],
        ["20240112", "20240113"],
        ["2024/01/12", "2024/01/13"],
        ["2024/1/12", "2024/1/13"],
        ["2024.01.12", "2024.01.13"],
        ["01/12/2024", "01/13/2024"],
        ["12/01/2024", "13/01/2024"],
        ["12.1.2024", "13.1.2024"],
        ["2024-01-12 00:00:00", "2024-01-13 00:00:00"],
        ["2024-01-12 00:00:00-05:00", "2024-01-13 00:00:00-05:00"],
        ["1705017600", "1705104000"],
    ],
)
def test_a_date_ends_at_midnight_utc_and_is_its_own_session(tmp_path, stamps):
    panel = load(tmp_path, stamps)
    assert ends(panel) == ["2024-01-13T00:00:00", "2024-01-14T00:00:00"]
    assert sessions(panel) == ["2024-01-12", "2024-01-13"]
    assert panel.layout.interval_ns == DAY_NS


def test_dates_before_1970_are_dates(tmp_path):
    assert sessions(load(tmp_path, ["19291028", "19291029"])) == ["1929-10-28", "1929-10-29"]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (["01/02/2024", "01/03/2024"], "F0.csv:2, column 'date': '01/02/2024' may be month/day or day/month"),
        (["01/13/2024", "14/01/2024"], "F0.csv:3, column 'date': '14/01/2024' puts day and month the other way"),
        (["20240112", "20241301"], "F0.csv:3, column 'date': '20241301' is not a date"),
        (["2024-01-12", "2024-01-13 09:30"], "F0.csv:3, column 'date': '2024-01-13 09:30' has a time"),
        (["2024-01-12 09:30", "2024-01-13"], "F0.csv:3, column 'date': '2024-01-13' is a date without a time"),
        (["2024-01-12 09:30", "2024-01-12 09:31Z"], "'2024-01-12 09:31Z' has a zone, unlike"),
        (["2024-01-12 09:30Z", "2024-01-12 09:31"], "'2024-01-12 09:31' has no zone, unlike"),
        (["2024-01-12 09:30", "2024-01-12 9:31"], "F0.csv:3, column 'date': '2024-01-12 9:31' cannot be read"),
        (["1705017600", "1705017660000"], "F0.csv:3, column 'date': '1705017660000' is not in the unit"),
        (["1705017600", "soon"], "F0.csv:3, column 'date': 'soon' cannot be read"),
        (["1500-01-01", "1500-01-02"], "outside the years 1678 to 2261"),
        (["2024-01-12 09:30"], "F0.csv:2, symbol F0: one bar does not tell its interval"),
    ],
)
def test_a_stamp_that_is_not_clear_is_refused(tmp_path, stamps, expected):
    with pytest.raises(DataError) as caught:
        load(tmp_path, stamps)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "stamps",
    [
        ["2024-01-12 14:30:00", "2024-01-12 14:31:00"],
        ["2024-01-12T14:30", "2024-01-12T14:31"],
        ["2024-01-12T14:30:00.000Z", "2024-01-12T14:31:00.000Z"],
        ["2024-01-12 09:30:00-05:00", "2024-01-12 09:31:00-05:00"],
        ["2024-01-12 09:30:00 -0500", "2024-01-12 09:31:00 -0500"],
        ["2024-01-12 14:30:00 UTC", "2024-01-12 14:31:00 UTC"],
        ["2024/01/12 14:30:00", "2024/01/12 14:31:00"],
        ["20240112 143000", "20240112 143100"],
        ["1705069800", "1705069860"],
        ["1705069800000", "1705069860000"],
        ["1705069800000000", "1705069860000000"],
        ["1705069800000000000", "1705069860000000000"],
    ],
)
def test_a_timestamp_marks_the_start_of_its_bar(tmp_path, stamps):
    panel = load(tmp_path, stamps)
    assert ends(panel) == ["2024-01-12T14:31:00", "2024-01-12T14:32:00"]
    assert panel.layout.interval_ns == MINUTE_NS


def test_a_timestamp_marks_the_end_where_the_job_says_so(tmp_path):
    panel = load(tmp_path, ["2024-01-12 23:59", "2024-01-13 00:00"], dates={"marks": "end"})
    assert ends(panel) == ["2024-01-12T23:59:00", "2024-01-13T00:00:00"]
    assert sessions(panel) == ["2024-01-12", "2024-01-12"]


def test_a_date_column_and_a_time_column_are_one_stamp(tmp_path):
    panel = load(tmp_path, ["2024-01-12,14:30", "2024-01-12,14:31"], header="Date,Time")
    assert ends(panel) == ["2024-01-12T14:31:00", "2024-01-12T14:32:00"]


def test_a_naive_timestamp_is_in_the_jobs_zone(tmp_path):
    panel = load(tmp_path, ["2024-03-08 15:00", "2024-03-08 16:00", "2024-03-11 15:00"], timezone="America/New_York")
    assert ends(panel) == ["2024-03-08T21:00:00", "2024-03-08T22:00:00", "2024-03-11T20:00:00"]
    assert panel.layout.interval_ns == HOUR_NS


def test_a_session_is_the_local_date_of_the_bars_end(tmp_path):
    stamps = ["2024-01-12T22:00Z", "2024-01-12T23:00Z", "2024-01-13T00:00Z", "2024-01-13T05:00Z"]
    assert sessions(load(tmp_path, stamps, timezone="America/New_York"))[1:] == [
        "2024-01-12",
        "2024-01-12",
        "2024-01-13",
    ]
    assert sessions(load(tmp_path, stamps)) == ["2024-01-12", "2024-01-12", "2024-01-13", "2024-01-13"]


def test_daily_midnights_stay_in_their_session_across_a_clock_change(tmp_path):
    stamps = ["2024-03-08 00:00:00-05:00", "2024-03-11 00:00:00-04:00", "2024-03-12 00:00:00-04:00"]
    assert sessions(load(tmp_path, stamps)) == ["2024-03-08", "2024-03-11", "2024-03-12"]
    utc = ["2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z", "2024-03-12T04:00:00Z"]
    assert sessions(load(tmp_path, utc, timezone="America/New_York")) == ["2024-03-08", "2024-03-11", "2024-03-12"]


@pytest.mark.parametrize("hour", ["2024-03-10 02:30", "2024-11-03 01:30"])
def test_an_hour_that_the_clock_skips_or_repeats_is_refused(tmp_path, hour):
    with pytest.raises(DataError, match=r"F0\.csv:3, .* is not one instant in America/New_York"):
        load(tmp_path, ["2024-01-01 02:30", hour, "2024-12-01 01:30", "2024-12-01 02:30"], timezone="America/New_York")


def test_a_calendar_ends_dates_at_the_sessions_close(tmp_path):
    panel = load(tmp_path, ["2024-07-02", "2024-07-03", "2024-07-05"], calendar="XNYS")
    assert ends(panel) == ["2024-07-02T20:00:00", "2024-07-03T17:00:00", "2024-07-05T20:00:00"]
    assert sessions(panel) == ["2024-07-02", "2024-07-03", "2024-07-05"]


def test_a_date_that_is_no_session_names_its_line(tmp_path):
    with pytest.raises(DataError, match=r"F0\.csv:3, symbol F0: 2024-07-04 is not a session of XNYS"):
        load(tmp_path, ["2024-07-03", "2024-07-04"], calendar="XNYS")


def test_an_unknown_calendar_names_near_ones(tmp_path):
    with pytest.raises(JobError, match="XNYS") as caught:
        load(tmp_path, ["2024-07-03"], calendar="XNY")
    assert caught.value.field == "data.calendar"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["2024-01-12", "2024-01-13"], ["2024-01-12 09:30", "2024-01-12 09:31"], "one way to say when"),
        (["2024-01-12 09:30Z", "2024-01-12 09:31Z"], ["2024-01-12 09:30", "2024-01-12 09:31"], "without a zone"),
        (["2024-01-12 09:30", "2024-01-12 09:31"], ["2024-01-12 09:30", "2024-01-12 09:35"], "bars of 5 minutes"),
        (["2024-01-12", "2024-01-13"], ["2024-01-12", "2024-01-19"], "bars of 7 days"),
    ],
)
def test_files_that_do_not_go_together_are_both_named(tmp_path, first, second, expected):
    with pytest.raises(DataError) as caught:
        load(tmp_path, first, second)
    message = str(caught.value)
    assert expected in message
    assert "F0.csv" in message
    assert "F1.csv" in message


def test_an_asset_that_seldom_trades_keeps_the_panels_interval(tmp_path):
    often = [f"2024-01-12 09:{minute}" for minute in range(30, 50)]
    seldom = ["2024-01-12 09:30", "2024-01-12 09:32", "2024-01-12 09:34", "2024-01-12 09:35"]
    panel = load(tmp_path, often, seldom)
    assert panel.layout.interval_ns == MINUTE_NS
    assert np.isnan(panel.block.close[1, 1])


def test_an_asset_with_one_bar_takes_the_others_interval(tmp_path):
    panel = load(tmp_path, ["2024-01-12 09:30", "2024-01-12 09:35"], ["2024-01-12 09:35"])
    assert panel.layout.interval_ns == 5 * MINUTE_NS


@pytest.mark.parametrize(
    ("stamps", "days"),
    [
        (["2024-01-05"], 1),
        (["2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10"], 1),
        (["2024-01-05", "2024-01-12", "2024-01-19"], 7),
        (["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"], 30),
    ],
)
def test_dates_tell_days_weeks_and_months(tmp_path, stamps, days):
    assert load(tmp_path, stamps).layout.interval_ns == days * DAY_NS


DAYS = [f"2024-01-{day:02}" for day in range(1, 11)]


@pytest.mark.parametrize(
    ("settings", "first", "last", "warmup"),
    [
        ({}, "2024-01-01", "2024-01-10", 0),
        ({"start": "2024-01-04"}, "2024-01-01", "2024-01-10", 3),
        ({"start": "2024-01-04", "warmup": 2}, "2024-01-02", "2024-01-10", 2),
        ({"start": "2024-01-04", "warmup": 0, "end": "2024-01-06"}, "2024-01-04", "2024-01-06", 0),
        ({"start": "2023-01-04", "end": "2025-01-06"}, "2024-01-01", "2024-01-10", 0),
    ],
)
def test_start_end_and_warmup_choose_the_rows(tmp_path, settings, first, last, warmup):
    panel = load(tmp_path, DAYS, **settings)
    assert sessions(panel)[0] == first
    assert sessions(panel)[-1] == last
    assert panel.layout.warmup == warmup


def test_an_end_date_takes_in_all_of_its_day(tmp_path):
    stamps = ["2024-01-12 20:00", "2024-01-12 21:00", "2024-01-13 20:00", "2024-01-13 21:00"]
    panel = load(tmp_path, stamps, start="2024-01-12", end="2024-01-12", timezone="America/New_York")
    assert ends(panel) == ["2024-01-13T02:00:00", "2024-01-13T03:00:00"]


def test_a_time_in_a_range_is_compared_with_the_stamp(tmp_path):
    stamps = ["2024-01-12 09:30", "2024-01-12 09:31", "2024-01-12 09:32"]
    from datetime import datetime

    limit = datetime(2024, 1, 12, 9, 31)
    panel = load(tmp_path, stamps, start=limit, end=limit)
    assert (len(panel), panel.layout.warmup) == (2, 1)
    assert ends(panel)[-1] == "2024-01-12T09:32:00"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"start": "2024-02-01"}, "data.start"),
        ({"end": "2023-02-01"}, "data.end"),
        ({"start": "2024-01-05", "end": "2024-01-04"}, "data.start"),
    ],
)
def test_a_range_without_rows_names_the_setting(tmp_path, settings, field):
    with pytest.raises(JobError) as caught:
        load(tmp_path, DAYS, **settings)
    assert caught.value.field == field


def test_an_empty_range_says_what_there_is(tmp_path):
    with pytest.raises(JobError, match="the data has 2024-01-01 to 2024-01-10"):
        load(tmp_path, DAYS, start="2024-02-01")


def test_bars_after_the_end_are_not_judged(tmp_path):
    path = tmp_path / "A.csv"
    path.write_text("date,open,high,low,close\n2024-01-01,1,1,1,1\n2024-01-02,1,1,1,1\n2024-01-03,1,1,,1\n")
    panel = load_panel(DataSettings(end="2024-01-02"), {"A.csv": path})
    assert len(panel) == 2


def half_hours(first: str, last: str, days: tuple[str, ...] = ("2024-01-11", "2024-01-12")) -> list[str]:
    return [str(at) for day in days for at in pd.date_range(f"{day} {first}", f"{day} {last}", freq="30min")]


@pytest.mark.parametrize(
    ("first", "last", "marks", "told"),
    [
        ("10:00", "16:00", None, "read as the beginnings of bars, and look like their ends: none is at an open, and 2"),
        ("10:00", "16:00", "begin", None),
        ("10:00", "16:00", "end", None),
        ("09:30", "15:30", None, None),
        ("09:30", "15:30", "end", "bars would be known before they were traded"),
        ("09:30", "16:00", None, None),  # an auction at the close
        ("09:30", "16:00", "end", None),
        ("09:00", "16:00", None, None),  # whole hours, some of them before the open
        ("10:00", "15:30", None, None),
    ],
)
def test_stamps_at_closes_and_at_no_open_are_told_to_look_like_ends(tmp_path, first, last, marks, told):
    stamps = half_hours(first, last)
    if first == "09:00":
        stamps = [stamp for stamp in stamps if ":30:" not in stamp]
    panel = load(tmp_path, stamps, calendar="XNYS", timezone="America/New_York", dates={"marks": marks})
    said = [note for note in panel.notes if "stamps were read as" in note]
    assert [told in note for note in said] == ([True] if told else []), panel.notes
