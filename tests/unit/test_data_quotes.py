"""Quotes beside trades: which sources are of which kind, and what both sides were in each bar."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus.data import Catalog, load_panel, panel_from_frame
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.market.columns import QUOTES
from backbus.market.panel import Panel

TRADES = "date,open,high,low,close,volume\n"
SIDES = "date,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close\n"
NOTHING = math.nan


def minutes(*rows: tuple[str, str], header: str = TRADES) -> str:
    return header + "".join(f"2024-01-02 {time}:00,{cells}\n" for time, cells in rows)


def bar(price: float) -> str:
    return f"{price},{price + 1},{price - 1},{price},100"


def sides(bid: float, ask: float) -> str:
    return ",".join(f"{side},{side + 1},{side - 1},{side + 0.5}" for side in (bid, ask))


def read(folder: Path, files: dict[str, str], **settings: Any) -> Panel:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return load_panel(DataSettings(**{"quotes": True, **settings}), {name: folder / name for name in files})


def quotes(panel: Panel, asset: int = 0) -> list[list[float]]:
    """Each row's bid and ask, open to close."""
    return [[float(panel.block.extra[name][row, asset]) for name in QUOTES] for row in range(len(panel))]


BOTH = {
    "trades/A.csv": minutes(("09:30", bar(100)), ("09:31", bar(101)), ("09:32", bar(102))),
    "quotes/A.csv": minutes(
        ("09:30", sides(99, 101)), ("09:31", sides(100, 102)), ("09:32", sides(101, 103)), header=SIDES
    ),
}


def test_bars_of_quotes_stand_beside_bars_of_trades(tmp_path: Path) -> None:
    panel = read(tmp_path, BOTH)
    assert panel.layout.columns == QUOTES and panel.notes == ()
    assert panel.block.close[:, 0].tolist() == [100.0, 101.0, 102.0] and panel.block.volume.sum() == 300.0
    assert quotes(panel)[1] == [100.0, 101.0, 99.0, 100.5, 102.0, 103.0, 101.0, 102.5]


def test_without_a_word_they_are_refused(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"quotes/A.csv has quotes of A, and trades/A.csv its trades; set quotes = true"):
        read(tmp_path, BOTH, quotes=False)


def test_both_in_one_table(tmp_path: Path) -> None:
    text = "date,open,high,low,close,volume,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close\n"
    rows = "".join(f"2024-01-0{day},{bar(100)},{sides(99, 101)}\n" for day in (2, 3))
    panel = read(tmp_path, {"A.csv": text + rows})
    assert quotes(panel)[0][:4] == [99.0, 100.0, 98.0, 99.5] and panel.block.close[0, 0] == 100.0
    assert read(tmp_path, {"A.csv": text + rows}, price="mid").block.close[0, 0] == 100.5
    assert read(tmp_path, {"A.csv": text + rows}, quotes=False).layout.columns == ()


def test_quotes_alone_are_bars_of_their_middle(tmp_path: Path) -> None:
    panel = read(tmp_path, {"A.csv": BOTH["quotes/A.csv"]})
    assert panel.block.close[:, 0].tolist() == [100.5, 101.5, 102.5] and panel.block.volume.sum() == 0.0
    assert quotes(panel)[0][4:] == [101.0, 102.0, 100.0, 101.5]


def test_the_middle_can_be_asked_for(tmp_path: Path) -> None:
    panel = read(tmp_path, BOTH, price="mid")
    assert panel.block.open[:, 0].tolist() == [100.0, 101.0, 102.0] and panel.block.close[0, 0] == 100.5
    assert any("the middle of bid and ask" in note and "trades/A.csv" in note for note in panel.notes)


def test_shorter_quotes_are_put_together(tmp_path: Path) -> None:
    halves = [("09:30:00", 99, 101), ("09:30:30", 97, 104), ("09:31:00", 98, 100), ("09:31:30", 98.5, 99)]
    text = SIDES + "".join(f"2024-01-02 {time},{sides(bid, ask)}\n" for time, bid, ask in halves)
    panel = read(tmp_path, {"t/A.csv": minutes(("09:30", bar(100)), ("09:31", bar(101))), "q/A.csv": text})
    assert quotes(panel)[0] == [99.0, 100.0, 96.0, 97.5, 101.0, 105.0, 100.0, 104.5]


def test_longer_quotes_are_refused(tmp_path: Path) -> None:
    files = {
        "t/A.csv": minutes(("09:30", bar(100)), ("09:31", bar(101))),
        "q/A.csv": minutes(("09:30", sides(99, 101)), ("10:30", sides(99, 101)), header=SIDES),
    }
    with pytest.raises(JobError, match="are of 1 hour, and bars of 1 minute") as error:
        read(tmp_path, files)
    assert error.value.field == "data.quotes"
    assert read(
        tmp_path, {**files, "t/A.csv": minutes(("09:30", bar(9)), ("09:31", bar(9)), ("11:40", bar(9)))}, bars="1h"
    )


def test_where_there_is_none_the_one_before_stands(tmp_path: Path) -> None:
    some = minutes(("09:31", sides(99, 101)), ("09:33", sides(101, 103)), header=SIDES)
    four = minutes(*((f"09:3{at}", bar(100)) for at in range(4)))
    panel = read(tmp_path, {"t/A.csv": four, "q/A.csv": some.replace("09:33", "09:32")})
    assert np.isnan(quotes(panel)[0]).all()
    assert quotes(panel)[3] == [101.5] * 4 + [103.5] * 4
    told = [note for note in panel.notes if note.startswith("A: ")]
    assert "1 of 4 bars have no quote of both sides, nor one before them" in told[0] and "09:31 UTC" in told[0]
    assert "1 of 4 bars have no quote of their own: the one before stands" in told[1] and "09:34 UTC" in told[1]


def test_a_side_that_is_not_quoted_is_unknown(tmp_path: Path) -> None:
    files = dict(BOTH) | {"quotes/A.csv": BOTH["quotes/A.csv"].replace("102,103,101,102.5", "0,0,0,0")}
    panel = read(tmp_path, files)
    assert quotes(panel)[1] == [100.0, 101.0, 99.0, 100.5] + [101.5] * 4  # the ask before stands


def test_a_cell_that_is_no_number_is_named(tmp_path: Path) -> None:
    files = dict(BOTH) | {"quotes/A.csv": BOTH["quotes/A.csv"].replace("102.5", "many")}
    with pytest.raises(DataError, match="'many' is not a number") as error:
        read(tmp_path, files)
    assert error.value.line == 3 and error.value.file == "quotes/A.csv"


def test_quotes_that_cross_are_told(tmp_path: Path) -> None:
    files = dict(BOTH) | {"quotes/A.csv": BOTH["quotes/A.csv"].replace("99,100,98,99.5", "105,106,104,105.5")}
    assert any("1 of 3 bars open with a bid above the ask" in note for note in read(tmp_path, files).notes)


def test_high_and_low_hold_open_and_close(tmp_path: Path) -> None:
    files = dict(BOTH) | {"quotes/A.csv": BOTH["quotes/A.csv"].replace("99,100,98,99.5", "99,98,98,99.5")}
    panel = read(tmp_path, files)
    assert quotes(panel)[0][:4] == [99.0, 99.5, 98.0, 99.5]
    assert any("quotes/A.csv:2: open or close of a side lie outside" in note for note in panel.notes)


def test_ticks_of_quotes_beside_ticks_of_trades(tmp_path: Path) -> None:
    trades = "time,price,size\n2024-01-02 09:30:10,100,5\n2024-01-02 09:30:50,101,5\n2024-01-02 09:31:20,102,5\n"
    ticks = "".join(
        f"2024-01-02 {time},{bid},{ask}\n"
        for time, bid, ask in (
            ("09:29:59", 99, 101),
            ("09:30:20", 98, 100),
            ("09:30:40", 100, 103),
            ("09:31:30", 101, 103),
        )
    )
    panel = read(tmp_path, {"t/A.csv": trades, "q/A.csv": "time,bid,ask\n" + ticks}, bars="1m")
    assert quotes(panel)[0] == [99.0, 100.0, 98.0, 100.0, 101.0, 103.0, 100.0, 103.0]  # it opens with what stood
    assert quotes(panel)[1] == [100.0, 101.0, 100.0, 101.0, 103.0, 103.0, 103.0, 103.0]


def test_quotes_of_trades_by_amount(tmp_path: Path) -> None:
    trades = "time,price,size\n" + "".join(f"2024-01-02 09:30:{at}0,{100 + at},5\n" for at in range(6))
    ticks = "time,bid,ask\n" + "".join(f"2024-01-02 09:30:{at}0,{99 + at},{101 + at}\n" for at in range(6))
    panel = read(tmp_path, {"t/A.csv": trades, "q/A.csv": ticks}, bars="2 ticks")
    assert [row[3] for row in quotes(panel)] == [100.0, 102.0, 104.0]


def test_days_with_quotes_of_minutes_need_their_calendar(tmp_path: Path) -> None:
    daily = TRADES + f"2024-01-02,{bar(100)}\n2024-01-03,{bar(101)}\n"
    early = minutes(("08:00", sides(1, 2)), ("09:30", sides(99, 101)), ("15:59", sides(98, 100)), header=SIDES)
    files = {
        "d/A.csv": daily,
        "q/A.csv": early.replace("15:59:00", "15:58:00") + f"2024-01-02 15:59:00,{sides(98, 100)}\n",
    }
    with pytest.raises(JobError, match="for example XNYS"):
        read(tmp_path, files, timezone="America/New_York")
    panel = read(tmp_path, files, timezone="America/New_York", calendar="XNYS")
    assert quotes(panel)[0] == [99.0, 100.0, 97.0, 98.5, 101.0, 102.0, 99.0, 100.5]  # from the open on


def test_they_are_adjusted_as_bars_are(tmp_path: Path) -> None:
    daily = f"date,open,high,low,close,volume,adj_close\n2024-01-02,{bar(100)},50\n2024-01-03,{bar(60)},60\n"
    of_days = SIDES + f"2024-01-02,{sides(99, 101)}\n2024-01-03,{sides(59, 61)}\n"
    panel = read(tmp_path, {"t/A.csv": daily, "q/A.csv": of_days}, adjust="adj_close")
    assert quotes(panel)[0] == [49.5, 50.0, 49.0, 49.75, 50.5, 51.0, 50.0, 50.75]
    assert panel.layout.columns == QUOTES
    split = daily.replace("adj_close", "split").replace("100,50", "100,0").replace("100,60", "100,2")
    panel = read(
        tmp_path, {"t/A.csv": split.replace("60,61,59,60", "50,51,49,50"), "q/A.csv": of_days}, adjust="splits"
    )
    assert quotes(panel)[0][:4] == [49.5, 50.0, 49.0, 49.75] and quotes(panel)[1][0] == 59.0


def test_sources_without_quotes_say_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="half_spread") as error:
        read(tmp_path, {"A.csv": "date,open,high,low,close,volume,bid,ask\n2024-01-02," + bar(100) + ",99,101\n"})
    assert error.value.field == "data.quotes"
    with pytest.raises(ValueError, match="set quotes = true"):
        DataSettings(price="mid")


def test_holes_that_are_carried_keep_what_stood(tmp_path: Path) -> None:
    four = minutes(("09:30", bar(100)), ("09:32", bar(102)), ("09:33", bar(102)))
    other = minutes(*((f"09:3{at}", bar(50)) for at in range(4)))
    files = {"t/A.csv": four, "t/B.csv": other, "quotes/A.csv": BOTH["quotes/A.csv"]}
    panel = read(tmp_path, files, holes="carry")
    assert quotes(panel)[1][:4] == [100.0, 101.0, 99.0, 100.5]  # the quote of the minute, though nothing was traded


def test_a_dataset_keeps_them(tmp_path: Path) -> None:
    expected = read(tmp_path / "files", BOTH)
    catalog = Catalog(tmp_path / "catalog")
    files = {name: tmp_path / "files" / name for name in BOTH}
    catalog.add("both", files, DataSettings(quotes=True))
    kept = load_panel(DataSettings(quotes=True), catalog.file("both"))
    assert quotes(kept) == quotes(expected) and kept.block.close.tolist() == expected.block.close.tolist()
    longer = load_panel(DataSettings(quotes=True, bars="2m"), catalog.file("both"))
    direct = load_panel(DataSettings(quotes=True, bars="2m"), files)
    assert quotes(longer) == quotes(direct) and len(longer) == len(direct)
    plain = Catalog(tmp_path / "plain")
    plain.add("trades", {"A.csv": files["trades/A.csv"]}, DataSettings())
    with pytest.raises(JobError, match="import its files with quotes = true"):
        load_panel(DataSettings(quotes=True), plain.file("trades"))


def test_a_dataset_tells_of_quotes_that_it_does_not_keep(tmp_path: Path) -> None:
    times = ("09:30", "09:31", "09:33", "09:34")
    bars = minutes(*((time, bar(100)) for time in times))
    every = minutes(*((f"09:3{at}", sides(99 + at, 101 + at)) for at in range(6)), header=SIDES)
    files = {"t/A.csv": bars, "q/A.csv": every}
    assert not any("does not keep" in note for note in read(tmp_path, files).notes)
    catalog = Catalog(tmp_path / "catalog")
    catalog.add("both", {name: tmp_path / name for name in files}, DataSettings(quotes=True))
    (told,) = (
        note for note in load_panel(DataSettings(quotes=True), catalog.file("both")).notes if "does not keep" in note
    )
    assert told.startswith("A: 1 quotes end in no bar of it, the first at 2024-01-02 09:33 UTC")


def test_frames_have_them_as_columns() -> None:
    index = pd.date_range("2024-01-02 09:30", periods=3, freq="min", tz="UTC")
    cells = {"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 5.0}
    cells |= {name: 99.0 if name.startswith("bid") else 101.0 for name in QUOTES}
    panel = panel_from_frame(pd.DataFrame(cells, index=index), settings=DataSettings(quotes=True))
    assert quotes(panel) == [[99.0] * 4 + [101.0] * 4] * 3


def test_leans_trades_and_quotes_of_one_folder(tmp_path: Path) -> None:
    folder = "equity/usa/minute/xyz/"
    trade = "34200000,1000000,1010000,990000,1000000,10\n34260000,1010000,1010000,1010000,1010000,10\n"
    quote = (
        "34200000,999000,1009000,989000,999000,5,1001000,1011000,991000,1001000,5\n"
        "34260000,1009000,1009000,1009000,1009000,5,1011000,1011000,1011000,1011000,5\n"
    )
    files = {f"{folder}20240102_xyz_minute_{kind}.csv": text for kind, text in (("trade", trade), ("quote", quote))}
    panel = read(tmp_path, files)
    assert panel.symbols == ("XYZ",) and panel.block.close[:, 0].tolist() == [100.0, 101.0]
    assert quotes(panel)[0] == [99.9, 100.9, 98.9, 99.9, 100.1, 101.1, 99.1, 100.1]
