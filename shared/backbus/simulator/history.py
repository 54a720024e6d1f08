"""Bars of history as moves: the gap to the open, to the nearer end, to the other one, to the close."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbus.errors import JobError, no_symbol
from backbus.market.panel import Floats, Ints, Panel
from backbus.simulator.maths import logs

MOVES = 4
"""A gap, and three moves within the bar."""


class Moves(NamedTuple):
    """One asset's bars; the gap before the first one is 0."""

    changes: Floats
    """[MOVES, bars] of the logarithm of the price."""
    volume: Floats
    """[bars], 1 in the mean."""
    session: Ints
    """[bars] days since 1970."""


def moves_of(panel: Panel, symbol: str, together: tuple[str, ...], field: str) -> Moves:
    """The bars of ``symbol`` in the rows in which it and all of ``together`` traded; ``field`` is what errors name.

    A bar that rose is taken to have gone to its low first, one that fell to its high.
    """
    for name in (symbol, *together):
        if name not in panel.symbols:
            raise JobError(no_symbol(name, panel.symbols), field=field)
    columns = [panel.symbols.index(name) for name in {symbol, *together}]
    there = ~np.isnan(panel.block.close[:, columns]).any(axis=1)
    if np.count_nonzero(there) < 2:
        raise JobError(f"the data has fewer than 2 bars of {symbol}", field=field)
    column = panel.symbols.index(symbol)
    prices = (getattr(panel.block, name)[there, column] for name in ("open", "high", "low", "close"))
    opened, high, low, close = (logs(each) for each in prices)
    rose = close >= opened
    near, far = np.where(rose, low, high), np.where(rose, high, low)
    before = np.concatenate(([opened[0]], close[:-1]))
    changes = np.array([opened - before, near - opened, far - near, close - far])
    volume = panel.block.volume[there, column]
    mean = float(np.nanmean(volume)) if np.any(volume > 0) else 0.0
    relative = np.nan_to_num(volume / mean, nan=1.0) if mean > 0.0 else np.ones(len(volume))
    return Moves(changes, relative, panel.block.session[there])
