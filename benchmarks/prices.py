"""Synthetic minute bars: the same numbers for every engine, on every machine, from a seed.

The logarithm of the price is a random walk that is folded back into a band, so that a hundred million bars end at a
price as ordinary as the first. Bars are made in chunks of a fixed size, each from its own generator: how many are made
changes none of them, and no more than a chunk need be in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Layout, Panel
from backbus.market.timeframes import DAY_NS

SEED = 1
"""Chosen so that the first averages lie fast below slow: engines disagree whether the other way is a crossing."""
CHUNK_ROWS = 1 << 20
START_NS = 1_262_304_000_000_000_000
"""2010-01-01T00:00Z; the market never closes, a session is a UTC day."""
MINUTE_NS = 60_000_000_000
DAY_MINUTES = 1440
BAND = 0.5
"""The price stays within exp(±0.5) of 100."""
STEP = 5e-4
"""Standard deviation of a minute's return."""
LEAST_VOLUME = 10_000.0
"""Enough that an engine which shares a bar's volume out never fills an order in parts."""


def _chunk(number: int, before: float) -> tuple[float, dict[str, np.ndarray]]:
    """A chunk of bars after a walk that stands at ``before``; returns where it ends."""
    draw = np.random.Generator(np.random.Philox(key=[SEED, number]))
    walk = before + np.cumsum(draw.standard_normal(CHUNK_ROWS) * STEP)
    folded = np.abs((walk + BAND) % (4 * BAND) - 2 * BAND) - BAND
    close = 100.0 * np.exp(folded)
    open_ = np.empty(CHUNK_ROWS)
    open_[1:] = close[:-1]
    open_[0] = 100.0 * np.exp(abs((before + BAND) % (4 * BAND) - 2 * BAND) - BAND)
    open_ *= 1.0 + STEP / 4 * draw.standard_normal(CHUNK_ROWS)
    reach = STEP / 2 * np.abs(draw.standard_normal((2, CHUNK_ROWS)))
    return float(walk[-1]), {
        "open": open_,
        "high": np.maximum(open_, close) * (1.0 + reach[0]),
        "low": np.minimum(open_, close) * (1.0 - reach[1]),
        "close": close,
        "volume": np.floor(draw.exponential(10_000.0, CHUNK_ROWS)) + LEAST_VOLUME,
    }


def chunks(rows: int) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """The first ``rows`` bars as (first row, columns); ``end`` and ``session`` are among the columns."""
    walk = 0.0
    for number, first in enumerate(range(0, rows, CHUNK_ROWS)):
        walk, columns = _chunk(number, walk)
        count = min(CHUNK_ROWS, rows - first)
        row = np.arange(first, first + count, dtype=np.int64)
        columns = {name: column[:count] for name, column in columns.items()}
        columns["end"] = START_NS + (row + 1) * MINUTE_NS
        columns["session"] = START_NS // DAY_NS + row // DAY_MINUTES
        yield first, columns


def layout(rows: int, interval_ns: int = MINUTE_NS, assets: int = 1) -> Layout:
    """One asset or many, no warm-up."""
    names = ("WALK",) if assets == 1 else tuple(f"S{asset:03}" for asset in range(assets))
    return Layout(names, rows, 0, interval_ns)


def make_panel(rows: int, *, daily: bool = False) -> Panel:
    """The first ``rows`` bars in memory; ``daily`` puts the same prices a day apart, each a session."""
    parts = [columns for _, columns in chunks(rows)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in ("end", "session", *FIELDS)}
    if daily:
        days = START_NS // DAY_NS + np.arange(rows, dtype=np.int64)
        joined["session"], joined["end"] = days, (days + 1) * DAY_NS
    arrays = {name: column if column.dtype == np.int64 else column.reshape(-1, 1) for name, column in joined.items()}
    for array in arrays.values():
        array.flags.writeable = False
    return Panel(layout(rows, DAY_NS if daily else MINUTE_NS), Block(0, **arrays))


def make_wide(rows: int, assets: int) -> Panel:
    """Random walks of many assets, day by day."""
    draw = np.random.Generator(np.random.Philox(key=[SEED, assets]))
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.0002, 0.02, (rows, assets)), axis=0))
    open_ = np.vstack((close[:1], close[:-1])) * np.exp(draw.normal(0.0, 0.005, (rows, assets)))
    high, low = np.maximum(open_, close) * 1.005, np.minimum(open_, close) * 0.995
    days = START_NS // DAY_NS + np.arange(rows, dtype=np.int64)
    arrays = ((days + 1) * DAY_NS, days, open_, high, low, close, np.full(close.shape, 1e6))
    for array in arrays:
        array.flags.writeable = False
    return Panel(layout(rows, DAY_NS, assets), Block(0, *arrays))


def save(panel: Panel, folder: Path) -> None:
    """One .npy file for each column, which is how the peers read them."""
    for name in ("end", "session", *FIELDS):
        values = getattr(panel.block, name)
        np.save(folder / f"{name}.npy", values if panel.layout.assets > 1 else values.reshape(-1))
