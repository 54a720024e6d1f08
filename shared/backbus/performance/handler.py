"""The performance handler: the streams of a run come in, PROGRESS goes out, and at the end there is a report.

It reads NEW_DATA, SIGNAL, ORDER, FILL and EQUITY. A row is worked off when its panel row and its equity are both here;
records wait for the instant of their row. Rows are worked off in batches, so that a decision costs little more than
taking its records. What there is per row is handed out as pieces of tables and not kept: ``take_pieces`` must be called
now and then, or nothing but the pieces grows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from backbus.job.job import Job
from backbus.market.panel import Block, Layout
from backbus.market.ticks import PHASES
from backbus.performance.instants import Begins, instants
from backbus.performance.report import Report
from backbus.performance.statistics import Statistics
from backbus.performance.tables import (
    Piece,
    RowTimes,
    activity_piece,
    equity_piece,
    fill_pieces,
    orders_piece,
    signals_piece,
    trades_piece,
)
from backbus.performance.trades import put_times
from backbus.streams.event import Event
from backbus.streams.run_handler import RunHandler
from backbus.streams.topology import PERFORMANCE, Kind
from backbus.trading.account_rows import NO_FILLS, EquityRows
from backbus.trading.records import Records, joined

_RECORDS = (Kind.SIGNAL, Kind.ORDER, Kind.FILL)
_TAIL_BATCH = 4096
"""Records gathered before they are counted once all rows are worked off; before that, rows set the pace."""


class PerformanceHandler(RunHandler):
    """Counts a run. ``progress_rows`` is how many rows are worked off at a time; at most a quarter of the window."""

    def __init__(self, job: Job, layout: Layout, progress_rows: int, *, marks: bool = False) -> None:
        super().__init__(PERFORMANCE, layout, progress_rows)
        self.statistics = Statistics(job, layout, marks=marks)
        self._rows = 0
        self._blocks: deque[Block] = deque()
        self._equity: deque[EquityRows] = deque()
        self._waiting: dict[Kind, list[Records]] = {kind: [] for kind in _RECORDS}
        self._records_waiting = 0
        self._times = RowTimes()
        self._begins = Begins(layout)
        self._pieces: list[Piece] = []
        self._told_open_trades = False

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up included."""
        return self._rows

    def _take(self, event: Event) -> Iterable[Event]:
        """Take in rows or records; PROGRESS where enough rows have been worked off."""
        payload = event.payload
        if isinstance(payload, Block):
            self._blocks.append(payload)
        elif isinstance(payload, EquityRows):
            self._equity.append(payload)
        elif isinstance(payload, np.ndarray):
            self._waiting[event.kind].append(payload)
            self._records_waiting += len(payload)
            if self._rows < self._layout.rows:
                return ()  # records are counted with their rows: nothing can follow from them alone
        return self._advance()

    def take_pieces(self) -> list[Piece]:
        """The pieces of the run's tables since the last call, each table's in its order."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def report(self, warnings: Iterable[str] = ()) -> Report:
        """The report of what has been worked off; of the run once ``done``."""
        return self.statistics.report(warnings)

    def _advance(self) -> Iterable[Event]:
        rows = self._layout.rows
        ready = min(self.readers[Kind.NEW_DATA].next, self._layout.warmup + self.readers[Kind.EQUITY].next, rows)
        further = ready - self._rows
        worked = further >= self._progress_rows or (further > 0 and ready == rows)
        if worked:
            self._work_off(ready)
        if worked or (self._rows == rows and (self._records_waiting >= _TAIL_BATCH or self.done)):
            self._count_records()
        if self.done and not self._told_open_trades:
            self._told_open_trades = True
            self._pieces.append(trades_piece(self.statistics.open_trades()))
        return self._progress()

    def _work_off(self, ready: int) -> None:
        while self._rows < ready:
            block = self._blocks.popleft()
            count = min(len(block), ready - self._rows)
            if count < len(block):
                self._blocks.appendleft(block.rows(count, len(block)))
                block = block.rows(0, count)
            traded = min(count, max(0, self._rows + count - self._layout.warmup))
            equity = self._next_equity(traded) if traded else None
            self.statistics.add_rows(block, equity)
            begins = self._begins.of(block)
            self._times.add(begins, block.end)
            if equity is not None:
                self._pieces.append(equity_piece(block.rows(count - traded, count), equity))
                if len(equity.bookings):
                    times = instants(equity.bookings["tick"], block.first_row, begins, block.end)
                    self._pieces.append(activity_piece(equity.bookings, times))
            self._rows += count

    def _next_equity(self, count: int) -> EquityRows:
        parts: list[EquityRows] = []
        missing = count
        while missing:
            part = self._equity.popleft()
            if len(part) > missing:
                self._equity.appendleft(part.rows(missing, len(part)))
                part = part.rows(0, missing)
            parts.append(part)
            missing -= len(part)
        if len(parts) == 1:
            return parts[0]
        return EquityRows(
            parts[0].first_row,
            np.concatenate([part.equity for part in parts]),
            np.concatenate([part.cash for part in parts]),
            np.concatenate([part.gross for part in parts]),
            joined([part.bookings for part in parts]),
        )

    def _count_records(self) -> None:
        """Count the records of rows that are worked off; those of later rows go on waiting."""
        self._records_waiting = 0
        for kind, waiting in self._waiting.items():
            if not waiting and kind is not Kind.FILL:
                continue
            records = joined(waiting) if waiting else NO_FILLS
            cut = int(np.searchsorted(records["tick"], PHASES * self._rows))
            waiting.clear()
            if cut < len(records):
                waiting.append(records[cut:])
                self._records_waiting += len(records) - cut
            if cut or kind is Kind.FILL:
                self._count(kind, records[:cut])
        complete = min(self.readers[kind].watermark for kind in _RECORDS) // PHASES
        self._times.forget(min(complete, self._rows))

    def _count(self, kind: Kind, records: Records) -> None:
        times = self._times.of(records["tick"])
        if kind is Kind.FILL:
            watermark = min(self.readers[Kind.FILL].watermark, PHASES * self._rows)
            closed = self.statistics.add_fills(records, times, watermark)
            if len(closed):
                put_times(closed, self._times.of(closed["exit_tick"]))
            if len(records):
                self._pieces.extend(fill_pieces(records, times))
            if len(closed):
                self._pieces.append(trades_piece(closed))
        elif kind is Kind.ORDER:
            self.statistics.add_orders(records)
            self._pieces.append(orders_piece(records, times))
        else:
            self.statistics.add_signals(len(records))
            self._pieces.append(signals_piece(records, times))
