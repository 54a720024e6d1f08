"""From an intent to open orders: the ORDER records that say so, its exits; and orders taken back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.market.ticks import PHASES
from backbus.portfolio.intents import no_terms
from backbus.portfolio.risk import Accepted, exempt
from backbus.trading.codes import Action, Flag, InForce, OrderType
from backbus.trading.groups import OpenOrders, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.lots import on_tick
from backbus.trading.open_orders import (
    after,
    append,
    end_node,
    filled_of,
    first,
    new_node,
    set_terms,
    sleeps_beside,
    wake_beside,
)
from backbus.trading.order_types import on_grid, possible, trails, worst_price
from backbus.trading.records import ASSET_SCALE, EXITS, NO_ORDER, ROW_SCALE
from backbus.trading.slippage import fill_price

# --- ORDER records ------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """What an ORDER record says of an order beside its terms."""

    action: int
    order: int
    quantity: float
    wanted: float
    flags: int
    reason: int


@step
def write_order(log: RecordLog, tick: int, asset: int, said: Said) -> None:
    """Write one ORDER record, of a market order."""
    record = log.records[log.length[0]]
    record["tick"] = tick
    record["order"] = said.order
    record["asset"] = asset
    record["kind"] = said.action
    record["quantity"] = said.quantity
    record["wanted"] = said.wanted
    record["flags"] = said.flags
    record["reason"] = said.reason
    record["type"] = OrderType.MARKET
    record["in_force"] = InForce.GOOD_TILL_CANCELLED
    record["limit"] = np.nan
    record["stop"] = np.nan
    record["trail"] = np.nan
    record["until"] = 0
    record["parent"] = NO_ORDER
    record["group"] = 0
    record["begins"] = np.nan
    record["gain"] = np.nan
    record["then"] = np.nan
    log.length[0] += 1


@step
def write_terms(log: RecordLog, source: Any) -> None:
    """Put the terms of an open order, or of an intent, into the ORDER record that was written last."""
    record = log.records[log.length[0] - 1]
    record["type"] = source["type"]
    record["in_force"] = source["in_force"]
    record["limit"] = source["limit"]
    record["stop"] = source["start"] if trails(source) else source["stop"]
    record["trail"] = source["trail"]
    record["until"] = source["until"]
    record["begins"] = np.nan if source["gain"] == source["gain"] else copied(source["begins"])
    record["gain"] = source["gain"]
    record["then"] = source["then"]


@step
def refuse(log: RecordLog, tick: int, asset: int, order: int, wanted: float, flags: int, reason: int) -> None:
    """Say that no order comes of a signal."""
    write_order(log, tick, asset, Said(Action.REFUSE, order, 0.0, wanted, flags, reason))


def _no_terms(orders: SingleOrders, node: int, log: RecordLog) -> None:
    pass


def _terms_of_node(orders: OrderLists, node: int, log: RecordLog) -> None:
    write_terms(log, orders.terms[node])
    if orders.slots[node]["flags"] & Flag.RELATIVE:  # the market worked out its price when the entry filled
        record = log.records[log.length[0] - 1]
        record["limit"] = np.nan
        record["stop"] = np.nan


def _no_kin(orders: SingleOrders, node: int, log: RecordLog) -> None:
    pass


def _kin_of_node(orders: OrderLists, node: int, log: RecordLog) -> None:
    record, terms = log.records[log.length[0] - 1], orders.terms[node]
    record["parent"] = terms["parent"]
    record["group"] = terms["group"]


write_kin_of = verb(_no_kin, _kin_of_node)
"""``write_kin_of(orders, node, log)``: put an open order's entry and group into the record that was written last."""
write_terms_of = verb(_no_terms, _terms_of_node)
"""``write_terms_of(orders, node, log)``: put an open order's terms into the record that was written last."""


@step
def resize(orders: OpenOrders, asset: int, node: int, tick: int, accepted: Accepted, log: RecordLog) -> None:
    """Let an open order be for another quantity."""
    slot = orders.slots[node]
    said = Said(Action.RESIZE, slot["order"], accepted.quantity, slot["wanted"], slot["flags"], accepted.reason)
    write_order(log, tick, asset, said)
    write_terms_of(orders, node, log)
    slot["quantity"] = accepted.quantity


@step
def cancel(orders: OpenOrders, asset: int, node: int, tick: int, reason: int, log: RecordLog) -> None:
    """Take an order back, and the exits that sleep beside it; ``purge`` has to follow."""
    order = orders.slots[node]["order"]
    unfilled = filled_of(orders, node) == 0.0
    other = first(orders, asset)
    while other >= 0:
        slot = orders.slots[other]
        if other == node or (unfilled and sleeps_beside(orders, other, order)):
            said = Said(Action.CANCEL, slot["order"], 0.0, slot["wanted"], slot["flags"], reason)
            write_order(log, tick, asset, said)
            write_terms_of(orders, other, log)
            write_kin_of(orders, other, log)
            end_node(orders, other)
        other = after(orders, other)


# --- intents --------------------------------------------------------------------------------------------------------


def _plain_intent(orders: SingleOrders, asset: int) -> bool:
    return True


def _is_market_intent(orders: OrderLists, asset: int) -> bool:
    return bool(orders.intents[asset]["type"] == OrderType.MARKET)


is_market_intent = verb(_plain_intent, _is_market_intent)
"""``is_market_intent(orders, asset)``: whether a signal asks for a plain market order."""


def _where_the_job_says(orders: SingleOrders, rules: Any, intent: int) -> bool:
    return bool(rules["fill_at_close"] != 0)


def _where_it_says_itself(orders: OrderLists, rules: Any, intent: int) -> bool:
    asked = orders.intents[intent]
    market_order = asked["type"] == OrderType.MARKET and asked["in_force"] != InForce.AT_THE_OPEN
    return bool(rules["fill_at_close"] != 0 and market_order)


fills_here = verb(_where_the_job_says, _where_it_says_itself)
"""``fills_here(orders, rules, intent)``: whether a market order of that intent fills at the close that decides it: what
the order says itself goes before what the job says."""


def _always(orders: SingleOrders, instrument: Any, asset: int, quantity: float, last: float) -> bool:
    return True


def _if_terms_allow(orders: OrderLists, instrument: Any, asset: int, quantity: float, last: float) -> bool:
    intent = orders.intents[asset]
    on_grid(instrument, intent, quantity, last)
    return possible(intent)


can_work = verb(_always, _if_terms_allow)
"""``can_work(orders, instrument, asset, quantity, last)``: whether a signal's terms make an order; moves its prices to
the grid."""


def _at_market(orders: SingleOrders, instrument: Any, state: Any, asset: int, quantity: float, last: float) -> float:
    return fill_price(instrument, state, last, quantity)


def _at_worst(orders: OrderLists, instrument: Any, state: Any, asset: int, quantity: float, last: float) -> float:
    return worst_price(instrument, state, orders.intents[asset], quantity, last)


worst_of_intent = verb(_at_market, _at_worst)
"""``worst_of_intent(orders, instrument, state, asset, quantity, last)``: the most that a signal's order may cost."""


def _market_order(orders: SingleOrders, instrument: Any, state: Any, node: int, last: float) -> float:
    return fill_price(instrument, state, last, orders.slots[node]["quantity"])


def _any_order(orders: OrderLists, instrument: Any, state: Any, node: int, last: float) -> float:
    return worst_price(instrument, state, orders.terms[node], orders.slots[node]["quantity"], last)


worst_of_order = verb(_market_order, _any_order)
"""``worst_of_order(orders, instrument, state, node, last)``: the most that an open order may cost."""


def _as_it_is(orders: SingleOrders, flags: int) -> int:
    return flags


def _no_further(orders: OrderLists, flags: int) -> int:
    return flags | Flag.REDUCE_ONLY if flags & Flag.REDUCES else flags


reduce_only = verb(_as_it_is, _no_further)
"""``reduce_only(orders, flags)``: what only lessens a position never goes beyond it, where others work beside it."""


# --- placing ------------------------------------------------------------------------------------------------------


class Ticket(NamedTuple):
    """An order that is about to work: where, when, and what it is beside its quantity and its terms."""

    asset: int
    node: int
    tick: int
    order: int
    wanted: float
    flags: int
    parent: int
    group: int


def _place_single(orders: SingleOrders, ticket: Ticket, accepted: Accepted, intent: int, log: RecordLog) -> None:
    _write_slot(orders, ticket, accepted, ticket.flags, log)
    orders.working[0] += 1


def _place_listed(orders: OrderLists, ticket: Ticket, accepted: Accepted, intent: int, log: RecordLog) -> None:
    _write_slot(orders, ticket, accepted, ticket.flags | Flag.LISTED, log)
    write_terms(log, orders.intents[intent])
    record = log.records[log.length[0] - 1]
    record["parent"] = ticket.parent
    record["group"] = ticket.group
    set_terms(orders.terms[ticket.node], record)
    wake_beside(orders, ticket.asset, ticket.node)
    append(orders, ticket.asset, ticket.node)


@step
def _write_slot(orders: OpenOrders, ticket: Ticket, accepted: Accepted, flags: int, log: RecordLog) -> None:
    said = Said(Action.PLACE, ticket.order, accepted.quantity, ticket.wanted, flags, accepted.reason)
    write_order(log, ticket.tick, ticket.asset, said)
    slot = orders.slots[ticket.node]
    slot["order"] = ticket.order
    slot["quantity"] = accepted.quantity
    slot["wanted"] = ticket.wanted
    slot["flags"] = flags


place = verb(_place_single, _place_listed)
"""``place(orders, ticket, accepted, intent, log)``: let an order that passed risk work, with the terms of the intent
of that number, and say so."""


@step
def place_forced(
    orders: OrderLists, asset: int, tick: int, quantity: float, on_close: bool, reason: int, log: RecordLog
) -> None:
    """Place a market order of the account's own, which lessens a position, and say why."""
    scratch = orders.intents.shape[0] - 1
    no_terms(orders.intents[scratch])
    flags = Flag.REDUCES | Flag.REDUCE_ONLY | Flag.FORCED | (Flag.ON_CLOSE if on_close else 0)
    order = tick // PHASES * ROW_SCALE + asset * ASSET_SCALE + 1
    ticket = Ticket(asset, new_node(orders), tick, order, quantity, flags, NO_ORDER, 0)
    place(orders, ticket, exempt(quantity), scratch, log)
    log.records[log.length[0] - 1]["reason"] = reason


@step
def place_exits(
    orders: OrderLists, instrument: Any, ticket: Ticket, quantity: float, flags: int, intent: int, log: RecordLog
) -> None:
    """Place the exits that an intent asks for beside its order, which ``ticket`` placed: asleep until that fills."""
    exits = -quantity
    wanted, own = orders.intents[intent], orders.intents.shape[0] - 1
    scratch = orders.intents[own]
    for which in range(EXITS):
        level = (
            wanted["take_profit"] if which == 0 else (wanted["stop_loss"] if which == 1 else wanted["trailing_loss"])
        )
        if not level > 0.0:
            continue
        no_terms(scratch)
        relative = wanted["fractions"] & (1 << which) != 0
        if which == 0:
            scratch["type"] = OrderType.LIMIT
            scratch["limit"] = np.nan if relative else on_tick(instrument, level, exits < 0.0)
        elif which == 1:
            scratch["type"] = OrderType.STOP
            scratch["stop"] = np.nan if relative else on_tick(instrument, level, exits > 0.0)
        else:
            scratch["type"] = OrderType.TRAIL_PERCENT if relative else OrderType.TRAIL
            scratch["begins"] = wanted["trailing_begins"]
            scratch["gain"] = wanted["trailing_gain"]
            scratch["then"] = wanted["trailing_then"]
        if relative or which == 2:
            scratch["trail"] = level
        all_flags = flags | Flag.REDUCES | Flag.REDUCE_ONLY | (Flag.RELATIVE if relative and which < 2 else 0)
        node, child = new_node(orders), ticket.order + 1 + which
        exit_ticket = Ticket(
            ticket.asset, node, ticket.tick, child, exits, all_flags, ticket.order, -1 - ticket.order
        )  # fmt: skip
        place(orders, exit_ticket, exempt(exits), own, log)


def _without_exits(
    orders: SingleOrders, rules: Any, instrument: Any, ticket: Ticket, quantity: float, log: RecordLog
) -> None:
    pass


def _with_exits(
    orders: OrderLists, rules: Any, instrument: Any, ticket: Ticket, quantity: float, log: RecordLog
) -> None:
    place_exits(orders, instrument, ticket, quantity, Flag.WHOLE, ticket.asset, log)


place_exits_of_signal = verb(_without_exits, _with_exits)
"""``place_exits_of_signal(orders, rules, instrument, ticket, quantity, log)``: the exits of a position of
``quantity``, as its signal, or the job, asks for them."""
