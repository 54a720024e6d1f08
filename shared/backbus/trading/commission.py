"""What brokers charge: codes, arithmetic, numbers and flags of the models of commission.

The portfolio reckons with the fee of an order that fills whole, the largest where it depends on more than size and
worth; the market charges each fill what it adds to the fee of its order.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, assert_never

import numpy as np

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.job import costs as c
from backbus.job.own_models import OwnCommission
from backbus.trading.groups import MarketArrays
from backbus.trading.own_models import most_of_own_fee, own_fee
from backbus.trading.records import Records


class _FeeModel(NamedTuple):
    """The models, as INSTRUMENT records say them."""

    NONE: int = 0
    PER_SHARE: int = 1
    PER_ORDER: int = 2
    BASIS_POINTS: int = 3
    MAKER_TAKER: int = 4
    OWN: int = 5


FeeModel = _FeeModel()
BY_FILL = (FeeModel.MAKER_TAKER, FeeModel.OWN)
"""Models, beside tiers of any, whose fee depends on how an order filled."""


@step
def commission(instrument: Any, size: float, value: float) -> float:
    """Fee for ``size`` units (unsigned) of a worth of ``value``, all fills of one order together, in the asset's
    currency; the largest where it depends on more than these."""
    model = instrument["fee_model"]
    if model == FeeModel.PER_SHARE:
        return _bounded(instrument, size * instrument["fee"] + instrument["fee_order"], value)
    if model == FeeModel.PER_ORDER:
        return copied(instrument["fee"])
    if model == FeeModel.BASIS_POINTS:
        return value * instrument["fee"] + instrument["fee_order"]
    if model == FeeModel.MAKER_TAKER:
        return value * max(instrument["fee"], instrument["maker"], 0.0)
    return 0.0


@step
def fee_of(rules: Any, instrument: Any, state: Any, quantity: float, price: float) -> float:
    """Fee in the account's currency for one fill of a whole order of ``quantity`` (signed) at ``price``.

    ``state`` is the asset's MARKET_STATE."""
    size = abs(quantity)
    if instrument["fee_model"] == FeeModel.OWN:
        fee = most_of_own_fee(instrument, state, quantity, price) * state["rate"]
    else:
        fee = commission(instrument, size, size * price * instrument["multiplier"]) * state["rate"]
    return at_most(rules, state, fee, quantity, price)


@step
def at_most(rules: Any, state: Any, fee: float, quantity: float, price: float) -> float:
    """The fee, but in an account that cannot owe anything no more for a sale than it brings in."""
    if rules["cash_only"] != 0 and quantity < 0.0:
        return min(fee, -quantity * price * state["unit"])
    return fee


@step
def _bounded(instrument: Any, fee: float, value: float) -> float:
    """A fee per share of an order worth ``value``, within its floor and ceiling."""
    fee = min(max(fee, instrument["fee_minimum"]), instrument["fee_maximum"])
    return min(fee, value * instrument["fee_share"]) if instrument["fee_share"] < np.inf else fee


@step
def _tiered(instrument: Any, so_far: float, size: float) -> float:
    """What ``size`` more costs after a month's volume ``so_far``: each part at the rate of the tier that it lies in."""
    fee, at, left = 0.0, so_far, size
    rate = copied(instrument["fee"])
    for tier in range(instrument["tiers"]):
        begins = instrument["tier_from"][tier]
        if at + left > begins:
            if at < begins:
                fee += (begins - at) * rate
                left -= begins - at
                at = begins
            rate = instrument["tier_fee"][tier]
    return fee + left * rate


@step
def charge(
    rules: Any, market: MarketArrays, asset: int, terms: Any, quantity: float, price: float, makes: bool
) -> float:
    """Fee in the account's currency for one more fill of an order, which its terms take in. ``makes``: it was met while
    it waited."""
    instrument, state = market.instruments[asset], market.state[asset]
    size = abs(quantity)
    before = (copied(terms["filled"]), terms["value"] * instrument["multiplier"], copied(terms["charged"]))
    terms["filled"] = terms["filled"] + size
    terms["value"] = terms["value"] + size * price
    worth = size * price * instrument["multiplier"]
    value = terms["value"] * instrument["multiplier"]
    model = instrument["fee_model"]
    so_far = 0.0
    if instrument["tiers"] > 0:
        for other in range(market.state.shape[0]):
            traded = market.state[other]
            if traded["month"] == state["month"]:
                so_far += traded["month_size"] if model == FeeModel.PER_SHARE else traded["month_value"]
    if model == FeeModel.MAKER_TAKER:
        fee = worth * (instrument["maker"] if makes else instrument["fee"]) * state["rate"]
    elif model == FeeModel.OWN:
        fee = own_fee(instrument, state, quantity, price, before, 1.0 if makes else 0.0) * state["rate"]
    elif model == FeeModel.BASIS_POINTS and instrument["tiers"] > 0:
        fee = _tiered(instrument, so_far, worth * state["rate"])
        if terms["filled"] == size:
            fee += instrument["fee_order"] * state["rate"]
    elif model == FeeModel.PER_SHARE and instrument["tiers"] > 0:
        terms["rated"] = terms["rated"] + _tiered(instrument, so_far, size)
        so_much = _bounded(instrument, terms["rated"] + instrument["fee_order"], value)
        fee = max(so_much - terms["charged"], 0.0) * state["rate"]
    else:
        fee = (commission(instrument, terms["filled"], value) - terms["charged"]) * state["rate"]
    state["month_size"] = state["month_size"] + size
    state["month_value"] = state["month_value"] + size * price * state["unit"]
    fee = at_most(rules, state, fee, quantity, price)
    terms["charged"] = terms["charged"] + fee / state["rate"]
    return fee


@step
def month_of(day: int) -> int:
    """Months since March of year 0 at a day since 1970, by the calendar's cycle of 400 years (146 097 days)."""
    days = day + 719_468
    era = days // 146_097
    of_era = days - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    return 12 * (era * 400 + year) + (5 * of_year + 2) // 153


def set_commission(lines: Records, commission: c.Commission) -> None:
    """Put a commission model into ``INSTRUMENT`` records."""
    if isinstance(commission, c.Preset):
        commission = c.PRESETS[commission.name]
    tiers: tuple[c.Tier, ...] = ()
    match commission:
        case c.NoCommission():
            lines["fee_model"] = FeeModel.NONE
        case c.PerShare(fee=fee, minimum=minimum, maximum=maximum, maximum_percent=percent):
            lines["fee_model"], lines["fee"], lines["fee_order"] = FeeModel.PER_SHARE, fee, commission.order
            lines["fee_minimum"], lines["fee_maximum"] = minimum, math.inf if maximum is None else maximum
            lines["fee_share"] = math.inf if percent is None else percent / 100.0
            tiers = commission.tiers
        case c.PerOrder(fee=fee):
            lines["fee_model"], lines["fee"] = FeeModel.PER_ORDER, fee
        case c.BasisPointsCommission(bps=bps):
            lines["fee_model"], lines["fee"] = FeeModel.BASIS_POINTS, bps / 10_000.0
            lines["fee_order"] = commission.order
            tiers = commission.tiers
        case c.MakerTaker(maker=maker, taker=taker):
            lines["fee_model"], lines["fee"], lines["maker"] = FeeModel.MAKER_TAKER, taker / 10_000.0, maker / 10_000.0
        case OwnCommission():
            lines["fee_model"] = FeeModel.OWN
        case _:
            assert_never(commission)
    lines["tiers"] = len(tiers)
    for at, tier in enumerate(tiers):
        lines["tier_from"][:, at] = tier.volume
        lines["tier_fee"][:, at] = tier.fee if tier.fee is not None else (tier.bps or 0.0) / 10_000.0
