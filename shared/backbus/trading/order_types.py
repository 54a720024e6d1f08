"""The types of orders, as a table, and the five questions that every type answers.

- *level*: at which price does it fill or is it triggered?
- *worst price*: what is the most that it may cost?
- *possible*: do its terms make an order that can work?
- *grid*: which of its prices move to the instrument's grid, and which way?
- *triggered*: does the market, at this price, fill or trigger it, and by which rule?

An order type is a row of the table: which of a limit, a stop and a trail it has. ``terms`` are TERMS or INTENT records;
``buys`` says which way the order goes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.jit.arrays import read_only
from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.trading.codes import FillRule, Flag, InForce, OrderType, Term
from backbus.trading.lots import on_tick
from backbus.trading.order_states import NEXT_STATE, OrderEvent, OrderState
from backbus.trading.slippage import fill_price, on_side
from backbus.trading.trailing import begin_trail, behind, follow, has_begun, nearest_ever


class _Has(NamedTuple):
    """What an order type waits for: bits."""

    LIMIT: int = 1
    """A price as good as its limit."""
    STOP: int = 2
    """A price as bad as its stop."""
    TRAIL: int = 4
    """A stop that follows the best price, so far behind."""
    FRACTION: int = 8
    """Its trail is a fraction of the price."""
    CLOSE: int = 16
    """The next close."""


Has = _Has()
WAITS_FOR = {
    Has.STOP: "a price as bad as its stop",
    Has.LIMIT: "a price as good as its limit",
    Has.TRAIL: "a price as bad as a stop that follows the best price",
    Has.CLOSE: "the next close",
}
"""What the pages say that an order with it waits for; of several the first comes first."""

TABLE = {
    OrderType.MARKET: 0,
    OrderType.LIMIT: Has.LIMIT,
    OrderType.STOP: Has.STOP,
    OrderType.STOP_LIMIT: Has.STOP | Has.LIMIT,
    OrderType.TRAIL: Has.TRAIL,
    OrderType.TRAIL_PERCENT: Has.TRAIL | Has.FRACTION,
    OrderType.MARKET_ON_CLOSE: Has.CLOSE,
    OrderType.LIMIT_ON_CLOSE: Has.CLOSE | Has.LIMIT,
}
HAS = read_only(np.array([TABLE[kind] for kind in OrderType], dtype=np.int64))
"""[types] what each waits for."""


@step
def type_with(kind: int, term: int) -> int:
    """The type that an order of type ``kind`` becomes by one more of its terms."""
    if term == Term.LIMIT:
        if kind == OrderType.MARKET_ON_CLOSE:
            return OrderType.LIMIT_ON_CLOSE
        return OrderType.STOP_LIMIT if kind == OrderType.STOP else OrderType.LIMIT
    if term == Term.STOP:
        return OrderType.STOP_LIMIT if kind == OrderType.LIMIT else OrderType.STOP
    if term == Term.TRAIL:
        return OrderType.TRAIL
    if term == Term.TRAIL_FRACTION:
        return OrderType.TRAIL_PERCENT
    if term == Term.AT_CLOSE:
        return OrderType.LIMIT_ON_CLOSE if kind == OrderType.LIMIT else OrderType.MARKET_ON_CLOSE
    return kind


@step
def take_own_term(intent: Any, term: int, value: float) -> None:
    """Take a term that says which type an intent is of, and its price or distance; others change nothing."""
    intent["type"] = type_with(intent["type"], term)
    if term == Term.LIMIT:
        intent["limit"] = value
    elif term == Term.STOP:
        intent["stop"] = value
    elif term in (Term.TRAIL, Term.TRAIL_FRACTION):
        intent["trail"] = value
    elif term == Term.TRAIL_FROM:
        intent["begins"] = value
    elif term == Term.TRAIL_FROM_FRACTION:
        intent["gain"] = value
    elif term == Term.TRAIL_THEN:
        intent["then"] = value


# --- level --------------------------------------------------------------------------------------------------------


@step
def has_of(terms: Any) -> int:
    """What an order waits for: bits of ``Has``."""
    has: int = HAS[terms["type"]]
    return has


@step
def trails(terms: Any) -> bool:
    """Whether an order follows the price."""
    return bool(HAS[terms["type"]] & Has.TRAIL != 0)


@step
def waits_for_close(terms: Any) -> bool:
    """Whether an order fills at a close, and at nothing else."""
    return bool(HAS[terms["type"]] & Has.CLOSE != 0)


@step
def for_a_close(slot: Any, terms: Any) -> bool:
    """The same of an open order, which may be meant for one without being of such a type."""
    return bool(waits_for_close(terms) or slot["flags"] & Flag.ON_CLOSE != 0)


@step
def has_limit(terms: Any) -> bool:
    """Whether an order has a limit, waiting for it or not."""
    return bool(HAS[terms["type"]] & Has.LIMIT != 0)


@step
def is_limit(terms: Any) -> bool:
    """Whether an order waits for a price as good as its limit."""
    has = HAS[terms["type"]]
    return bool(has & Has.LIMIT != 0 and (has & Has.STOP == 0 or terms["state"] != OrderState.LIVE))


@step
def waits_for_nothing(terms: Any) -> bool:
    """Whether an order fills at the next open, whatever the price: a market order, or one whose stop was met."""
    has = HAS[terms["type"]]
    return bool(has == 0 or (is_stop(terms) and terms["state"] == OrderState.TRIGGERED))


@step
def is_stop(terms: Any) -> bool:
    """Whether an order becomes a market order where its stop is met."""
    has = HAS[terms["type"]]
    return bool(has & (Has.STOP | Has.TRAIL) != 0 and has & Has.LIMIT == 0)


@step
def level_of(instrument: Any, terms: Any, buys: bool) -> float:
    """The price at which an order fills or is triggered; NaN for one that waits for none, or sleeps."""
    if trails(terms):
        return on_tick(instrument, behind(terms, terms["stop"], buys), buys)
    if is_limit(terms):
        return float(terms["limit"])
    if HAS[terms["type"]] & Has.STOP != 0:
        return float(terms["stop"])
    return np.nan


@step
def level_at_open(terms: Any, buys: bool) -> float:
    """The stop of an order as it stood when it was placed; NaN where it has none that the open can gap through."""
    has = HAS[terms["type"]]
    if has & Has.TRAIL != 0:
        sleeps = not has_begun(terms) and terms["then"] != terms["then"]
        return np.nan if sleeps else nearest_ever(terms, buys)
    if has == Has.STOP:
        return copied(terms["stop"])
    return np.nan


# --- worst price --------------------------------------------------------------------------------------------------


@step
def worst_price(instrument: Any, state: Any, terms: Any, quantity: float, last: float) -> float:
    """The price at which an order would cost most, slippage included, as far as the account has to provide for it;
    ``last`` is the market's."""
    has = HAS[terms["type"]]
    if has & Has.LIMIT != 0:
        return copied(terms["limit"]) if quantity > 0.0 else max(terms["limit"], last)
    price = on_side(state, last, quantity)
    if quantity > 0.0 and terms["state"] != OrderState.TRIGGERED:
        if has & Has.STOP != 0:
            price = max(price, terms["stop"])
        elif has & Has.TRAIL != 0:
            price = max(price, nearest_ever(terms, True))
    return fill_price(instrument, state, price, quantity)


# --- possible -----------------------------------------------------------------------------------------------------


@step
def possible(intent: Any) -> bool:
    """Whether the terms of an intent make an order that can work."""
    has, in_force = HAS[intent["type"]], intent["in_force"]
    good = in_force >= 0 and in_force <= InForce.AT_THE_OPEN
    if has & Has.LIMIT != 0:
        good = good and intent["limit"] > 0.0 and intent["limit"] < np.inf
    if has & Has.STOP != 0:
        good = good and intent["stop"] > 0.0 and intent["stop"] < np.inf
    if has & Has.TRAIL != 0:
        good = good and intent["trail"] > 0.0 and intent["trail"] < (1.0 if has & Has.FRACTION != 0 else np.inf)
    good = good and _begins_well(intent["trail"], intent["begins"], intent["gain"], intent["then"])
    if in_force in (InForce.IMMEDIATE_OR_CANCEL, InForce.FILL_OR_KILL, InForce.AT_THE_OPEN):
        good = good and (has in (0, Has.LIMIT))
    exits = intent["take_profit"] >= 0.0 and intent["stop_loss"] >= 0.0 and intent["trailing_loss"] >= 0.0
    loss, begins, gain = intent["trailing_loss"], intent["trailing_begins"], intent["trailing_gain"]
    return bool(good and exits and _begins_well(loss, begins, gain, intent["trailing_then"]))


@step
def _begins_well(trail: float, begins: float, gain: float, then: float) -> bool:
    """Whether a trailing stop may begin where it says: NaN is nowhere, 0 is no trail."""
    good = not (begins <= 0.0 or begins == np.inf or gain <= 0.0 or gain == np.inf)
    has = not np.isnan(begins) or not np.isnan(gain)
    if has and not trail > 0.0:
        return False
    return bool(good and (np.isnan(then) or (has and then > 0.0 and then < trail)))


# --- grid ---------------------------------------------------------------------------------------------------------


@step
def on_grid(instrument: Any, intent: Any, quantity: float, last: float) -> None:
    """Move an intent's prices to the instrument's grid, so that the order asks for no more than was said; a trailing
    stop starts from the market's price."""
    buys = quantity > 0.0
    intent["start"] = last
    begin_trail(intent, buys)
    has = HAS[intent["type"]]
    if has & Has.LIMIT != 0:
        intent["limit"] = on_tick(instrument, intent["limit"], not buys)
    if has & Has.STOP != 0:
        intent["stop"] = on_tick(instrument, intent["stop"], buys)


@step
def split_terms(instrument: Any, terms: Any, flags: int, ratio: float, buys: bool) -> None:
    """Let prices be what they would be if the order had been asked for after a split."""
    terms["limit"] = on_tick(instrument, terms["limit"] / ratio, not buys)
    terms["stop"] = on_tick(instrument, terms["stop"] / ratio, buys)
    terms["start"] = terms["start"] / ratio
    terms["possible"] = on_tick(instrument, terms["possible"] / ratio, buys)
    terms["nearest"] = terms["nearest"] / ratio
    terms["filled"] = terms["filled"] * ratio
    terms["begins"] = terms["begins"] / ratio
    if HAS[terms["type"]] == Has.TRAIL and flags & Flag.RELATIVE == 0:
        terms["trail"] = terms["trail"] / ratio
        terms["then"] = terms["then"] / ratio


@step
def exit_on_grid(instrument: Any, slot: Any, terms: Any, price: float) -> None:
    """Set the prices of an exit that stands relative to its entry, which filled at ``price`` in the mean."""
    if HAS[terms["type"]] & Has.TRAIL != 0:
        return
    sells = slot["quantity"] < 0.0
    if is_limit(terms):
        level = price * (1.0 + terms["trail"] if sells else 1.0 - terms["trail"])
        terms["limit"] = on_tick(instrument, level, sells)
    else:
        level = price * (1.0 - terms["trail"] if sells else 1.0 + terms["trail"])
        terms["stop"] = on_tick(instrument, level, not sells)


# --- triggered ----------------------------------------------------------------------------------------------------


@step
def met_falling(terms: Any, buys: bool) -> bool:
    """Whether a falling price comes to the order's: limits that buy, stops that sell."""
    return is_limit(terms) == buys


@step
def within_limit(terms: Any, price: float, buys: bool) -> bool:
    """Whether a price is as good as an order's limit."""
    return bool(price <= terms["limit"] if buys else price >= terms["limit"])


@step
def trigger(terms: Any, event: int, price: float, buys: bool) -> bool:
    """Make a stop-limit order a limit order at the price that triggered it; whether it fills there. ``event`` says
    what is known of the prices that follow."""
    terms["state"] = NEXT_STATE[terms["state"], event]
    return within_limit(terms, price, buys)


@step
def rule_at_open(rules: Any, instrument: Any, terms: Any, price: float, buys: bool) -> int:
    """The rule by which an order fills at the open, -1 where it does not; triggers a stop-limit, moves a trailing
    stop."""
    has = HAS[terms["type"]]
    if waits_for_nothing(terms):
        return FillRule.AT_OPEN if has == 0 else FillRule.STOP_BEFORE
    level = level_of(instrument, terms, buys)
    beyond = price <= level if met_falling(terms, buys) else price >= level
    if is_limit(terms):
        return FillRule.LIMIT_AT_OPEN if beyond else -1
    if beyond:
        if has & Has.LIMIT != 0:
            return FillRule.STOP_AT_OPEN if trigger(terms, OrderEvent.STOP_MET, price, buys) else -1
        return FillRule.STOP_AT_OPEN if has & Has.STOP != 0 else FillRule.TRAIL_AT_OPEN
    if has & Has.TRAIL != 0 and rules["trail_by_close"] == 0:
        follow(terms, price, buys)
    return -1


@step
def rule_in_bar(terms: Any) -> int:
    """The rule by which an order fills, or is triggered, where the bar comes to its price."""
    has = HAS[terms["type"]]
    if has & Has.STOP != 0 and terms["state"] != OrderState.TRIGGERED:
        return FillRule.STOP_TOUCHED
    return FillRule.TRAIL_TOUCHED if has & Has.TRAIL != 0 else FillRule.LIMIT_TOUCHED
