"""What holding costs and brings over time: interest on cash, financing of what is owed, borrowing of what is sold
short.

Once for each new session, for the calendar days since the one before, on the balances of the last close. Proceeds of
short sales lie with the lender: what earns interest is cash less the worth of all short positions, and what is financed
is how far that is below zero, which is how far long positions exceed equity.
"""

from __future__ import annotations

from typing import Any

from backbus.compiled import step
from backbus.market.actions import write_booking
from backbus.market.ledger import NO_SESSION
from backbus.market.records import BORROW, FINANCING, INTEREST, Records


@step
def bookings_of_row(ledger: Records) -> int:
    """BOOKING records that one row may need at most."""
    return 2 + 4 * ledger.shape[0]


@step
def begin_session(
    rules: Any,
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    session: int,
    tick: int,
    bookings: Records,
    count: int,
) -> int:
    """At a row of a new session, book what its days have cost and brought. Returns the BOOKING records."""
    if session == account["session"]:
        return count
    days = session - account["session"] if account["session"] != NO_SESSION else 0
    account["session"] = session
    account["ordered"] = 0.0
    if rules["carries"] == 0 or days <= 0:
        return count
    years = days / rules["year_days"]
    balance = account["cash"] + 0.0
    for asset in range(ledger.shape[0]):
        held = ledger[asset]["position"]
        if held < 0.0 and instruments[asset]["settles"] == 0:
            short = -held * ledger[asset]["price"] * tape[asset]["unit"]
            balance -= short
            if instruments[asset]["borrow"] > 0.0:
                amount = -(short * instruments[asset]["borrow"] * years)
                write_booking(bookings[count], tick, asset, BORROW, amount, days, short)
                count += 1
                account["cash"] = account["cash"] + amount
    if balance > 0.0 and rules["cash_rate"] != 0.0:
        amount = balance * rules["cash_rate"] * years
        write_booking(bookings[count], tick, -1, INTEREST, amount, days, balance)
        count += 1
        account["cash"] = account["cash"] + amount
    elif balance < 0.0 and rules["debit_rate"] != 0.0:
        amount = balance * rules["debit_rate"] * years
        write_booking(bookings[count], tick, -1, FINANCING, amount, days, balance)
        count += 1
        account["cash"] = account["cash"] + amount
    return count
