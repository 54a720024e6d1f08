"""How much to hold: from a signal, a price and the account to a signed quantity in whole lots."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import step
from backbus.market.records import WEIGHT
from backbus.market.rules import FIXED_CASH, FIXED_QUANTITY, TARGET_WEIGHT, VOLATILITY_TARGET

LOT_TOLERANCE = 1e-9
"""Lots by which a size may miss the next whole one and still count as it: 0.1 × 100 000 / 10 must give 1000 shares."""


@step
def whole_lots(rules: Any, quantity: float) -> float:
    """The largest multiple of the lot that is not above ``quantity`` ≥ 0; any fraction where the lot is 0."""
    lot = rules["lot"]
    if lot > 0.0:
        return np.floor(quantity / lot + LOT_TOLERANCE) * lot
    return quantity


@step
def desired_position(
    rules: Any, kind: int, value: float, held: float, price: float, equity: float, deviation: float
) -> float:
    """The signed position that a signal asks for; NaN where it cannot be sized (no volatility yet).

    A direction that equals the side of ``held`` asks for what is held. ``deviation`` is per bar, used by the
    volatility target alone.
    """
    sizing = rules["sizing"]
    weight = value
    if kind != WEIGHT:
        if value == 0.0:
            return 0.0
        if sizing == TARGET_WEIGHT:
            weight = value * rules["size"]
        else:
            if value * held > 0.0:
                return held
            if sizing == FIXED_QUANTITY:
                return np.sign(value) * whole_lots(rules, abs(value) * rules["size"])
            if sizing == FIXED_CASH:
                return np.sign(value) * whole_lots(rules, abs(value) * rules["size"] / price)
            if sizing == VOLATILITY_TARGET:
                if not deviation >= 0.0:
                    return np.nan
                share = rules["max_weight"]
                yearly = deviation * np.sqrt(rules["bars_per_year"])
                if yearly * share > rules["size"]:
                    share = rules["size"] / yearly
                weight = value * share
            else:
                weight = value * rules["size"]
    if weight == 0.0:
        return 0.0
    return np.sign(weight) * whole_lots(rules, max(abs(weight) * equity, 0.0) / price)
