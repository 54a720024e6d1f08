"""Prices as strategies see them where splits and dividends take effect in the run: adjusted for what is known by then.

A split or dividend of a row changes what earlier prices are worth beside that row's. Streams of array-style strategies
therefore go on from the first row without a jump: each price is multiplied by what its asset's actions up to its row
come to, s / (1 − d × s / close before) for a split s and a dividend d. Event-style strategies see each bar as it was
traded, and the bars before it divided by what has come between. Both depend on nothing after the row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from backbus.market.columns import EVENTS, PRICES
from backbus.market.panel import Block, Floats, Layout


class Adjusted(NamedTuple):
    """A block, and what its prices and volumes are multiplied by to go on from the first row's."""

    block: Block
    """Prices and volumes adjusted."""
    prices: Floats
    """[rows, assets]"""
    volumes: Floats
    """[rows, assets]"""


class Adjusting:
    """The actions of a run so far."""

    __slots__ = ("_before", "_price", "_volume", "acts")

    def __init__(self, layout: Layout) -> None:
        self.acts = any(name in layout.columns for name in EVENTS)
        """Whether the data has any."""
        self._price, self._volume = np.ones(layout.assets), np.ones(layout.assets)
        self._before = np.full(layout.assets, np.nan)

    def take(self, block: Block) -> Adjusted:
        """Take in the next rows."""
        shape = block.close.shape
        missing = np.full(shape, np.nan)
        split, dividend = (block.extra.get(name, missing) for name in EVENTS[:2])
        with np.errstate(invalid="ignore"):
            ratio: Floats = np.where((split > 0.0) & (split < np.inf), split, 1.0)
            paid: Floats = np.where((dividend > 0.0) & (dividend < np.inf), dividend, 0.0)
        steps: Floats = ratio.copy()
        volumes: Floats = 1.0 / ratio
        for row, asset in np.argwhere(paid > 0.0).tolist():
            before = self._close_before(block.close[:row, asset], asset)
            share = paid[row, asset] * ratio[row, asset] / before
            if share < 1.0:
                steps[row, asset] = ratio[row, asset] / (1.0 - share)
        if len(block):
            steps[0] *= self._price
            volumes[0] *= self._volume
            np.cumprod(steps, axis=0, out=steps)
            np.cumprod(volumes, axis=0, out=volumes)
            self._price, self._volume = steps[-1], volumes[-1]
            for asset in range(shape[1]):
                self._before[asset] = self._close_before(block.close[:, asset], asset)
        columns = {name: getattr(block, name) * steps for name in PRICES} | {"volume": block.volume * volumes}
        for column in columns.values():
            column.flags.writeable = False
        return Adjusted(replace(block, **columns), steps, volumes)

    def _close_before(self, closes: Floats, asset: int) -> float:
        """The last close of these, or of the rows before them; NaN where there is none."""
        known = closes[~np.isnan(closes)]
        return float(known[-1]) if len(known) else float(self._before[asset])
