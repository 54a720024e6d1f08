"""The order layer's own loop: apply orders, sweep the rows in which something works, answer with fills."""

from __future__ import annotations

from typing import Any

from backbus.compiled import loop
from backbus.execution.matching import match_market
from backbus.market.panel import Floats
from backbus.market.records import CANCEL, NO_ORDER, ON_CLOSE, PLACE, RESIZE, Records
from backbus.market.ticks import CLOSE_MATCH, OPEN_MATCH

TICK, ORDERS, FILLS, WORKS = range(4)
"""What the cursor holds: next tick to match; order records applied; fills written; orders that work."""


@loop
def sweep(
    rules_: Records,
    working: Records,
    open_: Floats,
    close: Floats,
    first_row: int,
    orders: Records,
    limit: int,
    fills: Records,
    cursor: Any,
) -> None:
    """Match all ticks below ``limit``, which must lie within the block of rows that begins at ``first_row``."""
    rules = rules_[0]
    tick = cursor[TICK]
    used = cursor[ORDERS]
    works = cursor[WORKS]
    count = cursor[FILLS]
    while tick < limit:
        while used < orders.shape[0] and orders[used]["tick"] <= tick:
            record = orders[used]
            slot = working[record["asset"]]
            kind = record["kind"]
            if kind in (PLACE, RESIZE):
                if slot["order"] == NO_ORDER:
                    works += 1
                slot["order"] = record["order"]
                slot["quantity"] = record["quantity"]
                slot["flags"] = record["flags"]
            elif kind == CANCEL and slot["order"] == record["order"]:
                slot["order"] = NO_ORDER
                works -= 1
            used += 1
        if works == 0:
            if used < orders.shape[0]:
                tick = max(tick + 1, orders[used]["tick"])
            else:
                tick = limit
            continue
        phase = tick % 6
        before = count
        if phase == OPEN_MATCH:
            count = match_market(rules, working, open_, tick // 6 - first_row, tick, 0, fills, count)
        elif phase == CLOSE_MATCH:
            count = match_market(rules, working, close, tick // 6 - first_row, tick, ON_CLOSE, fills, count)
        works -= count - before
        tick += 1
    cursor[TICK] = tick
    cursor[ORDERS] = used
    cursor[WORKS] = works
    cursor[FILLS] = count
