"""How much to hold: from a signal, a price and the account to a signed quantity in whole lots."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.calls import stay_apart
from backbus.jit.decorators import part, step
from backbus.jit.fields import copied
from backbus.portfolio.risk import CUT_TRIALS
from backbus.trading.codes import SignalKind
from backbus.trading.commission import fee_of
from backbus.trading.groups import Account, MarketArrays, OpenOrders
from backbus.trading.ledger import volatility
from backbus.trading.lots import whole_lots
from backbus.trading.own_models import own_size
from backbus.trading.rules import SHARED, Sizing

LEAST_PART = 1e-12
"""Of a size that can be any fraction, which covers the rounding of its fee."""


@part
def _with_fees(rules: Any, instrument: Any, state: Any, held: float, size: float, price: float, money: float) -> float:
    """The largest position of up to ``size`` whose worth and whose fee ``money`` pays, where what is bought costs one.

    Sizes are signed."""
    stay_apart()
    side, lot, most = 1.0 if size > 0.0 else -1.0, instrument["lot"], size
    for _ in range(CUT_TRIALS):
        if not (size - held) * side > 0.0:
            return size
        left = money - fee_of(rules, instrument, state, size - held, price)
        fits = whole_lots(lot, max(left, 0.0) / (price * state["unit"]))
        if lot > 0.0 and fits >= abs(size):
            return size
        size = side * min(fits, max(abs(size) - lot, 0.0) if lot > 0.0 else abs(most))
    return (
        size if lot > 0.0 else size * (1.0 - LEAST_PART)
    )  # any fraction: to where the fee of a size is what it leaves


@step
def desired_position(
    rules: Any,
    instrument: Any,
    state: Any,
    slot: Any,
    held: float,
    price: float,
    equity: float,
    deviation: float,
    base: float,
) -> float:
    """The signed position that a signal asks for; NaN where it cannot be sized (no volatility yet).

    A direction that equals the side of ``held`` asks for what is held. ``slot`` has the signal, ``base`` is the
    size of a whole one; ``deviation`` is per bar, used by the volatility target alone.
    """
    sizing, value, worth = rules["sizing"], slot["value"], price * state["unit"]
    weight = value
    if slot["kind"] != SignalKind.WEIGHT:
        if value == 0.0:
            return 0.0
        if sizing == Sizing.TARGET_WEIGHT:
            weight = value * base
        else:
            if value * held > 0.0:
                return held
            if sizing == Sizing.FIXED_QUANTITY:
                return np.sign(value) * whole_lots(instrument["lot"], abs(value) * base)
            if sizing == Sizing.FIXED_CASH:
                return np.sign(value) * whole_lots(instrument["lot"], abs(value) * base / worth)
            if sizing == Sizing.VOLATILITY_TARGET:
                if not deviation >= 0.0:
                    return np.nan
                share = rules["max_weight"]
                yearly = deviation * np.sqrt(instrument["bars_per_year"])
                if yearly * share > base:
                    share = base / yearly
                weight = value * share
            else:
                weight = value * base
    if weight == 0.0:
        return 0.0
    money = max(abs(weight) * equity, 0.0)
    size = np.sign(weight) * whole_lots(instrument["lot"], money / worth)
    if rules["fees_in_size"] != 0:
        return _with_fees(rules, instrument, state, held, size, price, money)
    return size


@step
def _own_position(
    rules: Any, account: Account, market: MarketArrays, asset: int, value: float, price: float, deviation: float
) -> float:
    """The signed position that a user's function says, in whole lots."""
    instrument, state, totals = market.instruments[asset], market.state[asset], account.totals
    equity = totals["equity"] * (1.0 - rules["cash_buffer"])
    held, worth = account.positions[asset]["position"], price * state["unit"]
    if worth != worth:  # noqa: PLR0124  (no rate of its currency is known yet, which is why it will be refused)
        return worth
    assets = max(totals["members"], 1) * 1.0
    wish = (copied(value), price, worth, equity, copied(totals["cash"]), copied(held), deviation, assets)
    units = own_size(rules, instrument, state, wish)
    return np.sign(units) * whole_lots(instrument["lot"], abs(units))


@step
def sized_position(
    orders: OpenOrders, rules: Any, account: Account, market: MarketArrays, asset: int, price: float
) -> float:
    """The signed position that an asset's signal asks for at a price, of the account as it is."""
    line, slot = account.positions[asset], orders.slots[asset]
    deviation = 0.0
    base = rules["size"]
    if rules["sizing"] in SHARED:
        base = base / max(account.totals["members"], 1)
    if rules["volatility_rows"] > 0:
        deviation = volatility(account.closes, asset, line["bars"])
    if rules["sizing"] == Sizing.OWN and slot["kind"] != SignalKind.WEIGHT and slot["value"] != 0.0:
        return _own_position(rules, account, market, asset, slot["value"], price, deviation)
    return desired_position(
        rules,
        market.instruments[asset],
        market.state[asset],
        slot,
        line["position"],
        price,
        account.totals["equity"] * (1.0 - rules["cash_buffer"]),
        deviation,
        base,
    )
