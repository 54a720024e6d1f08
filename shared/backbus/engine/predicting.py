"""Members that do not wait: they work out what others must say, and compare it with what these say.

All members of a run compute with the same sources, so the fused loop of one process gives each of them what follows of
bars and signals. A portfolio says ORDER at once; its EQUITY, PROGRESS and end tell only of rows whose fills the order
layer has said too, byte for byte. A strategy that reads the book keeps one of its own. A result never depends on what
was worked out by one member alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from backbus.engine.beside import RowByRow
from backbus.engine.foretold import Foretold
from backbus.engine.trading import Trading
from backbus.errors import StrategyError
from backbus.market.panel import Block, Layout
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.strategy import Strategy, StrategyRunner
from backbus.streams.event import Event
from backbus.streams.record_queue import RecordQueue
from backbus.streams.run_handler import RunHandler
from backbus.streams.stream import StreamReader, StreamWriter
from backbus.streams.topology import PORTFOLIO, STRATEGY, Kind, compared_by, vouched_by
from backbus.trading import records as rec
from backbus.trading.account_rows import EquityRows
from backbus.trading.records import Records
from backbus.trading.rules import Rules

MESSAGE_BYTES = 4 << 20
"""Of records in one message, at the most, where its rows let it be cut."""
SLICE_ROWS = 256
"""Rows that a strategy works off before it says so and its member looks around."""


def waits(facts: Mapping[str, Any]) -> bool:
    """Whether the portfolio of a run with these facts of START waits for fills, and tells of the book where it is read:
    in a careful attempt, and where a strategy reads the book and does not work it out."""
    return bool(facts.get("careful") or (facts["reads_book"] and not facts.get("works_out_book")))


class PredictingPortfolio(RunHandler):
    """One run's portfolio. ``batch_rows`` bounds the rows that EQUITY keeps back and those between two PROGRESS."""

    def __init__(self, rules: Rules, layout: Layout, *, batch_rows: int) -> None:
        super().__init__(PORTFOLIO, layout, batch_rows, reads_book=False)
        self._trading = Trading(rules, rows=layout.rows, assets=layout.assets)
        self._blocks: deque[Block] = deque()
        self._traded: Block | None = None
        """What is traded of the block that is being worked off."""
        self._signals = RecordQueue(rec.SIGNAL)
        self._fills = Foretold(Kind.FILL, PORTFOLIO, layout)
        self._tick = 0
        """Next tick to work."""
        self._curves: deque[EquityRows] = deque()
        """The account after rows of blocks that are worked off and not told of."""
        self._told_rows = layout.warmup
        """Where the next EQUITY begins."""

    @property
    def rows_done(self) -> int:
        """Rows that are worked off and confirmed, warm-up rows included."""
        return self._confirmed // PHASES

    @property
    def _confirmed(self) -> int:
        """The tick below which the order layer has said what was worked out."""
        return min(self._tick, self.readers[Kind.FILL].watermark)

    def start(self) -> Iterable[Event]:
        """What is true before anything is known: no order before the first decision."""
        yield self.writers[Kind.ORDER].write(None, PHASES * self._layout.warmup + CLOSE_DECIDE)

    def _take(self, event: Event) -> Iterator[Event]:
        """Take in a block, signals or fills, and say what follows. Raises ``Mispredicted``."""
        payload = event.payload
        if isinstance(payload, Block):
            self._blocks.append(payload)
        elif isinstance(payload, np.ndarray):
            if event.kind is Kind.SIGNAL:
                self._signals.add(payload)
            else:
                self._fills.hear(payload)
        if event.kind is not Kind.FILL:
            yield from self._work()
        self._fills.compare(self._confirmed)
        yield from self._equity()
        yield from self._progress()

    def _work(self) -> Iterator[Event]:
        """Trade as far as bars and signals reach, and say the orders."""
        trading = self._trading
        signalled = self.readers[Kind.SIGNAL].watermark
        while True:
            if self._traded is None:
                if not self._blocks:
                    return
                self._begin(self._blocks.popleft())
                continue
            if signalled < PHASES * (self._tick // PHASES) + CLOSE_DECIDE:
                return  # not even the next decision is covered: what can be said of it is said with it
            orders, fills = len(trading.orders), len(trading.fills)
            trading.work(self._traded, self._signals.pending, signalled)
            self._signals.drop(trading.taken)
            self._fills.expect(trading.fills[fills:])
            self._tick = trading.tick
            yield from self._said(trading.orders[orders:])
            if self._tick < PHASES * (self._traded.first_row + len(self._traded)):
                return
            self._curves.append(trading.rows)
            self._traded = None

    def _begin(self, block: Block) -> None:
        traded = self._trading.begin(block, min(max(self._layout.warmup - block.first_row, 0), len(block)))
        self._tick = PHASES * traded.first_row
        self._traded = traded if len(traded) else None

    def _said(self, orders: Records) -> Iterator[Event]:
        order = self.writers[Kind.ORDER]
        for part, watermark in cut_at_rows(orders, self._tick, MESSAGE_BYTES):
            if len(part) or watermark > order.watermark:
                yield order.write(part, max(watermark, order.watermark))

    def _equity(self) -> Iterator[Event]:
        """The account after rows that are confirmed, where there are enough of them or no more to come."""
        until = self.rows_done
        if until - self._told_rows < self._progress_rows and until < self._layout.rows:
            return
        while self._told_rows < until:
            curve = self._curves[0] if self._curves else self._trading.rows
            end = curve.first_row + len(curve)
            stop = min(until, end)
            part = curve.rows(self._told_rows - curve.first_row, stop - curve.first_row)
            self._told_rows = stop
            if stop == end and self._curves:
                self._curves.popleft()
            yield self.writers[Kind.EQUITY].write(part, PHASES * stop)


def cut_at_rows(records: Records, watermark: int, most_bytes: int) -> Iterator[tuple[Records, int]]:
    """The records in parts of whole rows, each of at most so many bytes where a row is not more, with the tick up to
    which they are all; the last part's is ``watermark``."""
    most = max(1, most_bytes // records.dtype.itemsize)
    while len(records) > most:
        ticks = records["tick"]
        row = int(ticks[most]) // PHASES  # the first row for which there is no room
        cut = int(np.searchsorted(ticks, PHASES * row)) or int(np.searchsorted(ticks, PHASES * (row + 1)))
        if cut == len(records):
            break
        yield records[:cut], PHASES * (int(ticks[cut]) // PHASES)
        records = records[cut:]
    yield records, watermark


class PredictingStrategy(RunHandler):
    """One run of a strategy that reads the book, which it keeps itself, row by row beside the fused loop.

    It waits for nobody. ORDER and FILL are heard and compared as they come; of EQUITY it says at its end what it worked
    out, and whoever compares both ends of every stream compares this with what was written. An error of the strategy's
    is told once the book that it arose from is confirmed."""

    def __init__(self, strategy: Strategy, rules: Rules, layout: Layout, *, progress_rows: int) -> None:
        super().__init__(STRATEGY, layout, progress_rows, reads_book=False)
        self.readers |= {kind: StreamReader(kind) for kind in compared_by(STRATEGY)}
        self.vouched = {kind: StreamWriter(kind, STRATEGY) for kind in vouched_by(STRATEGY)}
        self._trading = Trading(rules, rows=layout.rows, assets=layout.assets)
        self._beside = RowByRow(StrategyRunner(strategy, layout, rules.instruments), self._trading)
        self._foretold = {kind: Foretold(kind, STRATEGY, layout) for kind in compared_by(STRATEGY)}
        self._rows = self._tick = 0
        self._error: StrategyError | None = None

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""
        return self._rows

    def _take(self, event: Event) -> Iterator[Event]:
        """Take in bars and speak slice by slice; or orders, or fills. Raises StrategyError and Mispredicted."""
        payload = event.payload
        if isinstance(payload, Block):
            for start in range(0, len(payload), SLICE_ROWS):
                if self._error is None:
                    yield from self._slice(payload.rows(start, min(start + SLICE_ROWS, len(payload))))
        elif isinstance(payload, np.ndarray):
            self._foretold[event.kind].hear(payload)
        self._compare()

    def _slice(self, block: Block) -> Iterator[Event]:
        trading = self._trading
        try:
            signals = self._beside.on_block(block, min(max(self._layout.warmup - block.first_row, 0), len(block)))
            self._rows += len(block)
            self._tick = PHASES * self._rows
            self.vouched[Kind.EQUITY].write(trading.rows, self._tick)
        except StrategyError as error:
            # All that it said before is said, so that the others come to where it stands and tell of the same book.
            self._error = error
            signals, self._tick = self._beside.spoken, trading.tick
        self._foretold[Kind.ORDER].expect(trading.orders)
        self._foretold[Kind.FILL].expect(trading.fills)
        yield self.writers[Kind.SIGNAL].write(signals, self._tick)
        yield from self._progress()

    def _compare(self) -> None:
        heard = min(self.readers[kind].watermark for kind in self._foretold)
        for foretold in self._foretold.values():
            foretold.compare(min(self._tick, heard))
        if self._error is not None and heard >= self._tick:
            raise self._error
