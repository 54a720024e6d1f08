"""One run in one process: strategy, portfolio, order layer and performance composed, without sockets.

Block by block: the strategy speaks, the fused loop trades, the statistics count. Each does so in a thread, the strategy
one block ahead of trading and the statistics one block behind.
A strategy that reads the book is asked row by row, because its next signal may depend on the last fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from backbus.engine.loop import run_lists, run_rows
from backbus.jit.arrays import read_only
from backbus.jit.decorators import plain
from backbus.job.job import Job
from backbus.market.panel import Block, Floats, Source
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.performance.instants import Begins, instants
from backbus.performance.marks import Marks
from backbus.performance.report import Report
from backbus.performance.statistics import Statistics
from backbus.performance.tables import Piece, run_pieces, trades_piece
from backbus.performance.trades import put_times
from backbus.portfolio.financing import bookings_of_row
from backbus.strategy import Strategy, StrategyRunner
from backbus.trading import records as rec
from backbus.trading.account_rows import NO_FILLS, NO_ORDERS, BookRows, EquityRows
from backbus.trading.block_facts import BlockFacts
from backbus.trading.codes import SignalKind
from backbus.trading.groups import CURSOR, StoppedFor
from backbus.trading.ledger import open_account
from backbus.trading.market_state import open_market
from backbus.trading.numbers import rules_of
from backbus.trading.open_orders import OrderStore
from backbus.trading.records import Records
from backbus.trading.warmup import warm_up

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
        self._account, self._market = open_account(self._rules), open_market(self._rules)
        self._open_orders = OrderStore(layout.assets, listed=self._rules.needs_order_lists)
        self._cursor = np.zeros(len(CURSOR), dtype=np.int64)
        self._orders, self._fills = rec.empty(rec.ORDER), rec.empty(rec.FILL)
        self._bookings = rec.empty(rec.BOOKING)
        self._facts = BlockFacts(self._rules)
        self._begins = Begins(layout)
        self._told = (0, 0)
        self._untold: tuple[Records, Records] = (NO_ORDERS, NO_FILLS)
        """Orders and fills of the block before that the strategy has not heard of yet."""

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
        warmup = min(max(self._layout.warmup - block.first_row, 0), len(block))
        if warmup:
            warm_up(self._rules, self._account, self._market, block, warmup)
            self._cursor[CURSOR.TICK] = PHASES * (block.first_row + warmup)
        traded = block.rows(warmup, len(block))
        count = len(traded)
        rows = EquityRows(traded.first_row, np.empty(count), np.empty(count), np.empty(count))
        self._untold = self._news()
        for field in (CURSOR.ROWS, CURSOR.ORDERS, CURSOR.FILLS, CURSOR.BOOKINGS):
            self._cursor[field] = 0
        self._told = (0, 0)
        self._orders, self._fills, self._bookings = rec.empty(rec.ORDER), rec.empty(rec.FILL), rec.empty(rec.BOOKING)
        if signals is None:
            signals = self._row_by_row(block, traded, rows)
        elif count:
            self._trade(traded, signals, PHASES * (block.first_row + len(block)), rows)
        booked = int(self._cursor[CURSOR.BOOKINGS])
        if booked:
            rows = replace(rows, bookings=self._bookings[:booked])
        return rows, signals, self._orders[: self._cursor[CURSOR.ORDERS]], self._fills[: self._cursor[CURSOR.FILLS]]

    def _trade(self, block: Block, signals: Records, signals_watermark: int, rows: EquityRows) -> None:
        """Run the fused loop over a block's rows, as far as ``signals_watermark`` allows."""
        cursor, market, orders = self._cursor, self._market, self._open_orders
        assets = self._layout.assets
        cursor[CURSOR.SIGNALS] = 0
        signals.flags.writeable = False
        orders.need(signals["kind"], beyond=SignalKind.WEIGHT)
        while True:
            room = len(signals) + 2 * assets
            if orders.listed:
                orders.make_room(4 * (len(signals) + assets))
                room = 32 * (len(signals) + assets) + 8 * orders.count
            self._orders = _with_room(self._orders, int(cursor[CURSOR.ORDERS]), 3 * room)
            self._fills = _with_room(self._fills, int(cursor[CURSOR.FILLS]), room)
            if not orders.listed:
                run_rows(
                    self._rules.record, *self._account, market.instruments, market.state, *orders.single,
                    block.first_row, block.open, block.close, signals, signals_watermark, self._orders, self._fills,
                    rows.equity, rows.cash, rows.gross, cursor,
                )  # fmt: skip
                return
            booked = int(cursor[CURSOR.BOOKINGS])
            self._bookings = _with_room(self._bookings, booked, plain(bookings_of_row)(self._account.positions))
            run_lists(
                self._rules.record, *self._account, *market, *orders.lists, block.first_row, block.open, block.close,
                block.high, block.low, block.volume, self._facts.of(block), read_only(block.session),
                read_only(block.end), signals, signals_watermark, self._orders, self._fills, self._bookings,
                rows.equity, rows.cash, rows.gross, cursor,
            )  # fmt: skip
            self._rules.look_at_own(rows.cash[: cursor[CURSOR.ROWS]], over=self._is_over())
            if cursor[CURSOR.STOPPED_FOR] != StoppedFor.RECORD_ROOM:
                return

    def _is_over(self) -> bool:
        return bool(self._cursor[CURSOR.TICK] >= PHASES * self._layout.rows)

    def _row_by_row(self, block: Block, traded: Block, rows: EquityRows) -> Records:
        warmup = len(block) - len(traded)
        self._runner.load(block)
        spoken = []
        if warmup:
            cash = np.full(warmup, self._job.portfolio.cash)
            none = np.zeros((warmup, self._layout.assets))
            self._runner.on_book(BookRows(block.first_row, cash, cash, none, none))
        for row in range(len(traded)):
            tick = PHASES * (traded.first_row + row)
            self._trade(traded, rec.empty(rec.SIGNAL), tick, rows)
            totals = self._account.totals[0]
            book = BookRows(
                traded.first_row + row,
                np.array([totals["equity"]]),
                np.array([totals["cash"]]),
                self._account.positions["position"][None, :].copy(),
                self._account.positions["average_cost"][None, :].copy(),
                *self._news(),
            )
            signals = self._runner.on_book(book)
            if len(signals):
                spoken.append(signals)
            self._trade(traded.rows(0, row + 1), signals, tick + CLOSE_DECIDE, rows)
        return np.concatenate(spoken) if spoken else rec.empty(rec.SIGNAL)

    def _news(self) -> tuple[Records, Records]:
        """Orders and fills since the last call, which only a strategy that reads the book asks for."""
        if not self._runner.reads_book:
            return NO_ORDERS, NO_FILLS
        ends = int(self._cursor[CURSOR.ORDERS]), int(self._cursor[CURSOR.FILLS])
        orders, fills = self._orders[self._told[0] : ends[0]], self._fills[self._told[1] : ends[1]]
        self._told = ends
        orders, fills = (
            rec.joined([old, new]) if len(old) else new for old, new in zip(self._untold, (orders, fills), strict=True)
        )
        self._untold = (NO_ORDERS, NO_FILLS)
        return orders, fills

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


def _with_room(records: Records, used: int, room: int) -> Records:
    if len(records) >= used + room:
        return records
    larger = rec.empty(records.dtype, 2 * used + room)
    larger[:used] = records[:used]
    return larger
