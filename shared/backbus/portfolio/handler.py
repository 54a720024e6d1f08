"""The portfolio as a state machine: bars, signals and fills in; orders, equity and (for who reads it) the book out.

It works through its ticks as far as its inputs are complete. After each input it says its lookahead:
ORDER's watermark is the next tick at which it may decide anything, so that the order layer can sweep up to there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from backbus.compiled import plain
from backbus.market import records as rec
from backbus.market.accounts import NO_BOOKINGS, NO_FILLS, NO_ORDERS, BookRows, EquityRows
from backbus.market.block_facts import BlockFacts
from backbus.market.ledger import open_book
from backbus.market.panel import Block, Layout, sealed
from backbus.market.records import Records, frozen, joined
from backbus.market.rules import FACTS, Rules
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.market.warmup import warm_up
from backbus.market.working import Orders
from backbus.portfolio import loop as lp
from backbus.portfolio.carrying import bookings_of_row
from backbus.streams.event import Event
from backbus.streams.record_queue import RecordQueue
from backbus.streams.run_handler import RunHandler
from backbus.streams.topology import PORTFOLIO, Kind

NO_FACTS, NO_SESSIONS = sealed(np.empty((0, FACTS, 0))), sealed(np.empty(0, dtype=np.int64))


class PortfolioHandler(RunHandler):
    """One run's portfolio. ``batch_rows`` bounds EQUITY batches and the rows between two PROGRESS events."""

    def __init__(self, rules: Rules, layout: Layout, *, reads_book: bool, batch_rows: int) -> None:
        super().__init__(PORTFOLIO, layout, batch_rows, reads_book=reads_book)
        self._rules, self._reads_book = rules, reads_book
        self._batch = self._progress_rows
        self._state = open_book(rules)
        self._working = Orders(layout.assets, lists=rules.lists)
        self._blocks: deque[Block] = deque()
        self._signals, self._fills = RecordQueue(rec.SIGNAL), RecordQueue(rec.FILL)
        self._orders = rec.empty(rec.ORDER, 64)
        self._rows = EquityRows(layout.warmup, np.empty(self._batch), np.empty(self._batch), np.empty(self._batch))
        self._cursor = np.zeros(8, dtype=np.int64)
        self._no_rows = np.zeros((0, layout.assets))
        self._no_rows.flags.writeable = False
        self._first_decision = 6 * layout.warmup + CLOSE_DECIDE
        self._tick = self._filled_rows = 0
        """Next tick, and rows of equity not said yet: the cursor's, as plain numbers."""
        self._facts = BlockFacts(rules)
        self._booked: list[Records] = []
        """BOOKING records that EQUITY has not said yet."""
        self._bookings = rec.empty(rec.BOOKING, 4 * plain(bookings_of_row)(self._state.ledger))
        self._news: tuple[list[Records], list[Records]] = ([], [])
        """Orders decided and fills taken since the last BOOK."""

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""
        return self._tick // 6

    def start(self) -> Iterable[Event]:
        """What is true before anything is known: no order before the first decision."""
        yield self.writers[Kind.ORDER].write(None, self._first_decision)

    def _take(self, event: Event) -> Iterable[Event]:
        """Take in a block, signals or fills, and say what follows."""
        payload = event.payload
        if isinstance(payload, np.ndarray):
            if event.kind is Kind.SIGNAL:
                self._working.need(payload["kind"], beyond=rec.WEIGHT)
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
            count, waits_for, silent = self._run(block)
            if count:
                placed.append(frozen(self._orders[:count]))
                if self._reads_book:
                    self._news[0].append(placed[-1])
            if waits_for == lp.ROOM:
                housekeeping.append(self._equity())
            elif waits_for == lp.ORDER_ROOM:
                continue
            elif waits_for == lp.NOTHING and block is not None:
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
        warm_up(self._rules, self._state, block, rows)
        self._cursor[lp.TICK] = self._tick = 6 * (block.first_row + rows)
        if rows < len(block):
            self._blocks.appendleft(block.rows(rows, len(block)))

    def _run(self, block: Block | None) -> tuple[int, int, int]:
        """Work through a block, or find out what follows without one: orders written, what is waited for, and the next
        tick at which anything may be decided."""
        cursor = self._cursor
        signals, fills = self._signals.pending, self._fills.pending
        book, working = self._state, self._working
        assets, wishes = self._layout.assets, len(signals)
        room = 3 * (wishes + 2 * assets)
        if working.lists:
            working.make_room(4 * (wishes + assets))
            room = 4 * (wishes + 2 * assets) + 2 * working.count
        if len(self._orders) < room:
            self._orders = rec.empty(rec.ORDER, 2 * room)
        if block is None:
            first_row, open_, close = self._tick // 6, self._no_rows, self._no_rows
            volume, facts, session = self._no_rows, NO_FACTS, NO_SESSIONS
        else:
            first_row, open_, close = block.first_row, block.open, block.close
            volume, facts, session = block.volume, self._facts.of(block), sealed(block.session)
        cursor[lp.SIGNALS] = cursor[lp.FILLS] = cursor[lp.ORDERS] = cursor[lp.BOOKED] = 0
        rows = self._rows
        before: tuple[Any, ...] = (
            self._rules.record,
            book.account,
            book.ledger,
            self._rules.instruments,
            book.tape,
            working.working,
        )
        bars: tuple[Any, ...] = (book.history, open_, close)
        after: tuple[Any, ...] = (
            first_row,
            signals,
            self.readers[Kind.SIGNAL].watermark,
            fills,
            self.readers[Kind.FILL].watermark,
            self._orders,
            rows.equity,
            rows.cash,
            rows.gross,
            self._first_decision,
            self._end,
            cursor,
        )
        advance: Callable[..., None] = lp.advance_lists if working.lists else lp.advance
        lists = (working.terms, working.wishes, working.heads) if working.lists else ()
        market = (volume, book.seen, facts, session, self._bookings) if working.lists else ()
        advance(*before, *lists, *bars, *market, *after)
        self._tick, taken, applied, count, self._filled_rows, waits_for, silent, booked = cursor.tolist()
        if booked:
            self._booked.append(frozen(self._bookings[:booked]))
        self._signals.drop(taken)
        if self._reads_book and applied:
            self._news[1].append(fills[:applied])
        self._fills.drop(applied)
        return count, waits_for, silent

    def _book(self) -> Iterable[Event]:
        writer = self.writers[Kind.BOOK]
        tick = self._tick
        row = tick // 6
        if tick % 6 == CLOSE_DECIDE and writer.end == row - self._layout.warmup:
            account = self._state.account[0]
            payload = BookRows(
                row,
                np.array([account["equity"]]),
                np.array([account["cash"]]),
                self._state.ledger["position"][None, :].copy(),
                self._state.ledger["average_cost"][None, :].copy(),
                *(joined(news) if news else none for news, none in zip(self._news, (NO_ORDERS, NO_FILLS), strict=True)),
            )
            self._news = ([], [])
            yield writer.write(payload, tick)

    def _bookings_before(self, tick: int) -> Records:
        if not self._booked:
            return NO_BOOKINGS
        booked = joined(self._booked)
        cut = int(np.searchsorted(booked["tick"], tick))
        self._booked = [booked[cut:]] if cut < len(booked) else []
        return booked[:cut]

    def _unsaid_end(self) -> bool:
        return self.writers[Kind.EQUITY].watermark < self._end

    def _equity(self) -> Event:
        count = self._filled_rows
        self._cursor[lp.ROWS] = self._filled_rows = 0
        first = self._rows.first_row
        rows = EquityRows(
            first,
            self._rows.equity[:count].copy(),
            self._rows.cash[:count].copy(),
            self._rows.gross[:count].copy(),
            self._bookings_before(PHASES * (first + count)),
        )
        self._rows = EquityRows(first + count, self._rows.equity, self._rows.cash, self._rows.gross)
        return self.writers[Kind.EQUITY].write(rows, 6 * (first + count))
