"""What open orders may cost: kept back when others are decided, and looked at again where it can be told better.

A market order is looked at where it fills, at the open or at the close, and so is a stop that the open has gapped
through. What rests in the market has its worst price kept back from the moment that it is accepted.
"""

from __future__ import annotations

from typing import Any

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.market.panel import Floats
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.portfolio.limits import Allowed
from backbus.portfolio.order_entry import cancel, resize, worst_of_order
from backbus.portfolio.risk import Trade, accept, power_after
from backbus.trading.codes import Flag, OrderType, Reason
from backbus.trading.groups import Account, MarketArrays, OpenOrders, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.open_orders import after, first, lessens_still, purge, reduces, type_of, works
from backbus.trading.order_types import for_a_close, level_at_open, waits_for_nothing
from backbus.trading.records import ROW_SCALE
from backbus.trading.slippage import fill_price, on_side


def _never(orders: SingleOrders, node: int, row: int) -> bool:
    return False  # what is meant for a close fills at the one that decided it


def _if_it_was_for_a_close(orders: OrderLists, node: int, row: int) -> bool:
    slot = orders.slots[node]
    return bool(for_a_close(slot, orders.terms[node]) and slot["order"] // ROW_SCALE < row)


fills_at_this_close = verb(_never, _if_it_was_for_a_close)
"""``fills_at_this_close(orders, node, row)``: whether an order that was decided before fills at this row's close."""


def _it_alone(orders: SingleOrders, rules: Any, asset: int, node: int) -> bool:
    return True


def _the_first_of_its_asset(orders: OrderLists, rules: Any, asset: int, node: int) -> bool:
    if rules["capped"] != 0:
        return False
    other = first(orders, asset)
    while other >= 0 and other != node:
        if reduces(orders.slots[other]) and orders.terms[other]["type"] == OrderType.MARKET:
            return False
        other = after(orders, other)
    return True


brings = verb(_it_alone, _the_first_of_its_asset)
"""``brings(orders, rules, asset, node)``: whether what a market order that reduces a position brings can be counted on:
it is the first of its asset that does, and no volume can hold it back."""


def _market_order_at(orders: SingleOrders, rules: Any, state: Any, node: int, price: float) -> bool:
    return bool(orders.slots[node]["flags"] & Flag.ON_CLOSE == 0 and price == price)  # noqa: PLR0124  (not a hole)


def _order_met_at(orders: OrderLists, rules: Any, state: Any, node: int, price: float) -> bool:
    slot, terms = orders.slots[node], orders.terms[node]
    if slot["flags"] & Flag.ON_CLOSE or price != price:  # noqa: PLR0124  (a hole)
        return False
    if terms["type"] == OrderType.MARKET:
        return True
    if reduces(slot):
        return False
    if waits_for_nothing(terms):
        return True
    if rules["own_costs"] != 0 and rules["cash_only"] != 0:
        return True
    buys = slot["quantity"] > 0.0
    level = level_at_open(terms, buys)
    if level != level:  # noqa: PLR0124  (it has no stop)
        return False
    if rules["slippage_follows_market"] != 0:
        return True
    price = on_side(state, price, slot["quantity"])
    return bool(price >= level if buys else price <= level)


is_checked_at_open = verb(_market_order_at, _order_met_at)
"""``is_checked_at_open(orders, rules, state, node, price)``: whether an order is to be looked at where it fills at this
open: a market order, or one that opens something and that the open has gapped through, or whose slippage follows the
market, so that it may cost more than was provided for; so may what waits in an account that cannot owe anything, where
a function of the user's says what it costs."""


@step
def trade_of(orders: OpenOrders, account: Account, market: MarketArrays, asset: int, node: int) -> Trade:
    """What an open order would do at its worst, at the last prices."""
    quantity, last = orders.slots[node]["quantity"], account.positions[asset]["price"]
    paid = worst_of_order(orders, market.instruments[asset], market.state[asset], node, last)
    then = max(paid, last) if quantity < 0.0 else last
    return Trade(account.positions[asset]["position"], quantity, paid, then)


@step
def power_left(orders: OpenOrders, rules: Any, account: Account, market: MarketArrays, row: int, power: float) -> float:
    """Buying power less what all open orders that may open something would cost at their worst."""
    for asset in range(account.positions.shape[0]):
        node = first(orders, asset)
        while node >= 0:
            if works(orders, node) and not fills_at_this_close(
                orders, node, row
            ):  # (those are looked at by themselves)
                market_order = type_of(orders, node) == OrderType.MARKET
                if not reduces(orders.slots[node]) or (market_order and brings(orders, rules, asset, node)):
                    trade = trade_of(orders, account, market, asset, node)
                    power = power_after(rules, market.instruments[asset], market.state[asset], power, trade)
            node = after(orders, node)
    return power


@step
def check_at_close(
    orders: OpenOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    close: Floats,
    at: int,
    row: int,
    power: float,
    log: RecordLog,
) -> float:
    """Cut orders that fill at this close, and were decided before it, to what the account can pay there.

    Returns buying power."""
    tick = PHASES * row + CLOSE_DECIDE
    for asset in range(account.positions.shape[0]):
        instrument, state, price = market.instruments[asset], market.state[asset], close[at, asset]
        ended = False
        node = first(orders, asset) if price == price else -1  # noqa: PLR0124
        while node >= 0:
            slot = orders.slots[node]
            held = account.positions[asset]["position"]
            if fills_at_this_close(orders, node, row) and not lessens_still(slot, held):
                wanted = copied(slot["quantity"])
                paid = fill_price(instrument, state, on_side(state, price, wanted), wanted)
                trade = Trade(held, wanted, paid, price)
                accepted = accept(rules, instrument, state, power, trade, Allowed(wanted, Reason.NONE), False)
                if accepted.quantity == 0.0:
                    cancel(orders, asset, node, tick, accepted.reason, log)
                    ended = True
                else:
                    power = power_after(
                        rules, instrument, state, power, Trade(trade.held, accepted.quantity, paid, price)
                    )
                    if accepted.quantity != wanted:
                        resize(orders, asset, node, tick, accepted, log)
            node = after(orders, node)
        if ended:
            purge(orders, asset)
    return power
