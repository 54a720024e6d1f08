"""How much to hold: from a signal, a price and the account to a signed quantity in whole lots."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import step
from backbus.trading.codes import SignalKind
from backbus.trading.groups import Account, MarketArrays, OpenOrders
from backbus.trading.ledger import volatility
from backbus.trading.lots import whole_lots
from backbus.trading.rules import Sizing


@step
def desired_position(
    rules: Any, instrument: Any, slot: Any, held: float, worth: float, equity: float, deviation: float
) -> float:
    """The signed position that a signal asks for; NaN where it cannot be sized (no volatility yet).

    A direction that equals the side of ``held`` asks for what is held. ``slot`` has the signal, ``worth`` is what one
    unit is worth in the account's currency, ``deviation`` is per bar, used by the volatility target alone.
    """
    sizing, value = rules["sizing"], slot["value"]
    weight = value
    if slot["kind"] != SignalKind.WEIGHT:
        if value == 0.0:
            return 0.0
        if sizing == Sizing.TARGET_WEIGHT:
            weight = value * rules["size"]
        else:
            if value * held > 0.0:
                return held
            if sizing == Sizing.FIXED_QUANTITY:
                return np.sign(value) * whole_lots(instrument["lot"], abs(value) * rules["size"])
            if sizing == Sizing.FIXED_CASH:
                return np.sign(value) * whole_lots(instrument["lot"], abs(value) * rules["size"] / worth)
            if sizing == Sizing.VOLATILITY_TARGET:
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
    return np.sign(weight) * whole_lots(instrument["lot"], max(abs(weight) * equity, 0.0) / worth)


@step
def sized_position(
    orders: OpenOrders, rules: Any, account: Account, market: MarketArrays, asset: int, price: float
) -> float:
    """The signed position that an asset's signal asks for at a price, of the account as it is."""
    line = account.positions[asset]
    deviation = 0.0
    if rules["sizing"] == Sizing.VOLATILITY_TARGET:
        deviation = volatility(account.closes, asset, line["bars"])
    return desired_position(
        rules,
        market.instruments[asset],
        orders.slots[asset],
        line["position"],
        price * market.state[asset]["unit"],
        account.totals["equity"] * (1.0 - rules["cash_buffer"]),
        deviation,
    )
