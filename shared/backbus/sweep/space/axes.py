"""From an axis of a search to its values: by their number where they can be counted, or by a position in [0, 1).

Every value is exact arithmetic: whole numbers, correctly rounded decimals, or +, -, × and ÷ of doubles in a fixed
order. So a point is the same bytes on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.job.axes import Axis, Choices, Distribution, Range
from backbus.market.panel import Floats, Ints

Column = NDArray[Any]
"""Values of one axis: int64, float64, bool, or objects where they are of several types, text or tables."""

DIGITS = 12
"""Significant digits of a value drawn from a distribution: it prints as it is and reads back the same."""


def values_of(axis: Axis) -> Column | None:
    """All values of an axis in order; None where it has no end of them."""
    match axis:
        case Choices():
            return column(axis.values)
        case Range():
            return range_values(axis, np.arange(axis.size, dtype=np.int64))
        case Distribution(steps=None):
            return None
        case Distribution(steps=int(steps)):
            found = at_position(axis, np.arange(steps) / float(steps - 1))
            found[0], found[-1] = axis.low, axis.high
            return np.unique(found)
    raise AssertionError(axis)


def count_of(axis: Axis) -> int | None:
    """How many values an axis has, at most; None where it has no end of them. Nothing is made."""
    return axis.steps if isinstance(axis, Distribution) else axis.size


def column(values: Iterable[Any]) -> Column:
    """Values as an array that gives back each one as it is."""
    values = list(values)
    kinds = {type(value) for value in values}
    for kind, dtype in ((bool, np.bool_), (int, np.int64), (float, np.float64)):
        if kinds == {kind}:
            return np.array(values, dtype=dtype)
    made = np.empty(len(values), dtype=np.object_)
    for number, value in enumerate(values):
        made[number] = value
    return made


def range_values(axis: Range, numbers: Ints) -> Column:
    """Values of a range by their number: first + number × step as a decimal, rounded once."""
    if axis.whole:
        return np.asarray(int(axis.first) + numbers * int(axis.step), dtype=np.int64)
    first, step = (Fraction(Decimal(repr(number))) for number in (axis.first, axis.step))
    below = math.lcm(first.denominator, step.denominator)
    start, stride = int(first * below), int(step * below)
    # The quotient of two Python ints is rounded correctly, whatever their size.
    return np.fromiter((float((start + n * stride) / below) for n in numbers.tolist()), np.float64, len(numbers))


def at_position(axis: Distribution, position: Floats) -> Column:
    """Values of a distribution at positions in [0, 1)."""
    low, high = axis.low, axis.high
    if axis.whole:
        low, high = int(low), int(high)
        if axis.scale == "uniform":
            drawn = low + np.floor(position * float(high - low + 1))
        else:
            drawn = np.floor(_between(float(low), float(high + 1), position))
        return np.clip(drawn.astype(np.int64), low, high)
    if axis.scale == "uniform":
        drawn = low + (high - low) * position
    else:
        drawn = _between(low, high, position)
    return np.clip(_shown(drawn), low, high)


_LEAST = -11
_TENS = np.array([float(f"1e{power}") for power in range(_LEAST, 17)])
_EXACT_TENS = np.array([float(10**power) for power in range(23)])
"""Powers of ten that are exact as doubles: a whole number divided by one is the double nearest to that decimal."""


def _shown(values: Floats) -> Floats:
    """Values rounded to ``DIGITS`` significant digits, as they would be printed and read back."""
    sizes = np.abs(values)
    places = DIGITS - np.searchsorted(_TENS, sizes, side="right") - _LEAST
    tens = _EXACT_TENS[np.minimum(np.abs(places), len(_EXACT_TENS) - 1)]
    found = np.where(places >= 0, np.rint(sizes * tens) / tens, np.rint(sizes / tens) * tens)
    for tiny in np.flatnonzero(places >= len(_EXACT_TENS)).tolist():
        found[tiny] = float(f"{sizes[tiny]:.{DIGITS}g}")
    return np.asarray(np.copysign(found, values), dtype=np.float64)


def _between(low: float, high: float, position: Floats) -> Floats:
    """``low`` × (``high`` / ``low``) ^ position, by operations that are the same on every machine."""
    ratio = float((Decimal(high) / Decimal(low)).ln())
    return np.asarray(low * _exponential(ratio * position), dtype=np.float64)


_LN2 = 0.6931471805599453
_TERMS = 18
"""Terms of the series of e^x for |x| ≤ ln 2 / 2: the first one left out is below 10⁻²⁴."""


def _exponential(x: Floats) -> Floats:
    """e^x within a few units of the last place: a series by Horner's rule, scaled by a power of two."""
    power = np.floor(x / _LN2 + 0.5)
    rest = x - power * _LN2
    found = np.ones_like(x)
    for term in range(_TERMS, 0, -1):
        found = 1.0 + found * rest / term
    return np.asarray(np.ldexp(found, power.astype(np.int64)), dtype=np.float64)
