"""Numbers and ratios of splits as vendors print them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from backbus.data import load_panel
from backbus.data.panels.frame import panel_from_frame
from backbus.errors import DataError
from backbus.job.data import DataSettings

HEADER = "Date;Open;High;Low;Close;Volume;Stock Splits\n"
BEFORE = "2021-03-01;40;41;39;40;1000;0\n2021-03-02;40;41;39;40;1000;0\n"
AFTER = "2021-03-04;10;10.2;9.6;10;3000;0\n"


def load(folder: Path, text: str, **settings: object):
    (folder / "A.csv").write_text(text)
    return load_panel(DataSettings(**settings), {"A.csv": folder / "A.csv"})


def volume(folder: Path, *cells: str, **settings: object) -> list[float]:
    lines = "".join(f"2024-01-{day:02d};1;1;1;1;{cell}\n" for day, cell in enumerate(cells, 2))
    return load(folder, "date;open;high;low;close;volume\n" + lines, **settings).block.volume[:, 0].tolist()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12,34,567.50", 1_234_567.5),
        ("1,23,456", 123_456.0),
        ("₹12,34,567", 1_234_567.0),
        ("1 234 567,50", 1_234_567.5),
        ("1\u00a0234\u00a0567,5", 1_234_567.5),
        ("1\u202f234\u202f567,5", 1_234_567.5),
        ("1\u2009234", 1_234.0),
        ("1 234.5", 1_234.5),
        ("1'234'567.50", 1_234_567.5),
        ("1’234’567.5", 1_234_567.5),
        ("1 234,5 M", 1_234_500_000.0),
    ],
)
def test_thousands_stand_apart_as_each_country_has_it(tmp_path, text, value):
    assert volume(tmp_path, text) == [value]


def test_what_follows_thousands_that_blanks_part_tells_the_fractions_of_others(tmp_path):
    assert volume(tmp_path, "1 234,50", "234,500") == [1234.5, 234.5]
    assert volume(tmp_path, "12,34,567.5", "12,345", "1,23,456") == [1_234_567.5, 12_345.0, 123_456.0]


@pytest.mark.parametrize("text", ["1 234 56", "1234 567", "1 234'567", "12,34.5", "1,2345,678", "12,345,67"])
def test_groups_of_no_country_are_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"in 'volume' is not a number; correct the data"):
        volume(tmp_path, text)


def test_a_comma_that_may_be_either_is_refused_with_both_numbers(tmp_path):
    with pytest.raises(DataError, match=r"is not a number that is sure, 1234\.0 or 1\.234: say by data\.decimal"):
        volume(tmp_path, "1,234")
    assert volume(tmp_path, "1,234", decimal=",") == [1.234]
    assert volume(tmp_path, "1,234", decimal=".") == [1234.0]


@pytest.mark.parametrize("text", ["4-for-1", "4 for 1", "4:1", "4/1", "4 : 1", "4 FOR 1 split", "4-for-1 stock split"])
def test_four_shares_for_one(tmp_path, text):
    panel = load(tmp_path, HEADER + BEFORE + f"2021-03-03;10;10;10;10;3000;{text}\n" + AFTER, adjust="events")
    assert panel.block.extra["split"][2, 0] == 4.0


@pytest.mark.parametrize("text", ["1/4", "1:4", "1-for-4 reverse split", "0.25"])
def test_one_share_for_four(tmp_path, text):
    text = HEADER + BEFORE.replace("40;41;39;40", "10;10;10;10") + f"2021-03-03;40;40;40;40;300;{text}\n"
    assert load(tmp_path, text, adjust="events").block.extra["split"][2, 0] == 0.25


def test_a_split_in_percent_is_refused_with_both_readings_until_the_job_says_which(tmp_path):
    text = HEADER + BEFORE + "2021-03-03;10;10;10;10;3000;300%\n" + AFTER
    with pytest.raises(
        DataError,
        match=r"A\.csv:4, column 'Stock Splits'.*'300%' may be 4 shares for one, .* or 3 for one, .*"
        r'data\.split_percent = "added" or "total"',
    ):
        load(tmp_path, text, adjust="events")
    assert load(tmp_path, text, adjust="events", split_percent="added").block.extra["split"][2, 0] == 4.0
    assert load(tmp_path, text, adjust="events", split_percent="total").block.extra["split"][2, 0] == 3.0
    assert load(tmp_path, text, names={"split": ""}).notes == ()


def test_frames_and_headers_of_several_rows_have_the_same_numbers(tmp_path):
    frame = pd.DataFrame(
        {"close": ["1 234,50", "1 234,50", "234,500"], "split": ["", "4 for 1", ""]},
        index=pd.to_datetime(["2021-03-01", "2021-03-02", "2021-03-03"]),
    )
    for name in ("open", "high", "low"):
        frame[name] = frame["close"]
    panel = panel_from_frame(frame, settings=DataSettings(adjust="events", repair={"actions": "keep"}))
    assert panel.block.close[:, 0].tolist() == [1234.5, 1234.5, 234.5]
    assert panel.block.extra["split"][1, 0] == 4.0
    stacked = (
        "Price;Open;High;Low;Close;Stock Splits\nTicker;A;A;A;A;A\nDate;;;;;\n"
        "2021-03-01;40;40;40;40;\n2021-03-02;10;10;10;10;4-for-1\n2021-03-03;10;10;10;10;\n"
    )
    assert load(tmp_path, stacked, adjust="events").block.extra["split"][1, 0] == 4.0


def test_text_columns_of_a_parquet_file_tell_each_other_s_decimal_sign(tmp_path):
    frame = pd.DataFrame({"date": ["2021-03-01", "2021-03-02"], "close": ["1,5", "1,5"], "volume": ["1,234", "2,345"]})
    for name in ("open", "high", "low"):
        frame[name] = frame["close"]
    frame.to_parquet(tmp_path / "A.parquet")
    panel = load_panel(DataSettings(), {"A.parquet": tmp_path / "A.parquet"})
    assert panel.block.volume[:, 0].tolist() == [1.234, 2.345]
