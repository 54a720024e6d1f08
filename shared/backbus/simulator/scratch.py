"""Memory that is used again: given back and taken anew it would cost as much as what is computed in it."""

from __future__ import annotations

import math

import numpy as np

from backbus.market.panel import Floats


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
