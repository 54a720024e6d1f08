"""What a fill does to the orders that belong to the one that filled: its exits wake, those of its group end or are
lessened, and what is left of an entry ends once one of its exits was met."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.execution.ends import FillOf, end_order, write_fill
from backbus.jit.decorators import step
from backbus.market.ticks import INTRABAR_MATCH, PHASES
from backbus.trading.codes import Cap, End, FillRule, Flag
from backbus.trading.groups import MarketArrays, OrderLists, RecordLog
from backbus.trading.lots import plus
from backbus.trading.open_orders import after, find_order, first, works
from backbus.trading.order_states import NEXT_STATE, OrderEvent, OrderState
from backbus.trading.order_types import exit_on_grid, is_stop, level_of, trails
from backbus.trading.records import NO_ORDER
from backbus.trading.rules import Path
from backbus.trading.trailing import beginning, has_begun, wake_trail


@step
def _wake(
    orders: OrderLists,
    market: MarketArrays,
    asset: int,
    node: int,
    tick: int,
    event: int,
    quantity: float,
    price: float,
) -> None:
    """Let an exit live, or grow, after its entry filled ``quantity`` more, at ``price`` in the mean; ``event`` says
    what is known of the prices before."""
    slot, terms = orders.slots[node], orders.terms[node]
    if terms["state"] == OrderState.ASLEEP:
        slot["quantity"] = -market.state[asset]["held"] if slot["flags"] & Flag.WHOLE else -quantity
        terms["live_from"] = tick if tick % PHASES == INTRABAR_MATCH else tick + 1
        if trails(terms):
            wake_trail(terms, price, slot["quantity"] > 0.0)
    else:
        slot["quantity"] = plus(market.instruments[asset]["lot"], slot["quantity"], -quantity)
        if trails(terms) and not has_begun(terms):
            terms["begins"] = beginning(terms, price, slot["quantity"] > 0.0)
    terms["state"] = NEXT_STATE[terms["state"], event]
    if slot["flags"] & Flag.RELATIVE:
        exit_on_grid(market.instruments[asset], slot, terms, price)
    if is_stop(terms) and not trails(terms) and terms["live_from"] == tick:
        # In the middle of a bar the market stands at the entry's price: a stop beyond it is met there.
        terms["stop"] = max(terms["stop"], price) if slot["quantity"] > 0.0 else min(terms["stop"], price)


@step
def _stand_across(instrument: Any, terms: Any, buys: bool, price: float, across: float) -> None:
    """Let a stop that woke within a bar, where its entry filled at ``price``, know by how much it may be met beyond its
    own price: its side of the market stands up to ``across`` away from the entry's."""
    level = level_of(instrument, terms, buys)
    if across > 0.0 and is_stop(terms) and level == level:  # noqa: PLR0124  (it does not sleep)
        terms["beyond"] = max(price + across - level if buys else level - (price - across), 0.0)


@step
def wake_exits(
    orders: OrderLists, rules: Any, market: MarketArrays, asset: int, node: int, filled: Any, tick: int
) -> bool:
    """Let the exits of an order that filled live, as the FILL record says; whether any of them is for the whole
    position."""
    order, quantity = filled["order"], filled["quantity"]
    terms = orders.terms[node]
    price = terms["value"] / terms["filled"]
    came_back = terms["state"] == OrderState.JUST_TRIGGERED and filled["reference"] == terms["limit"]
    event = OrderEvent.PARENT_FILLED
    if rules["path"] == Path.WORST:
        if came_back:
            event = OrderEvent.PARENT_MAY_HAVE_FILLED
        elif filled["rule"] == FillRule.LIMIT_TOUCHED or (
            filled["rule"] == FillRule.TRAIL_TOUCHED and terms["begins"] == terms["begins"]
        ):
            event = OrderEvent.PARENT_FILLED_IN_BAR
    woke = False
    other = first(orders, asset)
    while other >= 0:
        if works(orders, other) and orders.terms[other]["parent"] == order:
            _wake(orders, market, asset, other, tick, event, quantity, price)
            if rules["path"] == Path.WORST and orders.terms[other]["live_from"] == tick:
                buys = orders.slots[other]["quantity"] > 0.0
                across = market.state[asset]["across"]
                _stand_across(market.instruments[asset], orders.terms[other], buys, price, across)
            woke = woke or orders.slots[other]["flags"] & Flag.WHOLE != 0
        other = after(orders, other)
    return woke


@step
def lessen_group(
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
                rest = plus(market.instruments[any_asset]["lot"], slot["quantity"], -quantity)
                if left == 0.0 or any_asset != asset or rest * quantity <= 0.0:
                    end_order(orders, market, any_asset, other, tick, End.OTHER_FILLED, fills)
                else:
                    slot["quantity"] = rest
                    found = FillOf(FillRule.LESSENED, Cap.NONE, 0.0, np.nan, np.nan, 0.0, rest)
                    write_fill(fills, tick, slot["order"], asset, market.state[asset]["unit"], found)
            other = after(orders, other)


@step
def end_exits(
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
            older = slot["flags"] & Flag.WHOLE != 0 and terms["parent"] != order
            replaced = woke and older and terms["state"] != OrderState.TRIGGERED
            if closed or replaced:
                why = End.EXIT_REPLACED if replaced else End.POSITION_CLOSED
                end_order(orders, market, asset, other, tick, why, fills)
        other = after(orders, other)


@step
def end_entry(orders: OrderLists, market: MarketArrays, asset: int, node: int, tick: int, fills: RecordLog) -> None:
    """End what is left of the entry that an exit belongs to, once the exit was met: what it would still buy would have
    no exits."""
    parent = orders.terms[node]["parent"]
    if parent != NO_ORDER:
        entry = find_order(orders, asset, parent)
        if entry >= 0:
            end_order(orders, market, asset, entry, tick, End.EXIT_REACHED, fills)
