"""What the account can pay for. Every order passes here when it is accepted and again at the open that fills it.

Buying power is what new exposure may cost: ``leverage × equity − gross exposure``, which for an unlevered account
without shorts is exactly its cash. It is written ``cash − 2 × shorts + (leverage − 1) × equity`` so that a cash account
computes with nothing but the cash that fills will move, in the same order: it can never be overdrawn by a rounding.
"""

from __future__ import annotations

from typing import Any

from backbus.compiled import step
from backbus.market.costs import commission
from backbus.market.panel import Floats
from backbus.market.records import Records
from backbus.portfolio.sizing import whole_lots

CUT_TRIALS = 64


@step
def buying_power(rules: Any, account: Any, ledger: Records, prices: Floats, row: int) -> float:
    """Buying power at ``prices`` ([rows, assets]), at the last price where an asset has a hole."""
    power = account["cash"] + 0.0
    if rules["shorts"] != 0 or rules["leverage"] > 1.0:
        equity = power
        shorts = 0.0
        for asset in range(ledger.shape[0]):
            held = ledger[asset]["position"]
            if held != 0.0:
                price = prices[row, asset]
                if price != price:  # noqa: PLR0124  (a hole)
                    price = ledger[asset]["price"]
                equity += held * price
                if held < 0.0:
                    shorts -= held * price
        power = power - 2.0 * shorts + (rules["leverage"] - 1.0) * equity
    return power


@step
def power_after(rules: Any, power: float, held: float, quantity: float, price: float, market: float) -> float:
    """Buying power after a fill of ``quantity`` at ``price`` while the asset is worth ``market``."""
    power = power - quantity * price - commission(rules, quantity, price)
    short_before, short_after = max(-held, 0.0), max(-(held + quantity), 0.0)
    if short_before != short_after:
        power -= 2.0 * (short_after - short_before) * market
    return power


@step
def affordable(rules: Any, power: float, held: float, quantity: float, price: float, market: float) -> float:
    """The largest part of ``quantity`` (signed) that buying power covers; what only reduces ``held`` always passes."""
    if power_after(rules, power, held, quantity, price, market) >= 0.0:
        return quantity
    side = 1.0 if quantity > 0.0 else -1.0
    size = abs(quantity)
    reducing = min(size, abs(held)) if held * quantity < 0.0 else 0.0
    if size <= reducing:
        return quantity
    left = power_after(rules, power, held, side * reducing, price, market) if reducing > 0.0 else power
    unit = price if side > 0.0 else 2.0 * market - price
    shrink = 1e-15
    for _ in range(CUT_TRIALS):
        room = max(left - commission(rules, side * size, price), 0.0) / unit if unit > 0.0 else 0.0
        smaller = reducing + whole_lots(rules, room)
        if smaller >= size:
            smaller = size - rules["lot"] if rules["lot"] > 0.0 else size * (1.0 - shrink)
            shrink *= 2.0
        size = max(smaller, reducing)
        if size <= reducing:
            return side * reducing
        if power_after(rules, power, held, side * size, price, market) >= 0.0:
            return side * size
    return side * reducing
