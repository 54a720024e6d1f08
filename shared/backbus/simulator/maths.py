"""Exponential and logarithm by + − × ÷ alone: the same bits on every machine, which those of the system are not."""

from __future__ import annotations

import numpy as np

from backbus.compiled import loop, step
from backbus.market.panel import Floats

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts: a whole number times the first is exact."""
_LEAST, _GREATEST = -745.0, 709.7
_ZERO_AT = 1100
_POWERS = np.ldexp(1.0, np.arange(-_ZERO_AT, 1024))
"""2ⁿ at n + ``_ZERO_AT``."""
_C2, _C3, _C4, _C5 = 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0
_C6, _C7, _C8, _C9 = 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362880.0
_C10, _C11, _C12, _C13 = 1.0 / 3628800.0, 1.0 / 39916800.0, 1.0 / 479001600.0, 1.0 / 6227020800.0
_ROOT_HALF = 0.7071067811865476
_SCALES = (512, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1)


@step
def exp(x: float) -> float:
    """e to the power of x; beyond what a float64 holds infinite or 0. Without a jump, so that four go at once."""
    inside = x if x > _LEAST else _LEAST
    inside = inside if inside < _GREATEST else _GREATEST
    k: float = np.floor(inside * _LOG2_E + 0.5)
    r = (inside - k * _LN2_HIGH) - k * _LN2_LOW
    # Taylor's series, by halves: the processor works on them at once.
    s = r * r
    q = s * s
    low = (1.0 + r) + s * (_C2 + r * _C3)
    middle = (_C4 + r * _C5) + s * (_C6 + r * _C7)
    high = (_C8 + r * _C9) + s * (_C10 + r * _C11) + q * (_C12 + r * _C13)
    power: float = _POWERS[np.int32(k) + _ZERO_AT]
    found = (low + q * (middle + q * high)) * power
    found = found if x > _LEAST else 0.0
    return found if x < _GREATEST else x * np.inf


@step
def log(x: float) -> float:
    """The natural logarithm of x; not a number unless x > 0."""
    if not x > 0.0:
        return -np.inf if x == 0.0 else np.nan
    if x == np.inf:
        return x
    k = 0.0
    # Into [1, 2), a power of two at a time.
    for n in _SCALES:
        if x >= _POWERS[n + _ZERO_AT]:
            x *= _POWERS[_ZERO_AT - n]
            k += n
        elif x < _POWERS[_ZERO_AT + 1 - n]:
            x *= _POWERS[_ZERO_AT + n]
            k -= n
    if x > 2.0 * _ROOT_HALF:
        x *= 0.5
        k += 1.0
    s = (x - 1.0) / (x + 1.0)
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
    return k * _LN2_HIGH + (2.0 * s + (2.0 * s * q * series + k * _LN2_LOW))


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
