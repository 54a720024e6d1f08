"""Files as sites, exchanges and other engines write them."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from backbus.data import load_panel, resolve_files
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.market.timeframes import DAY_NS

MINUTE_NS = 60_000_000_000


def load(folder: Path, texts: dict[str, str | bytes], **settings: object):
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_panel(DataSettings(**settings), {name: folder / name for name in texts})


def packed(members: dict[str, str]) -> bytes:
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return buffer.getvalue()


def days(panel) -> list[str]:
    return [str(day) for day in panel.block.session.astype("M8[D]")]


# --- sites ----------------------------------------------------------------------------------------------------------

SITES = {
    "Yahoo": "Date,Open,High,Low,Close,Adj Close,Volume\n"
    "2024-01-02,10.5,12,9,11.25,11.0,1200\n2024-01-03,11,13,10,12,12.0,2300\n",
    "yfinance": "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n"
    "2024-01-02 00:00:00-05:00,10.5,12,9,11.25,1200,0.0,0.0\n2024-01-03 00:00:00-05:00,11,13,10,12,2300,0.0,0.0\n",
    "Nasdaq": "Date,Close/Last,Volume,Open,High,Low\n"
    "01/16/2024,$14.00,100,$12,$14.50,$11\n01/03/2024,$12.00,2300,$11.00,$13,$10\n01/02/2024,$11.25,1200,$10.50,$12,$9\n",
    "Investing": '"Date","Price","Open","High","Low","Vol.","Change %"\n'
    '"Jan 03, 2024","12.00","11.00","13.00","10.00","2.30K","6.67%"\n'
    '"Jan 02, 2024","11.25","10.50","12.00","9.00","1.20K","0.00%"\n',
    "Stooq": "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    "X.US,D,20240102,000000,10.5,12,9,11.25,1200,0\nX.US,D,20240103,000000,11,13,10,12,2300,0\n",
    "MetaTrader": "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
    "2024.01.02\t00:00:00\t10.5\t12\t9\t11.25\t7\t1200\t1\n2024.01.03\t00:00:00\t11\t13\t10\t12\t8\t2300\t1\n",
    "Alpha Vantage": "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n"
    "2024-01-03,11,13,10,12,12,2300,0,1\n2024-01-02,10.5,12,9,11.25,11.25,1200,0,1\n",
    "Google": "Date,Open,High,Low,Close,Volume\n3-Jan-24,11,13,10,12,2300\n2-Jan-24,10.5,12,9,11.25,1200\n",
    "CryptoDataDownload": "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume\n"
    "1704240000000,2024-01-03 00:00:00,X,11,13,10,12,2300\n1704153600000,2024-01-02 00:00:00,X,10.5,12,9,11.25,1200\n",
    "EODHD": "Date;Open;High;Low;Close;Adjusted_close;Volume\n"
    "2024-01-02;10.5;12;9;11.25;11.25;1200\n2024-01-03;11;13;10;12;12;2300\n",
}


@pytest.mark.parametrize("site", SITES)
def test_a_site_s_csv_is_read_as_it_comes(tmp_path, site):
    panel = load(tmp_path, {"X.csv": SITES[site]})
    assert days(panel)[:2] == ["2024-01-02", "2024-01-03"]
    block = panel.block
    assert [getattr(block, name)[0, 0] for name in ("open", "high", "low", "close", "volume")] == [
        *(10.5, 12.0, 9.0, 11.25, 1200.0)
    ]
    assert [getattr(block, name)[1, 0] for name in ("open", "high", "low", "close", "volume")] == [
        *(11.0, 13.0, 10.0, 12.0, 2300.0)
    ]
    assert panel.notes == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [("$1,234.50", 1234.5), ("1,234,567", 1234567.0), ("€12.5", 12.5), ("1.5M", 1.5e6), ("2.25B", 2.25e9), ("3k", 3e3)],
)
def test_numbers_as_sites_write_them(tmp_path, text, value):
    panel = load(tmp_path, {"A.csv": f"date;open;high;low;close;volume\n2024-01-02;1;1;1;1;{text}\n"})
    assert panel.block.volume[0, 0] == value


@pytest.mark.parametrize("text", ["1,234", "12,34.5", "1_000", "M", "$"])
def test_numbers_that_could_be_two_things_are_refused(tmp_path, text):
    with pytest.raises(DataError, match="is not a number"):
        load(tmp_path, {"A.csv": f"date;open;high;low;close;volume\n2024-01-02;1;1;1;1;{text}\n"})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Jan 2, 2024", "January 3, 2024"),
        ("02-Jan-2024", "3-JAN-2024"),
        ("2 Jan 2024", "3 January 2024"),
        ("2-Jan-24", "03-Jan-24"),
    ],
)
def test_dates_with_a_month_s_name(tmp_path, first, second):
    panel = load(tmp_path, {"A.csv": f"date;open;high;low;close\n{first};1;1;1;1\n{second};1;1;1;1\n"})
    assert days(panel) == ["2024-01-02", "2024-01-03"]


def test_two_digits_of_a_year_are_of_this_century_up_to_68(tmp_path):
    lines = "".join(f"2-Jan-{year};1;1;1;1\n" for year in ("69", "99", "00", "68"))
    panel = load(tmp_path, {"A.csv": "date;open;high;low;close\n" + lines}, repair={"future": "keep"})
    assert [day[:4] for day in days(panel)] == ["1969", "1999", "2000", "2068"]


@pytest.mark.parametrize("text", ["31-Foo-2024", "30-Feb-2024", "Jan 2024", "2-Jan"])
def test_a_month_that_there_is_not_is_refused_with_its_line(tmp_path, text):
    with pytest.raises(DataError, match=r"A\.csv:3, column 'date'"):
        load(tmp_path, {"A.csv": f"date;open;high;low;close\n2-Jan-2024;1;1;1;1\n{text};1;1;1;1\n"})


def test_lines_are_named_as_they_stand_where_the_newest_comes_first(tmp_path):
    rows = "2024-01-04,1,1,1,1\n2024-01-03,1,1,1,oops\n2024-01-02,1,1,1,1\n"
    with pytest.raises(DataError, match=r"A\.csv:3, .*'oops'"):
        load(tmp_path, {"A.csv": "date,open,high,low,close\n" + rows})
    rows = "2024-01-04,1,1,1,1\n2024-01-02,1,1,1,1\n2024-01-03,1,1,1,1\n"
    with pytest.raises(DataError, match=r"A\.csv:3, .*2024-01-02 comes after 2024-01-04"):
        load(tmp_path, {"A.csv": "date,open,high,low,close\n" + rows})


def test_files_without_a_header_are_given_one(tmp_path):
    text = "09/30/2009,09:30,10.5,12,9,11.25,1200\n09/30/2009,09:31,11,13,10,12,2300\n"
    header = ("date", "time", "open", "high", "low", "close", "volume")
    with pytest.raises(DataError, match=r"no column for date.*data.header"):
        load(tmp_path, {"IBM.txt": "20090930,10.5,12,9,11.25,1200\n"})
    panel = load(
        tmp_path,
        {"IBM.txt": text.replace("09/30/2009", "2009-09-30")},
        header=header,
        timezone="America/New_York",
    )
    assert panel.symbols == ("IBM",)
    assert panel.block.end[0] == pd.Timestamp("2009-09-30 09:31", tz="America/New_York").value
    assert panel.block.close[:, 0].tolist() == [11.25, 12.0]


# --- exchanges ------------------------------------------------------------------------------------------------------


def kline(start_ms: int, close: float, scale: int = 1) -> str:
    return f"{start_ms * scale},10,12,9,{close},1.5,{start_ms * scale + 59_999},15.0,3,0.5,5.0,0\n"


def test_kline_dumps_of_several_months_are_one_asset(tmp_path):
    first = 1_704_067_200_000
    january = kline(first, 11.0) + kline(first + 60_000, 10.5)
    # From 2025 on in microseconds, and in files that name their columns.
    header = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        "taker_buy_quote_volume,ignore\n"
    )
    february = header + kline(first + 120_000, 9.5, 1000)
    panel = load(
        tmp_path,
        {
            "BTCUSDT-1m-2024-01.zip": packed({"BTCUSDT-1m-2024-01.csv": january}),
            "BTCUSDT-1m-2024-02.csv": february,
            "ETH_BTC-1m-2024-01-01.csv.gz": gzip.compress(january.encode()),
        },
    )
    assert panel.symbols == ("BTCUSDT", "ETH_BTC")
    assert panel.block.close[:, 0].tolist() == [11.0, 10.5, 9.5]
    assert panel.layout.interval_ns == MINUTE_NS
    assert panel.block.end[0] == (first + 60_000) * 1_000_000


# --- LEAN -----------------------------------------------------------------------------------------------------------

LEAN_DAILY = (
    "20130102 00:00,1460200,1462500,1459500,1462000,116817\n20130103 00:00,1461900,1463600,1457300,1459200,88561\n"
)
LEAN_TRADES = "34200000,1460200,1462500,1459500,1462000,500\n34260000,1462000,1463600,1461000,1462500,700\n"
LEAN_QUOTES = (
    "34200000,1460200,1462500,1459500,1462000,5,1460400,1462700,1459700,1462200,7\n"
    "34260000,,,,,,1462200,1463600,1461000,1462500,7\n"
)


def test_lean_s_daily_bars(tmp_path):
    panel = load(tmp_path, {"equity/usa/daily/spy.zip": packed({"spy.csv": LEAN_DAILY})})
    assert panel.symbols == ("SPY",)
    assert panel.block.open[:, 0].tolist() == [146.02, 146.19]
    assert panel.block.close[:, 0].tolist() == [146.2, 145.92]
    assert panel.block.volume[:, 0].tolist() == [116817.0, 88561.0]
    assert (days(panel), panel.layout.interval_ns) == (["2013-01-02", "2013-01-03"], DAY_NS)


def test_lean_s_minute_bars_are_by_new_york_s_clock(tmp_path):
    member = "20131007_spy_minute_trade.csv"
    name = "equity/usa/minute/spy/20131007_trade.zip"
    other = name.replace("1007", "1101")
    panel = load(
        tmp_path,
        {
            name: packed({member: LEAN_TRADES}),
            other: packed({member.replace("1007", "1101"): LEAN_TRADES}),
            name.replace("1007", "1104"): packed({member.replace("1007", "1104"): LEAN_TRADES}),  # summer has ended
        },
    )
    assert panel.symbols == ("SPY",)
    expected = [f"2013-{day} 09:3{minute}" for day in ("10-07", "11-01", "11-04") for minute in (1, 2)]
    assert panel.block.end.tolist() == [pd.Timestamp(text, tz="America/New_York").value for text in expected]
    assert days(panel) == ["2013-10-07"] * 2 + ["2013-11-01"] * 2 + ["2013-11-04"] * 2
    assert panel.block.low[0, 0] == 145.95


def test_lean_s_quotes_become_bars_of_the_middle(tmp_path):
    name = "equity/usa/minute/spy/20131007_quote.zip"
    panel = load(tmp_path, {name: packed({"20131007_spy_minute_quote.csv": LEAN_QUOTES})})
    assert panel.block.open[:, 0] == pytest.approx([146.03, 146.22])
    assert panel.block.close[:, 0] == pytest.approx([146.21, 146.25])
    assert panel.block.high[0, 0] == pytest.approx(146.26)
    assert panel.block.volume[:, 0].tolist() == [0.0, 0.0]


def test_lean_s_other_markets_are_neither_scaled_nor_in_new_york(tmp_path):
    text = "0,16500,16510,16490,16505,1.5\n60000,16505,16520,16500,16510,0.5\n"
    name = "crypto/coinbase/minute/btcusd/20230101_trade.zip"
    panel = load(tmp_path, {name: packed({"20230101_btcusd_minute_trade.csv": text})})
    assert panel.symbols == ("BTCUSD",)
    assert panel.block.close[:, 0].tolist() == [16505.0, 16510.0]
    assert panel.block.end[0] == pd.Timestamp("2023-01-01 00:01", tz="UTC").value


def test_files_of_two_clocks_need_one_to_be_named(tmp_path):
    equity = {"equity/usa/minute/spy/20131007_trade.zip": packed({"20131007_spy_minute_trade.csv": LEAN_TRADES})}
    crypto = {"crypto/gdax/minute/btcusd/20131007_trade.zip": packed({"20131007_btcusd_minute_trade.csv": LEAN_TRADES})}
    with pytest.raises(JobError, match=r"data.timezone.*America/New_York.*UTC|UTC.*America/New_York"):
        load(tmp_path, {**equity, **crypto})


def test_a_moment_outside_its_day_is_refused(tmp_path):
    text = LEAN_TRADES.replace("34260000", "86400000")
    with pytest.raises(DataError, match=r"minute_trade\.csv:2.*86400000 ms is not within a day"):
        load(tmp_path, {"20131007_trade.zip": packed({"20131007_spy_minute_trade.csv": text})})


# --- packed files ---------------------------------------------------------------------------------------------------


def test_packed_files_that_are_broken_are_one_error(tmp_path):
    broken = {
        "A.zip": (b"PK\x03\x04 and then nothing", "cannot be unpacked"),
        "B.csv.gz": (b"not gzip at all", "cannot be unpacked"),
        "C.csv.gz": (gzip.compress(SITES["Yahoo"].encode())[:40], "cannot be unpacked"),
        "D.zip": (packed({"readme.md": "hello"}), "holds no file that ends in .csv"),
        "E.parquet": (b"PAR1 no more", "cannot be read as Parquet"),
        "F.feather": (b"ARROW1 no more", "cannot be read as Arrow IPC"),
    }
    for name, (data, says) in broken.items():
        with pytest.raises(DataError, match=f"{name}.*{says}"):
            load(tmp_path, {name: data})


def test_a_folder_is_all_files_of_prices_in_it(tmp_path):
    (tmp_path / "prices" / "deeper").mkdir(parents=True)
    for name in ("A.csv", "B.txt", "notes.md", "deeper/C.csv"):
        (tmp_path / "prices" / name).write_text(SITES["Yahoo"])
    found = resolve_files(DataSettings(files="prices"), tmp_path)
    assert list(found) == ["prices/A.csv", "prices/B.txt"]
    with pytest.raises(JobError, match=r"'\.' is a folder without .* name the folder that has them, as 'prices'$"):
        resolve_files(DataSettings(files="."), tmp_path)
    (tmp_path / "charts" / "today").mkdir(parents=True)
    with pytest.raises(JobError, match=r"'charts' is a folder without a file of prices \(\.csv, .*\)$"):
        resolve_files(DataSettings(files="charts"), tmp_path)
    (tmp_path / "charts" / "ES.dly").write_text(SITES["Yahoo"])
    with pytest.raises(JobError, match=r"name CSV that ends otherwise by a glob, as 'charts/\*\.dly'$"):
        resolve_files(DataSettings(files="charts"), tmp_path)
    assert list(resolve_files(DataSettings(files="charts/*.dly"), tmp_path)) == ["charts/ES.dly"]


@pytest.mark.parametrize(
    ("folder", "ends"),
    [
        ("equity/usa", "14:31"),
        ("equity/india", "04:01"),
        ("index/eurex", "08:31"),
        ("forex/fxcm", "14:31"),
        ("forex/oanda", "09:31"),
        ("crypto/binance", "09:31"),
    ],
)
def test_a_lean_file_s_clock_is_that_of_its_market(tmp_path, folder, ends):
    text = "34200000,15000,15000,15000,15000,10\n34260000,15000,15000,15000,15000,10\n"
    name = f"{folder}/minute/x/20240102_trade.zip"
    panel = load(tmp_path, {name: packed({"20240102_x_minute_trade.csv": text})})
    assert panel.block.end.astype("M8[ns]").astype("M8[m]").astype(str).tolist()[0] == f"2024-01-02T{ends}"
