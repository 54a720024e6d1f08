"""Where points may go from signal to signal, eight side by side, and the memory that they are counted in."""

from __future__ import annotations

import functools
import os

import numpy as np
from numpy.typing import NDArray

from backbus.engine.groups import LaneBuffers
from backbus.engine.one_asset import least_of
from backbus.jit.arrays import read_only
from backbus.jit.lanes import LANES
from backbus.market.panel import Floats, Panel
from backbus.performance.fingerprint import Words
from backbus.performance.lanes import TILE
from backbus.trading.records import SIGNAL, Records


@functools.cache
def wide_registers() -> bool:
    """Whether this machine's registers take four numbers or more: without them eight runs side by side are slower than
    one after the other."""
    import llvmlite.binding  # type: ignore[import-untyped]

    named = os.environ.get("NUMBA_CPU_NAME")
    features: dict[str, bool] = dict(llvmlite.binding.get_host_cpu_features())
    return features.get("avx2", False) and named != "generic"


def least_where_straight(panel: Panel) -> float:
    """The lowest price of one asset, on a machine that counts eight at a time; 0.0 elsewhere, and where a price is not
    above it."""
    if panel.layout.assets != 1 or not wide_registers():
        return 0.0
    bars = panel.block.rows(panel.layout.warmup, len(panel.block))
    return least_of(bars.open, bars.close)


def may_stay_unwritten(panel: Panel) -> bool:
    """Whether edges of a strategy's wishes can be found where they are traded: where no bar of those is a hole."""
    traded = panel.block.close[panel.layout.warmup :]
    return least_where_straight(panel) > 0.0 and not np.isnan(traded).any()


def lane_buffers(known: LaneBuffers | None, rows: int, sessions: int, changes: int) -> LaneBuffers:
    """Room for eight points that change what they hold so often at the most: what is ``known`` where that is enough."""
    room = changes + LANES
    if known is not None and known.money.shape[1] >= room:
        return known
    tile, last = np.empty((TILE, LANES)), np.empty((sessions, LANES))
    return LaneBuffers(
        np.empty((1, LANES)), np.empty((LANES, room, 2)), np.zeros(rows, dtype=np.int8),
        np.empty((LANES, room), dtype=np.int8), np.empty(LANES, dtype=np.int64), np.empty((3, LANES)),
        np.empty((2, LANES)), np.empty((3, LANES)), np.empty((2, LANES), dtype=np.uint64), tile,
        tile.view(np.uint64), last, last.view(np.uint64), np.empty(sessions), np.empty((8, LANES)),
    )  # fmt: skip


class SignalsRoom:
    """Where the signals of one point are written that are not yet: in each row at the most."""

    def __init__(self) -> None:
        self._records, self._words = np.empty(0, dtype=SIGNAL), np.empty(2, dtype=np.uint64)

    def of(self, rows: int) -> tuple[Records, Records, Floats, NDArray[np.uint8], Words]:
        """For so many rows: records, and the same to read; a latch, flags of rows, and the same by eights."""
        if len(self._records) < rows:
            self._records, self._words = np.empty(rows, dtype=SIGNAL), np.empty(rows // 8 + 2, dtype=np.uint64)
        return self._records, read_only(self._records), np.zeros(1), self._words.view(np.uint8), self._words
