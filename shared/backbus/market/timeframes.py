"""Lengths of time that bars can have, as people write them: ``5m``, ``1h``, ``1d``, ``1w``."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

DAY_NS = 86_400_000_000_000

Period = Literal["d", "w", "mo", "q", "y"]
PERIODS: tuple[Period, ...] = ("d", "w", "mo", "q", "y")
"""A day, week, month, quarter or year of sessions."""
UNITS = {"s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": DAY_NS}
_WRITTEN = re.compile(r"([1-9]\d{0,5})([a-z]{1,2})")


class Timeframe(NamedTuple):
    """How long a bar is: a part of a day that divides it, or a period of sessions."""

    text: str
    span_ns: int
    """Length of a part of a day; 0 for a period."""
    period: Period | None


def interval_ns(text: str) -> int:
    """``1d``, ``5m`` and the like in nanoseconds; ValueError where it is no interval that divides a day."""
    found = _WRITTEN.fullmatch(text)
    length = int(found[1]) * UNITS.get(found[2], 0) if found else 0
    if not length or DAY_NS % length:
        raise ValueError(f"write an interval that divides a day, such as 1d, 1h, 5m or 30s, not {text!r}")
    return length


def timeframe(text: str) -> Timeframe:
    """``5m``, ``4h``, ``1d``, ``1w``, ``1mo``, ``1q`` or ``1y``; ValueError where it is none."""
    unit = text.removeprefix("1")
    if text[:1] == "1" and unit in PERIODS:
        return Timeframe(text, 0, unit)
    try:
        span = interval_ns(text)
    except ValueError:
        span = DAY_NS
    if span == DAY_NS:
        raise ValueError(
            "write a part of a day that divides 24 hours, such as 5m or 4h, or one period of sessions, 1d, 1w, 1mo, 1q"
            " or 1y"
        )
    return Timeframe(text, span, None)


Measure = Literal["ticks", "volume", "dollars"]
TICKS, VWAP = "ticks", "vwap"
MADE = (TICKS, VWAP)
"""Further columns of bars that are made: how many trades (or shorter bars) are in each, and their price by volume."""
MEASURES: tuple[Measure, ...] = ("ticks", "volume", "dollars")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?(?:e\+?\d{1,3})?)\s*([a-z]+)")


class BarSize(NamedTuple):
    """What a bar that is made holds: the trades of a timeframe, or so many of them by some measure."""

    text: str
    frame: Timeframe | None
    measure: Measure | None
    amount: float


def bar_size(text: str) -> BarSize:
    """``5m`` and the like, ``500 ticks``, ``1e6 volume`` or ``5e7 dollars``; ValueError where it is none."""
    found = _AMOUNT.fullmatch(text.strip())
    amount = float(found[1]) if found else 0.0
    for measure in MEASURES:
        whole = measure != "ticks" or amount.is_integer()
        if found and found[2] == measure and 0.0 < amount < float("inf") and whole:
            return BarSize(text, None, measure, amount)
    try:
        return BarSize(text, timeframe(text), None, 0.0)
    except ValueError as error:
        raise ValueError(f"{error}; or an amount, such as 500 ticks, 1e6 volume or 5e7 dollars") from None
