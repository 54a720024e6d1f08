"""Quotes that stand over a split, and bars that are made over one: both sides are in the units of their bar."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus.data import Catalog, load_panel
from backbus.data.panels.holes import carry
from backbus.job.data import DataSettings
from backbus.market.columns import QUOTES
from backbus.market.panel import Panel
from tests.unit.panels import panel_of

DAYS = """date,open,high,low,close,volume,split,adj_close
2024-01-02,100,101,99,100,10,0,50
2024-01-03,50,51,49,50,20,2,50
2024-01-04,50,51,49,50,20,0,50
"""
INSTANTS = """time,bid,ask
2024-01-02T20:00:00Z,99,101
2024-01-03T15:00:00Z,49,51
2024-01-04T15:00:00Z,49,51
"""


def of_days(*days: tuple[int, float]) -> str:
    header = f"date,{','.join(QUOTES)}\n"
    return header + "".join(
        f"2024-01-0{day},{','.join([str(mid - 1)] * 4 + [str(mid + 1)] * 4)}\n" for day, mid in days
    )


def read(folder: Path, quotes: str, days: str = DAYS, **settings: Any) -> Panel:
    return load_panel(DataSettings(**{"quotes": True, "calendar": "XNYS", **settings}), files(folder, quotes, days))


def files(folder: Path, quotes: str, days: str = DAYS) -> dict[str, Path]:
    for name, text in (("t", days), ("q", quotes)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "A.csv").write_text(text)
    return {f"{name}/A.csv": folder / name / "A.csv" for name in "tq"}


def sides(panel: Panel, row: int) -> list[float]:
    """Open and low of the bid, open and high of the ask."""
    return [float(panel.block.extra[name][row, 0]) for name in ("bid_open", "bid_low", "ask_open", "ask_high")]


@pytest.mark.parametrize("adjust", ["events", "splits", "adj_close", "none"])
def test_the_day_of_a_split_opens_at_what_stood_before_it_in_new_units(tmp_path: Path, adjust: str) -> None:
    panel = read(tmp_path, INSTANTS, adjust=adjust)
    assert sides(panel, 1) == [49.5, 49.0, 50.5, 51.0]
    assert sides(panel, 2) == [49.0, 49.0, 51.0, 51.0]


@pytest.mark.parametrize("adjust", ["events", "splits", "adj_close", "none"])
def test_what_stands_where_there_is_no_quote_is_split_too(tmp_path: Path, adjust: str) -> None:
    days = DAYS + "2024-01-05,50,51,49,50,20,0,50\n"
    panel = read(tmp_path, of_days((2, 100), (4, 50), (5, 50)), days, adjust=adjust)
    assert sides(panel, 1) == [49.5, 49.5, 50.5, 50.5]
    assert sides(panel, 2) == [49.0, 49.0, 51.0, 51.0]


@pytest.mark.parametrize("adjust", ["events", "splits"])
def test_a_run_that_begins_with_a_split_knows_what_stood_before_it(tmp_path: Path, adjust: str) -> None:
    panel = read(tmp_path, INSTANTS, adjust=adjust, start="2024-01-03", warmup=0)
    assert sides(panel, 0) == [49.5, 49.0, 50.5, 51.0]


def test_a_quote_before_the_open_of_its_day_is_of_after_the_split(tmp_path: Path) -> None:
    early = INSTANTS.replace("2024-01-03T15", "2024-01-03T13")  # 08:00 in New York
    assert sides(read(tmp_path, early, adjust="events"), 1) == [49.0, 49.0, 51.0, 51.0]
    late = INSTANTS.replace("2024-01-02T20", "2024-01-03T00")  # 19:00 in New York, the day before
    assert sides(read(tmp_path, late, adjust="events"), 1) == [49.5, 49.0, 50.5, 51.0]


@pytest.mark.parametrize("adjust", ["splits", "adj_close"])
def test_bars_that_are_made_over_a_split_have_sides_of_one_unit(tmp_path: Path, adjust: str) -> None:
    panel = read(tmp_path, of_days((2, 100), (3, 50), (4, 50)), adjust=adjust, bars="1w")
    assert sides(panel, 0) == [49.5, 49.0, 50.5, 51.0]
    assert panel.block.high[0, 0] == 51.0


def test_raw_bars_that_are_made_over_a_split_have_raw_sides(tmp_path: Path) -> None:
    panel = read(tmp_path, of_days((2, 100), (3, 50), (4, 50)), bars="1w")
    assert (panel.block.open[0, 0], panel.block.low[0, 0]) == (100.0, 49.0)
    assert sides(panel, 0) == [99.0, 49.0, 101.0, 101.0]


def test_a_hole_before_the_split_is_carried_in_units_of_before_it(tmp_path: Path) -> None:
    days = ["date,symbol,open,high,low,close,volume,split"]
    for day in (2, 3, 4, 5, 8, 9):
        days.append(f"2024-01-0{day},B,9,9,9,9,1,0")
        if day != 3:
            days.append(f"2024-01-0{day},A,{'100,101,99,100,1,0' if day < 4 else f'50,51,49,50,1,{2 * (day == 4)}'}")
    quotes = of_days((2, 100), (8, 50), (9, 50))
    panel = read(tmp_path, quotes, "\n".join(days) + "\n", adjust="events", holes="carry")
    assert panel.symbols == ("A", "B") and panel.block.close[1:3, 0].tolist() == [100.0, 50.0]
    assert sides(panel, 1) == [99.0, 99.0, 101.0, 101.0]
    assert sides(panel, 2) == [49.5, 49.5, 50.5, 50.5]


@pytest.mark.parametrize("adjust", ["events", "splits"])
def test_a_dataset_knows_the_same(tmp_path: Path, adjust: str) -> None:
    expected = read(tmp_path, INSTANTS, adjust=adjust)
    catalog = Catalog(tmp_path / "catalog")
    catalog.add("both", files(tmp_path, INSTANTS), DataSettings(quotes=True, calendar="XNYS"))
    kept = load_panel(DataSettings(quotes=True, adjust=adjust), catalog.file("both"))
    for name in QUOTES:
        assert kept.block.extra[name].tolist() == expected.block.extra[name].tolist()


def test_a_split_in_a_hole_divides_the_quotes_that_are_carried_over_it() -> None:
    bar = [np.array([[price], [math.nan], [price / 2.0]]) for price in (100.0, 101.0, 99.0, 100.0, 10.0)]
    quoted = {name: np.array([[99.0 if name.startswith("bid") else 101.0], [math.nan], [50.0]]) for name in QUOTES}
    panel, count = carry(panel_of(*bar, extra={**quoted, "split": np.array([[math.nan], [2.0], [math.nan]])}))
    assert count == 1 and panel.block.close[1, 0] == 50.0
    assert sides(panel, 1) == [49.5, 49.5, 50.5, 50.5]
