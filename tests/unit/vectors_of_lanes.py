"""Compile anew what counts eight runs side by side, and tell what became of it: ``-m tests.unit.vectors_of_lanes``
prints, by function, how many instructions compute on vectors of doubles or words, and how many on one number."""

from __future__ import annotations

import json
import re
from typing import Any

import numba
import numpy as np

from backbus.jit.settings import OPTIONS, UNCOUNTED
from backbus.performance import lanes
from backbus.performance.moments import ENDS, MOMENTS
from backbus.performance.sessions import ACCOUNT

ROWS = 40
_VECTOR = re.compile(r"\tv(?:add|sub|mul|div|max|min|cmp|blend|xor|padd|pmull|pmulu|pxor|pand|psrl|psll)\w*\s.*%[yz]mm")
_ALONE = re.compile(r"\tv(?:add|sub|mul|div)sd\s")


def arguments() -> dict[str, tuple[Any, ...]]:
    """What each takes."""
    close, numbers = np.linspace(1.0, 2.0, ROWS), np.arange(ROWS)
    for array in (close, numbers):
        array.flags.writeable = False
    equity, falls = np.ones((ROWS, 8)), np.ones((3, 8))
    money, link = np.zeros((8, 4, 2)), np.zeros((8, 4), dtype=np.int8)
    head, following = np.zeros(ROWS, dtype=np.int8), np.zeros(8, dtype=np.int64)
    words, digests = equity.view(np.uint64), np.ones((2, 8), dtype=np.uint64)
    rates = np.zeros(1)
    rates.flags.writeable = False
    sums = np.ones((8, 8))
    return {
        "mark_tile": (0, ROWS, close, money, head, link, following, falls, sums[:2], equity),
        "digest_tile": (ROWS, words, digests),
        "fall_tile": (0, ROWS, numbers, equity, falls, np.zeros(8, dtype=ACCOUNT)),
        "sum_lanes": (
            np.ones((1, 8)), equity, rates, equity.copy(), sums, np.zeros(8, dtype=MOMENTS), np.zeros(8, dtype=ENDS),
        ),
        "see_lanes": (equity, close, 0.0, np.array([0, ROWS // 2, ROWS]), sums[:2], sums[2:4], sums[:7]),
    }  # fmt: skip


def main() -> None:
    """Print what was found."""
    found = {}
    for name, given in arguments().items():
        anew = numba.njit(no_cfunc_wrapper=True, **OPTIONS, **UNCOUNTED)(getattr(lanes, name).py_func)
        with np.errstate(all="ignore"):
            anew(*given)
        (text,) = anew.inspect_asm().values()
        found[name] = len(_VECTOR.findall(text)), len(_ALONE.findall(text))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
