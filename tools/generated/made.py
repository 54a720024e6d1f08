"""A file that was made, what it was made from, and how numbers of it may be written."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass, field
from typing import Any

import exchange_calendars

PRICES = ("open", "high", "low", "close")
FIELDS = (*PRICES, "volume")
Columns = dict[str, list[float]]


@dataclass
class Made:
    """A file, and what it was made from."""

    text: bytes
    settings: dict[str, Any]
    days: list[str]
    """Sessions of bars of a day, or the instants at which shorter bars end."""
    prices: Columns
    """Of further columns of the panel too."""
    daily: bool
    name: str = "AB.csv"
    forms: list[str] = field(default_factory=list)
    """What was drawn, for the counts."""
    more: dict[str, bytes] = field(default_factory=dict)
    """Other files of the job."""
    others: dict[str, Columns] = field(default_factory=dict)
    """What further assets were made from."""
    asset: str | None = None
    """The one that ``prices`` are of; the only one where left out."""


@functools.cache
def calendar_of(name: str) -> Any:
    """The calendar of the years that files are of."""
    return exchange_calendars.get_calendar(name, start="2014-12-01", end="2024-12-31")


def walk(chance: random.Random, rows: int) -> Columns:
    """Bars of one asset, to the cent."""
    close = chance.choice([3.0, 42.0, 880.0, 12_345.0])
    found: Columns = {name: [] for name in FIELDS}
    for _ in range(rows):
        opened = round(close * (1.0 + chance.uniform(-0.01, 0.01)), 2)
        close = round(opened * (1.0 + chance.uniform(-0.02, 0.02)), 2)
        found["open"].append(opened)
        found["high"].append(round(max(opened, close) + chance.choice([0.0, 0.5]), 2))
        found["low"].append(round(min(opened, close) - chance.choice([0.0, 0.5]), 2))
        found["close"].append(close)
        found["volume"].append(float(chance.randrange(0, 3_000_000)))
    return found


NUMBERS = ("comma", "german", "thousands", "money", "exponent", "indian", "french", "narrow", "swiss")


def written(value: float, form: str) -> str:
    """A number as some country or program writes it."""
    western = f"{value:,.2f}"
    match form:
        case "comma":
            return f"{value:.2f}".replace(".", ",")
        case "german":
            return western.replace(",", "_").replace(".", ",").replace("_", ".")
        case "thousands":
            return western
        case "money":
            return f"${western}"
        case "exponent":
            return f"{value:.8e}"
        case "indian":
            return _indian(value)
        case "french":
            return western.replace(",", " ").replace(".", ",")
        case "narrow":
            return western.replace(",", "\u202f").replace(".", ",")
        case "swiss":
            return western.replace(",", "'")
    return repr(value)


def _indian(value: float) -> str:
    whole, _, cents = f"{value:.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(0, at - 2) : at] for at in range(len(head), 0, -2)][::-1]
    return ",".join([*groups, tail]) + f".{cents}"
