"""``python kept_loop.py``: a loop that is compiled or loaded, and what was loaded for it."""

from __future__ import annotations

import json
import sys
from typing import Any

import numba
import numpy as np

from backbus.jit.decorators import loop, part


@part
def square(value: float) -> float:
    """What the loop calls."""
    if value < 0.0:
        raise ValueError("below zero")
    return value * value


@loop
def of_one(value: float) -> float:
    """A loop that calls a part, and that others call."""
    return square(value)


@loop
def squares(values: Any, out: Any) -> float:
    """The sum of squares, each of which is written down."""
    total = 0.0
    for row in range(len(values)):
        out[row] = of_one(values[row]) if row > 0 else square(values[row])
        total += out[row]
    return total


if __name__ == "__main__":
    if "other" in sys.argv:  # names of compiled functions are counted

        @numba.njit  # type: ignore[untyped-decorator]
        def before(value: float) -> float:
            return value

        before(1.0)
    if "one" in sys.argv:  # what others call is there before them
        of_one(2.0)
    numbers, out = np.arange(4.0), np.zeros(4)
    said: dict[str, Any] = {"total": squares(numbers, out), "out": out.tolist()}
    said["registries"] = "numba.np.linalg" in sys.modules
    try:
        squares(-numbers, out)
    except ValueError as error:
        said["raised"] = str(error)
    whole = np.arange(4)
    said["of whole numbers"] = squares(whole, out)
    said["parts"] = sum(square.stats.cache_hits.values())  # type: ignore[attr-defined]
    said["hits"] = sum(squares.stats.cache_hits.values())

    @numba.njit  # type: ignore[untyped-decorator]
    def around(values: Any, out: Any) -> float:
        return float(np.sum(values) + squares(values, out) + squares(values[1:], out))

    said["around"] = around(numbers, out)
    sys.stdout.write(json.dumps(said))
