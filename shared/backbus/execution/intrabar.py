"""Which orders a bar's high and low fill, and in which order.

A bar does not tell which price came first, so a path is assumed (``execution.path``):

- along open, low, high, close, or open, high, low, close, or first to that extreme which is nearer to the open, orders
  fill as the path comes to their prices, and trailing stops follow it;
- ``worst``: stops before limits. A trailing stop is tried where it stood at the open, and then below the bar's high
  (above its low). A limit that a stop has made in this bar fills only if the close is beyond it, when it is certain.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.execution.fills import fill
from backbus.execution.matching import is_ready
from backbus.jit.decorators import part, step
from backbus.trading.codes import OrderType
from backbus.trading.groups import BarArrays, MarketArrays, OrderLists, RecordLog
from backbus.trading.open_orders import after, first, purge_all
from backbus.trading.order_states import NEXT_STATE, OrderEvent, OrderState
from backbus.trading.order_types import (
    follow,
    is_limit,
    level_of,
    met_falling,
    rule_at_open,
    rule_in_bar,
    trails,
    trigger,
)
from backbus.trading.rules import Path


class Prices(NamedTuple):
    """One asset's bar."""

    open: float
    high: float
    low: float
    close: float


@step
def _waits(orders: OrderLists, node: int, tick: int) -> bool:
    """Whether an order can fill or be triggered within the bar, if a price comes that it waits for."""
    return is_ready(orders, node, tick) and orders.terms[node]["type"] != OrderType.MARKET


@step
def _meet(
    orders: OrderLists,
    rules: Any,
    market: MarketArrays,
    asset: int,
    node: int,
    tick: int,
    price: float,
    event: int,
    fills: RecordLog,
) -> None:
    """Let the price come to an order's: it fills there, or a stop that was met makes it a limit order."""
    terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
    rule = rule_in_bar(terms)
    fills_here = True
    if terms["type"] == OrderType.STOP_LIMIT and terms["state"] == OrderState.LIVE:
        fills_here = trigger(terms, event, price, buys)
    if fills_here:
        fill(orders, rules, market, asset, node, tick, price, rule, fills)


@step
def _walk(
    orders: OrderLists,
    rules: Any,
    market: MarketArrays,
    asset: int,
    tick: int,
    begin: float,
    to: float,
    fills: RecordLog,
) -> None:
    """Let the price go from ``begin`` to ``to``: orders fill in the order in which it comes to them."""
    price = begin
    falling = to < begin
    found = begin != to
    while found:
        found = False
        best = -1
        nearest = to
        node = first(orders, asset)
        while node >= 0:
            terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
            if _waits(orders, node, tick) and met_falling(terms, buys) == falling:
                level = level_of(market.instruments[asset], terms, buys)
                level = min(level, price) if falling else max(level, price)
                if (
                    (level > nearest or (best < 0 and level == to))
                    if falling
                    else (level < nearest or (best < 0 and level == to))
                ):
                    best, nearest = node, level
            node = after(orders, node)
        if best >= 0:
            found = True
            price = nearest
            _meet(orders, rules, market, asset, best, tick, price, OrderEvent.STOP_MET, fills)
    if rules["trail_by_close"] == 0:
        node = first(orders, asset)
        while node >= 0:
            terms = orders.terms[node]
            if trails(terms) and terms["state"] != OrderState.ASLEEP and terms["live_from"] <= tick:
                follow(terms, to, orders.slots[node]["quantity"] > 0.0)
            node = after(orders, node)


@step
def _worst(
    orders: OrderLists, rules: Any, market: MarketArrays, asset: int, tick: int, bar: Prices, fills: RecordLog
) -> None:
    """Stops before limits, each time the one nearest to the open first."""
    for turn in range(3):  # stops, trailing stops after this bar's extremes, limits
        found = turn != 1 or rules["trail_by_close"] == 0
        if turn == 1 and found:
            node = first(orders, asset)
            while node >= 0:
                terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
                if is_ready(orders, node, tick) and trails(terms):
                    follow(terms, bar.low if buys else bar.high, buys)
                node = after(orders, node)
        while found:
            found = False
            best = -1
            least = np.inf
            price = bar.open
            node = first(orders, asset)
            while node >= 0:
                terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
                limit = is_limit(terms)
                wanted = limit if turn == 2 else (trails(terms) if turn == 1 else not limit)
                if _waits(orders, node, tick) and wanted:
                    level = level_of(market.instruments[asset], terms, buys)
                    falls = met_falling(terms, buys)
                    reached = bar.low <= level if falls else bar.high >= level
                    if terms["state"] == OrderState.JUST_TRIGGERED:
                        reached = bar.close <= level if falls else bar.close >= level
                    if reached and abs(level - bar.open) < least:
                        best, least, price = node, abs(level - bar.open), level
                node = after(orders, node)
            if best >= 0:
                found = True
                _meet(orders, rules, market, asset, best, tick, price, OrderEvent.STOP_MET_IN_BAR, fills)


@step
def _late_at_open(
    orders: OrderLists, rules: Any, market: MarketArrays, asset: int, tick: int, price: float, fills: RecordLog
) -> None:
    """Exits that woke at the open may stand beyond it already: they fill there."""
    node = first(orders, asset)
    while node >= 0:
        terms = orders.terms[node]
        if terms["live_from"] == tick and _waits(orders, node, tick):
            buys = orders.slots[node]["quantity"] > 0.0
            rule = rule_at_open(rules, market.instruments[asset], terms, price, buys)
            if rule >= 0:
                fill(orders, rules, market, asset, node, tick, price, rule, fills)
        node = after(orders, node)


@step
def _end_bar(orders: OrderLists, rules: Any, asset: int, tick: int, bar: Prices) -> None:
    """What orders that go on have seen of the bar."""
    node = first(orders, asset)
    while node >= 0:
        terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
        if terms["state"] != OrderState.ASLEEP and terms["live_from"] <= tick:
            terms["state"] = NEXT_STATE[terms["state"], OrderEvent.BAR_OVER]
            if trails(terms) and rules["trail_by_close"] != 0:
                follow(terms, bar.close, buys)
            falls = met_falling(terms, buys)
            extreme = bar.low if falls else bar.high
            nearer = extreme < terms["nearest"] if falls else extreme > terms["nearest"]
            if terms["nearest"] != terms["nearest"] or nearer:
                terms["nearest"] = extreme
        node = after(orders, node)


@part
def match_bar(
    orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, at: int, tick: int, fills: RecordLog
) -> None:
    """All that a row's highs and lows fill, asset by asset."""
    begin = fills.length[0]
    path = rules["path"]
    for asset in range(market.state.shape[0]):
        bar = Prices(bars.open[at, asset], bars.high[at, asset], bars.low[at, asset], bars.close[at, asset])
        if first(orders, asset) < 0 or bar.open != bar.open:
            continue
        _late_at_open(orders, rules, market, asset, tick, bar.open, fills)
        if path == Path.WORST:
            _worst(orders, rules, market, asset, tick, bar, fills)
        else:
            up_first = bar.high - bar.open < bar.open - bar.low
            high_first = path == Path.OPEN_HIGH_LOW_CLOSE or (path == Path.NEAREST_FIRST and up_first)
            turn, back = (bar.high, bar.low) if high_first else (bar.low, bar.high)
            price = bar.open
            for leg in range(3):
                to = turn if leg == 0 else (back if leg == 1 else bar.close)
                _walk(orders, rules, market, asset, tick, price, to, fills)
                price = to
        _end_bar(orders, rules, asset, tick, bar)
    purge_all(orders, fills.length[0] > begin)
