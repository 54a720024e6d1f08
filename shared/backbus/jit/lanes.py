"""Eight numbers side by side: what the same sums of eight runs are made of.

A tuple of eight goes into registers of the processor as a whole, four or eight numbers to each, where the compiler
finds the same operation on each of them; every number is computed as it would be alone, so its bits are the same.
Arrays of them are [rows, 8], those of one row beside each other.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from backbus.jit.decorators import step

LANES = 8
Eight: TypeAlias = tuple[Any, Any, Any, Any, Any, Any, Any, Any]


@step
def load(rows: Any, row: int) -> Eight:
    """A row of an array."""
    return (
        rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3], rows[row, 4], rows[row, 5], rows[row, 6], rows[row, 7],
    )  # fmt: skip


@step
def put(rows: Any, row: int, values: Eight) -> None:
    """Write a row of an array."""
    rows[row, 0] = values[0]
    rows[row, 1] = values[1]
    rows[row, 2] = values[2]
    rows[row, 3] = values[3]
    rows[row, 4] = values[4]
    rows[row, 5] = values[5]
    rows[row, 6] = values[6]
    rows[row, 7] = values[7]


@step
def alike(value: Any) -> Eight:
    """The same number eight times."""
    return (value, value, value, value, value, value, value, value)


@step
def add(a: Eight, b: Eight) -> Eight:
    """Sums."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5], a[6] + b[6], a[7] + b[7])


@step
def less(a: Eight, b: Eight) -> Eight:
    """Differences."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3], a[4] - b[4], a[5] - b[5], a[6] - b[6], a[7] - b[7])


@step
def times(a: Eight, b: Eight) -> Eight:
    """Products."""
    return (a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3], a[4] * b[4], a[5] * b[5], a[6] * b[6], a[7] * b[7])


@step
def over(a: Eight, b: Eight) -> Eight:
    """Quotients."""
    return (a[0] / b[0], a[1] / b[1], a[2] / b[2], a[3] / b[3], a[4] / b[4], a[5] / b[5], a[6] / b[6], a[7] / b[7])


@step
def size(a: Eight) -> Eight:
    """Absolute values."""
    return (abs(a[0]), abs(a[1]), abs(a[2]), abs(a[3]), abs(a[4]), abs(a[5]), abs(a[6]), abs(a[7]))


@step
def _least(a: float, b: float) -> float:
    return a if a < b else b


@step
def least(a: Eight, b: Eight) -> Eight:
    """The lesser of each two, the second where neither is."""
    return (
        _least(a[0], b[0]), _least(a[1], b[1]), _least(a[2], b[2]), _least(a[3], b[3]), _least(a[4], b[4]),
        _least(a[5], b[5]), _least(a[6], b[6]), _least(a[7], b[7]),
    )  # fmt: skip


@step
def _greatest(a: float, b: float) -> float:
    return a if a > b else b


@step
def greatest(a: Eight, b: Eight) -> Eight:
    """The greater of each two, the second where neither is."""
    return (
        _greatest(a[0], b[0]), _greatest(a[1], b[1]), _greatest(a[2], b[2]), _greatest(a[3], b[3]),
        _greatest(a[4], b[4]), _greatest(a[5], b[5]), _greatest(a[6], b[6]), _greatest(a[7], b[7]),
    )  # fmt: skip


@step
def at_least(a: Eight, b: Eight) -> Eight:
    """Where the first of each two is not below the second."""
    return (
        a[0] >= b[0], a[1] >= b[1], a[2] >= b[2], a[3] >= b[3], a[4] >= b[4], a[5] >= b[5], a[6] >= b[6], a[7] >= b[7],
    )  # fmt: skip


@step
def below(a: Eight, b: Eight) -> Eight:
    """Where the first of each two is below the second."""
    return (a[0] < b[0], a[1] < b[1], a[2] < b[2], a[3] < b[3], a[4] < b[4], a[5] < b[5], a[6] < b[6], a[7] < b[7])


@step
def is_lane(lane: Any) -> Eight:
    """Which of the eight is meant."""
    return (lane == 0, lane == 1, lane == 2, lane == 3, lane == 4, lane == 5, lane == 6, lane == 7)


@step
def either(a: Eight, b: Eight) -> Eight:
    """Where one of the two is true."""
    return (a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3], a[4] | b[4], a[5] | b[5], a[6] | b[6], a[7] | b[7])


@step
def both(a: Eight, b: Eight) -> Eight:
    """Where both are true."""
    return (a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3], a[4] & b[4], a[5] & b[5], a[6] & b[6], a[7] & b[7])


@step
def any_of(a: Eight) -> bool:
    """Whether one of them is true."""
    return bool(a[0] | a[1] | a[2] | a[3] | a[4] | a[5] | a[6] | a[7])


@step
def _pick(chosen: bool, a: float, b: float) -> float:
    return a if chosen else b


@step
def pick(chosen: Eight, a: Eight, b: Eight) -> Eight:
    """The first of each two where it is chosen, else the second."""
    return (
        _pick(chosen[0], a[0], b[0]), _pick(chosen[1], a[1], b[1]), _pick(chosen[2], a[2], b[2]),
        _pick(chosen[3], a[3], b[3]), _pick(chosen[4], a[4], b[4]), _pick(chosen[5], a[5], b[5]),
        _pick(chosen[6], a[6], b[6]), _pick(chosen[7], a[7], b[7]),
    )  # fmt: skip
