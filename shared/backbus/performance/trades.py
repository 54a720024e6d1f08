"""Fills become trades: flat to flat, first in first out, and the sums that a report makes of them.

A trade opens with the fill that leaves flat and closes with the one that returns to it; first in first out, so a fill
through zero closes one trade with the part that reaches flat and opens the next with the rest, its fee split by
quantity. Between the two ends the order in which pieces are matched cannot change a trade's result: it is the cash that
its fills brought, less their fees. What flows out are closed trades in the order of their closing; open ones are valued
at a price on request and never counted with the closed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.errors import ProtocolError
from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop, step
from backbus.jit.fields import copied
from backbus.market.panel import Floats, Ints
from backbus.market.ticks import PHASES
from backbus.trading.account_rows import NO_BOOKINGS
from backbus.trading.codes import ENDS, EXPIRED, FILL_RULES, BookingKind, FillRule
from backbus.trading.lots import plus
from backbus.trading.records import Records

TRADE = np.dtype(
    [
        ("asset", "<i4"),
        ("side", "<i4"),
        ("entry_tick", "<i8"),
        ("exit_tick", "<i8"),
        ("entry_time", "<i8"),
        ("exit_time", "<i8"),
        ("bars", "<i8"),
        ("quantity", "<f8"),
        ("entry_price", "<f8"),
        ("exit_price", "<f8"),
        ("fees", "<f8"),
        ("pnl", "<f8"),
        ("return", "<f8"),
    ]
)
"""``side`` is 1 (long) or -1; ``quantity`` the largest that was held, unsigned; prices are averages over the entering
and the leaving fills; ``pnl`` is in cash units, net of ``fees``; ``return`` is pnl / value entered; ``bars`` are panel
rows from entry to exit. A trade that is still open has ``exit_tick`` -1 and the price it is valued at as exit price."""

OPEN_TRADE = np.dtype(
    [
        ("position", "<f8"),
        ("peak", "<f8"),
        ("entered", "<f8"),
        ("entered_value", "<f8"),
        ("left", "<f8"),
        ("left_value", "<f8"),
        ("entered_worth", "<f8"),
        ("left_worth", "<f8"),
        ("unit", "<f8"),
        ("fees", "<f8"),
        ("entry_tick", "<i8"),
        ("entry_time", "<i8"),
        ("last_order", "<i8"),
        ("income", "<f8"),
        ("settles", "<i8"),
        ("lot", "<f8"),
    ]
)
"""One asset's trade under way: quantities, values (quantity × price) and worths in the account's currency are
unsigned sums over its entering and leaving fills; ``unit`` is the last fill's; ``income`` is what dividends and
splits have paid. Where it ``settles``, as futures do, its result is in money of the last fill, whatever the rate was
before."""

TOTALS = np.dtype(
    [
        ("fills", "<i8"),
        ("orders_filled", "<i8"),
        ("closed", "<i8"),
        ("won", "<i8"),
        ("lost", "<i8"),
        ("gross_profit", "<f8"),
        ("gross_loss", "<f8"),
        ("traded_value", "<f8"),
        ("fees", "<f8"),
        ("slippage", "<f8"),
    ]
)
"""Sums over all fills and all closed trades, in cash units; ``gross_loss`` ≤ 0."""

_BAD_ASSET = -1
NO_TIME = np.iinfo(np.int64).min
"""Where an instant is not known: numpy's NaT."""


@step
def _close(trade: Any, asset: int, side: int, tick: int, time: int, total: Any, out: Any) -> None:
    """Write the trade that ends, and forget it."""
    worth = trade["left_worth"] - trade["entered_worth"]
    if trade["settles"] != 0:
        worth = (trade["left_value"] - trade["entered_value"]) * trade["unit"]
    pnl = side * worth + trade["income"] - trade["fees"]
    out["asset"], out["side"] = asset, side
    out["entry_tick"], out["exit_tick"] = trade["entry_tick"], tick
    out["entry_time"], out["exit_time"] = trade["entry_time"], time
    out["bars"] = tick // PHASES - trade["entry_tick"] // PHASES
    out["quantity"] = trade["peak"]
    out["entry_price"] = trade["entered_value"] / trade["entered"]
    out["exit_price"] = trade["left_value"] / trade["left"]
    out["fees"] = trade["fees"]
    out["pnl"] = pnl
    out["return"] = pnl / trade["entered_worth"] if trade["entered_worth"] > 0.0 else np.nan
    # Without a jump, since no processor foresees which it will be.
    total["closed"] += 1
    total["won"] += 1 if pnl > 0.0 else 0
    total["lost"] += 1 if pnl < 0.0 else 0
    total["gross_profit"] += pnl if pnl > 0.0 else 0.0
    total["gross_loss"] += pnl if pnl < 0.0 else 0.0
    trade["position"], trade["peak"], trade["fees"] = 0.0, 0.0, 0.0
    trade["entered"], trade["entered_value"] = 0.0, 0.0
    trade["left"], trade["left_value"] = 0.0, 0.0
    trade["entered_worth"], trade["left_worth"] = 0.0, 0.0
    trade["income"] = 0.0


@step
def _take_booking(booking: Any, open_trades: Records, total: Any, closed: Records, count: int) -> int:
    """Let a split, dividend or delisting change an open trade. Returns the number of closed ones."""
    asset, kind = booking["asset"], booking["kind"]
    if asset < 0 or asset >= len(open_trades) or kind < BookingKind.DIVIDEND:
        return count
    trade = open_trades[asset]
    held = trade["position"]
    if held == 0.0:
        return count
    if kind == BookingKind.SPLIT:
        ratio = booking["basis"]
        trade["peak"] = trade["peak"] * ratio
        trade["entered"] = trade["entered"] * ratio
        trade["left"] = trade["left"] * ratio
        trade["position"] = booking["quantity"]
        trade["income"] = trade["income"] + booking["amount"]
        if trade["position"] == 0.0:
            return count + _pay_off(trade, asset, held * ratio, booking["tick"], 0.0, 0.0, total, closed[count])
        return count
    if kind == BookingKind.DELISTING:
        worth, price = abs(booking["amount"]), booking["basis"]
        return count + _pay_off(trade, asset, held, booking["tick"], price, worth, total, closed[count])
    trade["income"] = trade["income"] + booking["amount"]
    return count


@step
def _pay_off(trade: Any, asset: int, held: float, tick: int, price: float, worth: float, total: Any, out: Any) -> int:
    """Close a trade at the price, and for the money, that is paid for what is held; returns 1."""
    trade["left"] += abs(held)
    trade["left_value"] += abs(held) * price
    trade["left_worth"] += worth
    _close(trade, asset, 1 if held > 0.0 else -1, tick, NO_TIME, total, out)
    return 1


@step
def match_fill(fill: Any, after: float, time: int, asset: int, trade: Any, total: Any, out: Any) -> int:
    """Take a fill of an asset into its trade under way, of which ``after`` is held then; 1 where it closes it, which is
    then written into ``out``, 0 where not."""
    quantity, price, fee = fill["quantity"], fill["price"], fill["fee"]
    size = abs(quantity)
    if size == 0.0 and fill["rule"] >= FillRule.LESSENED:
        return 0
    unit = fill["unit"]
    total["fills"] += 1
    total["traded_value"] += size * price * unit
    total["slippage"] += size * abs(price - fill["reference"]) * unit
    total["fees"] += fee
    if fill["order"] != trade["last_order"]:
        trade["last_order"] = fill["order"]
        total["orders_filled"] += 1
    if size == 0.0:
        trade["fees"] += fee
        return 0
    closed = 0
    before = copied(trade["position"])
    held = abs(before)
    entering = before == 0.0 or (before > 0.0) == (quantity > 0.0)
    partial = not entering and after != 0.0 and (before > 0.0) == (after > 0.0)
    if not entering:
        # The part of the fill up to flat belongs to the trade under way, and its share of the fee with it.
        leaving = size if partial else held
        part = fee if after == 0.0 or partial else fee * (held / size)
        trade["unit"] = unit
        trade["left"] += leaving
        trade["left_value"] += leaving * price
        trade["left_worth"] += leaving * price * unit
        trade["fees"] += part
        trade["position"] = after
        fee -= part
        if not partial:
            side = 1 if before > 0.0 else -1
            _close(trade, asset, side, fill["tick"], time, total, out)
            closed = 1
            before = 0.0
            size = abs(after)
    if after != 0.0 and not partial:
        if before == 0.0:
            trade["entry_tick"], trade["entry_time"] = fill["tick"], time
        trade["entered"] += size
        trade["entered_value"] += size * price
        trade["entered_worth"] += size * price * unit
        trade["unit"] = unit
        trade["fees"] += fee
        trade["position"] = after
        trade["peak"] = max(trade["peak"], abs(after))
    return closed


@loop
def match_fills(
    fills: Records, times: Ints, bookings: Records, open_trades: Records, totals: Records, closed: Records
) -> int:
    """Take fills in stream order, and what else befell positions up to them; writes the trades that they close into
    ``closed`` and returns how many, or -1."""
    total = totals[0]
    count = 0
    booked = 0
    for index in range(len(fills)):
        fill = fills[index]
        while booked < len(bookings) and bookings[booked]["tick"] <= fill["tick"]:
            count = _take_booking(bookings[booked], open_trades, total, closed, count)
            booked += 1
        asset = fill["asset"]
        if asset < 0 or asset >= len(open_trades):
            return _BAD_ASSET
        trade = open_trades[asset]
        after = plus(trade["lot"], trade["position"], fill["quantity"])
        count += match_fill(fill, after, times[index], asset, trade, total, closed[count])
    while booked < len(bookings):
        count = _take_booking(bookings[booked], open_trades, total, closed, count)
        booked += 1
    return count


def no_trades(assets: int, instruments: Records | None = None) -> Records:
    """[assets] ``OPEN_TRADE`` records before the first fill."""
    trades = np.zeros(assets, dtype=OPEN_TRADE)
    if instruments is not None:
        trades["settles"] = instruments["settles"]
        trades["lot"] = instruments["lot"]
    trades["last_order"] = -1
    return trades


def put_times(trades: Records, times: Ints) -> None:
    """Give closed trades that no fill closed the instants of their rows."""
    unknown = trades["exit_time"] == NO_TIME
    trades["exit_time"][unknown] = times[unknown]


class TradeBook:
    """The trades of a run, fed fill by fill in any cut."""

    __slots__ = ("_ends", "_open", "_totals")

    def __init__(self, assets: int, instruments: Records | None = None) -> None:
        self._open = no_trades(assets, instruments)
        self._totals = np.zeros(1, dtype=TOTALS)
        self._ends = np.zeros(len(FILL_RULES), dtype=np.int64)

    def add(self, fills: Records, times: Ints | None = None, bookings: Records = NO_BOOKINGS) -> Records:
        """Take the next ``FILL`` records, and the ``BOOKING`` records of their rows; returns the trades that they
        close, as ``TRADE`` records.

        ``times`` [fills] are the instants of the fills in UTC nanoseconds. A fill of an asset that the run does not
        have raises ``ProtocolError``.
        """
        if times is None:
            times = np.full(len(fills), NO_TIME, dtype=np.int64)
        if len(times) != len(fills):
            raise ValueError(f"{len(fills)} fills with {len(times)} times")
        rules = fills["rule"]
        if len(rules) and rules.max() >= ENDS:
            self._ends += np.bincount(rules.clip(0, len(self._ends) - 1), minlength=len(self._ends))
        closed = np.zeros(len(fills) + len(bookings), dtype=TRADE)
        count = match_fills(read_only(fills), read_only(times), read_only(bookings), self._open, self._totals, closed)
        if count == _BAD_ASSET:
            raise ProtocolError(f"a fill names an asset outside the run's {len(self._open)}")
        return closed[:count]

    @property
    def totals(self) -> Records:
        """One ``TOTALS`` record."""
        return self._totals.copy()

    @property
    def open_trades(self) -> int:
        """Trades that have begun and not ended."""
        return int(np.count_nonzero(self._open["position"]))

    @property
    def expired(self) -> int:
        """Orders that the market ended because their time was over, or that of the run."""
        return int(self._ends[list(EXPIRED)].sum())

    @property
    def ended(self) -> int:
        """Orders that the market ended with another order or with a position."""
        return int(self._ends[ENDS:].sum()) - self.expired

    def valued(self, closes: Floats, row: int, units: Floats | None = None) -> Records:
        """The open trades by asset as ``TRADE`` records, valued at ``closes`` [assets] of ``row``; ``units`` [assets]
        is what one unit of price is worth, the last fill's where left out."""
        assets = np.flatnonzero(self._open["position"])
        state = self._open[assets]
        trades = np.zeros(len(assets), dtype=TRADE)
        side = np.sign(state["position"])
        price = np.asarray(closes)[assets]
        trades["asset"], trades["side"], trades["quantity"] = assets, side, state["peak"]
        trades["entry_tick"], trades["entry_time"] = state["entry_tick"], state["entry_time"]
        trades["exit_tick"], trades["exit_time"] = -1, NO_TIME
        trades["bars"] = row - state["entry_tick"] // PHASES
        trades["entry_price"] = state["entered_value"] / state["entered"]
        trades["exit_price"] = price
        trades["fees"] = state["fees"]
        unit = state["unit"] if units is None else units[assets]
        worth = np.where(
            state["settles"] != 0,
            side * (state["left_value"] - state["entered_value"]) * unit,
            side * (state["left_worth"] - state["entered_worth"]),
        )
        trades["pnl"] = worth + state["position"] * price * unit + state["income"] - state["fees"]
        worth = state["entered_worth"]
        trades["return"] = np.divide(trades["pnl"], worth, out=np.full(len(assets), np.nan), where=worth > 0)
        return trades
