"""The tables of a run, column by column: equity, signals, orders, fills and trades, ready to be written.

A piece is some consecutive rows of one table as numpy columns. Names are codes here (an asset's index, a phase, a
reason); whoever writes a piece turns them into words with ``CATEGORIES`` and the run's symbols.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Block, Ints
from backbus.market.ticks import PHASE_NAMES, PHASES
from backbus.performance.instants import instants
from backbus.trading.account_rows import EquityRows
from backbus.trading.codes import (
    BOOKING_KINDS,
    CAPS,
    ENDS,
    FILL_RULES,
    ORDER_KINDS,
    ORDER_TYPES,
    REASONS,
    SIGNAL_KINDS,
    TIMES_IN_FORCE,
    FillRule,
)
from backbus.trading.records import Records

Columns = dict[str, NDArray[Any]]
Piece = tuple[str, Columns]


class ColumnKind(StrEnum):
    """How a column's numbers are to be read."""

    COUNT = "count"
    """A whole number; -1 is none."""
    NUMBER = "number"
    NUMBER_OR_NONE = "number_or_none"
    """NaN is none."""
    INSTANT = "instant"
    """UTC nanoseconds since 1970."""
    DATE = "date"
    """Days since 1970."""
    SYMBOL = "symbol"
    PHASE = "phase"
    SIDE = "side"
    SIGNAL_KIND = "signal_kind"
    ORDER_KIND = "order_kind"
    ORDER_TYPE = "order_type"
    IN_FORCE = "time_in_force"
    REASON = "reason"
    RULE = "rule"
    CAP = "cap"
    BOOKING_KIND = "booking_kind"


CATEGORIES: dict[ColumnKind, tuple[str, ...]] = {
    ColumnKind.PHASE: PHASE_NAMES,
    ColumnKind.SIDE: ("short", "long"),
    ColumnKind.SIGNAL_KIND: SIGNAL_KINDS,
    ColumnKind.ORDER_KIND: ORDER_KINDS,
    ColumnKind.ORDER_TYPE: ORDER_TYPES,
    ColumnKind.IN_FORCE: TIMES_IN_FORCE,
    ColumnKind.REASON: REASONS,
    ColumnKind.RULE: FILL_RULES,
    ColumnKind.CAP: CAPS,
    ColumnKind.BOOKING_KIND: BOOKING_KINDS,
}
"""The words that codes stand for; ``SYMBOL`` stands for the run's own symbols."""

_K = ColumnKind
TABLES: dict[str, dict[str, ColumnKind]] = {
    "equity": {
        "row": _K.COUNT,
        "time": _K.INSTANT,
        "session": _K.DATE,
        "equity": _K.NUMBER,
        "cash": _K.NUMBER,
        "gross": _K.NUMBER,
    },
    "signals": {
        "logical_time": _K.COUNT,
        "row": _K.COUNT,
        "time": _K.INSTANT,
        "symbol": _K.SYMBOL,
        "kind": _K.SIGNAL_KIND,
        "value": _K.NUMBER,
    },
    "orders": {
        "logical_time": _K.COUNT,
        "row": _K.COUNT,
        "time": _K.INSTANT,
        "phase": _K.PHASE,
        "order": _K.COUNT,
        "symbol": _K.SYMBOL,
        "kind": _K.ORDER_KIND,
        "quantity": _K.NUMBER,
        "wanted": _K.NUMBER,
        "reason": _K.REASON,
        "type": _K.ORDER_TYPE,
        "time_in_force": _K.IN_FORCE,
        "limit": _K.NUMBER_OR_NONE,
        "stop": _K.NUMBER_OR_NONE,
        "trail": _K.NUMBER_OR_NONE,
        "until": _K.COUNT,
        "parent": _K.COUNT,
        "group": _K.COUNT,
        "trail_from": _K.NUMBER_OR_NONE,
        "trail_from_fraction": _K.NUMBER_OR_NONE,
        "trail_then": _K.NUMBER_OR_NONE,
    },
    "fills": {
        "logical_time": _K.COUNT,
        "row": _K.COUNT,
        "time": _K.INSTANT,
        "phase": _K.PHASE,
        "order": _K.COUNT,
        "symbol": _K.SYMBOL,
        "quantity": _K.NUMBER,
        "price": _K.NUMBER,
        "reference": _K.NUMBER,
        "fee": _K.NUMBER,
        "rule": _K.RULE,
        "cap": _K.CAP,
        "unit": _K.NUMBER,
        "left": _K.NUMBER,
    },
    "order_ends": {
        "logical_time": _K.COUNT,
        "row": _K.COUNT,
        "time": _K.INSTANT,
        "phase": _K.PHASE,
        "order": _K.COUNT,
        "symbol": _K.SYMBOL,
        "reason": _K.RULE,
        "cap": _K.CAP,
        "left": _K.NUMBER,
        "level": _K.NUMBER_OR_NONE,
        "nearest": _K.NUMBER_OR_NONE,
    },
    "account_activity": {
        "logical_time": _K.COUNT,
        "row": _K.COUNT,
        "time": _K.INSTANT,
        "symbol": _K.SYMBOL,
        "kind": _K.BOOKING_KIND,
        "amount": _K.NUMBER,
        "quantity": _K.NUMBER,
        "basis": _K.NUMBER,
    },
    "trades": {
        "symbol": _K.SYMBOL,
        "side": _K.SIDE,
        "entry_row": _K.COUNT,
        "entry_time": _K.INSTANT,
        "exit_row": _K.COUNT,
        "exit_time": _K.INSTANT,
        "bars": _K.COUNT,
        "quantity": _K.NUMBER,
        "entry_price": _K.NUMBER,
        "exit_price": _K.NUMBER,
        "fees": _K.NUMBER,
        "pnl": _K.NUMBER,
        "return": _K.NUMBER,
    },
}
"""Every table with its columns in order. ``time`` is the begin of the row's bars in the phases of the open, as far as
it is known, and their end in all others."""


def equity_piece(block: Block, equity: EquityRows) -> Piece:
    """Rows of the account, with the instants and sessions of the same rows of the panel."""
    if block.first_row != equity.first_row or len(block) != len(equity):
        raise ValueError("a piece of equity needs the same rows of the panel")
    return "equity", {
        "row": np.arange(equity.first_row, equity.first_row + len(equity)),
        "time": block.end,
        "session": block.session,
        "equity": equity.equity,
        "cash": equity.cash,
        "gross": equity.gross,
    }


def signals_piece(signals: Records, times: Ints) -> Piece:
    """Signals with the instants of their rows."""
    return "signals", {**_when(signals, times), "kind": signals["kind"], "value": signals["value"]}


def orders_piece(orders: Records, times: Ints) -> Piece:
    """Records of the ORDER stream with the instants of their rows."""
    names = (
        "order",
        "kind",
        "quantity",
        "wanted",
        "reason",
        "type",
        "limit",
        "stop",
        "trail",
        "until",
        "parent",
        "group",
    )
    return "orders", {
        **_when(orders, times),
        "phase": orders["tick"] % PHASES,
        "time_in_force": orders["in_force"],
        "trail_from": orders["begins"],
        "trail_from_fraction": orders["gain"],
        "trail_then": orders["then"],
        **{name: orders[name] for name in names},
    }


def fill_pieces(records: Records, times: Ints) -> list[Piece]:
    """Records of the FILL stream with the instants of their rows: fills, and where orders ended, these ends."""
    names = ("order", "quantity", "price", "reference", "fee", "rule", "cap", "unit", "left")
    ended = records["rule"] >= ENDS
    more: list[Piece] = []
    if ended.any():
        ends = records[ended]
        shown = {
            "reason": "rule",
            "cap": "cap",
            "left": "left",
            "order": "order",
            "level": "price",
            "nearest": "reference",
        }
        columns = {name: ends[field] for name, field in shown.items()}
        more = [("order_ends", {**_when(ends, times[ended]), "phase": ends["tick"] % PHASES, **columns})]
    filled = ~ended
    for rule in (FillRule.LESSENED, FillRule.HELD_BACK, FillRule.TRAIL_BEGAN):  # what else became of an order
        filled &= records["rule"] != rule
    fills, times = (records, times) if filled.all() else (records[filled], times[filled])
    columns = {name: fills[name] for name in names}
    return [("fills", {**_when(fills, times), "phase": fills["tick"] % PHASES, **columns}), *more]


def activity_piece(bookings: Records, times: Ints) -> Piece:
    """What changed the book and was no fill, with the instants of its rows."""
    names = ("kind", "amount", "quantity", "basis")
    return "account_activity", {**_when(bookings, times), **{name: bookings[name] for name in names}}


def trades_piece(trades: Records) -> Piece:
    """Trades; one that is still open has no exit row and no exit time."""
    names = ("entry_time", "exit_time", "bars", "quantity", "entry_price", "exit_price", "fees", "pnl", "return")
    return "trades", {
        "symbol": trades["asset"],
        "side": (trades["side"] > 0).astype(np.int32),
        "entry_row": trades["entry_tick"] // PHASES,
        "exit_row": trades["exit_tick"] // PHASES,
        **{name: trades[name] for name in names},
    }


def run_pieces(
    block: Block, begins: Ints, equity: EquityRows, signals: Records, orders: Records, fills: Records, trades: Records
) -> list[Piece]:
    """The tables of a whole run in memory, one piece each. ``begins`` [rows] is when the block's rows begin; ``trades``
    are the closed ones, then the open."""

    def times(records: Records) -> Ints:
        return instants(records["tick"], block.first_row, begins, block.end)

    begin = equity.first_row - block.first_row
    return [
        equity_piece(block.rows(begin, begin + len(equity)), equity),
        signals_piece(signals, times(signals)),
        orders_piece(orders, times(orders)),
        *fill_pieces(fills, times(fills)),
        *([activity_piece(equity.bookings, times(equity.bookings))] if len(equity.bookings) else []),
        trades_piece(trades),
    ]


def _when(records: Records, times: Ints) -> Columns:
    ticks = records["tick"]
    return {"logical_time": ticks, "row": ticks // PHASES, "time": times, "symbol": records["asset"]}


class RowTimes:
    """The instants of recent rows: what gives a record its time while only a window of rows is kept."""

    __slots__ = ("_begin", "_end", "_first_row")

    def __init__(self) -> None:
        self._first_row = 0
        self._begin: Ints = np.empty(0, dtype=np.int64)
        self._end: Ints = np.empty(0, dtype=np.int64)

    def add(self, begin: Ints, end: Ints) -> None:
        """When the next rows begin and end."""
        self._begin = np.concatenate((self._begin, begin)) if len(self._end) else begin
        self._end = np.concatenate((self._end, end)) if len(self._end) else end

    def of(self, ticks: Ints) -> Ints:
        """The instants of records of these ``ticks``; NaT for a row that is not kept."""
        return instants(ticks, self._first_row, self._begin, self._end)

    def forget(self, row: int) -> None:
        """No record before ``row`` will ask any more."""
        drop = min(row - self._first_row, len(self._end))
        # Half a window of slack: cutting a little off at every call would copy the rest each time.
        if drop * 2 >= len(self._end) and drop > 0:
            self._begin, self._end = self._begin[drop:].copy(), self._end[drop:].copy()
            self._first_row += drop
