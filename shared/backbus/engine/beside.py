"""A strategy that reads the book, beside the loop that keeps it: asked row by row, because its next signal may depend
on the last fill."""

from __future__ import annotations

import numpy as np

from backbus.engine.trading import Trading
from backbus.market.panel import Block
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.strategy import StrategyRunner
from backbus.trading import records as rec
from backbus.trading.account_rows import NO_FILLS, NO_ORDERS, BookRows
from backbus.trading.records import Records

_NOTHING = rec.empty(rec.SIGNAL)


class RowByRow:
    """One run of such a strategy; ``cash`` is what the account begins with."""

    def __init__(self, runner: StrategyRunner, trading: Trading, cash: float) -> None:
        self._runner, self._trading, self._cash = runner, trading, cash
        self._told = (0, 0)
        self._untold: tuple[Records, Records] = (NO_ORDERS, NO_FILLS)
        """Orders and fills of the block before that the strategy has not heard of yet."""

    def on_block(self, block: Block, warmup: int) -> Records:
        """Ask and trade through a block, of which the first ``warmup`` rows are not traded: what the strategy said."""
        runner, trading = self._runner, self._trading
        self._untold = self._news()
        self._told = (0, 0)
        traded = trading.begin(block, warmup)
        runner.load(block)
        if warmup:
            begun, none = np.full(warmup, self._cash), np.zeros((warmup, block.close.shape[1]))
            runner.on_book(BookRows(block.first_row, begun, begun, none, none))
        spoken = []
        totals, positions = trading.account.totals, trading.account.positions
        # Views of the account: what they show is the row that it is at, while the strategy is asked and no longer.
        now = (totals["equity"], totals["cash"], positions["position"][None, :], positions["average_cost"][None, :])
        tick = PHASES * traded.first_row
        if len(traded):
            trading.work(traded, _NOTHING, tick)  # to the first close
        for row in range(traded.first_row, traded.first_row + len(traded)):
            signals = runner.on_book(BookRows(row, *now, *self._news()))
            if len(signals):
                spoken.append(signals)
            trading.work(traded, signals, tick + CLOSE_DECIDE)  # this row's decision, and on to the next row's close
            tick += PHASES
        return np.concatenate(spoken) if spoken else rec.empty(rec.SIGNAL)

    def _news(self) -> tuple[Records, Records]:
        """Orders and fills since the last call."""
        written = self._trading.orders, self._trading.fills
        orders, fills = (records[told:] for records, told in zip(written, self._told, strict=True))
        self._told = len(written[0]), len(written[1])
        orders, fills = (
            rec.joined([old, new]) if len(old) else new for old, new in zip(self._untold, (orders, fills), strict=True)
        )
        self._untold = (NO_ORDERS, NO_FILLS)
        return orders, fills
