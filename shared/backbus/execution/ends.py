"""FILL records as they are written, and how an order ends unfilled: it, and the exits that sleep beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbus.jit.decorators import step
from backbus.trading.codes import Cap, End
from backbus.trading.groups import MarketArrays, OpenOrders, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.open_orders import after, end_node, first, sleeps_beside
from backbus.trading.order_types import level_of


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
