"""Which orders a bar's high and low fill, and in which order.

A bar does not tell which price came first, so a path is assumed (``execution.path``):

- along open, low, high, close, or open, high, low, close, or first to that extreme which is nearer to the open, orders
  fill as the path comes to their prices, and trailing stops follow it;
- ``worst``: what no path could have made worse, for an entry with its exits. Stops come before limits. A trailing stop
  is tried where it stood at the open, and then at the bar's low (a long position's), if what it may have followed lies
  so far above. A limit that a stop has made in this bar, and the target of an entry that filled at its limit, fill
  only if the close is beyond, when it is certain.

Exits of an entry live from its fill on, within the same bar. Where both sides of the market are quoted, each order sees
the bar of its own: of what is asked if it buys, of what is bid if it sells. Both walk their legs at the same time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.execution.ends import FillOf, write_fill
from backbus.execution.fills import fill
from backbus.execution.matching import is_ready
from backbus.execution.worst_trail import Beside, Prices, target_before, worst_of_trail
from backbus.jit.decorators import part, step
from backbus.jit.fields import copied
from backbus.market.panel import Floats
from backbus.market.ticks import PHASES
from backbus.trading.codes import Cap, FillRule, Flag, OrderType
from backbus.trading.groups import BarArrays, MarketArrays, OrderLists, RecordLog
from backbus.trading.open_orders import after, first, purge_all, sleeps_beside, works
from backbus.trading.order_states import NEXT_STATE, OrderEvent, OrderState
from backbus.trading.order_types import (
    is_limit,
    level_of,
    met_falling,
    rule_at_open,
    rule_in_bar,
    trails,
    trigger,
    waits_for_nothing,
)
from backbus.trading.rules import Fact, Path
from backbus.trading.trailing import Trail, behind_any, better, follow


class Sides(NamedTuple):
    """One asset's bar, as those see it who sell and those who buy: twice the same, where nobody quotes."""

    bid: Prices
    ask: Prices


class Moment(NamedTuple):
    """Where both sides stand."""

    bid: float
    ask: float


@step
def _seen(sides: Sides, buys: bool) -> Prices:
    """The bar that an order sees."""
    return sides.ask if buys else sides.bid


@step
def _at(moment: Moment, buys: bool) -> float:
    """Where the side stands that an order sees."""
    return moment.ask if buys else moment.bid


@step
def _waits(orders: OrderLists, node: int, tick: int) -> bool:
    """Whether an order can fill or be triggered within the bar, if a price comes that it waits for."""
    return is_ready(orders, node, tick) and not waits_for_nothing(orders.terms[node])


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
def _moved(begin: Moment, to: Moment, way: float, level: float, buys: bool) -> Moment:
    """Where both sides stand after a part of a leg, at whose end the one that ``buys`` tells stands at ``level``."""
    if begin.bid == begin.ask and to.bid == to.ask:
        return Moment(level, level)
    if buys:
        return Moment(begin.bid + way * (to.bid - begin.bid), level)
    return Moment(level, begin.ask + way * (to.ask - begin.ask))


@step
def _walk(
    orders: OrderLists,
    rules: Any,
    market: MarketArrays,
    asset: int,
    tick: int,
    begin: Moment,
    to: Moment,
    fills: RecordLog,
) -> None:
    """Let the price go from ``begin`` to ``to``: orders fill in the order in which it comes to them."""
    now = begin
    found = True
    while found:
        found = False
        best = -1
        soonest = 1.0
        nearest = np.nan
        node = first(orders, asset)
        while node >= 0:
            terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
            start, end, here = _at(begin, buys), _at(to, buys), _at(now, buys)
            falling = end < start
            if start != end and _waits(orders, node, tick) and met_falling(terms, buys) == falling:
                level = level_of(market.instruments[asset], terms, buys)
                there = level == level  # noqa: PLR0124  (not asleep)
                level = min(level, here) if falling else max(level, here)
                if there and (level >= end if falling else level <= end):
                    way = (level - start) / (end - start)
                    ahead = level > nearest if falling else level < nearest
                    same = best >= 0 and way == soonest and (orders.slots[best]["quantity"] > 0.0) == buys
                    if best < 0 or way < soonest or (same and ahead):
                        best, soonest, nearest = node, way, level
            node = after(orders, node)
        if best >= 0:
            found = True
            now = _moved(begin, to, soonest, nearest, orders.slots[best]["quantity"] > 0.0)
            _meet(orders, rules, market, asset, best, tick, nearest, OrderEvent.STOP_MET, fills)
    if rules["trail_by_close"] == 0:
        node = first(orders, asset)
        while node >= 0:
            terms = orders.terms[node]
            if trails(terms) and terms["state"] != OrderState.ASLEEP and terms["live_from"] <= tick:
                buys = orders.slots[node]["quantity"] > 0.0
                follow(terms, _at(to, buys), buys)
            node = after(orders, node)


@step
def _may_be_stopped(orders: OrderLists, instrument: Any, asset: int, node: int, price: float, bar: Prices) -> bool:
    """Whether an exit of an entry that fills at ``price`` may be met in the rest of the bar by a loss; ``bar`` is the
    one that exits see."""
    order, buys = orders.slots[node]["order"], orders.slots[node]["quantity"] > 0.0
    other = first(orders, asset)
    while other >= 0:
        if sleeps_beside(orders, other, order):
            terms, flags = orders.terms[other], orders.slots[other]["flags"]
            level = np.nan
            if trails(terms):
                level = behind_any(terms, price, better(price, bar.high if buys else bar.low, not buys), not buys)
            elif not is_limit(terms):
                level = price * (1.0 - terms["trail"] if buys else 1.0 + terms["trail"])
                if flags & Flag.RELATIVE == 0:
                    level = terms["stop"]
            if bar.low <= level if buys else bar.high >= level:
                return True
        other = after(orders, other)
    return False


@step
def _worst_of_stop(instrument: Any, terms: Any, buys: bool, bar: Prices) -> float:
    """Where a stop is met at worst, if the bar comes to it; NaN if not."""
    level = level_of(instrument, terms, buys)
    if not (bar.high >= level if buys else bar.low <= level):
        return np.nan
    beyond = copied(terms["beyond"])
    return min(level + beyond, bar.high) if buys else max(level - beyond, bar.low)


@step
def _worst_of_limit(orders: OrderLists, instrument: Any, asset: int, node: int, buys: bool, sides: Sides) -> float:
    """Where a limit order fills at worst; NaN where it is not certain to: after a stop that was met in this bar, or an
    entry that filled in it, the close must lie at the limit or beyond. An entry that may be stopped here fills as
    well, since that is worse."""
    terms, bar = orders.terms[node], _seen(sides, buys)
    level = copied(terms["limit"])
    reached = bar.low <= level if buys else bar.high >= level
    state = terms["state"]
    if reached and state in (OrderState.JUST_TRIGGERED, OrderState.JUST_AWAKE, OrderState.PERHAPS_AWAKE):
        reached = bar.close <= level if buys else bar.close >= level
        if not reached and state == OrderState.JUST_TRIGGERED:
            reached = _may_be_stopped(orders, instrument, asset, node, level, _seen(sides, not buys))
    return level if reached else np.nan


@step
def _worst(
    orders: OrderLists, rules: Any, market: MarketArrays, asset: int, tick: int, sides: Sides, fills: RecordLog
) -> None:
    """Stops before limits, each time the one nearest to the open first; then the exits of entries that filled."""
    instrument = market.instruments[asset]
    is_last = tick // PHASES == rules["rows"] - 1
    any_found = True
    while any_found:
        any_found = False
        for turn in range(3):  # stops, trailing stops after this bar's extremes, limits
            found = turn != 1 or rules["trail_by_close"] == 0
            while found:
                found = False
                best = -1
                least = np.inf
                price = np.nan
                node = first(orders, asset)
                while node >= 0:
                    terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
                    if _waits(orders, node, tick):
                        level, bar = np.nan, _seen(sides, buys)
                        if is_limit(terms):
                            if turn == 2:
                                level = _worst_of_limit(orders, instrument, asset, node, buys, sides)
                        elif turn == 0:
                            level = _worst_of_stop(instrument, terms, buys, bar)
                        elif turn == 1 and trails(terms):
                            last = bar.close if is_last else np.nan
                            beside = Beside(target_before(orders, asset, node, buys), last)
                            level = worst_of_trail(instrument, terms, buys, bar, beside)
                        if abs(level - bar.open) < least:
                            best, least, price = node, abs(level - bar.open), level
                    node = after(orders, node)
                if best >= 0:
                    found = turn != 2  # the stops of an entry that fills at its limit come before its target
                    any_found = True
                    _meet(orders, rules, market, asset, best, tick, price, OrderEvent.STOP_MET_IN_BAR, fills)


@step
def _late_at_open(
    orders: OrderLists, rules: Any, market: MarketArrays, asset: int, tick: int, sides: Sides, fills: RecordLog
) -> None:
    """Exits that woke at the open may stand beyond it already: they fill there."""
    node = first(orders, asset)
    while node >= 0:
        terms = orders.terms[node]
        if terms["live_from"] == tick and _waits(orders, node, tick):
            buys = orders.slots[node]["quantity"] > 0.0
            price = _seen(sides, buys).open
            rule = rule_at_open(rules, market.instruments[asset], terms, price, buys)
            if rule >= 0:
                fill(orders, rules, market, asset, node, tick, price, rule, fills)
        node = after(orders, node)


@step
def _may_have_filled(orders: OrderLists, asset: int, node: int, sides: Sides) -> None:
    """Let the trailing exits of a stop-limit order know what they would follow by now, had it filled already in the bar
    that met its stop."""
    terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
    bar, of_exits = _seen(sides, buys), _seen(sides, not buys)
    order, ahead = orders.slots[node]["order"], of_exits.high if buys else of_exits.low
    touched = bar.low <= terms["limit"] if buys else bar.high >= terms["limit"]
    other = first(orders, asset)
    while other >= 0:
        exits = orders.terms[other]
        if sleeps_beside(orders, other, order) and trails(exits):
            seen = exits["possible"]
            if terms["state"] == OrderState.JUST_TRIGGERED and touched:
                exits["possible"] = better(terms["limit"], ahead, not buys)
            elif seen == seen:  # noqa: PLR0124  (it has begun to)
                exits["possible"] = better(seen, ahead, not buys)
        other = after(orders, other)


@step
def _end_bar(
    orders: OrderLists, rules: Any, market: MarketArrays, asset: int, tick: int, sides: Sides, fills: RecordLog
) -> None:
    """What orders that go on have seen of the bar. That a trailing stop has begun is said."""
    node = first(orders, asset)
    while node >= 0:
        terms, buys = orders.terms[node], orders.slots[node]["quantity"] > 0.0
        bar = _seen(sides, buys)
        if terms["state"] != OrderState.ASLEEP and terms["live_from"] <= tick:
            follows = rules["path"] == Path.WORST and rules["trail_by_close"] == 0
            if follows and terms["type"] == OrderType.STOP_LIMIT:
                _may_have_filled(orders, asset, node, sides)
            terms["state"] = NEXT_STATE[terms["state"], OrderEvent.BAR_OVER]
            terms["beyond"] = 0.0
            if trails(terms) and rules["trail_by_close"] != 0:
                follow(terms, bar.close, buys)
            if terms["begun"] == Trail.JUST_BEGUN and works(orders, node):
                terms["begun"] = Trail.BEGUN
                left = orders.slots[node]["quantity"]
                found = FillOf(FillRule.TRAIL_BEGAN, Cap.NONE, 0.0, terms["begins"], terms["stop"], 0.0, left)
                write_fill(fills, tick, orders.slots[node]["order"], asset, market.state[asset]["unit"], found)
            falls = met_falling(terms, buys)
            extreme = bar.low if falls else bar.high
            nearer = extreme < terms["nearest"] if falls else extreme > terms["nearest"]
            if terms["nearest"] != terms["nearest"] or nearer:
                terms["nearest"] = extreme
        node = after(orders, node)


@step
def _side(facts: Floats, at: int, asset: int, fact: int, bar: Prices) -> Prices:
    """What is bid or asked in a bar; the bar itself where it is not known."""
    if facts[at, fact, asset] != facts[at, fact, asset]:
        return bar
    return Prices(
        facts[at, fact, asset], facts[at, fact + 1, asset], facts[at, fact + 2, asset], facts[at, fact + 3, asset]
    )


@step
def _across(sides: Sides) -> float:
    """How far apart both sides are at most, at the prices that are known of them."""
    bid, ask = sides.bid, sides.ask
    ends = max(ask.open - bid.open, ask.close - bid.close)
    return max(ends, ask.high - bid.high, ask.low - bid.low, 0.0)


@step
def _leg_end(bar: Prices, leg: int, high_first: bool) -> float:
    """Where a leg of a bar's path ends."""
    if leg == 2:
        return bar.close
    return bar.high if (leg == 0) == high_first else bar.low


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
        sides = Sides(bar, bar)
        if rules["by_quotes"] != 0:
            facts = bars.facts
            sides = Sides(_side(facts, at, asset, Fact.BID, bar), _side(facts, at, asset, Fact.ASK, bar))
            market.state[asset]["across"] = _across(sides)
        _late_at_open(orders, rules, market, asset, tick, sides, fills)
        if path == Path.WORST:
            _worst(orders, rules, market, asset, tick, sides, fills)
        else:
            up_first = bar.high - bar.open < bar.open - bar.low
            high_first = path == Path.OPEN_HIGH_LOW_CLOSE or (path == Path.NEAREST_FIRST and up_first)
            stood = Moment(sides.bid.open, sides.ask.open)
            for leg in range(3):
                to = Moment(_leg_end(sides.bid, leg, high_first), _leg_end(sides.ask, leg, high_first))
                _walk(orders, rules, market, asset, tick, stood, to, fills)
                stood = to
        _end_bar(orders, rules, market, asset, tick, sides, fills)
    purge_all(orders, fills.length[0] > begin)
