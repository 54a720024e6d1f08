"""What holding costs and brings over time: interest on cash, financing of what is owed, borrowing of what is sold
short.

Once for each new session, for the calendar days since the one before, on the balances of the last close. Proceeds of
short sales lie with the lender: what earns interest is cash less the worth of all short positions, and what is financed
is how far that is below zero, which is how far long positions exceed equity.
"""

from __future__ import annotations

from typing import Any

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.trading.codes import BookingKind
from backbus.trading.corporate_actions import write_booking
from backbus.trading.groups import Account, MarketArrays, RecordLog
from backbus.trading.records import NO_SESSION, Records


@step
def bookings_of_row(positions: Records) -> int:
    """BOOKING records that one row may need at most."""
    return 2 + 4 * positions.shape[0]


@step
def begin_session(
    rules: Any, account: Account, market: MarketArrays, session: int, tick: int, bookings: RecordLog
) -> None:
    """At a row of a new session, book what its days have cost and brought."""
    totals = account.totals
    if session == totals["session"]:
        return
    days = session - totals["session"] if totals["session"] != NO_SESSION else 0
    totals["session"] = session
    totals["ordered"] = 0.0
    if rules["has_financing"] == 0 or days <= 0:
        return
    years = days / rules["year_days"]
    balance = copied(totals["cash"])
    for asset in range(account.positions.shape[0]):
        line, instrument = account.positions[asset], market.instruments[asset]
        held = line["position"]
        if held < 0.0 and instrument["settles"] == 0:
            short = -held * line["price"] * market.state[asset]["unit"]
            balance -= short
            if instrument["borrow"] > 0.0:
                amount = -(short * instrument["borrow"] * years)
                write_booking(bookings, tick, asset, BookingKind.BORROW, amount, days, short)
                totals["cash"] = totals["cash"] + amount
    if balance > 0.0 and rules["cash_rate"] != 0.0:
        amount = balance * rules["cash_rate"] * years
        write_booking(bookings, tick, -1, BookingKind.INTEREST, amount, days, balance)
        totals["cash"] = totals["cash"] + amount
    elif balance < 0.0 and rules["debit_rate"] != 0.0:
        amount = balance * rules["debit_rate"] * years
        write_booking(bookings, tick, -1, BookingKind.FINANCING, amount, days, balance)
        totals["cash"] = totals["cash"] + amount
