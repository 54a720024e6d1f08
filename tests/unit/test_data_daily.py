"""Daily bars that were written with a time are of the session that their stamp is in: each by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus.data import load_panel
from backbus.data.panels.frame import panel_from_frame
from backbus.errors import BackbusError, DataError
from backbus.job.data import DataSettings
from backbus.market.calendars import sessions_between
from backbus.market.panel import Panel

WEEK = ["2024-03-06", "2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12"]
"""Clocks of New York were put forward on the tenth."""


def load(folder: Path, stamps: list[str], symbol: str = "A", **settings: Any) -> Panel:
    path = folder / f"{symbol}.csv"
    path.write_text("date,open,high,low,close,volume\n" + "".join(f"{stamp},1,1,1,1,1\n" for stamp in stamps))
    return load_panel(DataSettings(**settings), {path.name: path})


def sessions(panel: Panel) -> list[str]:
    return [str(day) for day in panel.block.session.astype("M8[D]")]


def local(hours: str, zone: str = "America/New_York", days: list[str] = WEEK) -> list[pd.Timestamp]:
    return [pd.Timestamp(f"{day} {hours}", tz=zone) for day in days]


def epochs(stamps: list[pd.Timestamp]) -> list[str]:
    return [str(int(stamp.timestamp())) for stamp in stamps]


@pytest.mark.parametrize("form", ["epoch", "offset", "utc"])
@pytest.mark.parametrize("hour", ["00:00", "09:30", "16:00", "12:00", "18:30"])
@pytest.mark.parametrize("calendar", [None, "XNYS"])
def test_a_daily_bar_is_of_the_session_of_its_day(tmp_path, form, hour, calendar):
    stamps = local(hour)
    texts = {
        "epoch": epochs(stamps),
        "offset": [stamp.isoformat(sep=" ") for stamp in stamps],
        "utc": [stamp.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ") for stamp in stamps],
    }[form]
    panel = load(tmp_path, texts, calendar=calendar)
    assert sessions(panel) == WEEK
    closes = pd.DatetimeIndex(panel.block.end, tz="UTC")
    if calendar is None:
        assert set(closes.strftime("%H:%M")) == {"00:00"}
    else:
        assert closes.strftime("%H:%M").tolist() == ["21:00", "21:00", "21:00", "20:00", "20:00"]
    # Midnight in New York is within a day of UTC's clock, unless the file or the calendar says where it is.
    plain = hour == "00:00" and (form == "offset" or calendar is not None)
    assert len(panel.notes) == (0 if plain or calendar is not None else 1)


@pytest.mark.parametrize(
    ("calendar", "zone", "hour"),
    [("XTKS", "Asia/Tokyo", "09:00"), ("XTKS", "Asia/Tokyo", "00:00"), ("XASX", "Australia/Sydney", "10:00")],
)
def test_a_session_of_the_east_is_that_day_there(tmp_path, calendar, zone, hour):
    days = ["2024-03-27", "2024-03-28", "2024-04-02", "2024-04-03", "2024-04-04", "2024-04-08"]
    assert sessions(load(tmp_path, epochs(local(hour, zone, days)), calendar=calendar)) == days


@pytest.mark.parametrize("marks", ["begin", "end"])
def test_a_session_that_begins_the_evening_before_is_of_the_day_after(tmp_path, marks):
    found = sessions_between("CMES", 19_788, 19_800, field="x")
    chosen = slice(1, 8)
    instants = (found.opens if marks == "begin" else found.closes)[chosen]
    texts = [str(instant // 10**9) for instant in instants.tolist()]
    panel = load(tmp_path, texts, calendar="CMES", dates={"marks": marks})
    assert panel.block.session.tolist() == found.days[chosen].tolist()


def test_without_a_calendar_a_market_that_opens_on_sundays_and_never_on_fridays_trades_the_day_after(tmp_path):
    opens = local("17:00", days=["2024-03-03", "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07", "2024-03-10"])
    panel = load(tmp_path, epochs(opens), timezone="America/New_York")
    assert sessions(panel) == ["2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07", "2024-03-08", "2024-03-11"]
    assert "the session that begins that evening" in panel.notes[0]


def test_an_early_close_moves_no_session(tmp_path):
    days = ["2023-11-21", "2023-11-22", "2023-11-24", "2023-11-27"]
    stamps = [
        pd.Timestamp(f"{day} {'13:00' if day.endswith('24') else '16:00'}", tz="America/New_York") for day in days
    ]
    for calendar in (None, "XNYS"):
        assert sessions(load(tmp_path, epochs(stamps), calendar=calendar)) == days


LIVE = [*[f"{day} 00:00:00-05:00" for day in WEEK[:3]], "2024-03-11 00:00:00-04:00", "2024-03-12 15:04:12-04:00"]


@pytest.mark.parametrize("calendar", [None, "XNYS"])
def test_a_live_last_row_moves_no_other(tmp_path, calendar):
    with pytest.raises(
        DataError, match=r"A\.csv:6, column 'date', .*2024-03-12 15:04:12 is no stamp.*\"drop\" or \"keep\""
    ):
        load(tmp_path, LIVE, calendar=calendar)
    dropped = load(tmp_path, LIVE, calendar=calendar, repair={"stamps": "drop"})
    assert sessions(dropped) == WEEK[:4]
    assert "it was left out" in dropped.notes[-1]
    kept = load(tmp_path, LIVE, calendar=calendar, repair={"stamps": "keep"})
    assert sessions(kept) == WEEK
    assert "it is its day's bar" in kept.notes[-1]
    whole = load(tmp_path, LIVE[:4], calendar=calendar)
    np.testing.assert_array_equal(whole.block.end, dropped.block.end)


@pytest.mark.parametrize("calendar", [None, "XNYS"])
def test_a_live_last_row_among_opens_is_odd_too(tmp_path, calendar):
    stamps = [*local("09:30")[:4], pd.Timestamp("2024-03-12 15:04:12", tz="America/New_York")]
    with pytest.raises(DataError, match=r"A\.csv:6, .* is no stamp of a whole session"):
        load(tmp_path, epochs(stamps), calendar=calendar)
    assert sessions(load(tmp_path, epochs(stamps), calendar=calendar, repair={"stamps": "drop"})) == WEEK[:4]


@pytest.mark.parametrize("written", ["2024-03-{} 16:00:00", "2024-03-{}T16:00:00Z"])
def test_one_time_by_utc_is_like_itself_after_the_market_changes_its_clock(tmp_path, written):
    stamps = [written.format(day[-2:]) for day in WEEK]
    assert sessions(load(tmp_path, stamps[:4], calendar="XNYS")) == WEEK[:4]
    assert sessions(load(tmp_path, stamps, calendar="XNYS")) == WEEK
    with pytest.raises(DataError, match=r"A\.csv:6, .* is no stamp of a whole session"):
        load(tmp_path, [*stamps[:4], stamps[4].replace("16:00", "15:04")], calendar="XNYS")


def test_a_live_row_of_the_same_day_is_odd_and_no_bar_of_a_part_of_a_day(tmp_path):
    stamps = [*LIVE[:4], "2024-03-11 15:04:12-04:00"]
    assert sessions(load(tmp_path, stamps, repair={"stamps": "drop"})) == WEEK[:4]


def test_one_file_for_each_day_is_judged_with_the_others(tmp_path):
    files = {}
    for day, stamp in zip(WEEK, local("00:00"), strict=True):
        path = tmp_path / f"{day}.csv"
        nanoseconds = stamp.value
        path.write_text(
            "ticker,volume,open,close,high,low,window_start,transactions\n"
            + "".join(f"{symbol},1,1,1,1,1,{nanoseconds},1\n" for symbol in ("A", "B"))
        )
        files[path.name] = path
    panel = load_panel(DataSettings(calendar="XNYS"), files)
    assert panel.symbols == ("A", "B")
    assert sessions(panel) == WEEK


def test_a_stamp_may_be_declared_to_be_its_session(tmp_path):
    stamps = ["2024-03-06 23:10", "2024-03-07 01:20", "2024-03-08 12:00", "2024-03-11 05:00"]
    assert sessions(load(tmp_path, stamps, dates={"marks": "session"}, calendar="XNYS")) == WEEK[:4]
    minutes = ["2024-03-06 10:00", "2024-03-06 10:01", "2024-03-06 10:02"]
    with pytest.raises(BackbusError, match='say "begin" or "end"'):
        load(tmp_path, minutes, dates={"marks": "session"})


def test_a_day_that_is_no_session_is_refused_by_its_line(tmp_path):
    stamps = epochs(local("09:30", days=[*WEEK[:3], "2024-03-09", *WEEK[3:]]))
    with pytest.raises(DataError, match=r"A\.csv:5, .*2024-03-09"):
        load(tmp_path, stamps, calendar="XNYS")


def test_bars_of_hours_are_not_taken_for_daily_ones(tmp_path):
    hours = [f"2024-03-{day:02d} {hour:02d}:00" for day in (6, 7, 8) for hour in (10, 11, 12, 13)]
    panel = load(tmp_path, hours)
    assert panel.layout.interval_ns == 3_600 * 10**9
    assert panel.notes == ()


def test_frames_are_judged_as_files_are():
    index = pd.DatetimeIndex([*local("00:00")[:4], pd.Timestamp("2024-03-12 15:04:12", tz="America/New_York")])
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), index=index)
    with pytest.raises(DataError, match=r"frame A, row 4 \(index .*\), .* is no stamp of a whole session"):
        panel_from_frame({"A": frame})
    found = panel_from_frame({"A": frame}, settings=DataSettings(repair={"stamps": "drop"}))
    assert sessions(found) == WEEK[:4]
    assert sessions(panel_from_frame({"A": frame.iloc[:4]})) == WEEK[:4]


def test_weekly_and_monthly_bars_keep_their_dates(tmp_path):
    weeks = epochs(local("00:00", days=["2024-02-26", "2024-03-04", "2024-03-11", "2024-03-18"]))
    panel = load(tmp_path, weeks, timezone="America/New_York")
    assert sessions(panel) == ["2024-02-26", "2024-03-04", "2024-03-11", "2024-03-18"]
    assert panel.layout.interval_ns == 7 * 86_400 * 10**9


def test_the_clock_of_stamps_is_called_by_its_name(tmp_path):
    at_utc = load(tmp_path, epochs(local("00:00")))
    assert at_utc.layout.read[-1].endswith("the session of that day, by UTC")
    at_offset = load(tmp_path, [stamp.isoformat(sep=" ") for stamp in local("16:00")])
    assert at_offset.layout.read[-1].endswith("the session of that day, by its own zone")


def test_a_column_without_a_name_is_told_to_have_none(tmp_path):
    path = tmp_path / "A.csv"
    path.write_text(",open,high,low,close\n2024-01-02,1,1,1,1\n2024-01-03,1,1,1,1\n")
    assert "date from '(no name)'" in load_panel(DataSettings(), {"A.csv": path}).layout.read[0]
