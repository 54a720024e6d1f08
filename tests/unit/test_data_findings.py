"""What is found in datasets without anything being done about it: each finding in its place, and the sample's own."""

from __future__ import annotations

import numpy as np
import pytest

from backbus.data import Catalog, load_panel, resolve_files
from backbus.data.catalog.findings import findings_of
from backbus.job.data import DataSettings
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Layout, Panel
from backbus.market.timeframes import DAY_NS
from tests.unit.test_data_catalog import HEADER, prices, write


def test_the_sample_s_true_findings_are_its_splits_and_one_bad_day(tmp_path, sample_data):
    """AAPL split 2:1 on 21 June 2000 and 28 February 2005 and warned of its profits on 28 September 2000, MSFT split
    2:1 on 18 February 2003 and paid 3.08 dollars a share in November 2004."""
    settings = DataSettings(files=(f"{sample_data}/*.csv",), calendar="XNYS")
    catalog = Catalog(tmp_path / "catalog")
    found = catalog.add("sample", resolve_files(settings, tmp_path), settings)["findings"]
    told = [(one["kind"], one["symbol"], [at["date"] for at in one["at"]]) for one in found]
    assert told == [
        ("outlier", "AAPL", ["2000-09-29"]),
        ("payment", "MSFT", ["2004-11-15"]),
        ("split", "AAPL", ["2000-06-21", "2005-02-28"]),
        ("split", "MSFT", ["2003-02-18"]),
    ]
    assert found[1]["at"][0]["paid"] == pytest.approx(3.08, abs=0.1)
    assert all(at["ratio"] == "2:1" for one in found[2:] for at in one["at"])
    assert catalog.check("sample") == found


def made(rows=2000, **changes) -> Panel:
    rng = np.random.default_rng(1)
    close = (100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows))))[:, None]
    fields = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": np.full((rows, 1), 5.0)}
    fields = {name: values.copy() for name, values in fields.items()}
    for name, (rows_, value) in changes.items():
        for field in FIELDS if name == "all" else (name,):
            fields[field][rows_] = value if name != "all" or np.isnan(value) else fields[field][rows_.start]
    days = np.arange(rows, dtype=np.int64)
    return Panel(Layout(("A",), rows, 0, DAY_NS), Block(0, (days + 1) * DAY_NS, days, **fields))


@pytest.mark.parametrize("stretch", [1 << 20, 7])
@pytest.mark.parametrize(
    ("changes", "kind", "count", "first"),
    [
        ({"volume": (slice(50, 53), 0.0)}, "zero volume", 3, {"date": "1970-02-20"}),
        ({"all": (slice(100, 112), 0.0)}, "same bar", 1, {"date": "1970-04-11", "bars": 12}),
        ({"all": (slice(1988, 2000), 0.0)}, "same bar", 1, {"date": "1975-06-12", "bars": 12}),
        ({"all": (slice(300, 305), np.nan)}, "hole", 5, {"date": "1970-10-28"}),
        ({"volume": (slice(0, 2000), 0.0)}, None, 0, None),
        ({"all": (slice(0, 5), np.nan)}, None, 0, None),
        ({"all": (slice(100, 109), 0.0)}, None, 0, None),
    ],
)
def test_each_finding_is_found_in_its_place(monkeypatch, stretch, changes, kind, count, first):
    monkeypatch.setattr("backbus.data.catalog.findings.STRETCH_ROWS", stretch)
    found = findings_of(made(**changes), None)
    if kind is None:
        assert found == []
    else:
        assert [(one["kind"], one["count"], one["at"][0]) for one in found] == [(kind, count, first)]


def test_a_wrong_tick_is_two_outliers(monkeypatch):
    panel = made()
    panel.block.close[700] *= 2.0
    (found,) = findings_of(panel, None)
    assert (found["kind"], [at["date"] for at in found["at"]]) == ("outlier", ["1971-12-02", "1971-12-03"])
    assert found["at"][0]["return"] == pytest.approx(1.0, abs=0.05)


def test_a_calendar_s_missing_sessions_and_hours(tmp_path):
    lines = prices(4000, 1, "2024-01-02T14:30", "m")
    kept = [line for line in lines if line[:10] != "2024-01-03"]
    write(tmp_path / "A.csv", kept, HEADER.replace("date", "timestamp"))
    panel = load_panel(DataSettings(), {"A.csv": tmp_path / "A.csv"})
    missing, outside = sorted(findings_of(panel, "XNYS"), key=lambda one: one["kind"])
    assert (missing["kind"], missing["at"]) == ("missing session", [{"date": "2024-01-03"}])
    ends = panel.block.end
    inside = sum(
        ((ends > day + 52_200 * 10**9) & (ends <= day + 75_600 * 10**9)).sum()
        for day in np.unique(ends // DAY_NS) * DAY_NS
    )
    assert (outside["kind"], outside["count"]) == ("outside hours", len(panel) - inside)
