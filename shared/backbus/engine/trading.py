"""The fused loop with its state and buffers: block by block, as far as the signals reach, portfolio and order layer at
once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from backbus.engine.loop import run_lists, run_rows
from backbus.jit.arrays import read_only
from backbus.jit.python import plain
from backbus.market.panel import Block
from backbus.market.ticks import PHASES
from backbus.portfolio.financing import bookings_of_row
from backbus.trading import records as rec
from backbus.trading.account_rows import EquityRows
from backbus.trading.block_facts import BlockFacts
from backbus.trading.codes import SignalKind
from backbus.trading.groups import CURSOR, Account, StoppedFor
from backbus.trading.ledger import open_account
from backbus.trading.market_state import open_market
from backbus.trading.open_orders import OrderStore
from backbus.trading.records import Records
from backbus.trading.rules import Rules
from backbus.trading.warmup import warm_up

_NEW = (CURSOR.ROWS, CURSOR.ORDERS, CURSOR.FILLS, CURSOR.BOOKINGS)
"""Cells of the cursor that count what was written of a block."""


class Trading:
    """One run's account, market and orders, and what has become of the block that it is at."""

    def __init__(self, rules: Rules, *, rows: int, assets: int) -> None:
        self._rules, self._run_rows, self._assets = rules, rows, assets
        self.account: Account = open_account(rules)
        """As it stands: the same arrays throughout."""
        self._market = open_market(rules)
        self._open_orders = OrderStore(assets, listed=rules.needs_order_lists)
        self._bookings_of_row = plain(bookings_of_row)(self.account.positions)
        self._cursor = np.zeros(len(CURSOR), dtype=np.int64)
        self._facts = BlockFacts(rules)
        self._curve = EquityRows(0, np.empty(0), np.empty(0), np.empty(0))
        self._orders, self._fills = rec.empty(rec.ORDER), rec.empty(rec.FILL)
        self._bookings = rec.empty(rec.BOOKING)
        self._state = [0] * len(CURSOR)
        """The cursor, as plain numbers."""
        self._door: tuple[Any, ...] | None = None
        """What the loop of single orders takes of a block, whatever is said in it."""

    def begin(self, block: Block, warmup: int) -> Block:
        """Take up the next block, of which the first ``warmup`` rows are not traded: the rows that are. What was
        written of the block before is let go of."""
        if warmup:
            warm_up(self._rules, self.account, self._market, block, warmup)
            self._cursor[CURSOR.TICK] = PHASES * (block.first_row + warmup)
        traded = block.rows(warmup, len(block))
        count = len(traded)
        self._curve = EquityRows(traded.first_row, np.empty(count), np.empty(count), np.empty(count))
        for field in _NEW:
            self._cursor[field] = 0
        self._state, self._door = self._cursor.tolist(), None
        self._orders, self._fills, self._bookings = rec.empty(rec.ORDER), rec.empty(rec.FILL), rec.empty(rec.BOOKING)
        return traded

    def work(self, block: Block, signals: Records, through: int) -> None:
        """Go on with the rows that ``begin`` gave, to their end or to the first decision at or after ``through``, up to
        which ``signals`` are all that the strategy says since the last call."""
        cursor, orders, said = self._cursor, self._open_orders, len(signals)
        cursor[CURSOR.SIGNALS] = 0
        signals.flags.writeable = False  # a loop is made for one kind of array, an empty one too
        if said:
            orders.need(signals["kind"], beyond=SignalKind.WEIGHT)
        if orders.listed:
            self._work_lists(block, signals, through)
            return
        room = said + 2 * self._assets
        self._make_room(3 * room, room)
        if self._door is None:
            market = self._market
            self._door = (
                self._rules.record, *self.account, market.instruments, market.state, *orders.single, block.first_row,
                block.open, block.close,
            )  # fmt: skip
        curve = self._curve
        run_rows(
            *self._door, signals, through, self._orders, self._fills, curve.equity, curve.cash, curve.gross, cursor
        )
        self._state = cursor.tolist()

    def _work_lists(self, block: Block, signals: Records, through: int) -> None:
        cursor, market, orders, curve = self._cursor, self._market, self._open_orders, self._curve
        while True:
            orders.make_room(4 * (len(signals) + self._assets))
            room = 32 * (len(signals) + self._assets) + 8 * orders.count
            self._make_room(3 * room, room)
            booked = self._state[CURSOR.BOOKINGS]
            self._bookings = _with_room(self._bookings, booked, self._bookings_of_row)
            run_lists(
                self._rules.record, *self.account, *market, *orders.lists, block.first_row, block.open, block.close,
                block.high, block.low, block.volume, self._facts.of(block), read_only(block.session),
                read_only(block.end), signals, through, self._orders, self._fills, self._bookings,
                curve.equity, curve.cash, curve.gross, cursor,
            )  # fmt: skip
            self._state = state = cursor.tolist()
            if self._rules.own:
                self._rules.look_at_own(curve.cash[: state[CURSOR.ROWS]], over=self.tick >= PHASES * self._run_rows)
            if state[CURSOR.STOPPED_FOR] != StoppedFor.RECORD_ROOM:
                return

    def _make_room(self, orders: int, fills: int) -> None:
        self._orders = _with_room(self._orders, self._state[CURSOR.ORDERS], orders)
        self._fills = _with_room(self._fills, self._state[CURSOR.FILLS], fills)

    @property
    def tick(self) -> int:
        """The next tick to work."""
        return self._state[CURSOR.TICK]

    @property
    def taken(self) -> int:
        """Signals that the last call of ``work`` used up."""
        return self._state[CURSOR.SIGNALS]

    @property
    def written(self) -> tuple[int, int]:
        """How many orders and fills the block has so far."""
        return self._state[CURSOR.ORDERS], self._state[CURSOR.FILLS]

    @property
    def rows(self) -> EquityRows:
        """The account after each row of the block; whole once the block is worked off."""
        booked = self._state[CURSOR.BOOKINGS]
        return replace(self._curve, bookings=self._bookings[:booked]) if booked else self._curve

    @property
    def orders(self) -> Records:
        """ORDER records of the block so far."""
        return self._orders[: self._state[CURSOR.ORDERS]]

    @property
    def fills(self) -> Records:
        """FILL records of the block so far."""
        return self._fills[: self._state[CURSOR.FILLS]]


def _with_room(records: Records, used: int, room: int) -> Records:
    if len(records) >= used + room:
        return records
    larger = rec.empty(records.dtype, 2 * used + room)
    larger[:used] = records[:used]
    return larger
