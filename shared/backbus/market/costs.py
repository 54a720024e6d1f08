"""What trading costs: the price after slippage and the commission, as the market charges and the portfolio reserves.

Slippage knows what was known before the bar that fills: the spread last seen, the deviation of returns and the mean
volume. A share of the bar's own volume is known to the market alone; the portfolio reckons with the largest that may
be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import part, step
from backbus.market.panel import Floats
from backbus.market.records import Records
from backbus.market.rules import (
    BASIS_POINTS_FEE,
    BASIS_POINTS_SLIPPAGE,
    DELISTINGS,
    HALF_SPREAD,
    MAKER_TAKER,
    NO_SLIPPAGE,
    PER_ORDER,
    PER_SHARE,
    SPREAD_SEEN,
    SPREADS,
    SQUARE_ROOT,
    VOLUME_SHARE,
)

TICK_TOLERANCE = 1e-9
"""Ticks by which a price may miss one and still count as it."""


@step
def on_tick(instrument: Any, price: float, up: bool) -> float:
    """The next price of an instrument's grid, upwards or downwards; the price itself where there is no grid."""
    tick, per = instrument["tick"], instrument["per_tick"]
    if tick > 0.0:
        ticks = price * per if per > 0.0 else price / tick
        whole = np.ceil(ticks - TICK_TOLERANCE) if up else np.floor(ticks + TICK_TOLERANCE)
        return whole / per if per > 0.0 else whole * tick
    return price


@step
def fill_price(instrument: Any, line: Any, reference: float, quantity: float) -> float:
    """Price paid for ``quantity`` (signed) where the market stands at ``reference``; never below zero.

    Of a share of the bar's volume it is the worst that may be. ``line`` is the asset's line of the tape."""
    model = instrument["slippage_model"]
    if model == NO_SLIPPAGE:
        return reference
    if model == BASIS_POINTS_SLIPPAGE:
        if quantity > 0.0:
            return on_tick(instrument, reference * (1.0 + instrument["slippage"]), True)
        return on_tick(instrument, reference * (1.0 - instrument["slippage"]), False)
    if model == HALF_SPREAD:
        if quantity > 0.0:
            return on_tick(instrument, reference + instrument["slippage"], True)
        return max(on_tick(instrument, reference - instrument["slippage"], False), 0.0)
    if model == SPREAD_SEEN:
        return _moved(instrument, reference, instrument["slippage"] * line["spread"], quantity)
    if model == VOLUME_SHARE:
        return _moved(
            instrument,
            reference,
            reference * instrument["slippage"] * instrument["slippage_limit"] * instrument["slippage_limit"],
            quantity,
        )
    if model == SQUARE_ROOT and line["mean_volume"] > 0.0:
        size = np.sqrt(abs(quantity) / line["mean_volume"])
        return _moved(instrument, reference, reference * instrument["slippage"] * line["deviation"] * size, quantity)
    return reference


@step
def market_price(instrument: Any, line: Any, reference: float, quantity: float) -> float:
    """Price paid for ``quantity`` in a bar whose volume the market knows."""
    if instrument["slippage_model"] == VOLUME_SHARE and line["traded"] > 0.0:
        share = min(abs(quantity) / line["traded"], instrument["slippage_limit"])
        return _moved(instrument, reference, reference * instrument["slippage"] * share * share, quantity)
    return fill_price(instrument, line, reference, quantity)


@step
def _moved(instrument: Any, reference: float, by: float, quantity: float) -> float:
    if quantity > 0.0:
        return on_tick(instrument, reference + by, True)
    return max(on_tick(instrument, reference - by, False), 0.0)


@step
def commission(instrument: Any, size: float, value: float) -> float:
    """Fee for ``size`` units (unsigned) of a worth of ``value``, all fills of one order together, in the asset's
    currency; the largest where it depends on more than these."""
    model = instrument["fee_model"]
    if model == PER_SHARE:
        return _bounded(instrument, size * instrument["fee"], value)
    if model == PER_ORDER:
        return instrument["fee"] + 0.0
    if model == BASIS_POINTS_FEE:
        return value * instrument["fee"]
    if model == MAKER_TAKER:
        return value * max(instrument["fee"], instrument["maker"], 0.0)
    return 0.0


@step
def fee_of(rules: Any, instrument: Any, line: Any, quantity: float, price: float) -> float:
    """Fee in the account's currency for one fill of a whole order of ``quantity`` (signed) at ``price``.

    ``line`` is the asset's line of the tape."""
    size = abs(quantity)
    fee = commission(instrument, size, size * price * instrument["multiplier"]) * line["rate"]
    return at_most(rules, line, fee, quantity, price)


@step
def at_most(rules: Any, line: Any, fee: float, quantity: float, price: float) -> float:
    """The fee, but in an account that cannot owe anything no more for a sale than it brings in."""
    if rules["cash_only"] != 0 and quantity < 0.0:
        return min(fee, -quantity * price * line["unit"])
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
    rate = instrument["fee"] + 0.0
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
    rules: Any, instrument: Any, tape: Records, asset: int, quantity: float, price: float, its: Any, makes: bool
) -> float:
    """Fee in the account's currency for one more fill of an order, which its terms take in. ``makes``: it was met while
    it waited."""
    line = tape[asset]
    size = abs(quantity)
    its["filled"] = its["filled"] + size
    its["value"] = its["value"] + size * price
    worth = size * price * instrument["multiplier"]
    value = its["value"] * instrument["multiplier"]
    model = instrument["fee_model"]
    so_far = 0.0
    if instrument["tiers"] > 0:
        for other in range(tape.shape[0]):
            if tape[other]["month"] == line["month"]:
                so_far += tape[other]["month_size"] if model == PER_SHARE else tape[other]["month_value"]
    if model == MAKER_TAKER:
        fee = worth * (instrument["maker"] if makes else instrument["fee"]) * line["rate"]
    elif model == BASIS_POINTS_FEE and instrument["tiers"] > 0:
        fee = _tiered(instrument, so_far, worth * line["rate"])
    elif model == PER_SHARE and instrument["tiers"] > 0:
        its["rated"] = its["rated"] + _tiered(instrument, so_far, size)
        fee = max(_bounded(instrument, its["rated"], value) - its["charged"], 0.0) * line["rate"]
    else:
        fee = (commission(instrument, its["filled"], value) - its["charged"]) * line["rate"]
    line["month_size"] = line["month_size"] + size
    line["month_value"] = line["month_value"] + size * price * line["unit"]
    fee = at_most(rules, line, fee, quantity, price)
    its["charged"] = its["charged"] + fee / line["rate"]
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


@part
def observe(
    rules_: Records,
    instruments: Records,
    tape: Records,
    seen: Floats,
    close: Floats,
    volume: Floats,
    facts: Floats,
    at: int,
) -> None:
    """Take in a row at its close: spreads and delistings, rates of currencies, and returns and volumes of the last
    ``tape_rows`` bars of each asset.

    ``seen`` is [assets, 2 × (tape_rows + 1)]: closes and volumes as rings. ``facts`` is [rows, FACTS, assets]."""
    rules = rules_[0]
    size = seen.shape[1] // 2
    for asset in range(tape.shape[0]):
        pair = instruments[asset]["rate_of"]
        if pair >= 0 and close[at, pair] == close[at, pair]:
            rate = 1.0 / close[at, pair] if instruments[asset]["inverse"] != 0 else close[at, pair]
            tape[asset]["rate"] = rate
            tape[asset]["unit"] = instruments[asset]["multiplier"] * rate
    for asset in range(tape.shape[0]):
        price = close[at, asset]
        if price != price:  # noqa: PLR0124  (a hole)
            continue
        line = tape[asset]
        if instruments[asset]["slippage_model"] == SPREAD_SEEN:
            if facts[at, SPREADS, asset] >= 0.0:
                line["spread"] = facts[at, SPREADS, asset]
        if rules["acts"] != 0 and facts[at, DELISTINGS, asset] >= 0.0:
            line["pays"] = facts[at, DELISTINGS, asset]
        if rules["tape_rows"] > 0 and instruments[asset]["slippage_model"] == SQUARE_ROOT:
            bars = line["bars"]
            seen[asset, bars % size] = price
            seen[asset, size + bars % size] = volume[at, asset] if volume[at, asset] > 0.0 else 0.0
            bars += 1
            line["bars"] = bars
            count = min(bars, size) - 1
            if count >= 2:
                mean = 0.0
                traded = 0.0
                for back in range(count):
                    mean += seen[asset, (bars - 1 - back) % size] / seen[asset, (bars - 2 - back) % size] - 1.0
                    traded += seen[asset, size + (bars - 1 - back) % size]
                mean /= count
                squares = 0.0
                for back in range(count):
                    change = seen[asset, (bars - 1 - back) % size] / seen[asset, (bars - 2 - back) % size] - 1.0 - mean
                    squares += change * change
                line["deviation"] = np.sqrt(squares / (count - 1))
                line["mean_volume"] = traded / count
