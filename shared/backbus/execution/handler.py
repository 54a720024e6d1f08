"""The order layer as a state machine: bars and orders in, fills out.

``ORDER.through = T`` lets it match every tick up to T, because T itself is a decision and not a match; it sweeps all
rows up to there at once and answers with how far its fills are complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from backbus.events.event import Event, Kind
from backbus.execution.loop import sweep, sweep_lists
from backbus.link.inbox import RecordQueue
from backbus.link.stream import StreamReader, StreamWriter
from backbus.market.panel import Block, Floats, Layout
from backbus.market.ticks import PHASES
from backbus.trading import records as rec
from backbus.trading.codes import Flag
from backbus.trading.groups import CURSOR
from backbus.trading.market_state import open_market
from backbus.trading.open_orders import OrderStore
from backbus.trading.records import Records, frozen, joined
from backbus.trading.rules import Rules

ROLE = "execution"


class ExecutionHandler:
    """One run's order layer. ``progress_rows`` bounds the rows between two PROGRESS events."""

    def __init__(self, rules: Rules, layout: Layout, *, progress_rows: int) -> None:
        self._rules, self._layout = rules, layout
        self._progress_rows = max(1, progress_rows)
        self.readers = {kind: StreamReader(kind) for kind in (Kind.NEW_DATA, Kind.ORDER)}
        self.writers = {Kind.FILL: StreamWriter(Kind.FILL, ROLE)}
        self._market = open_market(rules)
        self._open_orders = OrderStore(layout.assets, listed=rules.needs_order_lists)
        self._blocks: deque[Block] = deque()
        self._orders = RecordQueue(rec.ORDER)
        self._fills = rec.empty(rec.FILL, 64)
        self._cursor = np.zeros(len(CURSOR), dtype=np.int64)
        self._end = PHASES * layout.rows
        self._tick = 0
        """Next tick to match: the cursor's, as a plain number."""
        self._said = 0
        self._facts: tuple[Block, Floats] | None = None

    @property
    def rows_done(self) -> int:
        """Rows worked off, warm-up rows included."""
        return self._tick // PHASES

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
            self._open_orders.need(payload["flags"], beyond=Flag.LISTED - 1)
            self._orders.add(payload)
        elif isinstance(payload, Block):
            self._blocks.append(payload)
        return self._sweep()

    def _sweep(self) -> Iterable[Event]:
        limit = min(self.readers[Kind.ORDER].through + 1, self._end)
        filled: list[Records] = []
        while self._blocks and self._tick < limit:
            block = self._blocks[0]
            end = PHASES * (block.first_row + len(block))
            count = self._match(block, min(limit, end))
            if count:
                filled.append(frozen(self._fills[:count]))
            if self._tick >= end:
                self._blocks.popleft()
        events: list[Event] = []
        writer = self.writers[Kind.FILL]
        if filled or self._tick > writer.through:
            events.append(writer.write(joined(filled) if filled else None, self._tick))
        rows = self._tick // PHASES
        if rows - self._said >= self._progress_rows or (rows == self._layout.rows and self._said < rows):
            self._said = rows
            events.append(Event(Kind.PROGRESS, ROLE, rows, rows, PHASES * rows))
        return events

    def _facts_of(self, block: Block) -> Floats:
        """What the loop knows of a block besides: made once, since it is swept in parts."""
        if self._facts is None or self._facts[0] is not block:
            self._facts = (block, self._rules.facts_of(block))
        return self._facts[1]

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
                self._rules.record, *self._market, orders.slots, orders.terms, orders.heads, block.first_row,
                block.open, block.close, block.high, block.low, block.volume, self._facts_of(block), block.session,
                block.end, decided, limit, self._fills, cursor,
            )  # fmt: skip
        else:
            sweep(
                self._rules.record, self._market.instruments, self._market.state, *orders.single, block.first_row,
                block.open, block.close, decided, limit, self._fills, cursor,
            )  # fmt: skip
        self._tick = int(cursor[CURSOR.TICK])
        applied, count = int(cursor[CURSOR.ORDERS]), int(cursor[CURSOR.FILLS])
        self._orders.drop(applied)
        return count
