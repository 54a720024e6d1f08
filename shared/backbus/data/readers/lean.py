"""What LEAN's data folder knows of shares beside their bars: names that they changed, splits, dividends, delistings.

Beside ``equity/usa/daily`` and its like lie ``map_files`` and ``factor_files``, a file for each share, named as LEAN
knows it for good. Lines of both hold up to and including their date: a map file's name of the share, the last one until
it is delisted; a factor file's price factor, split factor, and the close of that date. From one line to the next follow
what was paid and what one share became, both at the open of the next session.

Sources: the readme files of LEAN's data folder (github.com/QuantConnect/Lean, Data/equity), and what its
``CorporateFactorProvider``, ``Dividend`` and ``MapFileResolver`` make of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from backbus.errors import DataError
from backbus.market.panel import Floats, Ints

MAPS, FACTORS = "map_files", "factor_files"
_DAY = re.compile(r"\d{8}_(?P<kind>trade|quote)\.(?:zip|csv)$")
_SHARES = re.compile(r"/equity/[a-z0-9]+/(?:daily|hour)/[^/]+\.(?:zip|csv)$")
_SHARES_OF_A_DAY = re.compile(r"/equity/[a-z0-9]+/(?:minute|second)/[^/]+/\d{8}_(?:trade|quote)\.(?:zip|csv)$")
_BESIDE = re.compile(rf"^(?:(?P<home>.*)/)?(?P<kind>{MAPS}|{FACTORS})/(?P<share>[^/]+)\.csv$")
EVER = 2050
"""The year in which what is not delisted ends."""
_CENT = Decimal("0.01")
_OR_NONE = 'correct it, or say by data.names.dividend = "" that dividends are not used'
_DENOMINATORS = range(1, 21)
_RATIO_DIGITS = 3e-5
"""Relative distance from a fraction that a ratio of two split factors may have: they are printed with four to eight
significant digits, as 0.0178571 / 0.0357143 and 0.18750101 / 0.37499504."""


class Place(NamedTuple):
    """Where a file of bars lies in LEAN's folder."""

    home: str
    """The folder of its market."""
    ticker: str
    quotes: bool


class Name(NamedTuple):
    """What a share was called, between two days since 1970 (inclusive)."""

    ticker: str
    first: int
    last: int


class Action(NamedTuple):
    """What happens at the open of the session after a day."""

    day: int
    split: float
    dividend: float
    """Cash for each share that there is after the split."""


@dataclass
class KnownShares:
    """What is known of the shares of one market."""

    names: dict[str, list[Name]] = field(default_factory=dict)
    """By share, in order of time; none where it has no map file."""
    factors: dict[str, tuple[str, Path]] = field(default_factory=dict)
    """By share, its factor file: the name for messages, and the path."""

    def spans(self, ticker: str) -> list[tuple[Name, str]]:
        """When shares were called so, and which."""
        found = [(name, share) for share, names in self.names.items() for name in names if name.ticker == ticker]
        return sorted(found, key=lambda each: each[0].last)

    def share(self, ticker: str) -> str:
        """The share that a ticker means: the one that was called so last."""
        spans = self.spans(ticker)
        return spans[-1][1] if spans else ticker

    def tickers(self, share: str) -> set[str]:
        """All that a share was called."""
        return {name.ticker for name in self.names.get(share, [])} or {share}

    def delisted(self, share: str) -> int | None:
        """The last day on which a share was listed, where there is one."""
        names = self.names.get(share)
        return names[-1].last if names and date_of(names[-1].last).year < EVER else None


def place_of(name: str) -> Place | None:
    """Where the bars of a file or table lie, if they are of LEAN's folder; None where the name tells no ticker."""
    packed, inside, _ = name.partition(".zip/")
    path = PurePosixPath(packed + ".zip" if inside else name)
    day = _DAY.match(path.name)
    if day is None:
        return Place(_normal(path.parent / ".."), path.stem.upper(), False)
    ticker = path.parent.name
    return Place(_normal(path.parent / "../.."), ticker.upper(), day["kind"] == "quote") if ticker else None


def _normal(path: PurePosixPath | str) -> str:
    return os.path.normpath(path).replace(os.sep, "/")


def date_of(day: int) -> date:
    """The date of a day since 1970."""
    return date.fromordinal(day + _EPOCH)


_EPOCH = date(1970, 1, 1).toordinal()


def beside(files: Mapping[str, Path]) -> dict[str, Path]:
    """The map and factor files of the shares that some files are of, by the names that messages use."""
    homes: dict[tuple[str, str], set[str]] = {}
    for name, path in files.items():
        full = Path(os.path.abspath(path)).as_posix()  # noqa: PTH100 - links stay as they are named
        place, there = place_of(name), place_of(full)
        if place is not None and there is not None and (_SHARES.search(full) or _SHARES_OF_A_DAY.search(full)):
            homes.setdefault((place.home, there.home), set()).add(place.ticker)
    found: dict[str, Path] = {}
    for (home, folder), tickers in homes.items():
        maps = {path.stem.upper(): path for path in sorted(Path(folder, MAPS).glob("*.csv"))}
        used = set(tickers)
        for share, path in maps.items():
            if share in tickers or not tickers.isdisjoint(_tickers_in(path)):
                used.add(share)
                found[_normal(f"{home}/{MAPS}/{path.name}")] = path
        for path in sorted(Path(folder, FACTORS).glob("*.csv")):
            if path.stem.upper() in used:
                found[_normal(f"{home}/{FACTORS}/{path.name}")] = path
    return found


def _tickers_in(path: Path) -> set[str]:
    """What a share was called; nothing that is known where its file cannot be read, which is told if it is needed."""
    try:
        return {name.ticker for name in _names(path.name, path)}
    except DataError:
        return set()


def parted(files: Mapping[str, Path]) -> tuple[dict[str, Path], dict[str, KnownShares]]:
    """The files of bars, and what the others among them know, by the folder of each market. Raises ``DataError``."""
    homes = {place.home for name in files if (place := place_of(name)) is not None}
    bars: dict[str, Path] = {}
    markets: dict[str, KnownShares] = {}
    for name, path in files.items():
        found = _BESIDE.match(name)
        home = _normal(found["home"] or ".") if found else ""
        if found is None or home not in homes:
            bars[name] = path
            continue
        market = markets.setdefault(home, KnownShares())
        share = found["share"].upper()
        if found["kind"] == MAPS:
            market.names[share] = list(_names(name, path))
        else:
            market.factors[share] = (name, path)
    return bars, markets


def _lines(name: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", file=name) from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, [cell.strip() for cell in line.split(",")]


def _day(name: str, line: int, text: str) -> int:
    try:
        if len(text) != 8 or not text.isdigit():
            raise ValueError
        return date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal() - _EPOCH
    except ValueError:
        raise DataError(f"{text!r} is no date of LEAN's, as 20140609", file=name, line=line) from None


def _names(name: str, path: Path) -> Iterator[Name]:
    rows = []
    for line, cells in _lines(name, path):
        if len(cells) < 2 or not cells[1]:
            raise DataError("names no ticker; a map file's lines are a date and a ticker", file=name, line=line)
        rows.append((_day(name, line, cells[0]), cells[1].upper()))
    rows.sort()
    before: int | None = None
    for day, ticker in rows:
        first = day if before is None else before + 1
        before = day
        yield Name(ticker, first, day)


class Factors(NamedTuple):
    """A line of a factor file."""

    line: int
    day: int
    price: Decimal
    split: Decimal
    close: Decimal


def factors_of(name: str, path: Path) -> tuple[list[Factors], int]:
    """The lines of a factor file in order of time, and how many of them hold no factor.

    LEAN leaves out lines of infinite factors, or those with an exponent, which lost their digits. Raises ``DataError``
    with file and line.
    """
    rows, left = list[Factors](), 0
    for line, cells in _lines(name, path):
        if any("inf" in cell or "e+" in cell for cell in cells):
            left += 1
            continue
        try:
            price, split = Decimal(cells[1]), Decimal(cells[2])
            close = Decimal(cells[3]) if len(cells) > 3 else Decimal(0)
        except (IndexError, InvalidOperation):
            raise DataError(
                "is no line of a factor file: a date, a price factor, a split factor and a close", file=name, line=line
            ) from None
        if price * split <= 0:
            left += 1
            continue
        rows.append(Factors(line, _day(name, line, cells[0]), price, split, close))
    rows.sort(key=lambda row: row.day)
    return rows, left


def adjusting(rows: Sequence[Factors], days: Ints) -> Floats:
    """[days] what LEAN multiplies prices of these days by: the factors of the first line that is not before the day, 1
    after the last."""
    factors: Floats = np.array([*(float(row.price * row.split) for row in rows), 1.0])
    return factors[np.searchsorted([row.day for row in rows], days)]


def actions_of(name: str, rows: Sequence[Factors], *, dividends: bool = True) -> list[Action]:
    """The splits and dividends that follow from a factor file's lines, in order of time.

    A dividend is to the cent, half of one to the even cent, as LEAN pays it. Raises ``DataError`` with file and line.
    """
    found = []
    for this, following in pairwise(rows):
        if this.price == following.price and this.split == following.split:
            continue
        ratio = _fraction(float(following.split / this.split))
        paid = Decimal(0)
        if dividends and this.price != following.price:
            if this.close <= 0:
                raise DataError(
                    f"the price factor changes, and there is no close; {_OR_NONE}", file=name, line=this.line
                )
            paid = (this.close - this.close * this.price / following.price).quantize(_CENT, ROUND_HALF_EVEN)
        if paid < 0:
            raise DataError(
                f"the price factor falls from {this.price} to {following.price}: a dividend below zero, of {paid};"
                f" {_OR_NONE}",
                file=name,
                line=this.line,
            )
        if paid or ratio != 1.0:
            found.append(Action(this.day, ratio, float(paid) / ratio))
    return found


def _fraction(ratio: float) -> float:
    for denominator in _DENOMINATORS:
        numerator = round(ratio * denominator)
        if numerator and abs(numerator / denominator - ratio) <= _RATIO_DIGITS * ratio:
            return numerator / denominator
    return ratio


def wanted_tickers(markets: Iterable[KnownShares], symbols: Iterable[str]) -> set[str]:
    """What shares that a job asks for were called."""
    wanted = set(symbols)
    return wanted | {ticker for market in markets for symbol in wanted for ticker in market.tickers(symbol)}
