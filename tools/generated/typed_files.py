"""Parquet files, whose dates have every type; CSV files of several assets; and the dumps of some vendors."""

from __future__ import annotations

import io
import random
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tools.generated.made import FIELDS, PRICES, Columns, Made, walk

_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def _minutes(chance: random.Random, rows: int) -> list[pd.Timestamp]:
    begin = pd.Timestamp("2019-05-06 08:00", tz="UTC") + pd.Timedelta(days=chance.randrange(1500))
    step = chance.choice([1, 5, 60])
    return [begin + pd.Timedelta(minutes=step * row) for row in range(rows)]


def _told(stamps: list[pd.Timestamp]) -> list[str]:
    return [str(stamp.tz_localize(None)) for stamp in stamps]


def parquet(chance: random.Random) -> Made:
    """Bars of minutes, or of days, whose stamps are counts, texts, dates or timestamps."""
    rows = chance.choice([4, 20, 60])
    prices = walk(chance, rows)
    stamps = _minutes(chance, rows)
    shift = pd.Timedelta(chance.choice([0, 0, 250]), "ms")
    stamps = [stamp + shift for stamp in stamps]
    kind = chance.choice(["int", "float", "decimal", "text", "timestamp", "zone", "days"])
    unit = chance.choice(list(_UNITS))
    settings: dict[str, Any] = {"dates": {"marks": "end"}}
    size = _UNITS[unit]
    if kind == "days":
        days = [str(stamp.date()) for stamp in pd.date_range(stamps[0].normalize().tz_localize(None), periods=rows)]
        dates = {
            0: lambda: pa.array([pd.Timestamp(day).date() for day in days]),
            1: lambda: pa.array([int(day.replace("-", "")) for day in days], pa.int32()),
            2: lambda: pa.array([float(day.replace("-", "")) for day in days]),
            3: lambda: pa.array(days),
        }[chance.randrange(4)]()
        return _parquet(dates, prices, {}, days, True, [kind])
    whole = all(stamp.value % size == 0 for stamp in stamps)
    if kind == "int" and not whole:
        kind = "decimal"
    if kind in ("timestamp", "zone"):
        exact = "ns" if not whole else unit
        dates = pa.array([stamp.value // _UNITS[exact] for stamp in stamps]).cast(
            pa.timestamp(exact, "America/New_York" if kind == "zone" else None)
        )
    elif kind == "int":
        dates = pa.array([stamp.value // size for stamp in stamps])
    elif kind == "float":
        dates = pa.array([stamp.value / size for stamp in stamps])
    else:
        digits = {"s": 3, "ms": 0, "us": 0, "ns": 0}[unit]
        texts = [f"{Decimal(stamp.value) / size:.{digits}f}" for stamp in stamps]
        dates = pa.array(texts) if kind == "text" else pa.array(list(map(Decimal, texts)), pa.decimal128(30, 9))
    if kind in ("int", "float", "decimal", "text") and chance.random() < 0.6:
        settings["dates"]["form"] = unit
    return _parquet(dates, prices, settings, _told(stamps), False, [kind, unit])


def _parquet(
    dates: Any, prices: Columns, settings: dict[str, Any], days: list[str], daily: bool, forms: list[str]
) -> Made:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"date": dates, **{name: pa.array(values) for name, values in prices.items()}}), buffer)
    return Made(buffer.getvalue(), settings, days, prices, daily, "AB.parquet", ["parquet", *forms])


def several(chance: random.Random) -> Made:
    """Two assets in one file: with a symbol column, or with a header of several rows."""
    rows = chance.choice([4, 20])
    days = [str(day.date()) for day in pd.date_range("2021-02-01", periods=rows)]
    first, second = walk(chance, rows), walk(chance, rows)
    form = chance.choice(["long", "fields first", "assets first"])
    lines: list[list[str]]
    if form == "long":
        lines = [["Date", chance.choice(["Symbol", "Ticker", "<TICKER>"]), *map(str.title, FIELDS)]]
        pairs = [(day, symbol, row) for row, day in enumerate(days) for symbol in ("AA", "BB")]
        if chance.random() < 0.5:
            pairs.sort(key=lambda pair: pair[1])
        for day, symbol, row in pairs:
            prices = first if symbol == "AA" else second
            lines.append([day, symbol, *(repr(prices[name][row]) for name in FIELDS)])
    else:
        columns = [(name, symbol) for name in FIELDS for symbol in ("AA", "BB")]
        if chance.random() < 0.5:
            columns.sort(key=lambda pair: pair[1])
        fields, assets = ["Price", *(name.title() for name, _ in columns)], ["Ticker", *(one for _, one in columns)]
        lines = [fields, assets] if form == "fields first" else [assets, fields]
        lines.append(["Date", *[""] * len(columns)])
        for row, day in enumerate(days):
            lines.append([day, *(repr((first if one == "AA" else second)[name][row]) for name, one in columns)])
    text = "\n".join(",".join(line) for line in lines) + "\n"
    return Made(text.encode(), {}, days, first, True, "all.csv", ["several", form], {}, {"BB": second}, "AA")


def dumps(chance: random.Random) -> Made:
    """Files that are known by their name and first line."""
    rows = chance.choice([4, 20, 60])
    stamps = _minutes(chance, rows)
    step = stamps[1] - stamps[0]
    ends = _told([stamp + step for stamp in stamps])
    prices = walk(chance, rows)
    kind = chance.choice(["kline", "kraken", "metatrader", "histdata", "seconds", "lean minutes"])
    numbers = [[repr(prices[name][row]) for name in PRICES] for row in range(rows)]
    volumes = [str(int(each)) for each in prices["volume"]]
    settings: dict[str, Any] = {}
    name = "AB.csv"
    lines = []
    if kind == "lean minutes":
        numbers = [[str(round(prices[field][row] * 10_000)) for field in PRICES] for row in range(rows)]
        begin = stamps[0].normalize() + pd.Timedelta(hours=9)
        stamps = [begin + step * row for row in range(rows)]
        stamps = [stamp for stamp in stamps if stamp.date() == stamps[0].date()]
        rows = len(stamps)
        prices = {field: values[:rows] for field, values in prices.items()}
        day = stamps[0].strftime("%Y%m%d")
        name = f"equity/usa/minute/ab/{day}_ab_minute_trade.csv"
        local = [stamp.tz_localize(None).tz_localize("America/New_York") for stamp in stamps]
        ends = _told([(stamp + step).tz_convert("UTC") for stamp in local])
    for row in range(rows):
        stamp, more = stamps[row], [*numbers[row], volumes[row]]
        if kind == "kline":
            name = f"AB-{step.seconds // 60}m-2021-01.csv"
            begin, end = stamp.value // 10**6, (stamp + step).value // 10**6 - 1
            lines.append([str(begin), *more, str(end), "1.5", "7", "1.0", "1.0", "0"])
        elif kind == "kraken":
            name = f"XBTUSD_{step.seconds // 60}.csv"
            lines.append([str(stamp.value // 10**9), *more, "3"])
        elif kind in ("metatrader", "histdata"):
            shown = stamp - pd.Timedelta(hours=5) if kind == "histdata" else stamp
            name = "DAT_MT_EURUSD_M1_2021.csv" if kind == "histdata" else name
            lines.append([shown.strftime("%Y.%m.%d"), shown.strftime("%H:%M"), *more])
        elif kind == "lean minutes":
            since = stamp - stamp.normalize()
            lines.append([str(int(since.total_seconds() * 1000)), *more])
        else:
            day = stamp.strftime("%Y-%m-%d")
            lines.append([day, str((stamp - stamp.normalize()).seconds), *more])
    if kind == "seconds":
        lines.insert(0, ["Date", "Time", *map(str.title, FIELDS)])
    text = "\n".join(",".join(line) for line in lines) + "\n"
    return Made(text.encode(), settings, ends, prices, False, name, ["dump", kind])
