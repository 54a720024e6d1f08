"""The order layer as a state machine: bars and orders in, fills out.

ORDER's watermark T lets it match every tick up to T, because T itself is a decision and not a match; it sweeps all
rows up to there at once and answers with how far its fills are complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from backbus.execution import loop as lp
from backbus.market import records as rec
from backbus.market.block_facts import BlockFacts
from backbus.market.panel import Block, Layout
from backbus.market.records import Records, frozen, joined
from backbus.market.rules import Rules, blank_seen, blank_tape
from backbus.market.working import Orders
from backbus.streams.event import Event
from backbus.streams.record_queue import RecordQueue
from backbus.streams.run_handler import RunHandler
from backbus.streams.topology import EXECUTION, Kind


class ExecutionHandler(RunHandler):
    """One run's order layer. ``progress_rows`` bounds the rows between two PROGRESS events."""

    def __init__(self, rules: Rules, layout: Layout, *, progress_rows: int) -> None:
        super().__init__(EXECUTION, layout, progress_rows)
        self._rules = rules
        self._tape, self._seen = blank_tape(rules.instruments), blank_seen(rules)
        self._working = Orders(layout.assets, lists=rules.lists)
        self._blocks: deque[Block] = deque()
        self._orders = RecordQueue(rec.ORDER)
        self._fills = rec.empty(rec.FILL, 64)
        self._cursor = np.zeros(4, dtype=np.int64)
        self._tick = 0
        """Next tick to match: the cursor's, as a plain number."""
        self._facts = BlockFacts(rules)

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""
        return self._tick // 6

    def _take(self, event: Event) -> Iterable[Event]:
        """Take in a block or orders, and say what filled and how far fills are complete."""
        payload = event.payload
        if isinstance(payload, np.ndarray):
            self._working.need(payload["flags"], beyond=rec.LISTED - 1)
            self._orders.add(payload)
        elif isinstance(payload, Block):
            self._blocks.append(payload)
        return self._sweep()

    def _sweep(self) -> Iterable[Event]:
        limit = min(self.readers[Kind.ORDER].watermark + 1, self._end)
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
        if filled or self._tick > writer.watermark:
            events.append(writer.write(joined(filled) if filled else None, self._tick))
        events.extend(self._progress())
        return events

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
                self._facts.of(block),
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
