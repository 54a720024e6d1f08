"""What rules take together: arrays and records that belong to one another, as tuples with names.

Compiled code takes a tuple with names for what it is: its parts, at no cost. A call from Python pays a microsecond for
each, so what Python calls takes arrays and makes the groups in its first lines.

A field is None only where nothing that is compiled with it touches it, and no rule ever asks whether one is: what is
asked is which of the two forms of open orders a rule has been given (``open_orders``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from backbus.jit.decorators import by_type
from backbus.market.panel import Floats, Ints
from backbus.trading.records import Records


class MarketArrays(NamedTuple):
    """What is traded, and what is known of it: a line for each asset."""

    instruments: Records
    """[assets] INSTRUMENT, read-only."""
    state: Records
    """[assets] MARKET_STATE: unit, rate, spread, deviation, volume that is left, position as its fills have made it."""
    window: Any
    """[assets, 2 × (lookback + 1)] closes and volumes as rings, [assets, 0] where no cost looks back; None where only
    plain market orders work."""


class Account(NamedTuple):
    """What the account has."""

    totals: Any
    """One ACCOUNT record: cash, fees, equity, exposures. Outside of compiled code, an array of one."""
    positions: Records
    """[assets] POSITION."""
    closes: Floats
    """[assets, lookback + 1] closes as a ring, [assets, 0] where no size depends on volatility."""


class SingleOrders(NamedTuple):
    """Open orders, form one: at most one market order for each asset, which its signals make."""

    slots: Records
    """[assets] SLOT."""
    working: Ints
    """[1] how many work."""


class OrderLists(NamedTuple):
    """Open orders, form two: orders of every kind, in a list for each asset."""

    slots: Records
    """[nodes] SLOT; the first of each asset is the one that its signals make."""
    working: Ints
    """[1] how many work: a view of the last of ``heads``."""
    terms: Records
    """[nodes] TERMS beside each slot."""
    intents: Any
    """[assets + 2] INTENT: the terms of each asset's signal, and two in which others are put together. None where
    nothing is decided, in the market."""
    heads: Ints
    """[assets + 3] first node of each list; first free node; first that was never used; how many orders work."""


OpenOrders = SingleOrders | OrderLists
P = ParamSpec("P")
R = TypeVar("R")


def verb(
    single: Callable[Concatenate[SingleOrders, P], R], lists: Callable[Concatenate[OrderLists, P], R]
) -> Callable[Concatenate[OpenOrders, P], R]:
    """A step with a text for each form of open orders, its first argument: which of them is compiled follows from the
    form that a loop is given."""
    chosen: Callable[Concatenate[OpenOrders, P], R] = by_type({SingleOrders: single, OrderLists: lists})
    return chosen


class BarArrays(NamedTuple):
    """A block of bars: consecutive rows, [rows, assets] float64 where nothing else is said."""

    first_row: int
    """The run's row that the block begins with."""
    open: Floats
    close: Floats
    high: Any
    low: Any
    volume: Any
    facts: Any
    """[rows, FACTS, assets] what else is known of each bar; [rows, 0, assets] where nobody looks at it."""
    session: Any
    """[rows] int64, days since 1970."""
    end: Any
    """[rows] int64, nanoseconds since 1970. The last six are None where only plain market orders work."""


class RecordLog(NamedTuple):
    """Records that a loop writes one after the other."""

    records: Records
    """[room]."""
    length: Ints
    """[1] how many are written: the cursor's own cell."""


class Curve(NamedTuple):
    """What the account came to: [rows] float64 each, in the account's currency."""

    equity: Floats
    cash: Floats
    gross: Floats


class Inbox(NamedTuple):
    """Records that have come in, and how far their stream is complete."""

    records: Records
    """In the order of their logical time."""
    through: int
    """Every record before this logical time is there."""
    taken: Ints
    """[1] how many were used: the cursor's own cell."""


class Output(NamedTuple):
    """All that a decision or a match writes: what a loop's door makes once."""

    orders: RecordLog
    fills: Any
    """A RecordLog; None in the portfolio's own loop, which the market tells of fills."""
    bookings: Any
    """A RecordLog; None where only plain market orders work."""
    curve: Curve


class _Cursor(NamedTuple):
    """What the cells of a loop's cursor hold, an array of eight integers that the loop leaves for its next call."""

    TICK: int = 0
    """The next logical time."""
    SIGNALS: int = 1
    FILLS: int = 2
    ORDERS: int = 3
    """Records of each kind that were taken or written."""
    ROWS: int = 4
    """Rows of the curve that were written."""
    BOOKINGS: int = 5
    STOPPED_FOR: int = 6
    SILENT_UNTIL: int = 7
    """The portfolio's: the next logical time at which anything may be decided."""


class _StoppedFor(NamedTuple):
    """Why a loop came back: the block's end, a signal, a fill, room for rows of the curve, room for records."""

    NOTHING: int = 0
    SIGNAL: int = 1
    FILL: int = 2
    ROOM: int = 3
    RECORD_ROOM: int = 4


CURSOR, StoppedFor = _Cursor(), _StoppedFor()
