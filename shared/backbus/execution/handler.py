"""The order layer as a state machine: bars and orders in, fills out.

ORDER's watermark T lets it match every tick up to T, because T itself is a decision and not a match; it sweeps all
rows up to there at once and answers with how far its fills are complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from backbus.execution.loop import sweep, sweep_lists
from backbus.jit.arrays import read_only
from backbus.market.panel import Block, Layout
from backbus.market.ticks import PHASES
from backbus.streams.event import Event
from backbus.streams.record_queue import RecordQueue
from backbus.streams.run_handler import RunHandler
from backbus.streams.topology import EXECUTION, Kind
from backbus.trading import records as rec
from backbus.trading.block_facts import BlockFacts
from backbus.trading.codes import Flag
from backbus.trading.groups import CURSOR
from backbus.trading.market_state import open_market
from backbus.trading.open_orders import OrderStore
from backbus.trading.records import Records, joined, read_only_copy
from backbus.trading.rules import Rules

NO_CASH = np.empty(0)
"""What the market knows of the account."""


class ExecutionHandler(RunHandler):
    """One run's order layer. ``progress_rows`` bounds the rows between two PROGRESS events."""

    def __init__(self, rules: Rules, layout: Layout, *, progress_rows: int) -> None:
        super().__init__(EXECUTION, layout, progress_rows)
        self._rules = rules
        self._market = open_market(rules)
        self._open_orders = OrderStore(layout.assets, listed=rules.needs_order_lists)
        self._blocks: deque[Block] = deque()
        self._orders = RecordQueue(rec.ORDER)
        self._fills = rec.empty(rec.FILL, 64)
        self._cursor = np.zeros(len(CURSOR), dtype=np.int64)
        self._tick = 0
        """Next tick to match: the cursor's, as a plain number."""
        self._facts = BlockFacts(rules)

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""
        return self._tick // PHASES

    def _take(self, event: Event) -> Iterable[Event]:
        """Take in a block or orders, and say what filled and how far fills are complete."""
        payload = event.payload
        if isinstance(payload, np.ndarray):
            self._open_orders.need(payload["flags"], beyond=Flag.LISTED - 1)
            self._orders.add(payload)
        elif isinstance(payload, Block):
            self._blocks.append(payload)
        return self._sweep()

    def _sweep(self) -> Iterable[Event]:
        limit = min(self.readers[Kind.ORDER].watermark + 1, self._end)
        filled: list[Records] = []
        while self._blocks and self._tick < limit:
            block = self._blocks[0]
            end = PHASES * (block.first_row + len(block))
            count = self._match(block, min(limit, end))
            if count:
                filled.append(read_only_copy(self._fills[:count]))
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
        decided, orders = self._orders.pending, self._open_orders
        room = len(decided) + self._layout.assets
        if orders.listed:
            orders.make_room(len(decided))
            room = 8 * (room + orders.count)
        if len(self._fills) < room:
            self._fills = rec.empty(rec.FILL, 2 * room)
        cursor = self._cursor
        cursor[CURSOR.ORDERS] = cursor[CURSOR.FILLS] = 0
        if orders.listed:
            sweep_lists(
                self._rules.record, *self._market, *orders.lists, block.first_row, block.open, block.close, block.high,
                block.low, block.volume, self._facts.of(block), read_only(block.session), read_only(block.end), decided,
                limit, self._fills, cursor,
            )  # fmt: skip
        else:
            sweep(
                self._rules.record, self._market.instruments, self._market.state, *orders.single, block.first_row,
                block.open, block.close, decided, limit, self._fills, cursor,
            )  # fmt: skip
        self._tick = int(cursor[CURSOR.TICK])
        self._rules.look_at_own(NO_CASH, over=self._tick >= self._end)
        applied, count = int(cursor[CURSOR.ORDERS]), int(cursor[CURSOR.FILLS])
        self._orders.drop(applied)
        return count
