"""A user's function as machine code that is called by address, with all that a call checks."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from backbus.models.answers import Function
from backbus.trading.own_models import KINDS, SEEN, Beforehand

MOST = 32
"""Numbers of one call that have room."""
FAILED, CALLS, ANSWER, OTHER, NUMBERS = 0, 1, 2, 4, 6
PARAMETERS = NUMBERS + MOST
"""Cells of a context: what went wrong (``Failed``), how many calls there were; the answer that went wrong, and the
other one where there are two; what was asked; the function's parameters."""
ALWAYS, SELDOM = 100, 64
"""So many calls are made twice, and one of so many after them, to see whether a function gives two answers."""


class _Failed(NamedTuple):
    """What went wrong in a call."""

    NOTHING: int = 0
    RAISED: int = 1
    WRONG: int = 2
    TWO_ANSWERS: int = 3


Failed = _Failed()
Compiled = Any
"""What ``numba.cfunc`` makes: it has an address."""


def parameters_of(names: Iterable[str]) -> Any:
    """The class of a function's parameters, by their names."""
    return namedtuple("parameters", list(names))


def compiled(kind: str, function: Function, made: Any) -> Compiled:
    """The function as machine code; raises what the compiler raises where it cannot compile it.

    Division by zero raises, as it does in Python."""
    user = numba.njit(error_model="python", nogil=True)(function)
    make = _margin if kind == "margin" else _number
    return numba.cfunc("float64(CPointer(float64), CPointer(float64))")(make(kind, user, made))


def _number(kind: str, user: Any, made: Any) -> Any:
    """What is called, of a kind that says one number."""
    given, many = KINDS[kind].given, len(made._fields)
    count = KINDS[kind].numbers
    never_below, on_its_side = kind == "slippage", kind == "sizing"

    def call(numbers: Any, context: Any) -> float:
        asked = numba.carray(numbers, (count + SEEN,))
        own = numba.carray(context, (PARAMETERS + many,))
        if own[FAILED] != 0.0:
            return np.nan
        first = given(*to_fixed_tuple(asked[0:count], count))
        seen = Beforehand(*to_fixed_tuple(asked[count : count + SEEN], SEEN))
        parameters = made(*to_fixed_tuple(own[PARAMETERS : PARAMETERS + many], many))
        failed, said, again = 0.0, np.nan, np.nan
        try:
            said = float(user(first, seen, parameters))
            again = said
            if own[CALLS] < ALWAYS or own[CALLS] % SELDOM == 0.0:
                again = float(user(first, seen, parameters))
        except Exception:
            failed = 1.0
        own[CALLS] += 1.0
        if failed == 0.0:
            if said != again and not (said != said and again != again):  # noqa: PLR0124
                failed = 3.0
            elif not abs(said) < np.inf or (never_below and said < 0.0) or (on_its_side and said * asked[0] < 0.0):
                failed = 2.0
        if failed == 0.0:
            return said
        own[FAILED], own[ANSWER], own[OTHER] = failed, said, again
        for at in range(count + SEEN):
            own[NUMBERS + at] = asked[at]
        return np.nan

    return call


def _margin(kind: str, user: Any, made: Any) -> Any:
    """The same of margin, which says two numbers, of which one is asked for at a time."""
    given, many = KINDS[kind].given, len(made._fields)
    count = KINDS[kind].numbers

    def call(numbers: Any, context: Any) -> float:
        asked = numba.carray(numbers, (count + SEEN + 1,))
        own = numba.carray(context, (PARAMETERS + many,))
        if own[FAILED] != 0.0:
            return np.nan
        first = given(*to_fixed_tuple(asked[0:count], count))
        seen = Beforehand(*to_fixed_tuple(asked[count : count + SEEN], SEEN))
        parameters = made(*to_fixed_tuple(own[PARAMETERS : PARAMETERS + many], many))
        failed, opens, keeps, again, anew = 0.0, np.nan, np.nan, np.nan, np.nan
        try:
            initial, kept = user(first, seen, parameters)
            opens, keeps = float(initial), float(kept)
            again, anew = opens, keeps
            if own[CALLS] < ALWAYS or own[CALLS] % SELDOM == 0.0:
                initial, kept = user(first, seen, parameters)
                again, anew = float(initial), float(kept)
        except Exception:
            failed = 1.0
        own[CALLS] += 1.0
        if failed == 0.0:
            good = keeps >= 0.0 and keeps <= opens < np.inf
            if (opens != again and opens == opens) or (keeps != anew and keeps == keeps):  # noqa: PLR0124
                failed = 3.0
            elif not good:
                failed = 2.0
        if failed == 0.0:
            return keeps if asked[count + SEEN] != 0.0 else opens
        own[FAILED], own[ANSWER], own[ANSWER + 1], own[OTHER], own[OTHER + 1] = failed, opens, keeps, again, anew
        for at in range(count + SEEN):
            own[NUMBERS + at] = asked[at]
        return np.nan

    return call
