"""What a model's function is told and what it says, in words; and what members of a stack compare before they start."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from backbus.strategy.failure import RAISED
from backbus.trading.own_models import KINDS, SEEN, Beforehand

Function = Callable[..., Any]
"""``(first, market, parameters)``."""

PROBED = 16
"""Sets of numbers that every function is asked for, wherever it is loaded."""
_HOUR = 3600.0
_MONDAY = 1_704_704_400.0
"""2024-01-08 09:00 UTC: probes are an hour and a day apart, as bars may be."""


def told(kind: str, numbers: Sequence[float], parameters: Any) -> str:
    """A call's arguments, as the function has them."""
    given, count = KINDS[kind].given, KINDS[kind].numbers
    seen = Beforehand(*numbers[count : count + SEEN])
    return f"{short(given(*numbers[:count]))}, {short(seen)}, {short(parameters)}"


def short(group: Any) -> str:
    """A group of numbers by their names."""
    inside = ", ".join(f"{name}={value:.12g}" for name, value in group._asdict().items())
    return f"{type(group).__name__}({inside})"


def answer(kind: str, said: Any, first: float) -> tuple[float, ...] | None:
    """What a function said as numbers; None where no model of this kind may say it."""
    if kind == "margin":
        if not isinstance(said, tuple) or len(said) != 2 or not all(_is_number(each) for each in said):
            return None
        initial, kept = float(said[0]), float(said[1])
        return (initial, kept) if 0.0 <= kept <= initial < math.inf else None
    if not _is_number(said):
        return None
    number = float(said)
    good = math.isfinite(number)
    if kind == "slippage":
        good = good and number >= 0.0
    elif kind == "sizing":
        good = good and number * first >= 0.0
    return (number,) if good else None


def _is_number(said: Any) -> bool:
    return hasattr(said, "__float__") and not isinstance(said, str | bytes) and getattr(said, "ndim", 0) == 0


def probes(kind: str) -> list[tuple[float, ...]]:
    """Numbers that a function of this kind could be told, the same ones everywhere."""
    found = []
    for at in range(PROBED):
        side = 1.0 if at % 2 == 0 else -1.0
        size, price = side * (1.0 + 10.0 * at), 10.0 + 7.25 * at
        first = {
            "slippage": (size, price, 0.0),
            "commission": (size, price, abs(size) * price, 0.0, 0.0, 0.0, float(at % 3 == 0)),
            "sizing": (side, price, price, 100_000.0, 50_000.0, 0.0, 0.01 + 0.001 * at, 3.0, 252.0),
            "margin": (size, price, abs(size) * price),
        }[kind]
        time = _MONDAY + 25.0 * _HOUR * at
        seen = (float(at % 3), time, price, 1000.0 * (1 + at), 2000.0, 0.02, 0.05, 1.0, 1.0, 0.01)
        found.append(first + seen)
    return found


def answers(kind: str, function: Function, parameters: Any) -> list[str]:
    """What a function says to the probes: numbers to the last bit, or what it raises; each with what it was asked."""
    given, count = KINDS[kind].given, KINDS[kind].numbers
    found = []
    for numbers in probes(kind):
        try:
            said = function(given(*numbers[:count]), Beforehand(*numbers[count:]), parameters)
            right = answer(kind, said, numbers[0])
            words = type(said).__name__ if right is None else ", ".join(repr(number) for number in right)
        except RAISED as error:
            words = type(error).__name__
        found.append(f"{words} for {told(kind, numbers, parameters)}")
    return found
