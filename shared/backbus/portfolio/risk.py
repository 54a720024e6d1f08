"""What an account may do. Every order passes here when it is accepted, and again at the open that fills it.

Buying power is what new exposure may cost: ``leverage × equity − gross exposure``, which for an unlevered account
without shorts is exactly its cash. It is written ``cash − 2 × shorts + (leverage − 1) × equity`` so that a cash account
computes with nothing but the cash that fills will move, in the same order: it can never be overdrawn by a rounding. A
future costs what its margin locks, and no cash pays for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from backbus.jit.calls import stay_apart
from backbus.jit.decorators import part, step
from backbus.jit.fields import copied
from backbus.market.panel import Floats
from backbus.portfolio.limits import Allowed
from backbus.trading.codes import Reason
from backbus.trading.commission import fee_of
from backbus.trading.groups import Account, MarketArrays
from backbus.trading.lots import whole_lots
from backbus.trading.own_models import own_margin

CUT_TRIALS = 64
ENLARGE_TRIALS = 4
"""The first one is off by roundings alone where fees are a share of what is paid."""


class Accepted(NamedTuple):
    """An order as it may go to the market: made by ``accept``, and by ``exempt`` for what needs no risk; of nothing
    else are orders placed."""

    quantity: float
    """Signed; 0 where nothing may."""
    reason: int
    """Why it is less than was wanted."""


@step
def exempt(quantity: float) -> Accepted:
    """An order that only lessens a position, or waits beside one that was accepted: it needs no buying power."""
    return Accepted(quantity, Reason.NONE)


@step
def buying_power(rules: Any, account: Account, market: MarketArrays, prices: Floats, at: int) -> float:
    """Buying power at ``prices`` ([rows, assets]), at the last price where an asset has a hole."""
    if rules["own_margin"] != 0:
        return _unlocked(rules, account, market, prices, at)
    return power_by_leverage(rules, account, market, prices, at)


@step
def power_by_leverage(rules: Any, account: Account, market: MarketArrays, prices: Floats, at: int) -> float:
    """The same in an account without a margin of the user's own."""
    power = copied(account.totals["cash"])
    if rules["shorts"] != 0 or rules["leverage"] > 1.0 or rules["has_futures"] != 0:
        equity = power
        shorts = 0.0
        locked = 0.0
        for asset in range(account.positions.shape[0]):
            line, instrument, state = account.positions[asset], market.instruments[asset], market.state[asset]
            held = line["position"]
            if held != 0.0:
                price = prices[at, asset]
                if price != price:  # noqa: PLR0124  (a hole)
                    price = line["price"]
                equity += (held * price - line["settled"]) * state["unit"]
                if instrument["settles"] != 0:
                    locked += abs(held) * instrument["margin"] * state["rate"]
                elif held < 0.0:
                    shorts -= held * price * state["unit"]
        power = power - 2.0 * shorts + (rules["leverage"] - 1.0) * equity - rules["leverage"] * locked
    return power


@part
def _unlocked(rules: Any, account: Account, market: MarketArrays, prices: Floats, at: int) -> float:
    """Equity that no position needs, by a user's own margin."""
    stay_apart()
    power = copied(account.totals["cash"])
    for asset in range(account.positions.shape[0]):
        line, instrument, state = account.positions[asset], market.instruments[asset], market.state[asset]
        held = line["position"]
        if held != 0.0:
            price = prices[at, asset]
            if price != price:  # noqa: PLR0124  (a hole)
                price = line["price"]
            power += (held * price - line["settled"]) * state["unit"]
            power -= own_margin(rules, instrument, state, held, price, 0.0)
    return power


class Trade(NamedTuple):
    """What an order would do: the position before it, its quantity (signed), the price that it would pay at most, and
    the one at which the asset then stands."""

    held: float
    quantity: float
    price: float
    last: float


@step
def power_after(rules: Any, instrument: Any, state: Any, power: float, trade: Trade) -> float:
    """Buying power after a trade."""
    held, quantity, price, last = trade
    fee = fee_of(rules, instrument, state, quantity, price)
    if rules["own_margin"] != 0:
        more = own_margin(rules, instrument, state, held + quantity, last, 0.0)
        more -= own_margin(rules, instrument, state, held, last, 0.0)
        return power - fee - more - quantity * (price - last) * state["unit"]
    if instrument["settles"] != 0:
        locked = (abs(held + quantity) - abs(held)) * instrument["margin"] * state["rate"]
        return power - fee - rules["leverage"] * (locked + quantity * (price - last) * state["unit"])
    power = power - quantity * price * state["unit"] - fee
    short_before, short_after = max(-held, 0.0), max(-(held + quantity), 0.0)
    if short_before != short_after:
        power -= 2.0 * (short_after - short_before) * last * state["unit"]
    return power


@part
def _most_by_halves(rules: Any, instrument: Any, state: Any, power: float, trade: Trade, least: float) -> float:
    """The largest size between ``least`` and a trade's own, which is too much, that buying power covers, where the
    margin of a larger one is not smaller: looked for by halves, since a user's own follows no formula known here."""
    stay_apart()
    side = 1.0 if trade.quantity > 0.0 else -1.0
    good, bad, lot = least, abs(trade.quantity), instrument["lot"]
    for _ in range(CUT_TRIALS):
        size = good + 0.5 * (bad - good)
        if lot > 0.0:
            size = least + whole_lots(lot, size - least)
            if size <= good:
                size = least + whole_lots(lot, good + lot - least)
        if size <= good or size >= bad:
            break
        tried = Trade(trade.held, side * size, trade.price, trade.last)
        if power_after(rules, instrument, state, power, tried) >= 0.0:
            good = size
        else:
            bad = size
    return good


@step
def affordable(rules: Any, instrument: Any, state: Any, power: float, trade: Trade) -> float:
    """The largest part of a trade's quantity (signed) that buying power covers; what only reduces the position always
    passes."""
    if power_after(rules, instrument, state, power, trade) >= 0.0:
        return trade.quantity
    return _cut(rules, instrument, state, power, trade)


@part
def _cut(rules: Any, instrument: Any, state: Any, power: float, trade: Trade) -> float:
    """The largest part of a trade's quantity that buying power covers, where the whole is too much."""
    stay_apart()
    held, quantity, price, last = trade
    side = 1.0 if quantity > 0.0 else -1.0
    size = abs(quantity)
    reducing = min(size, abs(held)) if held * quantity < 0.0 else 0.0
    if size <= reducing:
        return quantity
    if rules["own_margin"] != 0:
        return side * _most_by_halves(rules, instrument, state, power, trade, reducing)
    left = power
    if reducing > 0.0:
        left = power_after(rules, instrument, state, power, Trade(held, side * reducing, price, last))
    if instrument["settles"] != 0:
        unit = rules["leverage"] * (instrument["margin"] * state["rate"] + side * (price - last) * state["unit"])
    else:
        unit = (price if side > 0.0 else 2.0 * last - price) * state["unit"]
    shrink = 1e-15
    for _ in range(CUT_TRIALS):
        room = max(left - fee_of(rules, instrument, state, size, price), 0.0) / unit if unit > 0.0 else 0.0
        smaller = reducing + whole_lots(instrument["lot"], room)
        if smaller >= size:
            smaller = size - instrument["lot"] if instrument["lot"] > 0.0 else size * (1.0 - shrink)
            shrink *= 2.0
        too_much, size = size, max(smaller, reducing)
        if size <= reducing:
            return side * reducing
        spare = power_after(rules, instrument, state, power, Trade(held, side * size, price, last))
        if spare >= 0.0 and spare < instrument["lot"] * unit:
            return side * size  # not one lot more can be paid
        if spare >= 0.0:
            missing = -power_after(rules, instrument, state, power, Trade(held, side * too_much, price, last))
            more = (too_much - size) * spare / (spare + missing)
            return side * _enlarged(rules, instrument, state, power, Trade(held, side * size, price, last), more)
    return side * reducing


@step
def _enlarged(rules: Any, instrument: Any, state: Any, power: float, trade: Trade, more: float) -> float:
    """The size of a trade that can be paid, unsigned, with as much of ``more`` as can: it was cut by the fee of what
    was wanted, of which the fee of what it is leaves a part."""
    held, quantity, price, last = trade
    side, size = (1.0 if quantity > 0.0 else -1.0), abs(quantity)
    shrink = 1e-15
    for _ in range(ENLARGE_TRIALS):
        larger = size + whole_lots(instrument["lot"], more)
        if larger <= size:
            return size
        if power_after(rules, instrument, state, power, Trade(held, side * larger, price, last)) >= 0.0:
            return larger
        more -= shrink * larger
        shrink *= 4.0
    return size


@step
def accept(
    rules: Any, instrument: Any, state: Any, power: float, trade: Trade, allowed: Allowed, lessens: bool
) -> Accepted:
    """What of an order that limits let pass may go to the market, where it would fill at the trade's price or better;
    the trade's quantity is the one that limits allow."""
    wanted = allowed.quantity
    if lessens or wanted == 0.0:
        return Accepted(wanted, allowed.reason)
    quantity = affordable(rules, instrument, state, power, Trade(trade.held, wanted, trade.price, trade.last))
    return Accepted(quantity, allowed.reason if quantity == wanted else Reason.BUYING_POWER)
