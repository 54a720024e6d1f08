"""Numbers that count time, with a fraction or without, of every type that a file has: to the nanosecond."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backbus.data import load_panel, panel_from_frame
from backbus.errors import DataError
from backbus.job.data import DataSettings

S = 1_704_186_000
"""2 January 2024, 09:00 UTC."""
MARKS = {"marks": "end"}


def parquet(folder: Path, column: Any, **settings: Any):
    table = {"date": column, **{name: pa.array([1.0] * len(column)) for name in ("open", "high", "low", "close")}}
    pq.write_table(pa.table(table), folder / "A.parquet")
    return load_panel(DataSettings(**settings), {"A.parquet": folder / "A.parquet"})


def form(name: str) -> dict[str, Any]:
    return {"dates": {"form": name, **MARKS}}


WHOLE = [S, S + 60, S + 120]
HALVES = [S + 0.5, S + 60.5, S + 120.5]
NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@pytest.mark.parametrize("unit", NS)
@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.uint64(), pa.float64(), pa.decimal128(28, 0), pa.decimal128(30, 6), pa.string()]
)
def test_whole_counts_of_every_type(tmp_path, unit, kind):
    numbers = [each * 10**9 // NS[unit] for each in WHOLE]
    values: list[Any] = numbers
    if pa.types.is_decimal(kind):
        values = [Decimal(each) for each in numbers]
    elif pa.types.is_floating(kind):
        values = [float(each) for each in numbers]
    elif kind == pa.string():
        values = [str(each) for each in numbers]
    dates = pa.array(values, kind)
    for settings in (form(unit), {"dates": MARKS}):
        assert parquet(tmp_path, dates, **settings).block.end.tolist() == [each * 10**9 for each in WHOLE]


def test_seconds_of_32_bits(tmp_path):
    for kind in (pa.int32(), pa.uint32()):
        panel = parquet(tmp_path, pa.array(WHOLE, kind), **form("s"))
        assert panel.block.end.tolist() == [each * 10**9 for each in WHOLE]


@pytest.mark.parametrize("settings", [form("s"), {"dates": MARKS}])
@pytest.mark.parametrize("kind", ["float", "decimal", "text"])
def test_fractions_of_seconds_are_kept(tmp_path, settings, kind):
    texts = [f"{each + S}.123456" for each in (0, 60, 120)]
    dates = {
        "float": lambda: pa.array([float(text) for text in texts]),
        "decimal": lambda: pa.array([Decimal(text) for text in texts], pa.decimal128(20, 9)),
        "text": lambda: pa.array(texts),
    }[kind]()
    panel = parquet(tmp_path, dates, **settings)
    assert panel.block.end.tolist() == [(S + each) * 10**9 + 123_456_000 for each in (0, 60, 120)]


@pytest.mark.parametrize(("unit", "digits"), [("s", 9), ("ms", 6), ("us", 3)])
def test_decimals_and_texts_keep_nanoseconds(tmp_path, unit, digits):
    instants = [each * 10**9 + 123_456_789 for each in WHOLE]
    texts = [f"{each // NS[unit]}.{each % NS[unit]:0{digits}d}" for each in instants]
    for dates in (pa.array([Decimal(text) for text in texts], pa.decimal128(30, digits)), pa.array(texts)):
        assert parquet(tmp_path, dates, **form(unit)).block.end.tolist() == instants


def test_floats_of_finer_units_keep_what_they_hold(tmp_path):
    dates = pa.array([each * 1000.0 + 0.5 for each in WHOLE])
    expected = [each * 10**9 + 500_000 for each in WHOLE]
    assert parquet(tmp_path, dates, **form("ms")).block.end.tolist() == expected
    assert parquet(tmp_path, dates, dates=MARKS).block.end.tolist() == expected
    dates = pa.array([each * 1e6 + 0.5 for each in WHOLE])
    assert parquet(tmp_path, dates, **form("us")).block.end.tolist() == [each * 10**9 + 500 for each in WHOLE]


def test_floats_of_nanoseconds_are_the_microsecond_that_they_round(tmp_path):
    instants = [each * 10**9 + 123_457_000 for each in WHOLE]
    dates = pa.array([float(each) for each in instants])
    assert [int(each) for each in dates.to_pylist()] != instants
    for settings in (form("ns"), {"dates": MARKS}):
        assert parquet(tmp_path, dates, **settings).block.end.tolist() == instants


def test_counts_before_1970_have_their_fractions(tmp_path):
    for dates in (pa.array([-120.5, -60.5, -0.5]), pa.array(["-120.5", "-60.5", "-0.5"])):
        panel = parquet(tmp_path, dates, **form("s"))
        assert panel.block.end.tolist() == [-120_500_000_000, -60_500_000_000, -500_000_000]


def test_days_of_a_spreadsheet_may_have_a_time(tmp_path):
    expected = ["2024-01-02T09:00", "2024-01-02T15:00", "2024-01-02T21:00"]
    for dates in (pa.array([45293.375, 45293.625, 45293.875]), pa.array(["45293.375", "45293.625", "45293.875"])):
        panel = parquet(tmp_path, dates, **form("excel"))
        assert panel.block.end.astype("M8[ns]").astype("M8[m]").astype(str).tolist() == expected
    assert parquet(tmp_path, pa.array([45293.0, 45294.0]), **form("excel")).layout.daily


@pytest.mark.parametrize(
    ("dates", "settings", "told"),
    [
        (pa.array([2**64 - 1, 1], pa.uint64()), form("ns"), "outside the years 1678 to 2261"),
        (pa.array([-(2**63), 1], pa.int64()), form("ns"), "outside the years 1678 to 2261"),
        (pa.array([-(2**63), 1], pa.int64()), form("filetime"), "outside the years 1678 to 2261"),
        (pa.array([-(2**63), 1], pa.int64()), {}, "outside the years 1678 to 2261"),
        (pa.array([2**63 - 1, 1], pa.int64()), form("s"), "outside the years 1678 to 2261"),
        (pa.array([1e300, 1.0]), form("s"), "outside the years 1678 to 2261"),
        (pa.array([1e18 + 0.0, 2e18]), form("s"), "outside the years 1678 to 2261"),
        (pa.array([9.3e9 + 0.5, 1.0]), form("s"), "outside the years 1678 to 2261"),
        (pa.array([np.nan, 1.0]), form("s"), "there is no date"),
        (pa.array([np.inf, 1.0]), form("s"), "there is no date"),
        (pa.array(["9999999999999999999.5", "1"]), form("ns"), "outside the years 1678 to 2261"),
        (pa.array(["1e9", "1"]), form("s"), "is no number that counts"),
        (pa.array([S + 0.5, (S + 60) * 1000.0]), {}, "is not in the unit of the first row"),
        (pa.array([20240102.5, 20240103.5]), {}, "say what it counts, as data.dates.form"),
        (pa.array([20240102.5, 20240103.5]), form("%Y%m%d"), "is not of the form that data.dates.form declares"),
    ],
)
def test_numbers_that_are_no_time_are_refused_with_their_row(tmp_path, dates, settings, told):
    with pytest.raises(DataError, match=rf"A\.parquet, row \d, column 'date': .*{told}"):
        parquet(tmp_path, dates, **settings)


def test_frames_have_the_same_instants(tmp_path):
    frame = pd.DataFrame({"date": HALVES, **{name: [1.0] * 3 for name in ("open", "high", "low", "close")}})
    expected = [each * 10**9 + 500_000_000 for each in WHOLE]
    for settings in (form("s"), {"dates": MARKS}):
        assert panel_from_frame(frame, settings=DataSettings(**settings)).block.end.tolist() == expected
    frame["date"] = np.array(WHOLE, dtype=np.int32)
    panel = panel_from_frame(frame, settings=DataSettings(**form("s")))
    assert panel.block.end.tolist() == [each * 10**9 for each in WHOLE]


def test_csv_files_have_fractions_by_a_declared_unit(tmp_path):
    lines = "".join(f"{each}.250,1,1,1,1\n" for each in WHOLE)
    (tmp_path / "A.csv").write_text("date,open,high,low,close\n" + lines)
    panel = load_panel(DataSettings(**form("s")), {"A.csv": tmp_path / "A.csv"})
    assert panel.block.end.tolist() == [each * 10**9 + 250_000_000 for each in WHOLE]
