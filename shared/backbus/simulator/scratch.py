"""Memory that is used again: given back and taken anew it would cost as much as what is computed in it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats

Words = NDArray[np.uint32]


class Scratch:
    """Arrays by name; what an array held is gone when its name is asked for again."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[int | str, Floats] = {}

    def floats(self, name: int | str, *shape: int) -> Floats:
        """A contiguous array of this shape, whatever it holds."""
        size = math.prod(shape)
        kept = self._kept.get(name)
        if kept is None or len(kept) < size:
            kept = self._kept[name] = np.empty(size)
        return kept[:size].reshape(shape)

    def words(self, name: int | str, *shape: int) -> Words:
        """A contiguous array of this shape, two words in the memory of a float64."""
        size = math.prod(shape)
        return self.floats(name, -(-size // 2)).view(np.uint32)[:size].reshape(shape)
