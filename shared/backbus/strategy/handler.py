"""The strategy's place in a run: NEW_DATA comes in (and BOOK, where the strategy reads it), SIGNAL and PROGRESS go out.

It works a row when it has all that it reads of it, and says so even when it has no signal: its silence is what lets
the portfolio go on. Pure: no sockets, clock, randomness, files or threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from backbus.events.event import Event, Kind
from backbus.link.stream import StreamReader, StreamWriter
from backbus.market.panel import Block, Layout
from backbus.market.ticks import PHASES
from backbus.strategy.base import Strategy
from backbus.strategy.runner import StrategyRunner
from backbus.trading.account_rows import BookRows
from backbus.trading.records import Records


class StrategyHandler:
    """One run of one strategy.

    ``cash`` is what the book shows in warm-up rows, before the portfolio has one. PROGRESS is said at least every
    ``progress_rows`` rows, and at the end.
    """

    def __init__(self, strategy: Strategy, layout: Layout, *, cash: float = 0.0, progress_rows: int = 1) -> None:
        self.layout = layout
        self.runner = StrategyRunner(strategy, layout)
        self.writer = StreamWriter(Kind.SIGNAL, "strategy")
        self.writers = {Kind.SIGNAL: self.writer}
        self.readers = {Kind.NEW_DATA: StreamReader(Kind.NEW_DATA)}
        if self.runner.reads_book:
            self.readers[Kind.BOOK] = StreamReader(Kind.BOOK)
        self.rows_done = 0
        self._cash = cash
        self._progress_rows = max(1, progress_rows)
        self._told = 0
        self._loaded = 0
        self._books: deque[BookRows] = deque()

    @property
    def done(self) -> bool:
        """Whether all rows of the run are worked off."""
        return self.rows_done == self.layout.rows

    def start(self) -> Iterable[Event]:
        """Nothing can be said before the first bar."""
        return ()

    def receive(self, event: Event) -> Iterator[Event]:
        """Take one event; say everything that can be said now. Raises StreamGap, StrategyError."""
        reader = self.readers.get(event.kind)
        fresh = None if reader is None else reader.accept(event)
        if fresh is None:
            return
        match fresh.payload:
            case Block() as block if self.runner.reads_book:
                self.runner.load(block)
                self._loaded += len(block)
            case Block() as block:
                yield from self._said(self.runner.on_block(block), len(block))
            case BookRows() as book:
                self._books.append(book)
        if self.runner.reads_book:
            yield from self._with_book()

    def _with_book(self) -> Iterator[Event]:
        early = min(self._loaded, self.layout.warmup) - self.rows_done
        if early > 0:
            yield from self._said(self.runner.on_book(self._flat(early)), early)
        while self._books and self.rows_done < self._loaded:
            book = self._books.popleft()
            count = min(len(book), self._loaded - self.rows_done)
            if count < len(book):
                self._books.appendleft(book.rows(count, len(book)))
            yield from self._said(self.runner.on_book(book.rows(0, count)), count)

    def _flat(self, rows: int) -> BookRows:
        cash, none = np.full(rows, self._cash), np.zeros((rows, self.layout.assets))
        return BookRows(self.rows_done, cash, cash, none, none)

    def _said(self, records: Records, rows: int) -> Iterator[Event]:
        self.rows_done += rows
        yield self.writer.write(records, PHASES * self.rows_done)
        if self.rows_done - self._told >= self._progress_rows or self.done:
            self._told = self.rows_done
            yield Event(Kind.PROGRESS, "strategy", self.rows_done, self.rows_done, PHASES * self.rows_done)
