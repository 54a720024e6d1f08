"""One run in one process: strategy, portfolio, order layer and performance composed, without sockets.

Block by block: the strategy speaks, the fused loop trades, the statistics count. Each does so in a thread, the strategy
one block ahead of trading and the statistics one block behind.
A strategy that reads the book is asked row by row, because its next signal may depend on the last fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor

from backbus.engine.beside import RowByRow
from backbus.engine.trading import Trading
from backbus.job.job import Job
from backbus.market.panel import Block, Floats, Source
from backbus.market.ticks import PHASES
from backbus.performance.instants import Begins, instants
from backbus.performance.marks import Marks
from backbus.performance.report import Report
from backbus.performance.statistics import Statistics
from backbus.performance.tables import Piece, run_pieces, trades_piece
from backbus.performance.trades import put_times
from backbus.strategy import Strategy, StrategyRunner
from backbus.trading import records as rec
from backbus.trading.account_rows import EquityRows
from backbus.trading.numbers import rules_of
from backbus.trading.records import Records

BLOCK_ROWS = 1 << 17
"""Default rows of a block of one asset. Of 2¹⁴ to 2¹⁸ it was the fastest: handing a block from thread to thread costs
a quarter of a millisecond, and larger blocks leave the caches."""
BLOCK_CELLS = 1 << 18

Sink = Callable[[list[Piece]], None]
Traded = tuple[EquityRows, Records, Records, Records]
"""What became of a block: the account's rows, signals, orders and fills."""


def default_block(assets: int) -> int:
    """Rows of a block where the job does not say."""
    return max(16, min(BLOCK_ROWS, BLOCK_CELLS // max(1, assets)))


class Engine:
    """One run. ``sink`` takes the pieces of the run's tables, where they are wanted."""

    def __init__(self, job: Job, source: Source, strategy: Strategy, sink: Sink | None = None) -> None:
        self._job, self._source, self._sink = job, source, sink
        layout = source.layout
        self._layout = layout
        self._rules = rules_of(job, layout)
        self._runner = StrategyRunner(strategy, layout, self._rules.instruments)
        self._trading = Trading(self._rules, rows=layout.rows, assets=layout.assets)
        self._beside = RowByRow(self._runner, self._trading)
        self._begins = Begins(layout)

    def run(self, progress: Callable[[int], None] | None = None) -> Report:
        """Work the whole market off; ``progress`` hears the rows done, block by block."""
        layout = self._layout
        self._statistics = Statistics(self._job, layout, marks=self._sink is not None)
        with (
            ThreadPoolExecutor(1, thread_name_prefix="strategy") as ahead,
            ThreadPoolExecutor(1, thread_name_prefix="statistics") as behind,
        ):
            counting: Future[None] | None = None
            for block, signals in self._spoken(ahead):
                traded = self._block(block, signals)
                done = block.first_row + len(block)
                if counting is not None:
                    counting.result()
                    if progress is not None:  # not before they are counted: whoever hears it lets go of their memory
                        progress(block.first_row)
                if done < len(self._source):
                    counting = behind.submit(self._count, block, *traded)
                else:  # there is nothing left to do beside it
                    self._count(block, *traded)
                    if progress is not None:
                        progress(done)
            if self._sink is not None:
                self._sink([trades_piece(self._statistics.open_trades())])
            return self._statistics.report([*self._source.notes, *self._rules.notes])

    @property
    def marks(self) -> Marks | None:
        """What tells the run's bars from others; where its tables were taken."""
        return self._statistics.marks

    def returns(self) -> Floats | None:
        """[sessions] returns of the run so far; None where its equity fell to zero or below."""
        return self._statistics.returns()

    def _spoken(self, ahead: Executor) -> Iterator[tuple[Block, Records | None]]:
        """Each block with its signals; None where the strategy has to see the book first.

        A strategy that reads no book speaks one block ahead in a thread: compiled code lets the two run at once.
        """
        blocks = self._source.blocks(self._job.run.block or default_block(self._layout.assets))
        if self._runner.reads_book:
            yield from ((block, None) for block in blocks)
            return
        before: Block | None = None
        signals = rec.empty(rec.SIGNAL)
        for block in blocks:
            if before is None:  # there is nothing to do beside the first one
                before, signals = block, self._runner.on_block(block)
                continue
            speaking = ahead.submit(self._runner.on_block, block)
            yield before, signals
            before, signals = block, speaking.result()
        if before is not None:
            yield before, signals

    def _block(self, block: Block, signals: Records | None) -> Traded:
        trading = self._trading
        warmup = min(max(self._layout.warmup - block.first_row, 0), len(block))
        if signals is None:
            signals = self._beside.on_block(block, warmup)
        else:
            traded = trading.begin(block, warmup)
            if len(traded):
                trading.work(traded, signals, PHASES * (block.first_row + len(block)))
        return trading.rows, signals, trading.orders, trading.fills

    def _count(self, block: Block, rows: EquityRows, signals: Records, orders: Records, fills: Records) -> None:
        statistics = self._statistics
        statistics.add_rows(block, rows)
        statistics.add_signals(len(signals))
        statistics.add_orders(orders)
        if self._sink is None:
            statistics.add_fills(fills)
            return
        begins = self._begins.of(block)
        times = instants(fills["tick"], block.first_row, begins, block.end)
        closed = statistics.add_fills(fills, times)
        put_times(closed, instants(closed["exit_tick"], block.first_row, begins, block.end))
        self._sink(run_pieces(block, begins, rows, signals, orders, fills, closed))
