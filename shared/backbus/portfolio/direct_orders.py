"""Orders that a strategy asks for outright: placed if risk lets them pass, taken back, replaced, grouped."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.jit.decorators import step
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.portfolio.intents import named_order, no_terms, take_term
from backbus.portfolio.limits import plan, within
from backbus.portfolio.margin import not_now
from backbus.portfolio.order_entry import (
    Ticket,
    cancel,
    fills_here,
    place,
    place_exits,
    refuse,
    write_terms,
)
from backbus.portfolio.reservations import brings
from backbus.portfolio.risk import Trade, accept, power_after
from backbus.trading.codes import Action, Flag, OrderType, Reason, SignalKind
from backbus.trading.groups import Account, Inbox, MarketArrays, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.lots import whole_lots
from backbus.trading.open_orders import after, find_order, first, new_node, purge
from backbus.trading.order_types import on_grid, possible, worst_price
from backbus.trading.records import ASSET_SCALE, MAX_ASSETS, MAX_ORDINAL, NO_ORDER, ORDINALS_OF_ONE, ROW_SCALE


class Turn(NamedTuple):
    """One of a decision's two turns, and what it began with."""

    row: int
    opening: int
    """0: what reduces a position; 1: what opens one."""
    signal: int
    """The first of the row's signals."""
    order: int
    """The first of the decision's ORDER records."""


@step
def _buys(orders: OrderLists, asset: int) -> bool:
    """Whether an order that buys works."""
    node = first(orders, asset)
    while node >= 0:
        if orders.slots[node]["quantity"] > 0.0:
            return True
        node = after(orders, node)
    return False


@step
def _taken_back(log: RecordLog, begin: int, order: int) -> int:
    """The record by which this decision, whose first record is ``begin``, took an order back; -1 where it did not."""
    for index in range(begin, log.length[0]):
        if log.records[index]["kind"] == Action.CANCEL and log.records[index]["order"] == order:
            return index
    return -1


@step
def _exit_replaced(log: RecordLog, begin: int, order: int) -> int:
    """The same where that order was an exit, whose place and entry the new one takes over; -1 for any other."""
    index = _taken_back(log, begin, order) if order != NO_ORDER else -1
    return index if index >= 0 and log.records[index]["parent"] != NO_ORDER else -1


@step
def _asset_of(order: int) -> int:
    return order // ASSET_SCALE % MAX_ASSETS


@step
def _group(orders: OrderLists, asset: int, order: int, intent: Any) -> int:
    """The group that a new order belongs to, 0 where it has none: that of the order which its intent names, which
    becomes its first member, or its own where another named it already.

    A group's number is its first order's id + 1."""
    if intent["group_of"] != NO_ORDER:
        of = _asset_of(intent["group_of"])
        if of < orders.heads.shape[0] - 3:
            other = find_order(orders, of, intent["group_of"])
            if other >= 0:
                if orders.terms[other]["group"] != 0:
                    return orders.terms[other]["group"]
                orders.terms[other]["group"] = intent["group_of"] + 1
        return intent["group_of"] + 1
    node = first(orders, asset)
    while node >= 0:
        if orders.terms[node]["group"] == order + 1:
            return order + 1
        node = after(orders, node)
    return 0


def _nothing_asked(orders: SingleOrders, signals: Inbox, begin: int, tick: int, log: RecordLog) -> None:
    pass


def _cancel_named(orders: OrderLists, signals: Inbox, begin: int, tick: int, log: RecordLog) -> None:
    intent = orders.intents[orders.intents.shape[0] - 2]
    no_terms(intent)
    for index in range(begin, signals.taken[0]):
        signal = signals.records[index]
        asset, kind, value = signal["asset"], signal["kind"], signal["value"]
        if kind > SignalKind.CANCEL:
            take_term(intent, asset, kind, value)
            continue
        named = NO_ORDER
        reason = Reason.ASKED
        if kind == SignalKind.CANCEL:
            named = named_order(intent, asset, value)
        elif kind == SignalKind.QUANTITY:
            named = intent["instead_of"]
            reason = Reason.REPLACED
        if named != NO_ORDER:
            of = _asset_of(named)
            node = find_order(orders, of, named) if of < orders.heads.shape[0] - 3 else -1
            if node >= 0:
                cancel(orders, of, node, tick, reason, log)
                purge(orders, of)
        no_terms(intent)


cancel_asked = verb(_nothing_asked, _cancel_named)
"""``cancel_asked(orders, signals, begin, tick, log)``: take back what the strategy cancels or replaces by its signals
from ``begin`` on."""


@step
def _why_not(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    ticket: Ticket,
    ordinal: int,
    log: RecordLog,
    begin: int,
) -> int:
    """Why an order that was asked for cannot be one, whatever the account can pay; Reason.NONE where it can."""
    asset = ticket.asset
    line, intent = account.positions[asset], orders.intents[orders.intents.shape[0] - 2]
    why = not_now(account, market, asset, ticket.flags & Flag.REDUCES != 0)
    if line["price"] != line["price"]:
        return Reason.NOT_LISTED
    if why != Reason.NONE:
        return why
    if not possible(intent) or ordinal > MAX_ORDINAL - ORDINALS_OF_ONE:
        return Reason.IMPOSSIBLE
    if ticket.wanted == 0.0:
        return Reason.BELOW_ONE_LOT
    never = rules["shorts"] == 0 and ticket.wanted < 0.0 and line["position"] <= 0.0
    if never and ticket.parent == NO_ORDER and not _buys(orders, asset):
        return Reason.SHORTS_NOT_ALLOWED
    if intent["instead_of"] != NO_ORDER and _taken_back(log, begin, intent["instead_of"]) < 0:
        return Reason.NOT_WORKING
    return Reason.NONE


@step
def _enter(
    orders: OrderLists, rules: Any, account: Account, market: MarketArrays, ticket: Ticket, power: float, log: RecordLog
) -> float:
    """Place an order that was asked for, with its exits, as far as limits and buying power let it pass; say so where
    they do not. Returns buying power."""
    asset, flags = ticket.asset, ticket.flags
    instrument, state, line = market.instruments[asset], market.state[asset], account.positions[asset]
    own = orders.intents.shape[0] - 2
    intent = orders.intents[own]
    if fills_here(orders, rules, own):
        flags |= Flag.ON_CLOSE
    last, wanted = line["price"], ticket.wanted
    paid = worst_price(instrument, state, intent, wanted, last)
    then = max(paid, last) if wanted < 0.0 else last
    lessens = flags & Flag.REDUCES != 0
    worth = last * state["unit"]
    allowed = within(rules, account.totals, line, instrument, wanted, lessens, worth)
    trade = Trade(line["position"], wanted, paid, then)
    accepted = accept(rules, instrument, state, power, trade, allowed, lessens)
    quantity = accepted.quantity
    if quantity == 0.0:
        refuse(log, ticket.tick, asset, ticket.order, wanted, flags, accepted.reason)
        write_terms(log, intent)
        return power
    if rules["limited"] != 0:
        account.totals["ordered"] = account.totals["ordered"] + abs(quantity) * worth
        if not lessens or intent["type"] == OrderType.MARKET:
            plan(account.totals, line, worth, quantity)
    group = ticket.group
    if ticket.parent == NO_ORDER:
        group = _group(orders, asset, ticket.order, intent)
    placed = Ticket(asset, new_node(orders), ticket.tick, ticket.order, wanted, flags, ticket.parent, group)
    place(orders, placed, accepted, own, log)
    pays = intent["type"] == OrderType.MARKET and brings(orders, rules, asset, placed.node)
    if not lessens or pays:
        power = power_after(rules, instrument, state, power, Trade(trade.held, quantity, paid, then))
    place_exits(orders, instrument, placed, quantity, 0, own, log)
    return power


def _none_to_place(
    orders: SingleOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    signals: Inbox,
    turn: Turn,
    power: float,
    log: RecordLog,
) -> float:
    return power


def _place_each(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    signals: Inbox,
    turn: Turn,
    power: float,
    log: RecordLog,
) -> float:
    tick = PHASES * turn.row + CLOSE_DECIDE
    intent = orders.intents[orders.intents.shape[0] - 2]
    no_terms(intent)
    ordinal = 0
    before = -1
    for index in range(turn.signal, signals.taken[0]):
        signal = signals.records[index]
        asset, kind, value = signal["asset"], signal["kind"], signal["value"]
        if kind > SignalKind.CANCEL:
            take_term(intent, asset, kind, value)
            continue
        if kind == SignalKind.QUANTITY:
            instrument, line = market.instruments[asset], account.positions[asset]
            if asset != before:
                before = asset
                ordinal = 0
            ordinal += ORDINALS_OF_ONE
            order = turn.row * ROW_SCALE + asset * ASSET_SCALE + ordinal
            held = line["position"]
            sign = 1.0 if value > 0.0 else -1.0
            wanted = sign * whole_lots(instrument["lot"], abs(value)) if abs(value) < np.inf else 0.0
            lessens = wanted * held < 0.0 and abs(wanted) <= abs(held)
            parent, kin, own = NO_ORDER, 0, 0
            replaced = _exit_replaced(log, turn.order, intent["instead_of"])
            if replaced >= 0:
                record = log.records[replaced]
                parent, kin, own = record["parent"], record["group"], record["flags"] & Flag.WHOLE
                lessens = True
            if lessens == (turn.opening == 0):
                on_grid(instrument, intent, wanted, line["price"])
                flags = Flag.REDUCES if lessens else 0
                if intent["reduce"] != 0 or replaced >= 0 or (rules["shorts"] == 0 and wanted < 0.0):
                    flags |= Flag.REDUCE_ONLY | Flag.REDUCES
                ticket = Ticket(asset, -1, tick, order, wanted, flags | own, parent, kin)
                reason = _why_not(orders, rules, account, market, ticket, ordinal, log, turn.order)
                if reason == Reason.NONE:
                    power = _enter(orders, rules, account, market, ticket, power, log)
                else:
                    refuse(log, tick, asset, order, wanted, flags, reason)
                    write_terms(log, intent)
        no_terms(intent)
    return power


place_asked = verb(_none_to_place, _place_each)
"""``place_asked(orders, rules, account, market, signals, turn, power, log)``: decide the orders that were asked
for outright, of one turn. Returns buying power."""
