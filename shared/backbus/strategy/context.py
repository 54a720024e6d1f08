"""What the streams of some bars have in common: which bars these are, and the run in which state is kept."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backbus.jit.arrays import read_only
from backbus.market.panel import Block, Floats, Ints
from backbus.strategy.run import Run
from backbus.strategy.sharing import Shared

NO_ROWS: Ints = np.empty(0, dtype=np.int64)


class Context:
    """Consecutive bars of all assets, in a run; of the run's own timeframe, or of a longer one that is made of it."""

    timeframe: str | None = None
    """How long they are; None for those of the run."""
    base: Context | None = None
    """The bars that these longer ones are made of."""
    completed: Ints = NO_ROWS
    """[bars] the row of ``base`` that completed each longer bar, counted from its first."""

    def __init__(self, run: Run, block: Block, shared: Shared[Any] | None = None) -> None:
        self.run = run
        self.block = block
        self.shared = shared
        """Where indicators of a whole panel are kept; None where this block is not all of it."""

    @cached_property
    def close(self) -> Floats:
        """[rows, assets] closes, NaN in holes."""
        return read_only(np.ascontiguousarray(self.block.close, dtype=np.float64))

    @cached_property
    def holes(self) -> NDArray[np.bool_] | None:
        """[rows, assets] where there is no bar; None where all are there."""
        missing = np.isnan(self.block.close)
        return missing if missing.any() else None

    @cached_property
    def members(self) -> NDArray[np.bool_] | None:
        """[rows, assets] which assets are in the universe; None where there is none, and all are."""
        return self.run.members(self.block)


class OfContext(Protocol):
    """Bars, as whoever only asks which they are sees them."""

    @property
    def context(self) -> Context:
        """Which bars they are."""
        ...
