"""The order layer as a state machine: bars and orders in, fills out.

``ORDER.through = T`` lets it match every tick up to T, because T itself is a decision and not a match; it sweeps all
rows up to there at once and answers with how far its fills are complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from backbus.execution import loop as lp
from backbus.market import records as rec
from backbus.market.panel import Block, Floats, Layout
from backbus.market.records import Records, frozen, joined
from backbus.market.rules import Rules, blank_seen, blank_tape
from backbus.market.working import Orders
from backbus.streams.event import Event
from backbus.streams.record_queue import RecordQueue
from backbus.streams.stream import StreamReader, StreamWriter
from backbus.streams.topology import EXECUTION, Kind, read_by, written_by


class ExecutionHandler:
    """One run's order layer. ``progress_rows`` bounds the rows between two PROGRESS events."""

    def __init__(self, rules: Rules, layout: Layout, *, progress_rows: int) -> None:
        self._rules, self._layout = rules, layout
        self._progress_rows = max(1, progress_rows)
        self.readers = {kind: StreamReader(kind) for kind in read_by(EXECUTION)}
        self.writers = {kind: StreamWriter(kind, EXECUTION) for kind in written_by(EXECUTION)}
        self._tape, self._seen = blank_tape(rules.instruments), blank_seen(rules)
        self._working = Orders(layout.assets, lists=rules.lists)
        self._blocks: deque[Block] = deque()
        self._orders = RecordQueue(rec.ORDER)
        self._fills = rec.empty(rec.FILL, 64)
        self._cursor = np.zeros(4, dtype=np.int64)
        self._end = 6 * layout.rows
        self._tick = 0
        """Next tick to match: the cursor's, as a plain number."""
        self._said = 0
        self._facts: tuple[Block, Floats] | None = None

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""
        return self._tick // 6

    @property
    def done(self) -> bool:
        """Whether every row is swept and every input is at its end."""
        return self._tick >= self._end and all(r.through >= self._end for r in self.readers.values())

    def start(self) -> Iterable[Event]:
        """Nothing can fill before an order is known."""
        return ()

    def receive(self, event: Event) -> Iterable[Event]:
        """Take in a block or orders, and say what filled and how far fills are complete."""
        reader = self.readers.get(event.kind)
        fresh = reader.accept(event) if reader is not None else None
        if fresh is None:
            return ()
        payload = fresh.payload
        if isinstance(payload, np.ndarray):
            self._working.need(payload["flags"], beyond=rec.LISTED - 1)
            self._orders.add(payload)
        elif isinstance(payload, Block):
            self._blocks.append(payload)
        return self._sweep()

    def _sweep(self) -> Iterable[Event]:
        limit = min(self.readers[Kind.ORDER].through + 1, self._end)
        filled: list[Records] = []
        while self._blocks and self._tick < limit:
            block = self._blocks[0]
            end = 6 * (block.first_row + len(block))
            count = self._match(block, min(limit, end))
            if count:
                filled.append(frozen(self._fills[:count]))
            if self._tick >= end:
                self._blocks.popleft()
        events: list[Event] = []
        writer = self.writers[Kind.FILL]
        if filled or self._tick > writer.through:
            events.append(writer.write(joined(filled) if filled else None, self._tick))
        rows = self._tick // 6
        if rows - self._said >= self._progress_rows or (rows == self._layout.rows and self._said < rows):
            self._said = rows
            events.append(Event(Kind.PROGRESS, EXECUTION, rows, rows, 6 * rows))
        return events

    def _facts_of(self, block: Block) -> Floats:
        """What the loop knows of a block besides: made once, since it is swept in parts."""
        if self._facts is None or self._facts[0] is not block:
            self._facts = (block, self._rules.facts_of(block))
        return self._facts[1]

    def _match(self, block: Block, limit: int) -> int:
        """Match the ticks of a block below ``limit``; returns the number of fills."""
        orders, working = self._orders.pending, self._working
        room = len(orders) + self._layout.assets
        if working.lists:
            working.make_room(len(orders))
            room = 8 * (room + working.count)
        if len(self._fills) < room:
            self._fills = rec.empty(rec.FILL, 2 * room)
        cursor = self._cursor
        cursor[lp.ORDERS] = cursor[lp.FILLS] = 0
        if working.lists:
            lp.sweep_lists(
                self._rules.record,
                self._rules.instruments,
                self._tape,
                working.working,
                working.terms,
                working.heads,
                block.end,
                block.session,
                block.open,
                block.high,
                block.low,
                block.close,
                block.volume,
                self._seen,
                self._facts_of(block),
                block.first_row,
                orders,
                limit,
                self._fills,
                cursor,
            )
        else:
            lp.sweep(
                self._rules.record,
                self._rules.instruments,
                self._tape,
                working.working,
                block.open,
                block.close,
                block.first_row,
                orders,
                limit,
                self._fills,
                cursor,
            )
        self._tick, applied, count, _ = cursor.tolist()
        self._orders.drop(applied)
        return count
