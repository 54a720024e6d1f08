"""Frames that are wrong are told in words of Python: which row of which frame, and what to type there."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus import DataError, JobError, run

DAYS = pd.bdate_range("2024-01-02", periods=20)
JOB: dict[str, Any] = {"strategy": {"use": "BuyAndHold"}}


def prices() -> pd.DataFrame:
    close = np.linspace(100.0, 110.0, len(DAYS))
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1e6}, index=DAYS)


def said(data: Any, **settings: Any) -> str:
    with pytest.raises((DataError, JobError)) as told:
        run({**JOB, "data": settings}, data, tables=False)
    return str(told.value)


def test_a_close_that_is_no_number_is_told_by_its_index_and_what_is_told_helps() -> None:
    frame = prices()
    frame.iloc[7, 3] = np.nan
    told = said({"IBM": frame})
    assert told.startswith("frame IBM, row 7 (index 2024-01-11), column 'close', symbol IBM: 'close' is empty; ")
    overrides = re.search(r"in Python: run\(…, overrides=(\{.*\})\)$", told)
    assert overrides is not None
    assert run(JOB, {"IBM": frame}, overrides=eval(overrides[1]), tables=False).summary.rows == 20


def test_a_time_of_the_day_is_told_whole() -> None:
    frame = prices().set_axis(pd.date_range("2024-01-02 09:30", periods=20, freq="h", tz="UTC"))
    frame.iloc[1, 3] = np.nan
    assert "row 1 (index 2024-01-02 10:30:00+00:00), column 'close'" in said(frame)


def test_columns_and_dates_that_are_missing_are_told_as_pandas_gives_them() -> None:
    told = said(prices().rename(columns={"close": "its name"}))
    assert 'in Python: frame.rename(columns={"its name": "close"})' in told
    assert run(JOB, prices().rename(columns={"close": "its name"}).rename(columns={"its name": "close"}), tables=False)
    told = said(prices().reset_index(drop=True))
    assert "give the frame an index of dates" in told


def test_frames_without_rows_are_told_with_what_to_look_at() -> None:
    assert said(prices().iloc[:0]).startswith("frame ASSET: has no rows; look at what made it")
    assert said({}) == "data: an empty mapping was given; give a frame, or frames by symbol"
    told = said(prices(), start="2030-01-01")
    assert told == "data.start: no bar from 2030-01-01 on; the data has 2024-01-02 to 2024-01-29"
