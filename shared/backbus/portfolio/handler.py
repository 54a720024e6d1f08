"""The portfolio as a state machine: bars, signals and fills in; orders, equity and (for who reads it) the book out.

It works through its ticks as far as its inputs are complete. After each input it says its lookahead:
ORDER's watermark is the next tick at which it may decide anything, so that the order layer can sweep up to there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from backbus.jit.arrays import read_only
from backbus.jit.python import plain
from backbus.market.panel import Block, Layout
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.portfolio.financing import bookings_of_row
from backbus.portfolio.loop import advance, advance_lists
from backbus.streams.event import Event
from backbus.streams.record_queue import RecordQueue
from backbus.streams.run_handler import RunHandler
from backbus.streams.topology import PORTFOLIO, Kind
from backbus.trading import records as rec
from backbus.trading.account_rows import NO_BOOKINGS, NO_FILLS, NO_ORDERS, BookRows, EquityRows
from backbus.trading.block_facts import BlockFacts
from backbus.trading.codes import SignalKind
from backbus.trading.groups import CURSOR, StoppedFor
from backbus.trading.ledger import open_account
from backbus.trading.market_state import open_market
from backbus.trading.open_orders import OrderStore
from backbus.trading.records import Records, joined, read_only_copy
from backbus.trading.rules import FACTS, Rules
from backbus.trading.warmup import warm_up

NO_FACTS, NO_SESSIONS = read_only(np.empty((0, FACTS, 0))), read_only(np.empty(0, dtype=np.int64))


class PortfolioHandler(RunHandler):
    """One run's portfolio. ``batch_rows`` bounds EQUITY batches and the rows between two PROGRESS events."""

    def __init__(self, rules: Rules, layout: Layout, *, reads_book: bool, batch_rows: int) -> None:
        super().__init__(PORTFOLIO, layout, batch_rows, reads_book=reads_book)
        self._rules, self._reads_book = rules, reads_book
        self._batch = self._progress_rows
        self._account, self._market = open_account(rules), open_market(rules)
        self._open_orders = OrderStore(layout.assets, listed=rules.needs_order_lists)
        self._blocks: deque[Block] = deque()
        self._signals, self._fills = RecordQueue(rec.SIGNAL), RecordQueue(rec.FILL)
        self._orders = rec.empty(rec.ORDER, 64)
        self._rows = EquityRows(layout.warmup, np.empty(self._batch), np.empty(self._batch), np.empty(self._batch))
        self._cursor = np.zeros(len(CURSOR), dtype=np.int64)
        self._no_rows = read_only(np.zeros((0, layout.assets)))
        self._first_decision = PHASES * layout.warmup + CLOSE_DECIDE
        self._tick = self._filled_rows = 0
        """Next tick, and rows of equity not said yet: the cursor's, as plain numbers."""
        self._facts = BlockFacts(rules)
        self._booked: list[Records] = []
        """BOOKING records that EQUITY has not said yet."""
        self._bookings = rec.empty(rec.BOOKING, 4 * plain(bookings_of_row)(self._account.positions))
        self._news: tuple[list[Records], list[Records]] = ([], [])
        """Orders decided and fills taken since the last BOOK."""

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""
        return self._tick // PHASES

    def start(self) -> Iterable[Event]:
        """What is true before anything is known: no order before the first decision."""
        yield self.writers[Kind.ORDER].write(None, self._first_decision)

    def _take(self, event: Event) -> Iterable[Event]:
        """Take in a block, signals or fills, and say what follows."""
        payload = event.payload
        if isinstance(payload, np.ndarray):
            if event.kind is Kind.SIGNAL:
                self._open_orders.need(payload["kind"], beyond=SignalKind.WEIGHT)
                self._signals.add(payload)
            else:
                self._fills.add(payload)
        elif isinstance(payload, Block):
            self._blocks.append(payload)
        return self._advance()

    def _advance(self) -> Iterable[Event]:
        placed: list[Records] = []
        housekeeping: list[Event] = []
        while True:
            block = self._blocks[0] if self._blocks else None
            if block is not None and block.first_row < self._layout.warmup:
                self._warm_up()
                continue
            count, stopped_for, silent = self._run(block)
            if count:
                placed.append(read_only_copy(self._orders[:count]))
                if self._reads_book:
                    self._news[0].append(placed[-1])
            if stopped_for == StoppedFor.ROOM:
                housekeeping.append(self._equity())
            elif stopped_for == StoppedFor.RECORD_ROOM:
                continue
            elif stopped_for == StoppedFor.NOTHING and block is not None:
                self._blocks.popleft()
                if not self._blocks:
                    break
            else:
                break
        events: list[Event] = []
        order = self.writers[Kind.ORDER]
        if placed or silent > order.watermark:
            events.append(order.write(joined(placed) if placed else None, max(silent, order.watermark)))
        if self._reads_book:
            events.extend(self._book())
        events.extend(housekeeping)
        if self._filled_rows == self._batch or (self._tick >= self._end and self._unsaid_end()):
            events.append(self._equity())
        events.extend(self._progress())
        return events

    def _warm_up(self) -> None:
        """Take in the rows of the first block that come before the first traded one."""
        block = self._blocks.popleft()
        rows = min(self._layout.warmup - block.first_row, len(block))
        warm_up(self._rules, self._account, self._market, block, rows)
        self._cursor[CURSOR.TICK] = self._tick = PHASES * (block.first_row + rows)
        if rows < len(block):
            self._blocks.appendleft(block.rows(rows, len(block)))

    def _run(self, block: Block | None) -> tuple[int, int, int]:
        """Work through a block, or find out what follows without one: orders written, what is waited for, and the next
        tick at which anything may be decided."""
        cursor = self._cursor
        signals, fills = self._signals.pending, self._fills.pending
        market, open_orders = self._market, self._open_orders
        assets, said = self._layout.assets, len(signals)
        room = 3 * (said + 2 * assets)
        if open_orders.listed:
            open_orders.make_room(4 * (said + assets))
            room = 4 * (said + 2 * assets) + 2 * open_orders.count
        if len(self._orders) < room:
            self._orders = rec.empty(rec.ORDER, 2 * room)
        if block is None:
            first_row, open_, close = self._tick // PHASES, self._no_rows, self._no_rows
            volume, facts, session = self._no_rows, NO_FACTS, NO_SESSIONS
        else:
            first_row, open_, close = block.first_row, block.open, block.close
            volume, facts, session = block.volume, self._facts.of(block), read_only(block.session)
        for field in (CURSOR.SIGNALS, CURSOR.FILLS, CURSOR.ORDERS, CURSOR.BOOKINGS):
            cursor[field] = 0
        signals_watermark = self.readers[Kind.SIGNAL].watermark
        fills_watermark = self.readers[Kind.FILL].watermark
        curve = (self._rows.equity, self._rows.cash, self._rows.gross)
        if open_orders.listed:
            advance_lists(
                self._rules.record, *self._account, *market, *open_orders.lists, first_row, open_, close, volume,
                facts, session, signals, signals_watermark, fills, fills_watermark, self._orders, self._bookings,
                *curve, self._first_decision, self._end, cursor,
            )  # fmt: skip
        else:
            advance(
                self._rules.record, *self._account, market.instruments, market.state, *open_orders.single, first_row,
                open_, close, signals, signals_watermark, fills, fills_watermark, self._orders, *curve,
                self._first_decision, self._end, cursor,
            )  # fmt: skip
        self._tick, taken, applied, count, self._filled_rows, booked, stopped_for, silent = cursor.tolist()
        self._rules.look_at_own(self._rows.cash[: self._filled_rows], over=self._tick >= self._end)
        if booked:
            self._booked.append(read_only_copy(self._bookings[:booked]))
        self._signals.drop(taken)
        if self._reads_book and applied:
            self._news[1].append(fills[:applied])
        self._fills.drop(applied)
        return count, stopped_for, silent

    def _book(self) -> Iterable[Event]:
        writer = self.writers[Kind.BOOK]
        tick = self._tick
        row = tick // PHASES
        if tick % PHASES == CLOSE_DECIDE and writer.end == row - self._layout.warmup:
            totals = self._account.totals[0]
            payload = BookRows(
                row,
                np.array([totals["equity"]]),
                np.array([totals["cash"]]),
                self._account.positions["position"][None, :].copy(),
                self._account.positions["average_cost"][None, :].copy(),
                *(joined(news) if news else none for news, none in zip(self._news, (NO_ORDERS, NO_FILLS), strict=True)),
            )
            self._news = ([], [])
            yield writer.write(payload, tick)

    def _unsaid_end(self) -> bool:
        return self.writers[Kind.EQUITY].watermark < self._end

    def _equity(self) -> Event:
        count = self._filled_rows
        self._cursor[CURSOR.ROWS] = self._filled_rows = 0
        first = self._rows.first_row
        rows = EquityRows(
            first,
            self._rows.equity[:count].copy(),
            self._rows.cash[:count].copy(),
            self._rows.gross[:count].copy(),
            # All of them: no row begins before there is room for it on the curve.
            joined(self._booked) if self._booked else NO_BOOKINGS,
        )
        self._booked = []
        self._rows = EquityRows(first + count, self._rows.equity, self._rows.cash, self._rows.gross)
        return self.writers[Kind.EQUITY].write(rows, PHASES * (first + count))
