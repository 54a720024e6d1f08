"""What trading costs: the price after slippage and the commission, as the market charges and the portfolio reserves."""

from __future__ import annotations

from typing import Any

from backbus.compiled import step
from backbus.market.rules import BASIS_POINTS_FEE, BASIS_POINTS_SLIPPAGE, HALF_SPREAD, PER_ORDER, PER_SHARE


@step
def fill_price(rules: Any, reference: float, quantity: float) -> float:
    """Price paid for ``quantity`` (signed) where the market stands at ``reference``; never below zero."""
    model = rules["slippage_model"]
    if model == BASIS_POINTS_SLIPPAGE:
        if quantity > 0.0:
            return reference * (1.0 + rules["slippage"])
        return reference * (1.0 - rules["slippage"])
    if model == HALF_SPREAD:
        if quantity > 0.0:
            return reference + rules["slippage"]
        return max(reference - rules["slippage"], 0.0)
    return reference


@step
def commission(rules: Any, quantity: float, price: float) -> float:
    """Fee for a fill of ``quantity`` (signed) at ``price``, in cash units."""
    model = rules["fee_model"]
    if model == PER_SHARE:
        return min(max(abs(quantity) * rules["fee"], rules["fee_minimum"]), rules["fee_maximum"])
    if model == PER_ORDER:
        return rules["fee"] + 0.0
    if model == BASIS_POINTS_FEE:
        return abs(quantity) * price * rules["fee"]
    return 0.0
