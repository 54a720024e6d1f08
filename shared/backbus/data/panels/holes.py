"""Rows in which an asset has no bar although it has some before and after: left alone, dropped, or carried over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backbus.data.panels.actions import growth, moved_down
from backbus.data.panels.markets import in_session
from backbus.data.readers.headers import SPLIT
from backbus.jit.arrays import read_only
from backbus.market.columns import CARRIED, FIELDS, PRICES, QUOTES
from backbus.market.panel import Block, Ints, Panel


def within_life(block: Block) -> NDArray[np.bool_]:
    """[rows, assets] holes between an asset's first and last bar, in rows of its own market."""
    there = ~np.isnan(block.close)
    begun: NDArray[np.bool_] = np.logical_or.accumulate(there, axis=0)
    reversed_: NDArray[np.bool_] = np.logical_or.accumulate(there[::-1], axis=0)
    goes_on = reversed_[::-1]
    found: NDArray[np.bool_] = ~there & begun & goes_on
    own = in_session(block)
    return found if own is None else found & own


def drop(panel: Panel) -> tuple[Panel, int]:
    """Without the rows in which any asset has a hole, and how many these are."""
    layout, block = panel.layout, panel.block
    kept = np.asarray(~within_life(block).any(axis=1))
    whole = {**block.cells(), **moved_down(block.extra, kept)}
    cells = {name: read_only(values[kept]) for name, values in whole.items()}
    fields = {name: cells.pop(name) for name in FIELDS}
    chosen = Block.of(0, read_only(block.end[kept]), read_only(block.session[kept]), fields, cells)
    warmup = int(np.count_nonzero(kept[: layout.warmup]))
    layout = replace(layout, rows=len(chosen), warmup=warmup)
    return Panel(layout, chosen, panel.notes), int(np.count_nonzero(~kept))


def carry(panel: Panel) -> tuple[Panel, int]:
    """Each hole as a bar of the last close without volume, marked in a further column; and how many there are."""
    layout, block = panel.layout, panel.block
    holes = within_life(block)
    row: Ints = np.where(np.isnan(block.close), 0, np.arange(len(block))[:, None])
    row = np.maximum.accumulate(row, axis=0)
    last = np.take_along_axis(block.close, row, axis=0)
    grown = growth(block.extra[SPLIT]) if SPLIT in block.extra else np.ones(block.close.shape)
    since = np.take_along_axis(grown, row, axis=0) / grown  # a split in a hole divides what is carried over it
    last = last * since
    fields = {name: read_only(np.where(holes, last, getattr(block, name))) for name in PRICES}
    fields["volume"] = read_only(np.where(holes, 0.0, block.volume))
    extra = {**block.extra, CARRIED: read_only(holes.astype(np.float64))}
    filled = Block.of(0, block.end, block.session, fields, extra)
    for name in (name for name in QUOTES if name in extra):  # and so does what was bid and asked last
        stood = block.extra[f"{name.partition('_')[0]}_close"]
        extra[name] = read_only(np.where(holes, np.take_along_axis(stood, row, axis=0) * since, extra[name]))
    layout = replace(layout, columns=(*layout.columns, CARRIED))
    return Panel(layout, filled, panel.notes), int(holes.sum())
