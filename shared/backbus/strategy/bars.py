"""The bars of a block as an array-style strategy sees them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from backbus.market.panel import Block, Floats, Ints
from backbus.strategy.run import Run
from backbus.strategy.streams import Stream


class Bars:
    """Consecutive rows of all assets; prices are streams [rows, assets] with NaN in holes."""

    def __init__(self, run: Run, block: Block) -> None:
        self.run = run
        self.block = block
        self.open = self._field(block.open)
        self.high = self._field(block.high)
        self.low = self._field(block.low)
        self.close = self._field(block.close)
        self.volume = self._field(block.volume)

    def _field(self, values: Floats) -> Stream:
        return Stream(self, np.ascontiguousarray(values, dtype=np.float64))

    def __len__(self) -> int:
        return len(self.block)

    @property
    def first_row(self) -> int:
        """Number of the block's first row."""
        return self.block.first_row

    @property
    def warmup(self) -> int:
        """Number of the first row that is traded."""
        return self.run.layout.warmup

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the assets, in the order of the second axis."""
        return self.run.layout.symbols

    @property
    def time(self) -> Ints:
        """[rows] UTC instants at which the bars end, nanoseconds since 1970."""
        return self.block.end

    @property
    def session(self) -> Ints:
        """[rows] trading sessions, days since 1970."""
        return self.block.session

    @cached_property
    def holes(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None:
        """[rows, assets] where there is no bar; None where all are there."""
        missing = np.isnan(self.block.close)
        return missing if missing.any() else None

    def sma(self, n: int) -> Stream:
        """``close.sma(n)``."""
        return self.close.sma(n)

    def ema(self, n: int) -> Stream:
        """``close.ema(n)``."""
        return self.close.ema(n)
