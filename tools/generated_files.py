"""Price files by chance: forms × zones × calendars × faults, each read back and held against what it was made from.

    python -m tools.generated_files --count 10000 --seed 1

Each comes out in one of four ways: *read* to the truth, *refused*, *noted* (read to something else, with a note), or
*wrong*: read to something else without a word, which ends the command with status 1 and shows the file.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import exchange_calendars
import numpy as np
import pandas as pd

from backbus.data import load_panel
from backbus.errors import BackbusError
from backbus.job.data import DataSettings
from backbus.job.parsing import parse
from backbus.market.panel import Panel

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


@dataclass
class Made:
    """A file, and what it was made from."""

    text: bytes
    settings: dict[str, Any]
    days: list[str]
    """Sessions of bars of a day, or the instants at which shorter bars end."""
    prices: dict[str, list[float]]
    daily: bool
    name: str = "AB.csv"
    forms: list[str] = field(default_factory=list)
    """What was drawn, for the counts."""


def made(seed: int) -> Made:
    """The file of this number, always the same one."""
    chance = random.Random(f"file {seed}")
    return (_daily if chance.random() < 0.65 else _within_the_day)(chance)


def _prices(chance: random.Random, rows: int) -> dict[str, list[float]]:
    close, found = chance.choice([3.0, 42.0, 880.0, 12_345.0]), dict[str, list[float]]()
    for name in ("open", "high", "low", "close", "volume"):
        found[name] = []
    for _ in range(rows):
        opened = round(close * (1.0 + chance.uniform(-0.01, 0.01)), 2)
        close = round(opened * (1.0 + chance.uniform(-0.02, 0.02)), 2)
        found["open"].append(opened)
        found["high"].append(round(max(opened, close) + chance.choice([0.0, 0.5]), 2))
        found["low"].append(round(min(opened, close) - chance.choice([0.0, 0.5]), 2))
        found["close"].append(close)
        found["volume"].append(float(chance.randrange(0, 3_000_000)))
    return found


def _daily(chance: random.Random) -> Made:
    calendar = chance.choice(["XNYS", "XLON", "XTKS", "XASX"])
    zone = ZONES[calendar]
    first = pd.Timestamp("2019-01-01") + pd.Timedelta(days=chance.randrange(1800))
    known = exchange_calendars.get_calendar(calendar, start="2018-12-01", end="2024-12-31")
    days = known.sessions_in_range(first, first + pd.Timedelta(days=200))[: chance.choice([3, 8, 40, 90])]
    prices = _prices(chance, len(days))
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
        written = chance.choice(["s", "ms", "ns", "offset", "utc", "local"])
        texts, more = _stamps(chance, stamps, written, zone)
        settings |= more
        forms.append(written)
    texts, prices, days, extra = _faults(chance, texts, prices, [str(day.date()) for day in days], forms)
    return _file(chance, texts, prices, days, {**settings, **extra}, True, forms)


def _within_the_day(chance: random.Random) -> Made:
    zone = chance.choice(["UTC", "UTC", *ZONES.values()])
    minutes = chance.choice([1, 5, 15, 60])
    begin = pd.Timestamp("2021-05-04 08:00", tz=zone) + pd.Timedelta(days=chance.randrange(900))
    rows = chance.choice([4, 20, 60])
    stamps = [begin + pd.Timedelta(minutes=minutes * row) for row in range(rows)]
    ends = chance.random() < 0.3
    instants = [stamp + pd.Timedelta(0 if ends else minutes, "min") for stamp in stamps]
    settings: dict[str, Any] = {"dates": {"marks": "end"}} if ends else {}
    written = chance.choice(["s", "ms", "us", "ns", "offset", "utc", "local", "digits", "form"])
    forms = ["minutes", written, zone]
    if written in ("digits", "form"):
        form = "%Y%m%d%H%M" if written == "digits" else f"{chance.choice(DATES)} {chance.choice(CLOCKS)}"
        texts = [stamp.strftime(form) for stamp in stamps]
        forms.append(form)
        if zone != "UTC":
            settings["timezone"] = zone
        if chance.random() < 0.3:
            settings["dates"] = {**settings.get("dates", {}), "form": form}
    else:
        texts, more = _stamps(chance, stamps, written, zone)
        settings |= more
    told = [str(instant.tz_convert("UTC").tz_localize(None)) for instant in instants]
    return _file(chance, texts, _prices(chance, rows), told, settings, False, forms)


def _stamps(chance: random.Random, stamps: list[Any], written: str, zone: str) -> tuple[list[str], dict[str, Any]]:
    """Instants as a file has them, and the setting without which nobody could know them."""
    units = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
    if written in units:
        return [str(stamp.value // units[written]) for stamp in stamps], {}
    if written == "offset":
        return [stamp.tz_convert(zone).isoformat(sep=chance.choice(" T")) for stamp in stamps], {}
    if written == "utc":
        return [stamp.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ") for stamp in stamps], {}
    local = [stamp.tz_convert(zone).strftime("%Y-%m-%d %H:%M:%S") for stamp in stamps]
    return local, {} if zone == "UTC" else {"timezone": zone}


def _faults(
    chance: random.Random, texts: list[str], prices: dict[str, list[float]], days: list[str], forms: list[str]
) -> tuple[list[str], dict[str, list[float]], list[str], dict[str, Any]]:
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


def _number(chance: random.Random, value: float, form: str) -> str:
    match form:
        case "comma":
            return f"{value:.2f}".replace(".", ",")
        case "german":
            return f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")
        case "thousands":
            return f"{value:,.2f}"
        case "money":
            return f"${value:,.2f}"
        case "exponent":
            return f"{value:.8e}"
    return repr(value)


def _file(
    chance: random.Random,
    texts: list[str],
    prices: dict[str, list[float]],
    days: list[str],
    settings: dict[str, Any],
    daily: bool,
    forms: list[str],
) -> Made:
    """The text of a CSV file."""
    separator = chance.choice([",", ",", ";", "\t", "|"])
    form = chance.choice(["plain", "plain", "plain", "comma", "german", "thousands", "money", "exponent"])
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
                cells.append(_number(chance, value, form) if volume == "same" else whole)
            else:
                cells.append(_number(chance, prices[name][row], form))
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


def outcome(one: Made, folder: Path) -> tuple[str, str]:
    """How a file came out, and why."""
    path = folder / one.name
    path.write_bytes(one.text)
    try:
        panel = load_panel(parse(DataSettings, one.settings, within=("data",)), {one.name: path})
    except BackbusError as error:
        return "refused", str(error)
    difference = _difference(one, panel)
    if difference is None:
        return "read", ""
    return ("noted", "; ".join(panel.notes)) if panel.notes else ("wrong", difference)


def _difference(one: Made, panel: Panel) -> str | None:
    block = panel.block
    found = block.session.astype("M8[D]").astype(str) if one.daily else block.end.astype("M8[ns]").astype("M8[s]")
    days = (
        [str(each).replace("T", " ") for each in found.tolist()]
        if one.daily
        else [str(pd.Timestamp(each)) for each in found.tolist()]
    )
    if days != one.days:
        return f"rows {days[:4]} … instead of {one.days[:4]} …"
    for name, values in one.prices.items():
        ours = getattr(block, name)[:, 0]
        if not np.allclose(ours, values, rtol=1e-9, atol=0.0):
            return f"{name} {ours[:3].tolist()} instead of {values[:3]}"
    return None


def run(count: int, seed: int, folder: Path) -> Iterator[tuple[int, Made, str, str]]:
    """All files of a range, and how each came out."""
    for number in range(seed * 1_000_000, seed * 1_000_000 + count):
        one = made(number)
        yield number, one, *outcome(one, folder)


def main() -> int:
    """Make files, read them back, and count."""
    parser = argparse.ArgumentParser(description="Price files by chance, read back.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--refused", action="store_true", help="print why files were refused, the commonest first")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    why: Counter[str] = Counter()
    wrong: list[tuple[int, str]] = []
    with tempfile.TemporaryDirectory() as place:
        for number, one, how, told in run(arguments.count, arguments.seed, Path(place)):
            counts[how] += 1
            if how == "wrong":
                wrong.append((number, told))
                sys.stderr.write(f"{number} {one.forms} {one.settings}: {told}\n{one.text[:400].decode()}\n\n")
            elif how == "refused":
                why[" ".join(word for word in told.split() if not any(map(str.isdigit, word)))[:110]] += 1
    if arguments.json:
        sys.stdout.write(json.dumps({"counts": counts, "wrong": wrong}) + "\n")
    else:
        sys.stdout.write(", ".join(f"{how}: {count}" for how, count in counts.most_common()) + "\n")
    if arguments.refused:
        for told, count in why.most_common(25):
            sys.stdout.write(f"{count:6} {told}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
