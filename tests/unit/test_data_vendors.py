"""Files of data vendors, read without a setting: invented values in each vendor's form, daily and within the day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from backbus.data import load_panel
from backbus.engine.run import Engine
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.strategy.builtins.buy_and_hold import BuyAndHold

MINUTE_NS = 60_000_000_000
OPEN, HIGH, LOW, CLOSE, VOLUME = [10.5, 11.0], [12.0, 13.0], [9.0, 10.0], [11.25, 12.0], [1200.0, 2300.0]
"""The two bars that every file below has."""
DAYS = ["2024-01-02", "2024-01-03"]


class Form(NamedTuple):
    """A vendor's file."""

    text: str
    name: str = "X.csv"
    symbol: str = "X"
    settings: dict[str, Any] = {}  # noqa: RUF012
    volume: list[float] = VOLUME


DAILY = {
    "yfinance, one asset": Form(
        "Price,Close,High,Low,Open,Volume\nTicker,X,X,X,X,X\nDate,,,,,\n"
        "2024-01-02,11.25,12,9,10.5,1200\n2024-01-03,12,13,10,11,2300\n"
    ),
    "yfinance, grouped by ticker": Form(
        "Ticker,X,X,X,X,X\nPrice,Open,High,Low,Close,Volume\nDate,,,,,\n"
        "2024-01-02,10.5,12,9,11.25,1200\n2024-01-03,11,13,10,12,2300\n"
    ),
    "yfinance, of before": Form(
        ",Adj Close,Close,High,Low,Open,Volume\n,X,X,X,X,X,X\nDate,,,,,,\n"
        "2024-01-02,11,11.25,12,9,10.5,1200\n2024-01-03,12,12,13,10,11,2300\n"
    ),
    "Bloomberg": Form(
        "Dates,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME\n1/2/2024,10.5,12,9,11.25,1200\n1/3/2024,11,13,10,12,2300\n",
        settings={"dates": {"form": "%m/%d/%Y"}},
    ),
    "bossa": Form(
        "<TICKER>,<DTYYYYMMDD>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\n"
        "X,20240102,10.5,12,9,11.25,1200\nX,20240103,11,13,10,12,2300\n",
        name="X.mst",
    ),
    "Investing, in German": Form(
        '\ufeff"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"\n'
        '"03.01.2024","12,00","11,00","13,00","10,00","2,30K","6,67%"\n'
        '"02.01.2024","11,25","10,50","12,00","9,00","1,20K","0,00%"\n',
        settings={"dates": {"form": "%d.%m.%Y"}},
    ),
    "Frankfurt": Form(
        "Datum;Eröffnung;Schluss;Tageshoch;Tagestief;Umsatz (€);Umsatz (Stück)\n"
        "03.01.24;11,00;12,00;13,00;10,00;27.600;2.300\n02.01.24;10,50;11,25;12,00;9,00;13.500;1.200\n",
        settings={"dates": {"form": "%d.%m.%y"}},
    ),
    "Polygon flat files": Form(
        "ticker,volume,open,close,high,low,window_start,transactions\n"
        "X,1200,10.5,11.25,12,9,1704171600000000000,55\nX,2300,11,12,13,10,1704258000000000000,66\n",
        name="2024-01.csv",
        settings={"calendar": "XNYS"},
    ),
    "Databento, as numbers": Form(
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
        "1704153600000000000,35,2,15144,10500000000,12000000000,9000000000,11250000000,1200,X\n"
        "1704240000000000000,35,2,15144,11000000000,13000000000,10000000000,12000000000,2300,X\n"
    ),
    "Databento, to be read": Form(
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
        "2024-01-02T00:00:00.000000000Z,35,2,15144,10.500000000,12.000000000,9.000000000,11.250000000,1200,X\n"
        "2024-01-03T00:00:00.000000000Z,35,2,15144,11.000000000,13.000000000,10.000000000,12.000000000,2300,X\n"
    ),
    "Interactive Brokers": Form(
        "date,open,high,low,close,volume,average,barCount\n"
        "20240102,10.5,12,9,11.25,1200,10.9,31\n20240103,11,13,10,12,2300,11.8,42\n"
    ),
    "CryptoDataDownload": Form(
        "https://example.invalid\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n"
        "1704240000000,2024-01-03 00:00:00,X/USD,11,13,10,12,2300,27600\n"
        "1704153600000,2024-01-02 00:00:00,X/USD,10.5,12,9,11.25,1200,13500\n",
        symbol="X/USD",
    ),
    "NSE bhavcopy": Form(
        "SYMBOL,SERIES,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,TOTTRDQTY,TOTTRDVAL,TIMESTAMP,TOTALTRADES,ISIN,\n"
        "X,EQ,10.5,12,9,11.25,11.2,10,1200,13500,02-JAN-2024,7,INE0,\n"
        "X,EQ,11,13,10,12,12,11.25,2300,27600,03-JAN-2024,8,INE0,\n",
        name="cm.csv",
    ),
    "NSE bhavcopy, UDiFF": Form(
        "TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,OpnPric,HghPric,LwPric,ClsPric,LastPric,"
        "PrvsClsgPric,SttlmPric,TtlTradgVol,TtlTrfVal\n"
        "2024-01-02,2024-01-02,CM,NSE,STK,1,INE0,X,EQ,10.5,12,9,11.25,11.2,10,11.25,1200,13500\n"
        "2024-01-03,2024-01-03,CM,NSE,STK,1,INE0,X,EQ,11,13,10,12,12,11.25,12,2300,27600\n",
        name="BhavCopy_NSE_CM.csv",
    ),
    "NSE, full bhavcopy": Form(
        "SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE, HIGH_PRICE, LOW_PRICE, LAST_PRICE, CLOSE_PRICE, AVG_PRICE,"
        " TTL_TRD_QNTY, TURNOVER_LACS\n"
        "X, EQ, 02-Jan-2024, 10, 10.5, 12, 9, 11.2, 11.25, 11, 1200, 0.1\n"
        "X, EQ, 03-Jan-2024, 11.25, 11, 13, 10, 12, 12, 11.5, 2300, 0.2\n",
        name="sec_bhavdata_full.csv",
    ),
    "Quandl's WIKI": Form(
        "ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,adj_open,adj_high,adj_low,adj_close,adj_volume\n"
        "X,2024-01-02,10.5,12,9,11.25,1200,0.0,1.0,10.5,12,9,11.25,1200\n"
        "X,2024-01-03,11,13,10,12,2300,0.0,1.0,11,13,10,12,2300\n",
        name="wiki.csv",
    ),
    "Norgate": Form(
        "Date,Open,High,Low,Close,Volume,Turnover,Unadjusted Close,Dividend\n"
        "20240102,10.5,12,9,11.25,1200,13500,11.25,0\n20240103,11,13,10,12,2300,27600,12,0\n"
    ),
    "TradingView": Form(
        "time,open,high,low,close,Volume\n1704205800,10.5,12,9,11.25,1200\n1704292200,11,13,10,12,2300\n",
        settings={"calendar": "XNYS"},
    ),
    "finam": Form(
        "<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>\n"
        "X;D;20240102;0;10.5;12;9;11.25;1200\nX;D;20240103;0;11;13;10;12;2300\n"
    ),
    "comdirect, in German": Form(
        "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen\n03.01.2024;11,00;13,00;10,00;12,00;2.300\n"
        "02.01.2024;10,50;12,00;9,00;11,25;1.200\n",
        settings={"dates": {"form": "%d.%m.%Y"}},
    ),
    "ariva, in German": Form(
        "Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen\n2024-01-03;11;13;10;12;2.300;27.600\n"
        "2024-01-02;10,5;12;9;11,25;1.200;13.500\n"
    ),
    "Sharadar and other renamed columns": Form(
        "when;first;top;bottom;end;shares\n2024-01-02;10.5;12;9;11.25;1200\n2024-01-03;11;13;10;12;2300\n",
        settings={
            "names": {
                **{"date": "when", "open": "first", "high": "top", "low": "bottom", "close": "end"},
                "volume": "shares",
            }
        },
    ),
}

INTRADAY = {
    "Stooq, five minutes": Form(
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
        "X,1,20240102,93000,10.5,12,9,11.25,1200,0\nX,1,20240102,93100,11,13,10,12,2300,0\n"
    ),
    "Alpha Vantage": Form(
        "timestamp,open,high,low,close,volume\n2024-01-02 09:31:00,11,13,10,12,2300\n"
        "2024-01-02 09:30:00,10.5,12,9,11.25,1200\n"
    ),
    "Polygon": Form(
        "ticker,volume,open,close,high,low,window_start,transactions\n"
        "X,1200,10.5,11.25,12,9,1704187800000000000,55\nX,2300,11,12,13,10,1704187860000000000,66\n"
    ),
    "Interactive Brokers": Form(
        "date,open,high,low,close,volume,average,barCount\n"
        "20240102 09:30:00 UTC,10.5,12,9,11.25,1200,10.9,31\n20240102 09:31:00 UTC,11,13,10,12,2300,11.8,42\n"
    ),
    "TWS, by New York": Form(
        "date,open,high,low,close,volume\n"
        "20240102 04:30:00 US/Eastern,10.5,12,9,11.25,1200\n20240102 04:31:00 US/Eastern,11,13,10,12,2300\n"
    ),
    "Dukascopy": Form(
        "Gmt time,Open,High,Low,Close,Volume\n02.01.2024 09:30:00.000,10.5,12,9,11.25,1200\n"
        "02.01.2024 09:31:00.000,11,13,10,12,2300\n",
        settings={"dates": {"form": "%d.%m.%Y %H:%M:%S.%f"}},
    ),
    "Dukascopy, local": Form(
        "Local time,Open,High,Low,Close,Volume\n31.01.2024 10:30:00.000 GMT+0100,10.5,12,9,11.25,1200\n"
        "31.01.2024 10:31:00.000 GMT+0100,11,13,10,12,2300\n"
    ),
    "HistData, ASCII": Form(
        "20240102 043000;10.5;12;9;11.25;1200\n20240102 043100;11;13;10;12;2300\n",
        name="DAT_ASCII_EURUSD_M1_2024.csv",
        symbol="EURUSD",
    ),
    "HistData, MetaTrader": Form(
        "2024.01.02,04:30,10.5,12,9,11.25,1200\n2024.01.02,04:31,11,13,10,12,2300\n",
        name="DAT_MT_EURUSD_M1_2024.csv",
        symbol="EURUSD",
    ),
    "MetaTrader 4": Form("2024.01.02,09:30,10.5,12,9,11.25,1200\n2024.01.02,09:31,11,13,10,12,2300\n"),
    "Kraken": Form(
        "1704187800,10.5,12,9,11.25,1200,5\n1704187860,11,13,10,12,2300,6\n", name="XBTUSD_1.csv", symbol="XBTUSD"
    ),
    "Sierra Chart": Form(
        "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume\n"
        "2024/1/2, 09:30:00.000000, 10.5, 12, 9, 11.25, 1200, 5, 600, 600\n"
        "2024/1/2, 09:31:00.000000, 11, 13, 10, 12, 2300, 6, 1300, 1000\n"
    ),
    "finam": Form(
        "<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>\n"
        "20240102;093000;10.5;12;9;11.25;1200\n20240102;093100;11;13;10;12;2300\n"
    ),
    "NinjaTrader": Form(
        "20240102 093000;10.5;12;9;11.25;1200\n20240102 093100;11;13;10;12;2300\n",
    ),
    "minutes in digits": Form(
        "time,open,high,low,close,volume\n202401020930,10.5,12,9,11.25,1200\n202401020931,11,13,10,12,2300\n"
    ),
}


def read(folder: Path, form: Form) -> Panel:
    (folder / form.name).write_text(form.text, encoding="utf-8")
    return load_panel(DataSettings(**form.settings), {form.name: folder / form.name})


def assert_bars(panel: Panel, form: Form) -> None:
    block = panel.block
    assert panel.symbols == (form.symbol,)
    for name, expected in (("open", OPEN), ("high", HIGH), ("low", LOW), ("close", CLOSE), ("volume", form.volume)):
        assert getattr(block, name)[:, 0].tolist() == expected, name
    assert panel.notes == ()


@pytest.mark.parametrize("form", DAILY.values(), ids=DAILY.keys())
def test_daily_bars_of_a_vendor_are_those_sessions(tmp_path, form):
    panel = read(tmp_path, form)
    assert_bars(panel, form)
    assert [str(day) for day in panel.block.session.astype("M8[D]")] == DAYS


@pytest.mark.parametrize("form", INTRADAY.values(), ids=INTRADAY.keys())
def test_minutes_of_a_vendor_are_those_minutes(tmp_path, form):
    panel = read(tmp_path, form)
    assert_bars(panel, form)
    begins = [str(np.datetime64(int(end - MINUTE_NS), "ns"))[:16] for end in panel.block.end]
    day = "2024-01-31" if "31.01" in form.text else "2024-01-02"
    assert begins == [f"{day}T09:30", f"{day}T09:31"]


@pytest.mark.parametrize("as_json", [True, False])
def test_how_files_would_be_read_is_told(tmp_path, as_json, capsys, monkeypatch):
    from backbus.cli import main

    monkeypatch.chdir(tmp_path)
    form = DAILY["CryptoDataDownload"]
    (tmp_path / "X.csv").write_text(form.text)
    (tmp_path / "Y.csv").write_text(form.text.replace("X/USD", "Y/USD"))
    argv = ["backbus", "data", "check", "*.csv", "--set", "calendar=24/7", *(["--json"] if as_json else [])]
    monkeypatch.setattr("sys.argv", argv)
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main())
    assert ended.value.code in (0, None)
    out = capsys.readouterr().out
    for told in (
        "X.csv and 1 more: date from 'date', symbol from 'symbol', open from 'open'",
        "volume from 'Volume BTC'; left: 'unix', 'Volume USD'",
        "stamps are dates of sessions",
        "2024-01-02",
        "1 day",
    ):
        assert told in out, out
    if as_json:
        assert json.loads(out)["symbols"] == ["X/USD", "Y/USD"]


def test_files_that_are_not_there_are_no_dataset_either(tmp_path, capsys, monkeypatch):
    from backbus.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["backbus", "data", "check", "nothing"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "there is no dataset of this name either" in capsys.readouterr().err


def test_a_report_says_how_its_data_were_read(tmp_path):
    form = DAILY["Quandl's WIKI"]
    panel = read(tmp_path, form)
    job = Job.parse({"strategy": {"use": "BuyAndHold"}})
    report = Engine(job, panel, BuyAndHold(), lambda pieces: None).run()
    assert report.read == panel.layout.read
    assert "dividend from 'ex-dividend', split from 'split_ratio'" in report.read[0]
    assert "left: 'adj_open'" in report.read[0]
