"""Dates as vendors write them: with a time after any date, in digits of every length, and as a job declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backbus.data import load_panel
from backbus.errors import BackbusError
from backbus.job.data import DataSettings
from backbus.market.date_forms import date_form


def load(folder: Path, stamps: list[str], **settings: object):
    path = folder / "A.csv"
    quoted = [f'"{stamp}"' if "," in stamp else stamp for stamp in stamps]
    path.write_text("date,open,high,low,close\n" + "".join(f"{stamp},1,1,1,1\n" for stamp in quoted))
    return load_panel(DataSettings(**settings), {"A.csv": path})


def begins(panel) -> list[str]:
    """When bars begin; of a day or more the session's date."""
    if panel.layout.interval_ns >= 86_400 * 10**9:
        return [str(np.datetime64(int(day), "D")) for day in panel.block.session]
    return [str(np.datetime64(int(end), "s")) for end in (panel.block.end - panel.layout.interval_ns) // 10**9]


def refusal(folder: Path, stamps: list[str], **settings: object) -> str:
    with pytest.raises(BackbusError) as caught:
        load(folder, stamps, **settings)
    return str(caught.value)


MINUTES = ["2024-01-31T09:30:00", "2024-01-31T09:31:00", "2024-01-31T09:32:00"]


@pytest.mark.parametrize(
    "form",
    [
        "31.01.2024 09:{}:00.000",
        "31/01/2024 09:{}",
        "01/31/2024 9:{}",
        "01/31/2024 09:{}:00 AM",
        "1/31/2024 9:{} am",
        "31-Jan-2024 09:{}:00",
        "31-Jan-24 09:{}:00",
        "Jan 31, 2024 09:{}",
        "Jan 31, 2024, 9:{} AM",
        "Wed 31 Jan 2024 09:{}:00",
        "2024-01-31 9:{}",
        "2024/01/31 09:{}",
        "2024/1/31 09:{}",
        "2024.01.31 09:{}",
        "20240131 09:{}:00",
        "20240131  09:{}:00",
        "20240131 09{}00",
        "20240131 09{}00000",
        "20240131-09:{}:00",
        "20240131T09{}00",
        "2024-01-31T09:{}:00Z",
        "2024-01-31 09:{}:00 UTC",
        "31.01.2024 10:{}:00.000 GMT+0100",
        "2024-01-31 04:{}:00-05:00",
        "20240131 04:{}:00 US/Eastern",
        "20240131 04:{}:00 EST",
        "2024013109{}",
        "2024013109{}00",
        "2024013109{}00000",
        "31/01/24 09:{}",
    ],
)
def test_a_minute_is_that_minute_in_every_form(tmp_path, form):
    assert begins(load(tmp_path, [form.format(30 + each) for each in range(3)])) == MINUTES


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (["1706693400", "1706693460"], MINUTES[:2]),
        (["1706693400000", "1706693460000"], MINUTES[:2]),
        (["1706693400000000", "1706693460000000"], MINUTES[:2]),
        (["1706693400000000000", "1706693460000000000"], MINUTES[:2]),
        (["1706693400.0", "1706693460.0"], MINUTES[:2]),
        (["20240131", "20240201"], ["2024-01-31", "2024-02-01"]),
        (["31012024", "01022024"], ["2024-01-31", "2024-02-01"]),
        (["01312024", "02012024"], ["2024-01-31", "2024-02-01"]),
        (["310124", "010224"], ["2024-01-31", "2024-02-01"]),
        (["240131", "240201"], ["2024-01-31", "2024-02-01"]),
        (["2024031", "2024032"], ["2024-01-31", "2024-02-01"]),
        (["45322", "45323"], ["2024-01-31", "2024-02-01"]),
        (["202401", "202402"], ["2024-01-31", "2024-02-29"]),
        (["946684800000", "946684860000"], ["2000-01-01T00:00:00", "2000-01-01T00:01:00"]),
        (["31/12/24", "01/01/25"], ["2024-12-31", "2025-01-01"]),
        (["24/12/31", "25/01/01"], ["2024-12-31", "2025-01-01"]),
    ],
)
@pytest.mark.parametrize("kind", ["text", "parquet"])
def test_whole_numbers_are_dates_in_every_length(tmp_path, stamps, expected, kind):
    if kind == "text" or not stamps[0].isdigit():
        assert begins(load(tmp_path, stamps)) == expected
        return
    if stamps[0][0] == "0" or stamps[1][0] == "0":
        pytest.skip("a number has no zero before it")
    ones = [1.0] * len(stamps)
    table = pa.table({"date": [int(each) for each in stamps], **dict.fromkeys(("open", "high", "low", "close"), ones)})
    pq.write_table(table, tmp_path / "A.parquet")
    assert begins(load_panel(DataSettings(), {"A.parquet": tmp_path / "A.parquet"})) == expected


@pytest.mark.parametrize(
    ("stamps", "told"),
    [
        (["01/02/2024", "02/02/2024"], ["month/day or day/month", '"%d/%m/%Y" or "%m/%d/%Y"']),
        (["01.02.2024 00:00", "02.02.2024 01:00"], ["month/day or day/month", '"%d.%m.%Y %H:%M" or "%m.%d.%Y %H:%M"']),
        (["01022024", "02022024"], ["2024-02-01 ('%d%m%Y')", "2024-01-02 ('%m%d%Y')"]),
        (["010224", "020224"], ["'%d%m%y'", "'%m%d%y'"]),
        (["01/02/03", "02/02/03"], ["year/month/day", "%y/%m/%d"]),
        (["1401160930", "1401160931"], ["2014-05-27 03:22:10 ('s')", "2014-01-16 09:30:00 ('%y%m%d%H%M')"]),
        (["99999999", "99999998"], ["cannot be read as a date", "data.dates.form"]),
        (["1234", "1235"], ["cannot be read as a date"]),
    ],
)
def test_what_could_be_two_things_is_refused_naming_both(tmp_path, stamps, told):
    message = refusal(tmp_path, stamps)
    assert all(each in message for each in told), message


@pytest.mark.parametrize(
    ("form", "stamps", "expected"),
    [
        ("%d/%m/%Y", ["01/02/2024", "02/02/2024"], ["2024-02-01", "2024-02-02"]),
        ("%m/%d/%Y", ["01/02/2024", "01/03/2024"], ["2024-01-02", "2024-01-03"]),
        ("%d%m%Y", ["01022024", "02022024"], ["2024-02-01", "2024-02-02"]),
        ("%y%m%d%H%M", ["1401160930", "1401160931"], ["2014-01-16T09:30:00", "2014-01-16T09:31:00"]),
        ("s", ["1401160930", "1401160931"], ["2014-05-27T03:22:10", "2014-05-27T03:22:11"]),
        ("excel", ["24016", "24017"], ["1965-10-01", "1965-10-02"]),
        ("%d.%m.%Y %H:%M", ["01.02.2024 09:30", "01.02.2024 09:31"], ["2024-02-01T09:30:00", "2024-02-01T09:31:00"]),
        ("%d.%m.%y %I:%M %p", ["01.02.24 9:30 PM", "01.02.24 9:31 PM"], ["2024-02-01T21:30:00", "2024-02-01T21:31:00"]),
        ("%Y-%m-%dT%H:%M:%S%z", ["2024-02-01T09:30:00+0100", "2024-02-01T09:31:00+0100"], None),
        ("%b %d %Y %H:%M %Z", ["Feb 1 2024 03:30 EST", "Feb 1 2024 03:31 EST"], None),
        ("%d %B %Y", ["1 February 2024", "2 February 2024"], ["2024-02-01", "2024-02-02"]),
        ("week of %Y-%m-%d", ["week of 2024-02-01", "week of 2024-02-08"], ["2024-02-01", "2024-02-08"]),
        ("%Y%j", ["2024032", "2024033"], ["2024-02-01", "2024-02-02"]),
        ("%Y-%m", ["2024-01", "2024-02"], ["2024-01-31", "2024-02-29"]),
    ],
)
def test_a_declared_form_is_how_dates_are_read(tmp_path, form, stamps, expected):
    found = begins(load(tmp_path, stamps, dates={"form": form}))
    assert found == (expected or ["2024-02-01T08:30:00", "2024-02-01T08:31:00"])


def test_a_cell_that_is_not_of_the_declared_form_is_named(tmp_path):
    message = refusal(tmp_path, ["01.02.2024", "2024-02-02"], dates={"form": "%d.%m.%Y"})
    assert message == (
        "A.csv:3, column 'date': '2024-02-02' is not of the form that data.dates.form declares, '%d.%m.%Y'"
    )
    assert "is not a date of the calendar" in refusal(tmp_path, ["31.02.2024"], dates={"form": "%d.%m.%Y"})


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("%d.%m", "no year"),
        ("%Y", "no month"),
        ("%Y-%m-%d %Q", "'%Q' is no code of a date"),
        ("%Y-%m-%d %I:%M", "%I counts to twelve"),
        ("%Y %Y-%m", "%Y is there twice"),
        ("%Y-%m-%d %M", "%M needs %H"),
        ("%y-%Y-%m-%d", "%Y and %y say the same thing"),
    ],
)
def test_a_form_that_makes_no_date_is_refused(form, why):
    with pytest.raises(ValueError, match="") as caught:
        date_form(form)
    assert why in str(caught.value)


def test_no_number_of_a_date_is_carried_past_what_fits(tmp_path):
    """14 digits were once taken for milliseconds, whose nanoseconds no integer holds."""
    assert begins(load(tmp_path, ["20240116093000", "20240116093100"])) == [
        "2024-01-16T09:30:00",
        "2024-01-16T09:31:00",
    ]
    message = refusal(tmp_path, ["99999999999999", "99999999999998"], dates={"form": "ms"})
    assert "outside the years 1678 to 2261" in message


def test_times_in_seconds_of_the_day_are_told_by_those_that_no_clock_shows(tmp_path):
    lines = "".join(f"2024-01-02,{second},1,1,1,1\n" for second in (34_200, 34_260, 34_320))
    (tmp_path / "A.csv").write_text("Date,Time,Open,High,Low,Close\n" + lines)
    panel = load_panel(DataSettings(dates={"marks": "end"}), {"A.csv": tmp_path / "A.csv"})
    assert panel.block.end.astype("M8[ns]").astype("M8[m]").astype(str).tolist() == [
        *("2024-01-02T09:30", "2024-01-02T09:31", "2024-01-02T09:32")
    ]
