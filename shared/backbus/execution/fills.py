"""What a fill does to the order that fills, to those that belong to it, and to those that it ends.

An order may fill in parts, because a bar's volume is shared, and its fee is that of all its parts together. Its exits
wake with it. Of a group, one fill ends the others, or lessens those that leave the same position. What only reduces a
position never goes through zero.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.execution.ends import FillOf, end_order, write_fill
from backbus.execution.exits import end_entry, end_exits, lessen_group, wake_exits
from backbus.jit.decorators import part, step
from backbus.jit.fields import copied
from backbus.jit.python import plain
from backbus.trading.codes import Cap, End, FillRule, Flag, InForce
from backbus.trading.commission import charge, fee_of
from backbus.trading.groups import MarketArrays, OpenOrders, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.lots import plus, whole_lots
from backbus.trading.open_orders import end_node
from backbus.trading.order_states import NEXT_STATE, OrderEvent, OrderState
from backbus.trading.order_types import has_limit, is_stop
from backbus.trading.slippage import market_price

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
    room = -state["held"]
    if slot["flags"] & Flag.REDUCE_ONLY and quantity * room <= 0.0:
        end_order(orders, market, asset, node, tick, End.POSITION_CLOSED, fills)
        return Fillable(0.0, cap)
    met = is_stop(terms) and terms["state"] != OrderState.TRIGGERED
    if met:
        terms["state"] = NEXT_STATE[terms["state"], OrderEvent.STOP_MET]
    if slot["flags"] & Flag.REDUCE_ONLY and abs(room) < abs(quantity):
        quantity = room
        cap = Cap.POSITION
    if state["room"] < abs(quantity):
        room = whole_lots(market.instruments[asset]["lot"], state["room"])
        terms["bound"] = Cap.VOLUME
        if terms["in_force"] == InForce.FILL_OR_KILL or room <= 0.0:
            if met:
                found = FillOf(FillRule.HELD_BACK, Cap.VOLUME, 0.0, np.nan, np.nan, 0.0, slot["quantity"])
                write_fill(fills, tick, slot["order"], asset, state["unit"], found)
                end_entry(orders, market, asset, node, tick, fills)
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
    hidden = copied(terms["hidden"])
    terms["hidden"] = 0.0
    return price + hidden if quantity > 0.0 else price - hidden


_no_worse = verb(_any_price, _at_its_limit)
"""The price, but no worse than an order's limit; worse by what a bar hides of a trailing stop."""


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
    orders: SingleOrders,
    rules: Any,
    market: MarketArrays,
    asset: int,
    node: int,
    fill: Fillable,
    tick: int,
    fills: RecordLog,
) -> None:
    pass


def _among_others(
    orders: OrderLists,
    rules: Any,
    market: MarketArrays,
    asset: int,
    node: int,
    fill: Fillable,
    tick: int,
    fills: RecordLog,
) -> None:
    state = market.state[asset]
    state["room"] = state["room"] - abs(fill.quantity)
    last = fills.records[fills.length[0] - 1]
    order, left = last["order"], last["left"]
    woke = wake_exits(orders, rules, market, asset, node, last, tick)
    if orders.terms[node]["group"] != 0:
        lessen_group(orders, market, asset, node, fill.quantity, left, tick, fills)
    end_exits(orders, market, asset, order, fill.quantity, woke, tick, fills)
    end_entry(orders, market, asset, node, tick, fills)


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
    lot = market.instruments[asset]["lot"]
    left = plus(lot, slot["quantity"], -now.quantity) if now.cap == Cap.VOLUME else 0.0
    state["held"] = plus(lot, state["held"], now.quantity)
    found = FillOf(rule, now.cap, now.quantity, price, reference, fee, left)
    write_fill(fills, tick, slot["order"], asset, state["unit"], found)
    slot["quantity"] = left
    if left == 0.0:
        end_node(orders, node)
    _tell_others(orders, rules, market, asset, node, now, tick, fills)


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
