"""CSV files of one asset: forms of dates, clocks, zones, numbers and names, in any mixture, and some faults."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd

from tools.generated.made import NUMBERS, Columns, Made, calendar_of, walk, written

ZONES = {"XNYS": "America/New_York", "XLON": "Europe/London", "XTKS": "Asia/Tokyo", "XASX": "Australia/Sydney"}
DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y", "%b %d, %Y", "%d-%b-%y"),
    *("%Y.%m.%d", "%d/%m/%y", "%y%m%d", "%d%m%Y", "%A, %d %B %Y", "%Y%j"),
)
CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%H%M%S")
NAMES = {
    "open": ("Open", "open", "<OPEN>", "O", "Opening Price", "1. open", "Eröffnung"),
    "high": ("High", "high", "<HIGH>", "H", "2. high", "Hoch"),
    "low": ("Low", "low", "<LOW>", "L", "3. low", "Tief"),
    "close": ("Close", "close", "<CLOSE>", "C", "Close/Last", "Last", "Price", "4. close", "Schluss"),
    "volume": ("Volume", "volume", "<VOL>", "Vol.", "V", "Quantity", "5. volume", "Stück", "Turnover in lots"),
    "date": ("Date", "date", "<DATE>", "Timestamp", "time", "", "Datum", "Trade Date"),
}
OTHERS = ("Trades", "Change %", "Spread", "OpenInt", "VWAP", "Div Yield", "Remark")


def daily(chance: random.Random) -> Made:
    """Bars of sessions: dates, or times at which sessions open, close or begin."""
    calendar = chance.choice(["XNYS", "XLON", "XTKS", "XASX"])
    zone = ZONES[calendar]
    first = pd.Timestamp("2019-01-01") + pd.Timedelta(days=chance.randrange(1800))
    known = calendar_of(calendar)
    days = known.sessions_in_range(first, first + pd.Timedelta(days=200))[: chance.choice([3, 8, 40, 90])]
    prices = walk(chance, len(days))
    settings: dict[str, Any] = {"calendar": calendar} if chance.random() < 0.6 else {}
    kind = chance.choice(["date", "date", "date", "midnight", "open", "close"])
    forms = ["daily", kind, calendar if settings else "no calendar"]
    if kind == "date":
        form = chance.choice(DATES)
        texts = [day.strftime(form) for day in days]
        forms.append(form)
        if chance.random() < 0.3:
            settings["dates"] = {"form": form}
    else:
        stamps = {
            "midnight": [day.tz_localize(zone) for day in days],
            "open": [known.session_open(day) for day in days],
            "close": [known.session_close(day) for day in days],
        }[kind]
        way = chance.choice(["s", "ms", "ns", "offset", "utc", "local"])
        texts, more = stamps_of(chance, stamps, way, zone)
        settings |= more
        forms.append(way)
    texts, prices, days, extra = _faults(chance, texts, prices, [str(day.date()) for day in days], forms)
    return _file(chance, texts, prices, days, {**settings, **extra}, True, forms)


def within_the_day(chance: random.Random) -> Made:
    """Bars of minutes and hours."""
    zone = chance.choice(["UTC", "UTC", *ZONES.values()])
    minutes = chance.choice([1, 5, 15, 60])
    begin = pd.Timestamp("2021-05-04 08:00", tz=zone) + pd.Timedelta(days=chance.randrange(900))
    rows = chance.choice([4, 20, 60])
    stamps = [begin + pd.Timedelta(minutes=minutes * row) for row in range(rows)]
    ends = chance.random() < 0.3
    instants = [stamp + pd.Timedelta(0 if ends else minutes, "min") for stamp in stamps]
    settings: dict[str, Any] = {"dates": {"marks": "end"}} if ends else {}
    way = chance.choice(["s", "ms", "us", "ns", "offset", "utc", "local", "digits", "form"])
    forms = ["minutes", way, zone]
    if way in ("digits", "form"):
        form = "%Y%m%d%H%M" if way == "digits" else f"{chance.choice(DATES)} {chance.choice(CLOCKS)}"
        texts = [stamp.strftime(form) for stamp in stamps]
        forms.append(form)
        if zone != "UTC":
            settings["timezone"] = zone
        if chance.random() < 0.3:
            settings["dates"] = {**settings.get("dates", {}), "form": form}
    else:
        texts, more = stamps_of(chance, stamps, way, zone)
        settings |= more
    told = [str(instant.tz_convert("UTC").tz_localize(None)) for instant in instants]
    return _file(chance, texts, walk(chance, rows), told, settings, False, forms)


def stamps_of(chance: random.Random, stamps: list[Any], way: str, zone: str) -> tuple[list[str], dict[str, Any]]:
    """Instants as a file has them, and the setting without which nobody could know them."""
    units = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
    if way in units:
        return [str(stamp.value // units[way]) for stamp in stamps], {}
    if way == "offset":
        return [stamp.tz_convert(zone).isoformat(sep=chance.choice(" T")) for stamp in stamps], {}
    if way == "utc":
        return [stamp.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ") for stamp in stamps], {}
    local = [stamp.tz_convert(zone).strftime("%Y-%m-%d %H:%M:%S") for stamp in stamps]
    return local, {} if zone == "UTC" else {"timezone": zone}


def _faults(
    chance: random.Random, texts: list[str], prices: Columns, days: list[str], forms: list[str]
) -> tuple[list[str], Columns, list[str], dict[str, Any]]:
    """Perhaps a row too many, as vendors send them; the truth does not have it."""
    fault = chance.choice([None, None, None, "live", "twice"])
    if fault is None or len(texts) < 5:
        return texts, prices, days, {}
    forms.append(fault)
    if fault == "live" and ":" in texts[-1]:
        head, _, tail = texts[-1].rpartition(":")
        hour = int(head[-5:-3]) if head[-5:-3].isdigit() else 10
        live = texts[-1].replace(f"{hour:02d}:", f"{(hour + 5) % 24:02d}:", 1)
        return [*texts[:-1], live], prices, days, {"repair": {"stamps": "drop"}} if tail else {}
    return [*texts, texts[-1]], {name: [*values, values[-1]] for name, values in prices.items()}, [*days, days[-1]], {}


def _file(
    chance: random.Random,
    texts: list[str],
    prices: Columns,
    days: list[str],
    settings: dict[str, Any],
    daily: bool,
    forms: list[str],
) -> Made:
    """The text of a CSV file."""
    separator = chance.choice([",", ",", ";", "\t", "|"])
    form = chance.choice(["plain", "plain", "plain", *NUMBERS])
    forms += [f"separator {separator!r}", f"numbers {form}"]
    volume = chance.choice(["whole", "whole", "float", "same", "none", "minus one"])
    columns = ["date", "open", "high", "low", "close", *(["volume"] if volume != "none" else [])]
    if chance.random() < 0.4:
        head, rest = columns[:1], columns[1:]
        chance.shuffle(rest)
        columns = head + rest
    headers = {name: chance.choice(NAMES[name]) for name in columns}
    others = chance.sample(OTHERS, chance.choice([0, 0, 0, 1, 2]))
    lines = [[*(headers[name] for name in columns), *others]]
    truth = {name: list(values) for name, values in prices.items()}
    if volume in ("none", "minus one"):
        truth["volume"] = [0.0] * len(texts)
    for row, text in enumerate(texts):
        cells = []
        for name in columns:
            if name == "date":
                cells.append(text)
            elif name == "volume":
                value = prices["volume"][row]
                whole = {"float": repr(value), "minus one": "-1"}.get(volume, str(int(value)))
                cells.append(written(value, form) if volume == "same" else whole)
            else:
                cells.append(written(prices[name][row], form))
        lines.append([*cells, *(str(chance.randrange(9)) for _ in others)])
    if chance.random() < 0.25:
        lines = [lines[0], *reversed(lines[1:])]
        forms.append("newest first")
    if chance.random() < 0.15:
        settings = {**settings, "names": {name: header for name, header in headers.items() if header}}
    quoted = chance.random() < 0.2

    def cell(value: str) -> str:
        return f'"{value}"' if quoted or separator in value else value

    ending = chance.choice(["\n", "\n", "\r\n"])
    text = ending.join(separator.join(map(cell, line)) for line in lines) + ending * chance.choice([1, 1, 0, 2])
    if chance.random() < 0.1:
        text = "https://example.invalid" + ending + text
    mark = b"\xef\xbb\xbf" if chance.random() < 0.1 else b""
    return Made(mark + text.encode(), settings, days, truth, daily, forms=forms)
