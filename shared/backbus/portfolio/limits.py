"""Limits of risk: how much of an order they let pass. They refuse or shrink what opens; what only closes always passes.

Exposures count every accepted order as filled, at the last prices, in the account's currency. Each limit is a share of
equity at the last mark.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.compiled import step
from backbus.market.lots import whole_lots
from backbus.market.panel import Ints
from backbus.market.records import (
    GROSS_LIMIT,
    NET_LIMIT,
    NO_ORDER,
    NO_REASON,
    POSITIONS_LIMIT,
    REDUCES,
    TURNOVER_LIMIT,
    WEIGHT_LIMIT,
    Records,
)


class Allowed(NamedTuple):
    """What limits let pass of an order: signed quantity, and why it is less than was wanted."""

    quantity: float
    reason: int


@step
def plan(account: Any, line: Any, worth: float, quantity: float) -> None:
    """Count an order of ``quantity`` (signed) on a ledger line as filled; ``worth`` is that of one unit."""
    before, after = line["planned"], line["planned"] + quantity
    line["planned"] = after
    account["gross_then"] = account["gross_then"] + (abs(after) - abs(before)) * worth
    account["net_then"] = account["net_then"] + quantity * worth
    account["positions_then"] = account["positions_then"] + (after != 0.0) - (before != 0.0)


@step
def plan_all(account: Any, ledger: Records, tape: Records, working: Records, heads: Ints) -> None:
    """Count positions and working orders that open something."""
    account["gross_then"] = 0.0
    account["net_then"] = 0.0
    account["positions_then"] = 0.0
    for asset in range(ledger.shape[0]):
        line = ledger[asset]
        line["planned"] = 0.0
        worth = line["price"] * tape[asset]["unit"]
        if line["position"] != 0.0:
            plan(account, line, worth, line["position"])
        node = heads[asset]
        while node >= 0:
            slot = working[node]
            if slot["order"] != NO_ORDER and slot["flags"] & REDUCES == 0:
                plan(account, line, worth, slot["quantity"])
            node = slot["next"]


@step
def within(rules: Any, account: Any, line: Any, instrument: Any, wanted: float, reduces: bool, worth: float) -> Allowed:
    """What the limits let pass of an order for ``wanted`` (signed) units that are worth ``worth`` each."""
    if rules["limited"] == 0 or reduces:
        return Allowed(wanted, NO_REASON)
    side = 1.0 if wanted > 0.0 else -1.0
    size = abs(wanted)
    planned = line["planned"]
    equity = max(account["equity"], 0.0)
    room = np.inf
    reason = NO_REASON
    if planned == 0.0 and account["positions_then"] + 1.0 > rules["positions_limit"]:
        room = 0.0
        reason = POSITIONS_LIMIT
    most = rules["weight_limit"] * equity / worth - side * planned
    if most < room:
        room = most
        reason = WEIGHT_LIMIT
    others = account["gross_then"] - abs(planned) * worth
    most = max(rules["gross_limit"] * equity - others, 0.0) / worth - side * planned
    if most < room:
        room = most
        reason = GROSS_LIMIT
    most = (rules["net_limit"] * equity - side * account["net_then"]) / worth
    if most < room:
        room = most
        reason = NET_LIMIT
    most = (rules["turnover_limit"] * equity - account["ordered"]) / worth
    if most < room:
        room = most
        reason = TURNOVER_LIMIT
    if room >= size:
        return Allowed(wanted, NO_REASON)
    closing = min(max(-side * planned, 0.0), size)
    return Allowed(side * max(whole_lots(instrument["lot"], max(room, 0.0)), closing), reason)
