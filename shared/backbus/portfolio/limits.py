"""Limits of risk: how much of an order they let pass. They refuse or shrink what opens; what only closes always passes.

Exposures count every accepted order as filled, at the last prices, in the account's currency. Each limit is a share of
equity at the last mark.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.jit.decorators import step
from backbus.trading.codes import Reason
from backbus.trading.groups import Account, MarketArrays, OpenOrders
from backbus.trading.lots import whole_lots
from backbus.trading.open_orders import after, first, reduces, works


class Allowed(NamedTuple):
    """What limits let pass of an order: signed quantity, and why it is less than was wanted."""

    quantity: float
    reason: int


@step
def plan(totals: Any, line: Any, worth: float, quantity: float) -> None:
    """Count an order of ``quantity`` (signed) on an asset's line as filled; ``worth`` is that of one unit."""
    before, then = line["planned"], line["planned"] + quantity
    line["planned"] = then
    totals["gross_then"] = totals["gross_then"] + (abs(then) - abs(before)) * worth
    totals["net_then"] = totals["net_then"] + quantity * worth
    totals["positions_then"] = totals["positions_then"] + (then != 0.0) - (before != 0.0)


@step
def plan_all(orders: OpenOrders, account: Account, market: MarketArrays) -> None:
    """Count positions and open orders that open something."""
    totals = account.totals
    totals["gross_then"] = 0.0
    totals["net_then"] = 0.0
    totals["positions_then"] = 0.0
    for asset in range(account.positions.shape[0]):
        line = account.positions[asset]
        line["planned"] = 0.0
        worth = line["price"] * market.state[asset]["unit"]
        if line["position"] != 0.0:
            plan(totals, line, worth, line["position"])
        node = first(orders, asset)
        while node >= 0:
            slot = orders.slots[node]
            if works(orders, node) and not reduces(slot):
                plan(totals, line, worth, slot["quantity"])
            node = after(orders, node)


@step
def within(rules: Any, totals: Any, line: Any, instrument: Any, wanted: float, lessens: bool, worth: float) -> Allowed:
    """What the limits let pass of an order for ``wanted`` (signed) units that are worth ``worth`` each."""
    if rules["limited"] == 0 or lessens:
        return Allowed(wanted, Reason.NONE)
    side = 1.0 if wanted > 0.0 else -1.0
    size = abs(wanted)
    planned = line["planned"]
    equity = max(totals["equity"], 0.0)
    room = np.inf
    reason = Reason.NONE
    if planned == 0.0 and totals["positions_then"] + 1.0 > rules["positions_limit"]:
        room = 0.0
        reason = Reason.POSITIONS_LIMIT
    most = rules["weight_limit"] * equity / worth - side * planned
    if most < room:
        room = most
        reason = Reason.WEIGHT_LIMIT
    others = totals["gross_then"] - abs(planned) * worth
    most = max(rules["gross_limit"] * equity - others, 0.0) / worth - side * planned
    if most < room:
        room = most
        reason = Reason.GROSS_LIMIT
    most = (rules["net_limit"] * equity - side * totals["net_then"]) / worth
    if most < room:
        room = most
        reason = Reason.NET_LIMIT
    most = (rules["turnover_limit"] * equity - totals["ordered"]) / worth
    if most < room:
        room = most
        reason = Reason.TURNOVER_LIMIT
    if room >= size:
        return Allowed(wanted, Reason.NONE)
    closing = min(max(-side * planned, 0.0), size)
    return Allowed(side * max(whole_lots(instrument["lot"], max(room, 0.0)), closing), reason)
