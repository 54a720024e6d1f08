"""What a fill does to the order that fills, to those that belong to it, and to those that it ends.

An order may fill in parts, because a bar's volume is shared, and its fee is that of all its parts together. Its exits
wake with it. Of a group, one fill ends the others, or lessens those that leave the same position. What only reduces a
position never goes through zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import part, step
from backbus.execution.matching import write_fill
from backbus.market.costs import charge, market_price, on_tick
from backbus.market.lots import whole_lots
from backbus.market.panel import Ints
from backbus.market.records import (
    EXIT_REPLACED,
    FILL_OR_KILL,
    LESSENED,
    LIMIT,
    LIMIT_TOUCHED,
    NO_CAP,
    NO_ORDER,
    OTHER_FILLED,
    PARENT_ENDED,
    POSITION_CAP,
    POSITION_CLOSED,
    REDUCE_ONLY,
    RELATIVE,
    STOP,
    STOP_LIMIT,
    TRAIL,
    TRAIL_PERCENT,
    VOLUME_CAP,
    WHOLE,
    Records,
)
from backbus.market.working import ASLEEP, LIVE, end_node


@step
def is_limit(terms: Any) -> bool:
    """Whether an order waits for a price as good as its limit."""
    return bool(terms["type"] == LIMIT or (terms["type"] == STOP_LIMIT and terms["state"] != LIVE))


@step
def level_of(instrument: Any, slot: Any, terms: Any) -> float:
    """The price at which an order fills or is triggered; NaN for one that waits for none."""
    kind = terms["type"]
    buys = slot["quantity"] > 0.0
    if kind == TRAIL:
        return on_tick(instrument, terms["stop"] + terms["trail"] if buys else terms["stop"] - terms["trail"], buys)
    if kind == TRAIL_PERCENT:
        share = 1.0 + terms["trail"] if buys else 1.0 - terms["trail"]
        return on_tick(instrument, terms["stop"] * share, buys)
    if is_limit(terms):
        return float(terms["limit"])
    if kind in (STOP, STOP_LIMIT):
        return float(terms["stop"])
    return np.nan


@step
def end_order(
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    asset: int,
    node: int,
    tick: int,
    rule: int,
    fills: Records,
    count: int,
) -> int:
    """End an order unfilled, and the exits that still sleep beside it. Returns the number of FILL records."""
    slot, its = working[node], terms[node]
    order = slot["order"]
    write_fill(
        fills[count],
        tick,
        order,
        asset,
        rule,
        its["bound"],
        0.0,
        level_of(instruments[asset], slot, its),
        its["nearest"],
        0.0,
        tape[asset]["unit"],
        slot["quantity"],
    )
    count += 1
    end_node(working, heads, node)
    if its["filled"] == 0.0:
        child = heads[asset]
        while child >= 0:
            if (
                working[child]["order"] != NO_ORDER
                and terms[child]["parent"] == order
                and terms[child]["state"] == ASLEEP
            ):
                write_fill(
                    fills[count],
                    tick,
                    working[child]["order"],
                    asset,
                    PARENT_ENDED,
                    NO_CAP,
                    0.0,
                    np.nan,
                    np.nan,
                    0.0,
                    tape[asset]["unit"],
                    working[child]["quantity"],
                )
                count += 1
                end_node(working, heads, child)
            child = working[child]["next"]
    return count


@step
def _wake(instrument: Any, line: Any, slot: Any, its: Any, tick: int, quantity: float, price: float) -> None:
    """Let an exit live, or grow, after its entry filled ``quantity`` more, at ``price`` in the mean."""
    if its["state"] == ASLEEP:
        slot["quantity"] = -line["held"] if slot["flags"] & WHOLE else -quantity
        its["state"] = LIVE
        its["live_from"] = tick + 1
        if its["type"] in (TRAIL, TRAIL_PERCENT):
            its["stop"] = price
    else:
        slot["quantity"] = slot["quantity"] - quantity
    if slot["flags"] & RELATIVE:
        sells = slot["quantity"] < 0.0
        if its["type"] == LIMIT:
            its["limit"] = on_tick(instrument, price * (1.0 + its["trail"] if sells else 1.0 - its["trail"]), sells)
        elif its["type"] == STOP:
            its["stop"] = on_tick(instrument, price * (1.0 - its["trail"] if sells else 1.0 + its["trail"]), not sells)


@part
def fill_order(
    rules_: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    asset: int,
    node: int,
    tick: int,
    reference: float,
    rule: int,
    fills: Records,
    count: int,
) -> int:
    """Fill an order at ``reference``, as far as volume and position let it. Returns the number of FILL records."""
    rules, instrument, line, slot, its = rules_[0], instruments[asset], tape[asset], working[node], terms[node]
    quantity = slot["quantity"] + 0.0
    cap = NO_CAP
    its["tried"] = tick
    if slot["flags"] & REDUCE_ONLY:
        room = -line["held"]
        if quantity * room <= 0.0:
            return end_order(instruments, tape, working, terms, heads, asset, node, tick, POSITION_CLOSED, fills, count)
        if abs(room) < abs(quantity):
            quantity = room
            cap = POSITION_CAP
    if line["room"] < abs(quantity):
        room = whole_lots(instrument["lot"], line["room"])
        its["bound"] = VOLUME_CAP
        if its["in_force"] == FILL_OR_KILL or room <= 0.0:
            return count
        quantity = room if quantity > 0.0 else -room
        cap = VOLUME_CAP
    price = market_price(instrument, line, reference, quantity)
    if its["type"] in (LIMIT, STOP_LIMIT):
        price = min(price, its["limit"]) if quantity > 0.0 else max(price, its["limit"])
    size = abs(quantity)
    fee = charge(rules, instrument, tape, asset, quantity, price, its, rule == LIMIT_TOUCHED)
    left = slot["quantity"] - quantity if cap != POSITION_CAP else 0.0
    line["held"] = line["held"] + quantity
    line["room"] = line["room"] - size
    order, group = slot["order"], its["group"]
    write_fill(
        fills[count], tick, order, asset, rule, cap, quantity, price, reference, fee, line["unit"], left
    )  # fmt: skip
    count += 1
    slot["quantity"] = left
    if left == 0.0:
        end_node(working, heads, node)
    woke = False
    other = heads[asset]
    while other >= 0:
        if working[other]["order"] != NO_ORDER and terms[other]["parent"] == order:
            _wake(instrument, line, working[other], terms[other], tick, quantity, its["value"] / its["filled"])
            woke = woke or working[other]["flags"] & WHOLE != 0
        other = working[other]["next"]
    if group != 0:
        for any_asset in range(tape.shape[0]):
            other = heads[any_asset]
            while other >= 0:
                its_other = terms[other]
                if working[other]["order"] != NO_ORDER and other != node and its_other["group"] == group:
                    rest = working[other]["quantity"] - quantity
                    if left == 0.0 or any_asset != asset or rest * quantity <= 0.0:
                        count = end_order(
                            instruments, tape, working, terms, heads, any_asset, other, tick, OTHER_FILLED, fills, count
                        )
                    else:
                        working[other]["quantity"] = rest
                        write_fill(
                            fills[count], tick, working[other]["order"], asset, LESSENED, NO_CAP, 0.0, np.nan, np.nan,
                            0.0, line["unit"], rest,
                        )  # fmt: skip
                        count += 1
                other = working[other]["next"]
    other = heads[asset]
    while other >= 0:
        slot_other, its_other = working[other], terms[other]
        if slot_other["order"] != NO_ORDER and its_other["state"] != ASLEEP and slot_other["flags"] & REDUCE_ONLY:
            closed = line["held"] * quantity >= 0.0 and slot_other["quantity"] * line["held"] >= 0.0
            replaced = woke and slot_other["flags"] & WHOLE != 0 and its_other["parent"] != order
            if closed or replaced:
                why = EXIT_REPLACED if replaced else POSITION_CLOSED
                count = end_order(instruments, tape, working, terms, heads, asset, other, tick, why, fills, count)
        other = slot_other["next"]
    return count
