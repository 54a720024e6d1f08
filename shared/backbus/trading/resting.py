"""Rows in which open orders do nothing but rest: no bar comes to their prices, and nothing else can happen to them.

A loop may pass over such rows, as it does where no order is open. What a bar does to an order that rests is done here:
it remembers how near the price came.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.calls import stay_apart
from backbus.jit.decorators import part, step
from backbus.market.panel import Floats
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.trading.codes import Flag, InForce
from backbus.trading.groups import Account, BarArrays, Inbox, MarketArrays, OrderLists
from backbus.trading.open_orders import after, first, reduces, works
from backbus.trading.order_states import OrderState
from backbus.trading.order_types import Has, has_of, level_of, met_falling
from backbus.trading.records import NO_SESSION


@step
def _is_at_rest(slot: Any, terms: Any, row: int) -> bool:
    """Whether nothing but its price can come to an order: an exit at a fixed stop or limit, without an end in time."""
    has = has_of(terms)
    fixed = has in (Has.LIMIT, Has.STOP) and slot["flags"] & Flag.ON_CLOSE == 0
    lives = terms["state"] == OrderState.LIVE and terms["live_from"] <= PHASES * row
    stays = terms["in_force"] == InForce.GOOD_TILL_CANCELLED and terms["session"] != NO_SESSION
    return bool(reduces(slot) and fixed and lives and stays)


@step
def _rests_until(orders: OrderLists, market: MarketArrays, bars: BarArrays, asset: int, row: int, stop: int) -> int:
    """The first row of these in which a bar of the asset comes to the price of one of its orders, or is a hole."""
    below, above = -np.inf, np.inf
    node = first(orders, asset)
    if node < 0:
        return stop
    while node >= 0:
        slot, terms = orders.slots[node], orders.terms[node]
        if works(orders, node):
            if not _is_at_rest(slot, terms, row):
                return row
            buys = slot["quantity"] > 0.0
            level = level_of(market.instruments[asset], terms, buys)
            if met_falling(terms, buys):
                below = max(below, level)
            else:
                above = min(above, level)
        node = after(orders, node)
    for ahead in range(row, stop):
        at = ahead - bars.first_row
        low, high = min(bars.open[at, asset], bars.low[at, asset]), max(bars.open[at, asset], bars.high[at, asset])
        if not (low > below and high < above):
            return ahead
    return stop


@step
def _extreme(prices: Floats, asset: int, begin: int, end: int, lowest: bool) -> float:
    found = prices[begin, asset]
    for at in range(begin + 1, end):
        found = min(found, prices[at, asset]) if lowest else max(found, prices[at, asset])
    return float(found)


@part
def rest(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    signals: Inbox,
    row: int,
    last: int,
) -> int:
    """Let open orders rest from a row on as long as they can: the first row, up to ``last``, in which anything may be
    decided or filled. Signals' and the run's last row are for who decides."""
    stay_apart()
    told = rules["no_row_skipped"] != 0 or rules["costs_follow_market"] != 0 or rules["by_quotes"] != 0
    if orders.working[0] == 0 or account.totals["waiting"] > 0 or told or rules["limited"] != 0:
        return row
    stop = min(last, (signals.watermark - CLOSE_DECIDE) // PHASES + 1, rules["rows"] - 1)
    if signals.taken[0] < signals.records.shape[0]:
        stop = min(stop, signals.records[signals.taken[0]]["tick"] // PHASES)
    for asset in range(market.state.shape[0]):
        if stop <= row:
            return row
        stop = _rests_until(orders, market, bars, asset, row, stop)
    if stop <= row:
        return row
    begin, end = row - bars.first_row, stop - bars.first_row
    for asset in range(market.state.shape[0]):
        node = first(orders, asset)
        while node >= 0:
            terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
            if works(orders, node):
                falls = met_falling(terms, buys)
                extreme = _extreme(bars.low if falls else bars.high, asset, begin, end, falls)
                nearest = terms["nearest"]
                if nearest != nearest or (extreme < nearest if falls else extreme > nearest):  # noqa: PLR0124
                    terms["nearest"] = extreme
            node = after(orders, node)
    return stop
