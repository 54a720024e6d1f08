"""What was once read to something else without a word, or ended in a traceback: found by somebody who tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus.data import load_panel
from backbus.data.catalog.importing import import_files
from backbus.data.panels.frame import panel_from_frame
from backbus.errors import BackbusError, DataError, JobError
from backbus.job.data import DataSettings
from backbus.market.panel import Panel

H = "Date,Open,High,Low,Close,Volume\n"
REST = ",1,2,0.5,1.5,100\n"


def load(folder: Path, text: str, name: str = "A.csv", **settings: Any) -> Panel:
    (folder / name).write_text(text)
    return load_panel(DataSettings(**settings), {name: folder / name})


def days(panel: Panel) -> list[str]:
    return [str(day) for day in panel.block.session.astype("M8[D]")]


def rows(*stamps: str) -> str:
    return H + "".join(stamp + REST for stamp in stamps)


MONTHS = ("2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01")
WEEKS = ("2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22")


def test_bars_that_are_dated_by_their_first_day_are_told_and_can_be_said_to_be(tmp_path):
    panel = load(tmp_path, rows(*MONTHS))
    assert days(panel) == list(MONTHS)
    assert "dated the first day of its month (2024-01-01 for one)" in panel.notes[0]
    assert load(tmp_path, rows(*MONTHS), dates={"marks": "session"}).notes == ()
    begun = load(tmp_path, rows(*MONTHS), dates={"marks": "begin"})
    assert days(begun) == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]
    assert begun.notes == ()
    on_calendar = load(tmp_path, rows(*MONTHS), dates={"marks": "begin"}, calendar="XNYS")
    assert days(on_calendar) == ["2024-01-31", "2024-02-29", "2024-03-28", "2024-04-30"]
    assert days(load(tmp_path, rows(*WEEKS), dates={"marks": "begin"})) == [
        *("2024-01-07", "2024-01-14", "2024-01-21", "2024-01-28")
    ]
    assert "the first day of its week" in load(tmp_path, rows(*WEEKS)).notes[0]
    assert load(tmp_path, rows("2024-01-05", "2024-01-12", "2024-01-19")).notes == ()


def test_a_kline_of_a_month_ends_with_it(tmp_path):
    text = (
        "1704067200000,1,2,0.5,1.5,100,1706745599999,10,5,1,1,0\n"
        "1706745600000,1,2,0.5,1.5,100,1709251199999,10,5,1,1,0\n"
        "1709251200000,1,2,0.5,1.5,100,1711929599999,10,5,1,1,0\n"
    )
    assert days(load(tmp_path, text, "BTCUSDT-1mo-2024-01.csv")) == ["2024-01-31", "2024-02-29", "2024-03-31"]


def test_eighteen_digits_may_count_in_three_ways(tmp_path):
    ticks = rows("638397504000000000", "638398368000000000", "638399232000000000")
    with pytest.raises(DataError, match=r"may be 1990-03-25 .* or 2024-01-02 00:00:00 .'ticks'."):
        load(tmp_path, ticks)
    assert days(load(tmp_path, ticks, dates={"form": "ticks"})) == ["2024-01-02", "2024-01-03", "2024-01-04"]
    filetime = rows("133486272000000000", "133487136000000000")
    assert days(load(tmp_path, filetime, dates={"form": "filetime"})) == ["2024-01-02", "2024-01-03"]
    assert days(load(tmp_path, rows("946684800000000000", "946771200000000000"))) == ["2000-01-01", "2000-01-02"]


@pytest.mark.parametrize("times", [("9", "10", "11"), ("0", "15", "30"), ("34200", "34500", "34800")])
def test_times_in_so_few_digits_are_refused(tmp_path, times):
    text = "Date,Time,Open,High,Low,Close,Volume\n" + "".join(f"20240102,{time}{REST}" for time in times)
    with pytest.raises(DataError, match=r"may be .* data\.dates\.form"):
        load(tmp_path, text)


def test_times_that_lost_their_zeros_are_read_by_a_declared_form(tmp_path):
    text = "Date,Time,Open,High,Low,Close,Volume\n" + "".join(f"20240102,{time}{REST}" for time in ("83000", "83500"))
    panel = load(tmp_path, text, dates={"form": "%Y%m%d %H%M%S"})
    assert str(np.datetime64(int(panel.block.end[0]), "ns"))[11:16] == "08:35"


def test_points_that_may_part_thousands_are_told(tmp_path):
    line = "01.2024;16.828;16.963;16.700;16.769\n"
    text = f"Datum;Eröffnung;Hoch;Tief;Schluss\n30.{line}31.{line}"
    assert "three digits after the point, as 16.828" in load(tmp_path, text).notes[0]
    panel = load(tmp_path, text, decimal=",")
    assert panel.block.open[:, 0].tolist() == [16828.0, 16828.0]
    assert load(tmp_path, text, decimal=".").notes == ()


def test_fractions_of_two_units_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"'1704153660000\.5' is not in the unit of the first row"):
        load(tmp_path, rows("1704153600.5", "1704153660000.5"))


@pytest.mark.parametrize("cell", ["99999999999999999999", "--5"])
def test_numbers_that_nothing_holds_are_one_message(tmp_path, cell):
    with pytest.raises(DataError, match="is no number that counts"):
        load(tmp_path, rows(cell), dates={"form": "ns"})
    with pytest.raises(BackbusError, match=r"A|milliseconds"):
        load(tmp_path, f"34200000,1,2,1,1,5\n{cell},1,2,1,1,5\n", "20240102_spy_minute_trade.csv")


def test_two_columns_of_one_name_are_one_message(tmp_path):
    with pytest.raises(JobError, match="more than one column 'x'"):
        load(tmp_path, "Date,Open,High,Low,Close,x,x\n2024-01-02,1,1,1,1,2,3\n", columns=["x"])


def test_a_volume_of_zero_beside_one_of_ticks_is_told(tmp_path):
    text = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\n" + "".join(
        f"2024.01.02\t0{hour}:00:00\t1.1\t1.2\t1.0\t1.1\t5432\t0\n" for hour in range(3)
    )
    assert "the volume '<VOL>' is zero throughout, and there is '<TICKVOL>'" in load(tmp_path, text).notes[0]
    assert load(tmp_path, text, names={"volume": "<TICKVOL>"}).block.volume[0, 0] == 5432.0


def test_a_number_that_only_a_point_can_have_tells_what_commas_are(tmp_path):
    text = 'Date,Open,High,Low,Close,Volume\n2024-01-02,1.2345,1.3,1.2,1.25,"1,234"\n'
    assert load(tmp_path, text).block.volume[0, 0] == 1234.0


def test_weekly_bars_that_are_imported_in_parts_end_as_those_that_are_read_at_once(tmp_path):
    (tmp_path / "A.csv").write_text(rows(*WEEKS))
    for name, settings in (("begun", DataSettings(dates={"marks": "begin"})), ("told", DataSettings())):
        made = []
        for at_once in (0, 1 << 20):
            out = tmp_path / f"{name}{at_once}.arrow"
            import_files({"A.csv": tmp_path / "A.csv"}, settings, out, at_once_bytes=at_once)
            made.append(out.read_bytes())
        assert made[0] == made[1]


def test_times_that_a_calendars_own_clock_explains_are_told(tmp_path):
    text = rows(*(f"2024-01-{day:02d} {time}" for day in (2, 3, 4) for time in ("09:30", "09:35", "09:40")))
    assert (
        'set data.timezone = "America/New_York" unless UTC is meant' in load(tmp_path, text, calendar="XNYS").notes[0]
    )
    assert load(tmp_path, text, calendar="XNYS", timezone="America/New_York").notes == ()
    assert load(tmp_path, text.replace(" 09", " 15"), calendar="XNYS").notes == ()


# --- frames -----------------------------------------------------------------------------------------------------------


def frame(**columns: Any) -> pd.DataFrame:
    index = pd.DatetimeIndex(["2024-01-02", "2024-01-03"])
    return pd.DataFrame({**dict.fromkeys(("open", "high", "low", "close"), 1.0), **columns}, index=index)


def test_numbers_of_frames_are_read_as_those_of_files(tmp_path):
    found = panel_from_frame(frame(volume=["1,234.50", "2.5K"]))
    assert found.block.volume[:, 0].tolist() == [1234.5, 2500.0]
    comma = {name: ["1,5", "1,5"] for name in ("open", "high", "low", "close")}
    assert panel_from_frame(frame(**comma)).block.close[:, 0].tolist() == [1.5, 1.5]
    split = panel_from_frame(
        frame(close=[4.0, 1.0], open=[4.0, 1.0], high=[4.0, 1.0], low=[4.0, 1.0], split=["0", "4:1"]),
        settings=DataSettings(adjust="splits"),
    )
    assert split.block.close[:, 0].tolist() == [1.0, 1.0]
    billions = {name: [187150000000] * 2 for name in ("open", "high", "low", "close")}
    named = {"rtype": 35, "publisher_id": 1, "instrument_id": 1}
    assert panel_from_frame(frame(**billions, **named)).block.close[0, 0] == 187.15


def test_frames_may_have_their_newest_bar_first_and_dates_as_floats():
    assert panel_from_frame(frame(close=[2.0, 3.0], high=3.0)[::-1]).block.close[:, 0].tolist() == [2.0, 3.0]
    floats = frame().reset_index(drop=True).assign(date=[20240102.0, 20240103.0])
    assert days(panel_from_frame(floats)) == ["2024-01-02", "2024-01-03"]


@pytest.mark.parametrize(
    "volume", [pd.to_datetime(["2024-01-02"] * 2), pd.to_timedelta([1, 2], "ms"), np.array([1 + 2j, 3.0])]
)
def test_what_holds_no_numbers_is_refused(volume):
    with pytest.raises(DataError, match="must hold numbers"):
        panel_from_frame(frame(volume=volume))


def test_dates_that_nanoseconds_cannot_hold_are_one_message():
    far = frame()
    far.index = pd.DatetimeIndex(np.array(["3000-01-01", "3000-01-02"], "M8[s]"))
    with pytest.raises(DataError, match="outside the years 1678 to 2261"):
        panel_from_frame(far)
