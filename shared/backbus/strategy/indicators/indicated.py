"""What indicators are made of, and what all of them share.

Each of the files beside this one is an indicator: a loop, the state that it keeps between two blocks (a slot of the
run), and a method of whatever has numbers. A stream has them, and so have bars, which mean their closes, highs or lows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from backbus.errors import StrategyError
from backbus.market.panel import Floats, Ints
from backbus.strategy.run import Run

LONGEST = 10_000_000
"""Bars that a window may hold: beyond it is a mistake rather than a market."""

S = TypeVar("S")
"""What indicators give: a stream."""


class Indicated(Generic[S]):
    """Numbers [rows, assets] of a block's bars, NaN where there is nothing: a stream. Bars name three of theirs.

    What raises NotImplementedError here is what a stream alone has: an indicator asks it of one of those three."""

    __slots__ = ()

    @property
    def _closes(self) -> Indicated[S]:
        """What an indicator of closes is made of."""
        return self

    @property
    def _highs(self) -> Indicated[S]:
        return self

    @property
    def _lows(self) -> Indicated[S]:
        return self

    @property
    def _run(self) -> Run:
        """Has the slots in which state is kept."""
        raise NotImplementedError

    @property
    def _there(self) -> Floats:
        """[rows, assets] NaN where there is no bar."""
        raise NotImplementedError

    def _numbers(self) -> Floats:
        """The values as numbers, NaN in holes whatever was computed there."""
        raise NotImplementedError

    def _offered(self) -> Floats:
        """The numbers of assets that may be traded: NaN where one is not in the universe."""
        raise NotImplementedError

    def _like(self, other: Any) -> Floats:
        """Another stream's numbers, or a number's, in this shape."""
        raise NotImplementedError

    def _values(self, made: S) -> Floats:
        """The values of a stream."""
        raise NotImplementedError

    def _made(self, values: NDArray[Any]) -> S:
        """A stream of the same bars."""
        raise NotImplementedError

    def _named(self, name: str, n: int, compute: Callable[[Run, Floats, int], Floats]) -> S:
        """A stream that only the panel, these numbers' own name, ``name`` and ``n`` decide."""
        raise NotImplementedError


def bars_count(name: str, n: int, *, least: int = 1) -> int:
    """``n`` as a number of bars, or a StrategyError naming the indicator."""
    try:
        count = operator.index(n)
    except TypeError:
        raise StrategyError(f"{name} takes a whole number of bars, not {n!r}") from None
    if not least <= count <= LONGEST:
        raise StrategyError(f"{name} takes from {least} to {LONGEST} bars, not {count}")
    return count


def counts(*shape: int) -> Ints:
    """Zeros to count with."""
    return np.zeros(shape, np.int64)


def ratio(a: Any, b: Any) -> Floats:
    """a / b; NaN where that is infinite."""
    with np.errstate(all="ignore"):
        quotient: Floats = np.true_divide(a, b, dtype=np.float64)
    infinite = np.isinf(quotient)
    if infinite.any():
        quotient[infinite] = np.nan
    return quotient
