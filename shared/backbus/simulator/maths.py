"""Exponential and logarithm by + − × ÷ alone: the same bits on every machine, which those of the system are not."""

from __future__ import annotations

import numpy as np

from backbus.jit.decorators import loop, step
from backbus.market.panel import Floats

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts: a whole number times the first is exact."""
_LEAST, _GREATEST = -708.0, 709.7
_LEAST_NORMAL = 2.0**-1022
_MADE_NORMAL, _TWO_TO_IT = 54.0, 2.0**54
_C2, _C3, _C4, _C5 = 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0
_C6, _C7, _C8, _C9 = 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362880.0
_C10, _C11, _C12, _C13 = 1.0 / 3628800.0, 1.0 / 39916800.0, 1.0 / 479001600.0, 1.0 / 6227020800.0
_ROOT_TWO = 1.4142135623730951

# A float64 as IEEE 754 lays it out: 52 bits of fraction below an exponent that is kept 1023 too great.
_FRACTION_BITS = np.uint64(52)
_FRACTION = np.uint64(2**52 - 1)
_BIAS = np.uint64(1023)
_ONE = np.uint64(1023 << 52)
_WHOLE = np.uint64(1075 << 52)
"""2⁵², whose last bit is worth 1: a whole number in its fraction is a float64 at once."""
_WHOLE_AND_BIAS = 2.0**52 + 1023.0
_ROUNDER = 1.5 * 2.0**52
"""Added to a smaller number it leaves a whole one in the last bits."""


@step
def exp(x: float) -> float:
    """e to the power of x; 0 below the least normal number, infinite above the greatest. No branch and no table, so
    that the processor takes four at once."""
    inside = x if x > _LEAST else _LEAST
    inside = inside if inside < _GREATEST else _GREATEST
    rounded = inside * _LOG2_E + _ROUNDER
    k = rounded - _ROUNDER
    r = (inside - k * _LN2_HIGH) - k * _LN2_LOW
    # Taylor's series, by halves: the processor works on them at once.
    s = r * r
    q = s * s
    low = (1.0 + r) + s * (_C2 + r * _C3)
    middle = (_C4 + r * _C5) + s * (_C6 + r * _C7)
    high = (_C8 + r * _C9) + s * (_C10 + r * _C11) + q * (_C12 + r * _C13)
    power: float = np.uint64((np.float64(rounded).view(np.uint64) + _BIAS) << _FRACTION_BITS).view(np.float64)
    found = (low + q * (middle + q * high)) * power
    found = found if x > _LEAST else 0.0
    return found if x < _GREATEST else x * np.inf


@step
def log(x: float) -> float:
    """The natural logarithm of x; not a number unless x > 0. Without a branch, like ``exp``."""
    small = x < _LEAST_NORMAL
    bits = np.float64(x * _TWO_TO_IT if small else x).view(np.uint64)
    k: float = np.uint64((bits >> _FRACTION_BITS) | _WHOLE).view(np.float64) - _WHOLE_AND_BIAS
    part: float = np.uint64((bits & _FRACTION) | _ONE).view(np.float64)
    above = part > _ROOT_TWO
    part = part * 0.5 if above else part
    k = k + 1.0 if above else k
    k = k - _MADE_NORMAL if small else k
    s = (part - 1.0) / (part + 1.0)
    q = s * s
    series: float = 1.0 / 21.0
    series = series * q + 1.0 / 19.0
    series = series * q + 1.0 / 17.0
    series = series * q + 1.0 / 15.0
    series = series * q + 1.0 / 13.0
    series = series * q + 1.0 / 11.0
    series = series * q + 1.0 / 9.0
    series = series * q + 1.0 / 7.0
    series = series * q + 1.0 / 5.0
    series = series * q + 1.0 / 3.0
    found = k * _LN2_HIGH + (2.0 * s + (2.0 * s * q * series + k * _LN2_LOW))
    found = found if x < np.inf else x
    found = found if x > 0.0 else np.nan
    return found if x != 0.0 else -np.inf


@loop
def exp_all(values: Floats, out: Floats) -> None:
    """e to the power of each value, [n]."""
    for index in range(len(values)):
        out[index] = exp(values[index])


@loop
def _logs(values: Floats, out: Floats) -> None:
    for index in range(len(values)):
        out[index] = log(values[index])


def exp_of(x: float) -> float:
    """``exp`` for Python."""
    return float(exps(np.array([x]))[0])


def log_of(x: float) -> float:
    """``log`` for Python."""
    return float(logs(np.array([x]))[0])


def exps(values: Floats) -> Floats:
    """e to the power of each value, [n]."""
    out = np.empty(len(values))
    exp_all(np.array(values), out)
    return out


def logs(values: Floats) -> Floats:
    """The logarithm of each value, [n]."""
    out = np.empty(len(values))
    _logs(np.array(values), out)
    return out


def cosh_of(x: float) -> float:
    """The hyperbolic cosine."""
    return 0.5 * (exp_of(x) + exp_of(-x))
