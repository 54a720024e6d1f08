"""From a wish to orders in the market: which kind of order its terms make, at which prices it may fill, and its
exits."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import step
from backbus.market.costs import fill_price, on_tick
from backbus.market.panel import Ints
from backbus.market.records import (
    ASSET_SCALE,
    AT_ASSET,
    AT_CLOSE,
    AT_ROW,
    AT_THE_OPEN,
    EXITS,
    FILL_OR_KILL,
    GOOD_TILL_CANCELLED,
    GROUP_OF,
    IMMEDIATE_OR_CANCEL,
    IN_FORCE,
    INSTEAD_OF,
    LIMIT,
    LIMIT_AT,
    LISTED,
    MARKET,
    MARKET_ON_CLOSE,
    NO_ORDER,
    NO_REASON,
    PLACE,
    REDUCE,
    REDUCE_ONLY,
    REDUCES,
    RELATIVE,
    ROW_SCALE,
    STOP,
    STOP_AT,
    STOP_LIMIT,
    STOP_LOSS,
    STOP_LOSS_SHARE,
    TAKE_BACK,
    TAKE_PROFIT,
    TAKE_PROFIT_SHARE,
    TRAIL,
    TRAIL_BY,
    TRAIL_PERCENT,
    TRAIL_SHARE,
    TRAILING_LOSS,
    TRAILING_LOSS_SHARE,
    UNTIL,
    Records,
)
from backbus.market.working import ASLEEP, append, end_node, new_node, set_terms
from backbus.portfolio.risk import Accepted

TAKE_SHARE, LOSS_SHARE, TRAILING_SHARE = 1, 2, 4


@step
def write_order(
    record: Any, tick: int, order: int, asset: int, kind: int, quantity: float, wanted: float, flags: int, reason: int
) -> None:
    """Fill one ORDER record, of a market order."""
    record["tick"] = tick
    record["order"] = order
    record["asset"] = asset
    record["kind"] = kind
    record["quantity"] = quantity
    record["wanted"] = wanted
    record["flags"] = flags
    record["reason"] = reason
    record["type"] = MARKET
    record["in_force"] = GOOD_TILL_CANCELLED
    record["limit"] = np.nan
    record["stop"] = np.nan
    record["trail"] = np.nan
    record["until"] = 0
    record["parent"] = NO_ORDER
    record["group"] = 0


@step
def write_terms(record: Any, source: Any) -> None:
    """Put the terms of a working order, or of a wish, into its ORDER record."""
    record["type"] = source["type"]
    record["in_force"] = source["in_force"]
    record["limit"] = source["limit"]
    record["stop"] = source["start"] if source["type"] in (TRAIL, TRAIL_PERCENT) else source["stop"]
    record["trail"] = source["trail"]
    record["until"] = source["until"]


@step
def no_wish(wish: Any) -> None:
    """Forget the terms of the wish before."""
    wish["type"] = MARKET
    wish["in_force"] = GOOD_TILL_CANCELLED
    wish["limit"] = np.nan
    wish["stop"] = np.nan
    wish["start"] = np.nan
    wish["trail"] = np.nan
    wish["until"] = 0
    wish["take_profit"] = 0.0
    wish["stop_loss"] = 0.0
    wish["trailing_loss"] = 0.0
    wish["shares"] = 0
    wish["reduce"] = 0
    wish["at_row"] = -1
    wish["at_asset"] = -1
    wish["group_of"] = NO_ORDER
    wish["instead_of"] = NO_ORDER


@step
def int_of(value: float) -> int:
    """A whole number that came as a float; 0 where it is none."""
    if value > -9e15 and value < 9e15:
        whole: int = np.int64(value)  # type: ignore[assignment]
        return whole
    return 0


@step
def named_order(wish: Any, asset: int, ordinal: float) -> int:
    """The id of the order that a wish of ``asset`` names."""
    of = wish["at_asset"] if wish["at_asset"] >= 0 else asset
    return wish["at_row"] * ROW_SCALE + of * ASSET_SCALE + int_of(ordinal)


@step
def take_term(wish: Any, asset: int, kind: int, value: float) -> None:
    """Take one term of a wish of ``asset``."""
    if kind == LIMIT_AT:
        wish["limit"] = value
        wish["type"] = STOP_LIMIT if wish["type"] == STOP else LIMIT
    elif kind == STOP_AT:
        wish["stop"] = value
        wish["type"] = STOP_LIMIT if wish["type"] == LIMIT else STOP
    elif kind in (TRAIL_BY, TRAIL_SHARE):
        wish["trail"] = value
        wish["type"] = TRAIL if kind == TRAIL_BY else TRAIL_PERCENT
    elif kind == IN_FORCE:
        wish["in_force"] = int_of(value)
    elif kind == UNTIL:
        wish["until"] = int_of(value)
    elif kind in (TAKE_PROFIT, TAKE_PROFIT_SHARE):
        wish["take_profit"] = value
        wish["shares"] = wish["shares"] | (TAKE_SHARE if kind == TAKE_PROFIT_SHARE else 0)
    elif kind in (STOP_LOSS, STOP_LOSS_SHARE):
        wish["stop_loss"] = value
        wish["shares"] = wish["shares"] | (LOSS_SHARE if kind == STOP_LOSS_SHARE else 0)
    elif kind in (TRAILING_LOSS, TRAILING_LOSS_SHARE):
        wish["trailing_loss"] = value
        wish["shares"] = wish["shares"] | (TRAILING_SHARE if kind == TRAILING_LOSS_SHARE else 0)
    elif kind == AT_CLOSE:
        wish["type"] = MARKET_ON_CLOSE
    elif kind == REDUCE:
        wish["reduce"] = 1
    elif kind == AT_ROW:
        wish["at_row"] = int_of(value)
    elif kind == GROUP_OF:
        wish["group_of"] = named_order(wish, asset, value)
    elif kind == INSTEAD_OF:
        wish["instead_of"] = named_order(wish, asset, value)
    elif kind == AT_ASSET:
        wish["at_asset"] = int_of(value)


@step
def possible(wish: Any) -> bool:
    """Whether the terms of a wish make an order that can work."""
    kind, in_force = wish["type"], wish["in_force"]
    good = in_force >= 0 and in_force <= AT_THE_OPEN
    if kind in (LIMIT, STOP_LIMIT):
        good = good and wish["limit"] > 0.0 and wish["limit"] < np.inf
    if kind in (STOP, STOP_LIMIT):
        good = good and wish["stop"] > 0.0 and wish["stop"] < np.inf
    if kind in (TRAIL, TRAIL_PERCENT):
        good = good and wish["trail"] > 0.0 and wish["trail"] < (1.0 if kind == TRAIL_PERCENT else np.inf)
    if in_force in (IMMEDIATE_OR_CANCEL, FILL_OR_KILL, AT_THE_OPEN):
        good = good and (kind in (MARKET, LIMIT))
    exits = wish["take_profit"] >= 0.0 and wish["stop_loss"] >= 0.0 and wish["trailing_loss"] >= 0.0
    return bool(good and exits)


@step
def on_grid(instrument: Any, wish: Any, quantity: float, market: float) -> None:
    """Move a wish's prices to the instrument's grid, so that the order asks for no more than was said; a trailing stop
    starts from the market's price."""
    buys = quantity > 0.0
    wish["start"] = market
    if wish["type"] in (LIMIT, STOP_LIMIT):
        wish["limit"] = on_tick(instrument, wish["limit"], not buys)
    if wish["type"] in (STOP, STOP_LIMIT):
        wish["stop"] = on_tick(instrument, wish["stop"], buys)


@step
def worst_price(instrument: Any, line: Any, its: Any, quantity: float, market: float) -> float:
    """The price at which an order would cost most, slippage included, as far as the account has to provide for it.

    ``its`` are the order's terms or a wish."""
    kind = its["type"]
    if kind in (LIMIT, STOP_LIMIT):
        return its["limit"] + 0.0 if quantity > 0.0 else max(its["limit"], market)
    price = market
    if kind == STOP and quantity > 0.0:
        price = max(market, its["stop"])
    elif kind == TRAIL and quantity > 0.0:
        price = max(market, its["start"] + its["trail"])
    elif kind == TRAIL_PERCENT and quantity > 0.0:
        price = max(market, its["start"] * (1.0 + its["trail"]))
    return fill_price(instrument, line, price, quantity)


@step
def take_back(
    working: Records,
    terms: Records,
    heads: Ints,
    asset: int,
    node: int,
    tick: int,
    reason: int,
    orders: Records,
    count: int,
) -> int:
    """Take an order back, and the exits that sleep beside it; ``purge`` has to follow. Returns the ORDER records."""
    order = working[node]["order"]
    unfilled = terms[node]["filled"] == 0.0
    other = heads[asset]
    while other >= 0:
        slot = working[other]
        child = slot["order"] != NO_ORDER and terms[other]["parent"] == order and terms[other]["state"] == ASLEEP
        if other == node or (child and unfilled):
            record = orders[count]
            write_order(record, tick, slot["order"], asset, TAKE_BACK, 0.0, slot["wanted"], slot["flags"], reason)
            write_terms(record, terms[other])
            count += 1
            end_node(working, heads, other)
        other = slot["next"]
    return count


@step
def place(
    working: Records,
    terms: Records,
    heads: Ints,
    asset: int,
    node: int,
    tick: int,
    order: int,
    accepted: Accepted,
    wanted: float,
    flags: int,
    wish: Any,
    parent: int,
    group: int,
    record: Any,
) -> None:
    """Put an order that passed risk on an asset's list and into its ORDER record."""
    flags |= LISTED
    write_order(record, tick, order, asset, PLACE, accepted.quantity, wanted, flags, accepted.reason)
    write_terms(record, wish)
    record["parent"] = parent
    record["group"] = group
    slot = working[node]
    slot["order"] = order
    slot["quantity"] = accepted.quantity
    slot["wanted"] = wanted
    slot["flags"] = flags
    set_terms(terms[node], record)
    append(working, heads, asset, node)


@step
def place_exits(
    instrument: Any,
    working: Records,
    terms: Records,
    heads: Ints,
    asset: int,
    tick: int,
    order: int,
    quantity: float,
    flags: int,
    wish: Any,
    scratch: Any,
    orders: Records,
    count: int,
) -> int:
    """Place the exits that a wish asks for beside its order: asleep until that fills. ``scratch`` is another wish.

    Returns the number of ORDER records."""
    exits = -quantity
    for which in range(EXITS):
        level = wish["take_profit"] if which == 0 else (wish["stop_loss"] if which == 1 else wish["trailing_loss"])
        if not level > 0.0:
            continue
        no_wish(scratch)
        relative = wish["shares"] & (1 << which) != 0
        if which == 0:
            scratch["type"] = LIMIT
            scratch["limit"] = np.nan if relative else on_tick(instrument, level, exits < 0.0)
        elif which == 1:
            scratch["type"] = STOP
            scratch["stop"] = np.nan if relative else on_tick(instrument, level, exits > 0.0)
        else:
            scratch["type"] = TRAIL_PERCENT if relative else TRAIL
        if relative or which == 2:
            scratch["trail"] = level
        all_flags = flags | REDUCES | REDUCE_ONLY | (RELATIVE if relative and which < 2 else 0)
        node = new_node(working, heads)
        child = order + 1 + which
        accepted = Accepted(exits, NO_REASON)
        place(
            working, terms, heads, asset, node, tick, child, accepted, exits, all_flags, scratch, order,
            -1 - order, orders[count],
        )  # fmt: skip
        count += 1
    return count
