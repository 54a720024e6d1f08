"""What trading costs: the price after slippage and the commission, as the market charges and the portfolio reserves."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import step
from backbus.market.rules import BASIS_POINTS_FEE, BASIS_POINTS_SLIPPAGE, HALF_SPREAD, PER_ORDER, PER_SHARE

TICK_TOLERANCE = 1e-9
"""Ticks by which a price may miss one and still count as it."""


@step
def on_tick(kit: Any, price: float, up: bool) -> float:
    """The next price of an instrument's grid, upwards or downwards; the price itself where there is no grid."""
    tick, per = kit["tick"], kit["per_tick"]
    if tick > 0.0:
        ticks = price * per if per > 0.0 else price / tick
        whole = np.ceil(ticks - TICK_TOLERANCE) if up else np.floor(ticks + TICK_TOLERANCE)
        return whole / per if per > 0.0 else whole * tick
    return price


@step
def fill_price(kit: Any, reference: float, quantity: float) -> float:
    """Price paid for ``quantity`` (signed) where the market stands at ``reference``; never below zero."""
    model = kit["slippage_model"]
    if model == BASIS_POINTS_SLIPPAGE:
        if quantity > 0.0:
            return on_tick(kit, reference * (1.0 + kit["slippage"]), True)
        return on_tick(kit, reference * (1.0 - kit["slippage"]), False)
    if model == HALF_SPREAD:
        if quantity > 0.0:
            return on_tick(kit, reference + kit["slippage"], True)
        return max(on_tick(kit, reference - kit["slippage"], False), 0.0)
    return reference


@step
def commission(kit: Any, size: float, value: float) -> float:
    """Fee for ``size`` units (unsigned) of a worth of ``value``, all fills of one order together, in the asset's
    currency."""
    model = kit["fee_model"]
    if model == PER_SHARE:
        return min(max(size * kit["fee"], kit["fee_minimum"]), kit["fee_maximum"])
    if model == PER_ORDER:
        return kit["fee"] + 0.0
    if model == BASIS_POINTS_FEE:
        return value * kit["fee"]
    return 0.0


@step
def fee_of(rules: Any, kit: Any, line: Any, quantity: float, price: float) -> float:
    """Fee in the account's currency for one fill of a whole order of ``quantity`` (signed) at ``price``.

    ``line`` is the asset's line of the tape."""
    size = abs(quantity)
    fee = commission(kit, size, size * price * kit["multiplier"]) * line["rate"]
    return at_most(rules, line, fee, quantity, price)


@step
def at_most(rules: Any, line: Any, fee: float, quantity: float, price: float) -> float:
    """The fee, but in an account that cannot owe anything no more for a sale than it brings in."""
    if rules["cash_only"] != 0 and quantity < 0.0:
        return min(fee, -quantity * price * line["unit"])
    return fee
