"""Orders that a strategy asks for outright: placed if risk lets them pass, taken back, replaced, grouped."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import step
from backbus.market.lots import whole_lots
from backbus.market.panel import Ints
from backbus.market.records import (
    ASKED,
    ASSET_SCALE,
    BELOW_ONE_LOT,
    CANCEL,
    IMPOSSIBLE,
    MARKET,
    MAX_ASSETS,
    MAX_ORDINAL,
    NO_ORDER,
    NO_REASON,
    NOT_LISTED,
    NOT_WORKING,
    ON_CLOSE,
    ORDINALS_OF_ONE,
    QUANTITY,
    REDUCE_ONLY,
    REDUCES,
    REFUSE,
    REPLACED,
    ROW_SCALE,
    SHORTS_NOT_ALLOWED,
    TAKE_BACK,
    Records,
)
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.market.working import find_order, new_node, purge
from backbus.portfolio.limits import plan, within
from backbus.portfolio.placing import (
    named_order,
    no_wish,
    on_grid,
    place,
    place_exits,
    possible,
    take_back,
    take_term,
    worst_price,
    write_order,
    write_terms,
)
from backbus.portfolio.reserving import brings
from backbus.portfolio.risk import accept, power_after
from backbus.portfolio.standing import not_now


@step
def _buys(working: Records, heads: Ints, asset: int) -> bool:
    """Whether an order that buys works."""
    node = heads[asset]
    while node >= 0:
        if working[node]["quantity"] > 0.0:
            return True
        node = working[node]["next"]
    return False


@step
def _taken_back(orders: Records, begin: int, count: int, order: int) -> bool:
    """Whether an order is among those that this decision took back."""
    for index in range(begin, count):
        if orders[index]["kind"] == TAKE_BACK and orders[index]["order"] == order:
            return True
    return False


@step
def _group(working: Records, terms: Records, heads: Ints, asset: int, order: int, wish: Any) -> int:
    """The group that a new order belongs to, 0 where it has none: that of the order which its wish names, which becomes
    its first member, or its own where another named it already. A group's number is its first order's id + 1."""
    if wish["group_of"] != NO_ORDER:
        of = wish["group_of"] // ASSET_SCALE % MAX_ASSETS
        if of < heads.shape[0] - 3:
            other = find_order(working, heads, of, wish["group_of"])
            if other >= 0:
                if terms[other]["group"] != 0:
                    return terms[other]["group"]
                terms[other]["group"] = wish["group_of"] + 1
        return wish["group_of"] + 1
    node = heads[asset]
    while node >= 0:
        if terms[node]["group"] == order + 1:
            return order + 1
        node = working[node]["next"]
    return 0


@step
def take_back_asked(
    working: Records,
    terms: Records,
    wishes: Records,
    heads: Ints,
    tick: int,
    signals: Records,
    first: int,
    used: int,
    orders: Records,
    count: int,
) -> int:
    """Take back what the strategy cancels or replaces. Returns the number of ORDER records."""
    wish = wishes[wishes.shape[0] - 2]
    no_wish(wish)
    for index in range(first, used):
        asset, kind, value = signals[index]["asset"], signals[index]["kind"], signals[index]["value"]
        if kind > CANCEL:
            take_term(wish, asset, kind, value)
            continue
        named = NO_ORDER
        reason = ASKED
        if kind == CANCEL:
            named = named_order(wish, asset, value)
        elif kind == QUANTITY:
            named = wish["instead_of"]
            reason = REPLACED
        if named != NO_ORDER:
            of = named // ASSET_SCALE % MAX_ASSETS
            node = find_order(working, heads, of, named) if of < heads.shape[0] - 3 else -1
            if node >= 0:
                count = take_back(working, terms, heads, of, node, tick, reason, orders, count)
                purge(working, heads, of)
        no_wish(wish)
    return count


@step
def place_asked(
    rules: Any,
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    wishes: Records,
    heads: Ints,
    row: int,
    signals: Records,
    first: int,
    used: int,
    opening: int,
    power: float,
    orders: Records,
    begin: int,
    count: int,
) -> tuple[float, int]:
    """Decide the orders that were asked for outright: those that reduce a position if ``opening`` is 0, then the
    others.

    ``begin`` is the first ORDER record of this decision. Returns buying power and ORDER records."""
    tick = PHASES * row + CLOSE_DECIDE
    scratch, wish = wishes[wishes.shape[0] - 1], wishes[wishes.shape[0] - 2]
    no_wish(wish)
    ordinal = 0
    before = -1
    for index in range(first, used):
        asset, kind, value = signals[index]["asset"], signals[index]["kind"], signals[index]["value"]
        if kind > CANCEL:
            take_term(wish, asset, kind, value)
            continue
        if kind == QUANTITY:
            instrument, line = instruments[asset], tape[asset]
            if asset != before:
                before = asset
                ordinal = 0
            ordinal += ORDINALS_OF_ONE
            order = row * ROW_SCALE + asset * ASSET_SCALE + ordinal
            held, market = ledger[asset]["position"], ledger[asset]["price"]
            sign = 1.0 if value > 0.0 else -1.0
            wanted = sign * whole_lots(instrument["lot"], abs(value)) if abs(value) < np.inf else 0.0
            reduces = wanted * held < 0.0 and abs(wanted) <= abs(held)
            if reduces == (opening == 0):
                on_grid(instrument, wish, wanted, market)
                flags = REDUCES if reduces else 0
                if wish["reduce"] != 0 or (rules["shorts"] == 0 and wanted < 0.0):
                    flags |= REDUCE_ONLY | REDUCES
                reason = NO_REASON
                quantity = 0.0
                why = not_now(account, instrument, line, flags & REDUCES != 0)
                if market != market:  # noqa: PLR0124  (it has never traded)
                    reason = NOT_LISTED
                elif why != NO_REASON:
                    reason = why
                elif not possible(wish) or ordinal > MAX_ORDINAL - ORDINALS_OF_ONE:
                    reason = IMPOSSIBLE
                elif wanted == 0.0:
                    reason = BELOW_ONE_LOT
                elif rules["shorts"] == 0 and wanted < 0.0 and held <= 0.0 and not _buys(working, heads, asset):
                    reason = SHORTS_NOT_ALLOWED
                elif wish["instead_of"] != NO_ORDER and not _taken_back(orders, begin, count, wish["instead_of"]):
                    reason = NOT_WORKING
                else:
                    if rules["fill_at_close"] != 0 and wish["type"] == MARKET:
                        flags |= ON_CLOSE
                    paid = worst_price(instrument, line, wish, wanted, market)
                    market_then = max(paid, market) if wanted < 0.0 else market
                    lessens = flags & REDUCES != 0
                    worth = market * line["unit"]
                    allowed = within(rules, account, ledger[asset], instrument, wanted, lessens, worth)
                    accepted = accept(rules, instrument, line, power, held, allowed, lessens, paid, market_then)
                    quantity, reason = accepted.quantity, accepted.reason
                    if quantity != 0.0:
                        if rules["limited"] != 0:
                            account["ordered"] = account["ordered"] + abs(quantity) * worth
                            if not lessens or wish["type"] == MARKET:
                                plan(account, ledger[asset], worth, quantity)
                        group = _group(working, terms, heads, asset, order, wish)
                        node = new_node(working, heads)
                        place(
                            working, terms, heads, asset, node, tick, order, accepted, wanted, flags, wish,
                            NO_ORDER, group, orders[count],
                        )  # fmt: skip
                        count += 1
                        pays = wish["type"] == MARKET and brings(rules, working, terms, heads, asset, node)
                        if not lessens or pays:
                            power = power_after(rules, instrument, line, power, held, quantity, paid, market_then)
                        count = place_exits(
                            instrument,
                            working,
                            terms,
                            heads,
                            asset,
                            tick,
                            order,
                            quantity,
                            0,
                            wish,
                            scratch,
                            orders,
                            count,
                        )
                if quantity == 0.0:
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, wanted, flags, reason)
                    write_terms(orders[count], wish)
                    count += 1
        no_wish(wish)
    return power, count
