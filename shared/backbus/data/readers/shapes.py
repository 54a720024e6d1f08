"""Shapes of files that do not say what they hold: those of exchanges' dumps, of LEAN's data folder, of MetaTrader's
history and of HistData.

Sources: Binance's public data (github.com/binance/binance-public-data); Kraken's OHLCVT and trading history (its
support pages on downloadable data); the data folder of QuantConnect's LEAN (github.com/QuantConnect/Lean, its readme
files in Data/*); HistData's specification of files (histdata.com/f-a-q/data-files-detailed-specification: times are
Eastern Standard Time without daylight saving); Databento's schemas (prices in 1e-9, undefined ones 2^63 - 1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

from backbus.data.readers.headers import STAMP
from backbus.market.columns import PRICES, QUOTES, SIDES
from backbus.market.panel import Floats


class Shape(NamedTuple):
    """What a file's name and first line tell of it."""

    symbol: str
    """The asset of a file that names none in a column."""
    headers: tuple[str, ...] | None = None
    """The columns of a file whose first line is a bar already."""
    columns: Mapping[str, int] | None = None
    """Which of them is which, where their names do not tell."""
    units: float = 1.0
    """How many of its units a price of 1 is."""
    zone: str | None = None
    """Where the clock hangs that stamps without a zone are read from."""
    day: int | None = None
    """Days since 1970: stamps are milliseconds of this day."""
    begins: bool = False
    """Whether a stamp is the beginning of its bar, however long that is."""


KLINE = (
    *("open time", "open", "high", "low", "close", "volume", "close time", "quote volume", "trades"),
    *("taker buy volume", "taker buy quote volume", "ignore"),
)
BARS = ("date", *PRICES, "volume")
_QUOTES = {STAMP: 0} | {
    f"{side}_{price}": 1 + 5 * number + place for number, side in enumerate(SIDES) for place, price in enumerate(PRICES)
}
_DECI_CENTS = 1e4
_KRAKEN_NAME = re.compile(r"(?P<symbol>[A-Z0-9.]{5,})_\d{1,5}$")
_KRAKEN_TIME = re.compile(r"\d{10}$")
_KRAKEN_TICK = re.compile(r"\d{10}(?:\.\d+)?$")
_HISTDATA_NAME = re.compile(r"DAT_(?:ASCII|MT|NT|XLSX)_(?P<symbol>[A-Z]+)_")
_HISTDATA_TIME, _HISTDATA_TICK = re.compile(r"\d{8} \d{6}$"), re.compile(r"\d{8} \d{9}$")
_EASTERN_STANDARD = "Etc/GMT+5"
_META_DAY, _META_TIME = re.compile(r"\d{4}\.\d{2}\.\d{2}$"), re.compile(r"\d{2}:\d{2}$")
_NANO, _UNDEFINED = 1e9, 2.0**63 - 1.0
_LEAST_NANO = 1e7
"""A cent in billionths: whole numbers below it are prices in dollars that happen to be whole."""
_SCALED, _IN_NEW_YORK = ("equity", "option"), ("equity", "option", "indexoption", "index")
_CLOCKS = {
    **{"india": "Asia/Kolkata", "eurex": "Europe/Berlin", "hkfe": "Asia/Hong_Kong", "krx": "Asia/Seoul"},
    **{"ose": "Asia/Tokyo"},
}
"""Zones of the data of LEAN's markets, by its market-hours database, of those that are not in New York or UTC."""
_KLINE_NAME = re.compile(r"(?P<symbol>[A-Za-z0-9_]+)-\d+(?:s|m|h|d|w|mo)-\d{4}(?:-\d{2}){0,2}$")
_KLINE_TIME, _NUMBER = re.compile(r"\d{13}(?:\d{3})?$"), re.compile(r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?$")
_LEAN_DAY = re.compile(r"(?P<day>\d{8})_(?P<symbol>.+)_(?:minute|second)_(?P<kind>trade|quote)$")
_LEAN_STAMP = re.compile(r"\d{8} \d{2}:\d{2}$")
_LEAN_TYPE = re.compile(r"(?:^|/)(?P<type>[a-z]+)/(?P<market>[a-z0-9]+)/(?:daily|hour|minute|second)/")


def symbol_of(name: str) -> str:
    """The asset that a file is named after: IBM of ``data/IBM.csv.gz``, BTCUSDT of ``BTCUSDT-1m-2024-01.zip``."""
    path = PurePath(name)
    stem = PurePath(path.stem).stem if path.suffix in (".gz", ".zip") else path.stem
    found = _KLINE_NAME.match(stem) or _HISTDATA_NAME.match(stem)
    return found["symbol"] if found else stem


def shape_of(name: str, first: Sequence[str]) -> Shape:
    """The shape of a file, by its name and the fields of its first line."""
    cells = [cell.strip() for cell in first]
    if 11 <= len(cells) <= 12 and _KLINE_TIME.match(cells[0]) and all(map(_NUMBER.match, cells[1:7])):
        return Shape(symbol_of(name), KLINE[: len(cells)], begins=True)
    if len(cells) == 7 and _META_DAY.match(cells[0]) and _META_TIME.match(cells[1]):
        zone = _EASTERN_STANDARD if _HISTDATA_NAME.match(PurePath(name).stem) else None
        return Shape(symbol_of(name), ("date", "time", *PRICES, "volume"), zone=zone)
    if not all(map(_NUMBER.match, (cell for cell in cells[1:] if cell))):
        return Shape(symbol_of(name))
    stem = PurePath(name).stem
    other = _of_dumps(name, stem, cells)
    if other is not None:
        return other
    lean = _LEAN_DAY.match(stem)
    whole = all(map(str.isdigit, cells[1:5]))
    if lean and cells[0].isdigit() and len(cells) in (6, 11):
        day = date.fromisoformat(f"{lean['day'][:4]}-{lean['day'][4:6]}-{lean['day'][6:]}")
        units, zone = _units(name, whole)
        known = (day - date(1970, 1, 1)).days
        symbol = lean["symbol"].upper()
        if lean["kind"] == "quote":
            return Shape(symbol, ("",) * len(cells), _QUOTES, units, zone, known)
        return Shape(symbol, BARS, None, units, zone, known)
    if _LEAN_STAMP.match(cells[0]) and len(cells) in (6, 11):
        symbol = re.sub(r"_(trade|quote)$", "", stem).upper()
        units, zone = _units(name, whole)
        if len(cells) == 11:
            return Shape(symbol, ("",) * 11, _QUOTES, units, zone)
        return Shape(symbol, BARS, None, units, zone)
    return Shape(symbol_of(name))


def _of_dumps(name: str, stem: str, cells: Sequence[str]) -> Shape | None:
    """Kraken's bars and trades, HistData's bars and quotes: a time and numbers."""
    kraken = _KRAKEN_NAME.match(stem)
    if kraken and len(cells) == 7 and _KRAKEN_TIME.match(cells[0]):
        return Shape(kraken["symbol"], ("date", *PRICES, "volume", "trades"))
    if len(cells) == 3 and _KRAKEN_TICK.match(cells[0]) and stem.isupper():
        return Shape(symbol_of(name), ("date", "price", "size"))
    histdata = _EASTERN_STANDARD if _HISTDATA_NAME.match(stem) else None
    if len(cells) == 6 and _HISTDATA_TIME.match(cells[0]):
        return Shape(symbol_of(name), BARS, zone=histdata)
    if len(cells) == 4 and _HISTDATA_TICK.match(cells[0]):
        return Shape(symbol_of(name), ("date", *SIDES, "volume"), zone=histdata)
    return None


def in_whole_units(headers: Sequence[str], numbers: Mapping[str, Floats]) -> dict[str, Floats]:
    """Databento's prices, which count billionths where they are whole numbers; others as they are."""
    named = {header.strip().lower() for header in headers}
    prices = [role for role in (*PRICES, *SIDES, *QUOTES) if role in numbers]
    if not {"rtype", "publisher_id", "instrument_id"} <= named or not prices:
        return dict(numbers)
    values = {role: np.where(numbers[role] >= _UNDEFINED, np.nan, numbers[role]) for role in prices}
    known = np.concatenate([each[~np.isnan(each)] for each in values.values()])
    whole = bool(len(known)) and bool((known == np.round(known)).all()) and float(np.median(known)) >= _LEAST_NANO
    return {**numbers, **{role: each / _NANO if whole else each for role, each in values.items()}}


def _units(name: str, whole: bool) -> tuple[float, str]:
    """Units and zone of a LEAN file: shares in ten-thousandths of a dollar, by New York's clock or their
    market's; the rest as it is."""
    found = _LEAN_TYPE.search(name)
    kind = found["type"] if found else "equity" if whole else "crypto"
    market = found["market"] if found else ""
    if kind == "forex" and market == "fxcm":
        return 1.0, _EASTERN_STANDARD
    zone = _CLOCKS.get(market, "America/New_York" if kind in _IN_NEW_YORK else "UTC")
    return (_DECI_CENTS if kind in _SCALED else 1.0), zone
