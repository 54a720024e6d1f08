"""What an account may do. Every order passes here when it is accepted, and again at the open that fills it.

Buying power is what new exposure may cost: ``leverage × equity − gross exposure``, which for an unlevered account
without shorts is exactly its cash. It is written ``cash − 2 × shorts + (leverage − 1) × equity`` so that a cash account
computes with nothing but the cash that fills will move, in the same order: it can never be overdrawn by a rounding. A
future costs what its margin locks, and no cash pays for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from backbus.compiled import step
from backbus.market.costs import fee_of
from backbus.market.lots import whole_lots
from backbus.market.panel import Floats
from backbus.market.records import BUYING_POWER, Records
from backbus.portfolio.limits import Allowed

CUT_TRIALS = 64


class Accepted(NamedTuple):
    """An order as it may go to the market: made by ``accept``, and for what only lessens a position; of nothing else
    are orders placed."""

    quantity: float
    """Signed; 0 where nothing may."""
    reason: int
    """Why it is less than was wanted."""


@step
def buying_power(
    rules: Any, account: Any, ledger: Records, instruments: Records, tape: Records, prices: Floats, row: int
) -> float:
    """Buying power at ``prices`` ([rows, assets]), at the last price where an asset has a hole."""
    power = account["cash"] + 0.0
    if rules["shorts"] != 0 or rules["leverage"] > 1.0 or rules["settles"] != 0:
        equity = power
        shorts = 0.0
        locked = 0.0
        for asset in range(ledger.shape[0]):
            held = ledger[asset]["position"]
            if held != 0.0:
                price = prices[row, asset]
                if price != price:  # noqa: PLR0124  (a hole)
                    price = ledger[asset]["price"]
                equity += (held * price - ledger[asset]["settled"]) * tape[asset]["unit"]
                if instruments[asset]["settles"] != 0:
                    locked += abs(held) * instruments[asset]["margin"] * tape[asset]["rate"]
                elif held < 0.0:
                    shorts -= held * price * tape[asset]["unit"]
        power = power - 2.0 * shorts + (rules["leverage"] - 1.0) * equity - rules["leverage"] * locked
    return power


@step
def power_after(
    rules: Any, instrument: Any, line: Any, power: float, held: float, quantity: float, price: float, market: float
) -> float:
    """Buying power after a fill of ``quantity`` at ``price`` while the asset is worth ``market``."""
    fee = fee_of(rules, instrument, line, quantity, price)
    if instrument["settles"] != 0:
        locked = (abs(held + quantity) - abs(held)) * instrument["margin"] * line["rate"]
        return power - fee - rules["leverage"] * (locked + quantity * (price - market) * line["unit"])
    power = power - quantity * price * line["unit"] - fee
    short_before, short_after = max(-held, 0.0), max(-(held + quantity), 0.0)
    if short_before != short_after:
        power -= 2.0 * (short_after - short_before) * market * line["unit"]
    return power


@step
def affordable(
    rules: Any, instrument: Any, line: Any, power: float, held: float, quantity: float, price: float, market: float
) -> float:
    """The largest part of ``quantity`` (signed) that buying power covers; what only reduces ``held`` always passes."""
    if power_after(rules, instrument, line, power, held, quantity, price, market) >= 0.0:
        return quantity
    side = 1.0 if quantity > 0.0 else -1.0
    size = abs(quantity)
    reducing = min(size, abs(held)) if held * quantity < 0.0 else 0.0
    if size <= reducing:
        return quantity
    left = (
        power_after(rules, instrument, line, power, held, side * reducing, price, market) if reducing > 0.0 else power
    )
    if instrument["settles"] != 0:
        unit = rules["leverage"] * (instrument["margin"] * line["rate"] + side * (price - market) * line["unit"])
    else:
        unit = (price if side > 0.0 else 2.0 * market - price) * line["unit"]
    shrink = 1e-15
    for _ in range(CUT_TRIALS):
        room = max(left - fee_of(rules, instrument, line, size, price), 0.0) / unit if unit > 0.0 else 0.0
        smaller = reducing + whole_lots(instrument["lot"], room)
        if smaller >= size:
            smaller = size - instrument["lot"] if instrument["lot"] > 0.0 else size * (1.0 - shrink)
            shrink *= 2.0
        size = max(smaller, reducing)
        if size <= reducing:
            return side * reducing
        if power_after(rules, instrument, line, power, held, side * size, price, market) >= 0.0:
            return side * size
    return side * reducing


@step
def accept(
    rules: Any,
    instrument: Any,
    line: Any,
    power: float,
    held: float,
    allowed: Allowed,
    reduces: bool,
    price: float,
    market: float,
) -> Accepted:
    """What of an order that limits let pass may go to the market, where it would fill at ``price`` or better."""
    wanted = allowed.quantity
    if reduces or wanted == 0.0:
        return Accepted(wanted, allowed.reason)
    quantity = affordable(rules, instrument, line, power, held, wanted, price, market)
    return Accepted(quantity, allowed.reason if quantity == wanted else BUYING_POWER)
