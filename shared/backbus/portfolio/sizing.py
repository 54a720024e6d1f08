"""How much to hold: from a signal, a price and the account to a signed quantity in whole lots."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import step
from backbus.market.ledger import volatility
from backbus.market.lots import whole_lots
from backbus.market.panel import Floats
from backbus.market.records import WEIGHT, Records
from backbus.market.rules import FIXED_CASH, FIXED_QUANTITY, TARGET_WEIGHT, VOLATILITY_TARGET


@step
def desired_position(
    rules: Any,
    instrument: Any,
    unit: float,
    kind: int,
    value: float,
    held: float,
    price: float,
    equity: float,
    deviation: float,
) -> float:
    """The signed position that a signal asks for; NaN where it cannot be sized (no volatility yet).

    A direction that equals the side of ``held`` asks for what is held. ``deviation`` is per bar, used by the
    volatility target alone; ``unit`` is what one unit of price is worth in the account's currency.
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
                return np.sign(value) * whole_lots(instrument["lot"], abs(value) * rules["size"])
            if sizing == FIXED_CASH:
                return np.sign(value) * whole_lots(instrument["lot"], abs(value) * rules["size"] / (price * unit))
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
    return np.sign(weight) * whole_lots(instrument["lot"], max(abs(weight) * equity, 0.0) / (price * unit))


@step
def wished_position(
    rules: Any,
    account: Any,
    ledger: Records,
    instrument: Any,
    line: Any,
    history: Floats,
    working: Records,
    asset: int,
    price: float,
) -> float:
    """The signed position that an asset's signal asks for at a price, of the account as it is."""
    deviation = 0.0
    if rules["sizing"] == VOLATILITY_TARGET:
        deviation = volatility(history, asset, ledger[asset]["bars"])
    return desired_position(
        rules,
        instrument,
        line["unit"],
        working[asset]["kind"],
        working[asset]["value"],
        ledger[asset]["position"],
        price,
        account["equity"] * (1.0 - rules["buffer"]),
        deviation,
    )
