"""The strategy's place in a run: NEW_DATA comes in (and BOOK, where the strategy reads it), SIGNAL and PROGRESS go out.

It works a row when it has all that it reads of it, and says so even when it has no signal: that is what lets
the portfolio go on. Pure: no sockets, clock, randomness, files or threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from backbus.market.panel import Block, Layout
from backbus.market.ticks import PHASES
from backbus.strategy.base import Strategy
from backbus.strategy.runner import StrategyRunner
from backbus.streams.event import Event
from backbus.streams.run_handler import RunHandler
from backbus.streams.topology import STRATEGY, Kind
from backbus.trading.account_rows import BookRows
from backbus.trading.records import Records


class StrategyHandler(RunHandler):
    """One run of one strategy.

    ``cash`` is what the book shows in warm-up rows, before the portfolio has one. PROGRESS is said at least every
    ``progress_rows`` rows, and at the end.
    """

    def __init__(
        self,
        strategy: Strategy,
        layout: Layout,
        *,
        cash: float = 0.0,
        progress_rows: int = 1,
        instruments: Records | None = None,
    ) -> None:
        self.runner = StrategyRunner(strategy, layout, instruments)
        super().__init__(STRATEGY, layout, progress_rows, reads_book=self.runner.reads_book)
        self.writer = self.writers[Kind.SIGNAL]
        self._cash = cash
        self._rows = self._loaded = 0
        self._books: deque[BookRows] = deque()

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""
        return self._rows

    @property
    def done(self) -> bool:
        """Whether all rows of the run are worked off: what the book becomes after the last one is nobody's to know."""
        return self._rows == self._layout.rows

    def _take(self, event: Event) -> Iterator[Event]:
        """Take in bars or a book, and speak as far as both are there. Raises ``StrategyError``."""
        match event.payload:
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
        early = min(self._loaded, self._layout.warmup) - self._rows
        if early > 0:
            yield from self._said(self.runner.on_book(self._flat(early)), early)
        while self._books and self._rows < self._loaded:
            book = self._books.popleft()
            count = min(len(book), self._loaded - self._rows)
            if count < len(book):
                self._books.appendleft(book.rows(count, len(book)))
            yield from self._said(self.runner.on_book(book.rows(0, count)), count)

    def _flat(self, rows: int) -> BookRows:
        cash, none = np.full(rows, self._cash), np.zeros((rows, self._layout.assets))
        return BookRows(self._rows, cash, cash, none, none)

    def _said(self, records: Records, rows: int) -> Iterator[Event]:
        self._rows += rows
        yield self.writer.write(records, PHASES * self._rows)
        yield from self._progress()
