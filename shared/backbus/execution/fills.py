"""What a fill does to the order that fills, to those that belong to it, and to those that it ends.

An order may fill in parts, because a bar's volume is shared, and its fee is that of all its parts together. Its exits
wake with it. Of a group, one fill ends the others, or lessens those that leave the same position. What only reduces a
position never goes through zero.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.jit.decorators import part, plain, step
from backbus.jit.fields import copied
from backbus.trading.codes import Cap, End, FillRule, Flag, InForce
from backbus.trading.commission import charge, fee_of
from backbus.trading.groups import MarketArrays, OpenOrders, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.lots import whole_lots
from backbus.trading.open_orders import after, end_node, first, sleeps_beside, works
from backbus.trading.order_states import NEXT_STATE, OrderEvent, OrderState
from backbus.trading.order_types import exit_on_grid, has_limit, level_of, trails
from backbus.trading.slippage import market_price


class FillOf(NamedTuple):
    """What a FILL record says of an order beside which order it is."""

    rule: int
    cap: int
    quantity: float
    price: float
    reference: float
    fee: float
    left: float


@step
def write_fill(fills: RecordLog, tick: int, order: int, asset: int, unit: float, found: FillOf) -> None:
    """Write one FILL record."""
    record = fills.records[fills.length[0]]
    record["tick"] = tick
    record["order"] = order
    record["asset"] = asset
    record["rule"] = found.rule
    record["cap"] = found.cap
    record["quantity"] = found.quantity
    record["price"] = found.price
    record["reference"] = found.reference
    record["fee"] = found.fee
    record["unit"] = unit
    record["left"] = found.left
    fills.length[0] += 1


# --- ends ---------------------------------------------------------------------------------------------------------


@step
def _end(
    orders: OpenOrders, market: MarketArrays, asset: int, node: int, tick: int, found: FillOf, fills: RecordLog
) -> None:
    write_fill(fills, tick, orders.slots[node]["order"], asset, market.state[asset]["unit"], found)
    end_node(orders, node)


def _end_single(
    orders: SingleOrders, market: MarketArrays, asset: int, node: int, tick: int, rule: int, fills: RecordLog
) -> None:
    left = orders.slots[node]["quantity"]
    _end(orders, market, asset, node, tick, FillOf(rule, Cap.NONE, 0.0, np.nan, np.nan, 0.0, left), fills)


def _end_listed(
    orders: OrderLists, market: MarketArrays, asset: int, node: int, tick: int, rule: int, fills: RecordLog
) -> None:
    slot, terms = orders.slots[node], orders.terms[node]
    order, left = slot["order"], slot["quantity"]
    level = level_of(market.instruments[asset], terms, left > 0.0)
    found = FillOf(rule, terms["bound"], 0.0, level, terms["nearest"], 0.0, left)
    _end(orders, market, asset, node, tick, found, fills)
    if terms["filled"] == 0.0:
        child = first(orders, asset)
        while child >= 0:
            if sleeps_beside(orders, child, order):
                left = orders.slots[child]["quantity"]
                found = FillOf(End.PARENT_ENDED, Cap.NONE, 0.0, np.nan, np.nan, 0.0, left)
                _end(orders, market, asset, child, tick, found, fills)
            child = after(orders, child)


end_order = verb(_end_single, _end_listed)
"""``end_order(orders, market, asset, node, tick, rule, fills)``: end an order unfilled, and the exits that still sleep
beside it."""


# --- fills --------------------------------------------------------------------------------------------------------


class Fillable(NamedTuple):
    """How much of an order may fill now: signed, 0.0 where nothing may; what lessened it."""

    quantity: float
    cap: int


def _all_of_it(
    orders: SingleOrders, market: MarketArrays, asset: int, node: int, tick: int, fills: RecordLog
) -> Fillable:
    return Fillable(copied(orders.slots[node]["quantity"]), Cap.NONE)


def _as_far_as_it_goes(
    orders: OrderLists, market: MarketArrays, asset: int, node: int, tick: int, fills: RecordLog
) -> Fillable:
    slot, terms, state = orders.slots[node], orders.terms[node], market.state[asset]
    quantity = copied(slot["quantity"])
    cap = Cap.NONE
    terms["tried"] = tick
    if slot["flags"] & Flag.REDUCE_ONLY:
        room = -state["held"]
        if quantity * room <= 0.0:
            end_order(orders, market, asset, node, tick, End.POSITION_CLOSED, fills)
            return Fillable(0.0, cap)
        if abs(room) < abs(quantity):
            quantity = room
            cap = Cap.POSITION
    if state["room"] < abs(quantity):
        room = whole_lots(market.instruments[asset]["lot"], state["room"])
        terms["bound"] = Cap.VOLUME
        if terms["in_force"] == InForce.FILL_OR_KILL or room <= 0.0:
            return Fillable(0.0, cap)
        quantity = room if quantity > 0.0 else -room
        cap = Cap.VOLUME
    return Fillable(quantity, cap)


_fillable = verb(_all_of_it, _as_far_as_it_goes)
"""How much of an order may fill, as far as volume and position let it; ends one that may never."""


def _any_price(orders: SingleOrders, node: int, price: float, quantity: float) -> float:
    return price


def _at_its_limit(orders: OrderLists, node: int, price: float, quantity: float) -> float:
    terms = orders.terms[node]
    if has_limit(terms):
        return min(price, terms["limit"]) if quantity > 0.0 else max(price, terms["limit"])
    return price


_no_worse = verb(_any_price, _at_its_limit)
"""The price, but no worse than an order's limit."""


def _fee_of_whole(
    orders: SingleOrders,
    rules: Any,
    market: MarketArrays,
    asset: int,
    node: int,
    fill: Fillable,
    price: float,
    rule: int,
) -> float:
    return fee_of(rules, market.instruments[asset], market.state[asset], fill.quantity, price)


def _fee_of_part(
    orders: OrderLists, rules: Any, market: MarketArrays, asset: int, node: int, fill: Fillable, price: float, rule: int
) -> float:
    makes = rule == FillRule.LIMIT_TOUCHED
    return charge(rules, market, asset, orders.terms[node], fill.quantity, price, makes)


_fee = verb(_fee_of_whole, _fee_of_part)
"""What a fill costs, of an order that fills whole or of one that may fill in parts."""


def _alone(
    orders: SingleOrders, market: MarketArrays, asset: int, node: int, fill: Fillable, tick: int, fills: RecordLog
) -> None:
    pass


def _among_others(
    orders: OrderLists, market: MarketArrays, asset: int, node: int, fill: Fillable, tick: int, fills: RecordLog
) -> None:
    state = market.state[asset]
    state["room"] = state["room"] - abs(fill.quantity)
    last = fills.records[fills.length[0] - 1]
    order, left = last["order"], last["left"]
    woke = _wake_exits(orders, market, asset, node, order, fill.quantity, tick)
    if orders.terms[node]["group"] != 0:
        _lessen_group(orders, market, asset, node, fill.quantity, left, tick, fills)
    _end_exits(orders, market, asset, order, fill.quantity, woke, tick, fills)


_tell_others = verb(_alone, _among_others)
"""What a fill does to the asset's room, and to the orders that belong to the one that filled."""


@step
def _fill(
    orders: OpenOrders,
    rules: Any,
    market: MarketArrays,
    asset: int,
    node: int,
    tick: int,
    reference: float,
    rule: int,
    fills: RecordLog,
) -> None:
    """Fill an order where the market stands at ``reference``, as far as it may: writes what comes of it."""
    slot, state = orders.slots[node], market.state[asset]
    now = _fillable(orders, market, asset, node, tick, fills)
    if now.quantity == 0.0:
        return
    price = market_price(market.instruments[asset], state, reference, now.quantity)
    price = _no_worse(orders, node, price, now.quantity)
    fee = _fee(orders, rules, market, asset, node, now, price, rule)
    left = slot["quantity"] - now.quantity if now.cap != Cap.POSITION else 0.0
    state["held"] = state["held"] + now.quantity
    found = FillOf(rule, now.cap, now.quantity, price, reference, fee, left)
    write_fill(fills, tick, slot["order"], asset, state["unit"], found)
    slot["quantity"] = left
    if left == 0.0:
        end_node(orders, node)
    _tell_others(orders, market, asset, node, now, tick, fills)


# --- exits and groups ---------------------------------------------------------------------------------------------


@step
def _wake(
    orders: OrderLists, market: MarketArrays, asset: int, node: int, tick: int, quantity: float, price: float
) -> None:
    """Let an exit live, or grow, after its entry filled ``quantity`` more, at ``price`` in the mean."""
    slot, terms = orders.slots[node], orders.terms[node]
    if terms["state"] == OrderState.ASLEEP:
        slot["quantity"] = -market.state[asset]["held"] if slot["flags"] & Flag.WHOLE else -quantity
        terms["live_from"] = tick + 1
        if trails(terms):
            terms["stop"] = price
    else:
        slot["quantity"] = slot["quantity"] - quantity
    terms["state"] = NEXT_STATE[terms["state"], OrderEvent.PARENT_FILLED]
    if slot["flags"] & Flag.RELATIVE:
        exit_on_grid(market.instruments[asset], slot, terms, price)


@step
def _wake_exits(
    orders: OrderLists, market: MarketArrays, asset: int, node: int, order: int, quantity: float, tick: int
) -> bool:
    """Let the exits of an order that filled live; whether any of them is for the whole position."""
    price = orders.terms[node]["value"] / orders.terms[node]["filled"]
    woke = False
    other = first(orders, asset)
    while other >= 0:
        if works(orders, other) and orders.terms[other]["parent"] == order:
            _wake(orders, market, asset, other, tick, quantity, price)
            woke = woke or orders.slots[other]["flags"] & Flag.WHOLE != 0
        other = after(orders, other)
    return woke


@step
def _lessen_group(
    orders: OrderLists,
    market: MarketArrays,
    asset: int,
    node: int,
    quantity: float,
    left: float,
    tick: int,
    fills: RecordLog,
) -> None:
    """End the other orders of a group, or lessen those that leave the same position."""
    group = orders.terms[node]["group"]
    for any_asset in range(market.state.shape[0]):
        other = first(orders, any_asset)
        while other >= 0:
            slot = orders.slots[other]
            if works(orders, other) and other != node and orders.terms[other]["group"] == group:
                rest = slot["quantity"] - quantity
                if left == 0.0 or any_asset != asset or rest * quantity <= 0.0:
                    end_order(orders, market, any_asset, other, tick, End.OTHER_FILLED, fills)
                else:
                    slot["quantity"] = rest
                    found = FillOf(FillRule.LESSENED, Cap.NONE, 0.0, np.nan, np.nan, 0.0, rest)
                    write_fill(fills, tick, slot["order"], asset, market.state[asset]["unit"], found)
            other = after(orders, other)


@step
def _end_exits(
    orders: OrderLists,
    market: MarketArrays,
    asset: int,
    order: int,
    quantity: float,
    woke: bool,
    tick: int,
    fills: RecordLog,
) -> None:
    """End the exits whose position is gone, and those whose place the exits of a newer order took."""
    held = market.state[asset]["held"]
    other = first(orders, asset)
    while other >= 0:
        slot, terms = orders.slots[other], orders.terms[other]
        if works(orders, other) and terms["state"] != OrderState.ASLEEP and slot["flags"] & Flag.REDUCE_ONLY:
            closed = held * quantity >= 0.0 and slot["quantity"] * held >= 0.0
            replaced = woke and slot["flags"] & Flag.WHOLE != 0 and terms["parent"] != order
            if closed or replaced:
                why = End.EXIT_REPLACED if replaced else End.POSITION_CLOSED
                end_order(orders, market, asset, other, tick, why, fills)
        other = after(orders, other)


_fill_of_list = part(plain(_fill))
"""Compiled by itself: it is large, and called in many places."""


def _fill_listed(
    orders: OrderLists,
    rules: Any,
    market: MarketArrays,
    asset: int,
    node: int,
    tick: int,
    reference: float,
    rule: int,
    fills: RecordLog,
) -> None:
    _fill_of_list(orders, rules, market, asset, node, tick, reference, rule, fills)


fill = verb(plain(_fill), _fill_listed)
"""``fill(orders, rules, market, asset, node, tick, reference, rule, fills)``: fill an order where the market stands at
``reference``, as far as it may, and write what comes of it."""
