"""A strategy that reads the book, beside the loop that keeps it: asked row by row, because its next signal may depend
on the last fill."""

from __future__ import annotations

from collections.abc import Mapping

from backbus.engine.trading import Trading
from backbus.market.panel import Block
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.strategy import StrategyRunner
from backbus.trading import records as rec
from backbus.trading.account_rows import NO_FILLS, NO_ORDERS
from backbus.trading.records import Records, joined

_NOTHING = rec.empty(rec.SIGNAL)
_NOTHING.flags.writeable = False


class RowByRow:
    """One run of such a strategy beside its account."""

    def __init__(self, runner: StrategyRunner, trading: Trading) -> None:
        self._runner, self._trading = runner, trading
        self._told = (0, 0)
        """How many of the block's orders and fills the strategy has heard of."""
        self._untold: tuple[Records, Records] | None = None
        """Those of the block before that it has not."""
        self._spoken: list[Records] = []
        if runner.reads_book:
            totals, positions = trading.account.totals, trading.account.positions
            # Views of the account: what they show is the row that it is at, while the strategy is asked and no longer.
            self._cash, self._equity = totals["cash"], totals["equity"]
            self._positions, self._costs = positions["position"], positions["average_cost"]
            self._book, self._blotter = runner.book, runner.blotter

    def on_block(self, block: Block, warmup: int) -> Records:
        """Ask and trade through a block, of which the first ``warmup`` rows are not traded: what the strategy said."""
        trading = self._trading
        self._keep_untold()
        self._spoken = spoken = []
        traded = trading.begin(block, warmup)
        self._runner.load(block)
        tick = PHASES * block.first_row + CLOSE_DECIDE
        first = PHASES * traded.first_row
        if len(traded):
            trading.work(traded, _NOTHING, first)  # to the first close
        for signals in self._runner.one_by_one(len(block), self._turn):
            if tick > first:
                if len(signals):
                    spoken.append(signals)
                trading.work(traded, signals, tick)  # this row's decision, and on to the next row's close
            tick += PHASES
        return self.spoken

    @property
    def spoken(self) -> Records:
        """What the strategy has said in the block so far; where it raises, that is all of it."""
        return joined(self._spoken) if self._spoken else _NOTHING

    def _turn(self, row: int, splits: Mapping[str, float]) -> None:
        """Show the account as it stands at the row's close, and what became of orders since the row before."""
        self._book.show(self._cash.item(), self._equity.item(), self._positions.tolist(), self._costs)
        trading, told = self._trading, self._told
        self._told = there = trading.written
        if there == told and self._untold is None:
            self._blotter.turn(row, NO_ORDERS, NO_FILLS, splits)
            return
        orders, fills = trading.orders[told[0] :], trading.fills[told[1] :]
        if self._untold is not None:
            orders, fills = joined([self._untold[0], orders]), joined([self._untold[1], fills])
            self._untold = None
        self._blotter.turn(row, orders, fills, splits)

    def _keep_untold(self) -> None:
        """Keep what the last row of the block before brought: it is told of with the next row."""
        trading, told = self._trading, self._told
        self._told = (0, 0)
        if trading.written != told:
            self._untold = trading.orders[told[0] :], trading.fills[told[1] :]
