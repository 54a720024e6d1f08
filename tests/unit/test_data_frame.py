"""Frames become the panel that the same prices in files become."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from backbus.data import load_panel, panel_from_frame
from backbus.errors import BackbusError, DataError
from backbus.job.data import DataSettings
from backbus.market.columns import FIELDS
from backbus.market.panel import Panel


def bars(index, **changes) -> pd.DataFrame:
    count = len(index)
    base = 10 + np.arange(count, dtype=float)
    columns = {"Open": base, "High": base + 2, "Low": base - 1, "Close": base + 1, "Volume": np.full(count, 7)}
    return pd.DataFrame(columns | changes, index=index)


DAYS = pd.date_range("2024-01-02", periods=5)


def equal(one: Panel, other: Panel) -> bool:
    return one.layout == other.layout and all(
        getattr(one.block, name).tobytes() == getattr(other.block, name).tobytes()
        for name in ("end", "session", *FIELDS)
    )


def test_a_frame_is_the_panel_of_its_csv(tmp_path):
    for index in (DAYS, pd.date_range("2024-01-02 14:30", periods=5, freq="min"), DAYS.tz_localize("America/New_York")):
        frame = bars(index)
        path = tmp_path / "A.csv"
        frame.to_csv(path, index_label="date")
        assert equal(panel_from_frame(frame, symbol="A"), load_panel(DataSettings(), {"A.csv": path}))


def test_a_mapping_of_frames_is_one_asset_each():
    panel = panel_from_frame({"B": bars(DAYS), "A": bars(DAYS[1:])})
    assert panel.symbols == ("A", "B")
    assert np.isnan(panel.block.close[0, 0])


def test_a_long_frame_names_its_assets():
    frame = pd.concat([bars(DAYS).assign(ticker="X"), bars(DAYS).assign(ticker="Y")])
    expected = panel_from_frame({"X": bars(DAYS), "Y": bars(DAYS)})
    assert equal(panel_from_frame(frame), expected)
    assert equal(panel_from_frame(frame.rename_axis("date").reset_index()), expected)
    assert equal(panel_from_frame(frame.rename_axis("date").set_index("ticker", append=True)), expected)


def test_settings_apply_to_frames():
    panel = panel_from_frame({"A": bars(DAYS), "B": bars(DAYS)}, settings=DataSettings(symbols="B", start="2024-01-04"))
    assert panel.symbols == ("B",)
    assert panel.layout.warmup == 2


def test_dates_as_objects_and_as_text_are_dates():
    frame = bars(DAYS)
    expected = panel_from_frame(frame)
    assert equal(panel_from_frame(frame.set_index(pd.Index(DAYS.date, name="date"))), expected)
    assert equal(panel_from_frame(frame.set_index(pd.Index(DAYS.strftime("%Y%m%d"), name="date"))), expected)


def test_the_frame_is_left_as_it_was():
    frame = bars(DAYS)
    before = frame.copy()
    panel_from_frame(frame)
    pd.testing.assert_frame_equal(frame, before)
    frame["Close"] = 0.0
    assert frame.to_numpy().flags.writeable


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (
            bars(DAYS, Close=[11, 12, np.nan, 14, 15]),
            "frame A, row 2 (index 2024-01-04), column 'Close', symbol A: 'Close' is empty",
        ),
        (
            bars(DAYS, Close=["11", "12", "x", "14", "15"]),
            "frame A, row 2 (index 2024-01-04), column 'Close', symbol A: 'x'",
        ),
        (bars(DAYS[[0, 2, 1, 3, 4]]), "frame A, row 2 (index 2024-01-03), symbol A: 2024-01-03 comes after"),
        (bars(DAYS).drop(columns="Close"), "frame A: no column for close"),
        (bars(DAYS)[:0], "frame A: has no rows"),
        (bars(DAYS).reset_index(drop=True), "frame A: no column for date"),
        ("text", "a pandas or polars DataFrame or an Arrow table was expected, not str"),
        (bars(DAYS)["Close"], "a pandas or polars DataFrame or an Arrow table was expected, not Series"),
        ({}, "an empty mapping was given"),
    ],
)
def test_a_mistake_names_the_row_of_the_frame(frame, expected):
    with pytest.raises(BackbusError) as caught:
        panel_from_frame(frame, symbol="A")
    assert expected in str(caught.value)


def test_a_frame_has_no_first_line_that_could_be_a_bar():
    words = r'name it by data\.names, as date = "its name"; in Python: give the frame an index of dates'
    with pytest.raises(DataError, match=words):
        panel_from_frame(bars(DAYS).reset_index(drop=True))


def test_a_frame_without_a_date_in_a_row_is_refused():
    frame = bars(pd.DatetimeIndex([DAYS[0], pd.NaT]))
    with pytest.raises(DataError, match="frame A, row 1: there is no date"):
        panel_from_frame(frame, symbol="A")


def test_importing_is_cheap():
    heavy = "pandas pyarrow exchange_calendars numba"
    code = f"import sys, backbus.data; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
