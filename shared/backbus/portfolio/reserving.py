"""What working orders may cost: kept back when others are decided, and looked at again where it can be told better.

A market order is looked at where it fills, at the open or at the close, and so is a stop that the open has gapped
through. What rests in the market has its worst price kept back from the moment that it is accepted.
"""

from __future__ import annotations

from typing import Any

from backbus.compiled import step
from backbus.market.costs import fill_price
from backbus.market.panel import Floats, Ints
from backbus.market.records import (
    MARKET,
    MARKET_ON_CLOSE,
    NO_REASON,
    ON_CLOSE,
    REDUCES,
    RESIZE,
    ROW_SCALE,
    STOP,
    TRAIL,
    TRAIL_PERCENT,
    Records,
)
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.market.working import purge
from backbus.portfolio.limits import Allowed
from backbus.portfolio.placing import (
    take_back,
    worst_price,
    write_order,
    write_terms,
)
from backbus.portfolio.risk import accept, power_after


@step
def fills_at_this_close(slot: Any, its: Any, row: int) -> bool:
    """Whether an order that was decided before fills at this row's close."""
    on_close = its["type"] == MARKET_ON_CLOSE or slot["flags"] & ON_CLOSE != 0
    return bool(on_close and slot["order"] // ROW_SCALE < row)


@step
def brings(rules: Any, working: Records, terms: Records, heads: Ints, asset: int, node: int) -> bool:
    """Whether what a market order that reduces a position brings can be counted on: it is the first of its asset that
    does, and no volume can hold it back."""
    if rules["capped"] != 0:
        return False
    other = heads[asset]
    while other >= 0 and other != node:
        if working[other]["flags"] & REDUCES != 0 and terms[other]["type"] == MARKET:
            return False
        other = working[other]["next"]
    return True


@step
def reserved(
    rules: Any,
    instruments: Records,
    tape: Records,
    ledger: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    row: int,
    power: float,
) -> float:
    """Buying power less what all working orders that may open something would cost at their worst."""
    for asset in range(ledger.shape[0]):
        instrument, line, market = instruments[asset], tape[asset], ledger[asset]["price"]
        node = heads[asset]
        while node >= 0:
            slot = working[node]
            lessens = slot["flags"] & REDUCES != 0
            if fills_at_this_close(slot, terms[node], row):
                pass  # it is looked at by itself
            elif not lessens or (terms[node]["type"] == MARKET and brings(rules, working, terms, heads, asset, node)):
                paid = worst_price(instrument, line, terms[node], slot["quantity"], market)
                market_then = max(paid, market) if slot["quantity"] < 0.0 else market
                power = power_after(
                    rules, instrument, line, power, ledger[asset]["position"], slot["quantity"], paid, market_then
                )
            node = slot["next"]
    return power


@step
def looked_at_open(rules: Any, slot: Any, its: Any, price: float) -> bool:
    """Whether an order is to be looked at where it fills at this open: a market order, or one that opens something and
    that the open has gapped through, or whose slippage follows the market, so that it may cost more than was provided
    for."""
    if slot["flags"] & ON_CLOSE or price != price:  # noqa: PLR0124  (a hole)
        return False
    kind = its["type"]
    if kind == MARKET:
        return True
    if slot["flags"] & REDUCES:
        return False
    buys = slot["quantity"] > 0.0
    level = its["stop"] + 0.0
    if kind == TRAIL:
        level = its["start"] + its["trail"] if buys else its["start"] - its["trail"]
    elif kind == TRAIL_PERCENT:
        level = its["start"] * (1.0 + its["trail"]) if buys else its["start"] * (1.0 - its["trail"])
    elif kind != STOP:
        return False
    if rules["each_row"] != 0:
        return True
    return bool(price >= level if buys else price <= level)


@step
def check_at_close(
    rules: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    close: Floats,
    at: int,
    row: int,
    power: float,
    orders: Records,
    count: int,
) -> tuple[float, int]:
    """Cut orders that fill at this close, and were decided before it, to what the account can pay there.

    Returns buying power and ORDER records."""
    tick = PHASES * row + CLOSE_DECIDE
    for asset in range(ledger.shape[0]):
        instrument, line, price, held = instruments[asset], tape[asset], close[at, asset], ledger[asset]["position"]
        ended = False
        node = heads[asset] if price == price else -1  # noqa: PLR0124
        while node >= 0:
            slot, its = working[node], terms[node]
            if fills_at_this_close(slot, its, row) and slot["flags"] & REDUCES == 0:
                wanted = slot["quantity"] + 0.0
                paid = fill_price(instrument, line, price, wanted)
                allowed = Allowed(wanted, NO_REASON)
                accepted = accept(rules, instrument, line, power, held, allowed, False, paid, price)
                if accepted.quantity == 0.0:
                    count = take_back(working, terms, heads, asset, node, tick, accepted.reason, orders, count)
                    ended = True
                else:
                    power = power_after(rules, instrument, line, power, held, accepted.quantity, paid, price)
                    if accepted.quantity != wanted:
                        record = orders[count]
                        write_order(
                            record, tick, slot["order"], asset, RESIZE, accepted.quantity, slot["wanted"],
                            slot["flags"], accepted.reason,
                        )  # fmt: skip
                        write_terms(record, its)
                        count += 1
                        slot["quantity"] = accepted.quantity
            node = slot["next"]
        if ended:
            purge(working, heads, asset)
    return power, count
