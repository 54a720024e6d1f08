"""Compiling what a strategy will need before its run begins, so that a long compile is not taken for a stall."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from backbus.errors import StrategyError
from backbus.market.accounts import BookRows
from backbus.market.panel import DAY_NS, FIELDS, Block, Layout
from backbus.strategy.base import Strategy
from backbus.strategy.runner import StrategyRunner

_ROWS = 2


def warm(strategy: Strategy, layout: Layout) -> None:
    """Work two made-up rows with a copy of ``strategy``: its kernels are compiled, or loaded, once for all data.

    A mistake of the strategy is not told here: the run will tell it with its place in the data.
    """
    shape = (_ROWS, layout.assets)
    end = np.arange(1, _ROWS + 1, dtype=np.int64) * layout.interval_ns
    block = Block(0, end, end // DAY_NS, *(np.full(shape, 100.0) for _ in FIELDS))
    runner = StrategyRunner(strategy, Layout(layout.symbols, _ROWS, 0, layout.interval_ns))
    with suppress(StrategyError):
        if runner.reads_book:
            cash = np.full(_ROWS, 1e6)
            runner.load(block)
            runner.on_book(BookRows(0, cash, cash, np.zeros(shape), np.zeros(shape)))
        else:
            runner.on_block(block)
