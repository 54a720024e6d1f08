"""Which orders a bar's high and low fill, and in which order.

A bar does not tell which price came first, so a path is assumed (``execution.path``):

- along open, low, high, close, or open, high, low, close, or first to that extreme which is nearer to the open, orders
  fill as the path comes to their prices, and trailing stops follow it;
- ``worst``: stops before limits. A trailing stop is tried where it stood at the open, and then below the bar's high
  (above its low). A limit that a stop has made in this bar fills only if the close is beyond it, when it is certain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import part, step
from backbus.execution.filling import fill_order, is_limit, level_of
from backbus.execution.resting import follow, met_falling, purge_all, ready, rule_at_open, trails, trigger
from backbus.market.panel import Floats, Ints
from backbus.market.records import (
    LIMIT_TOUCHED,
    MARKET,
    NO_ORDER,
    STOP,
    STOP_LIMIT,
    STOP_TOUCHED,
    TRAIL_TOUCHED,
    Records,
)
from backbus.market.rules import NEAREST_FIRST, OPEN_HIGH_LOW_CLOSE, WORST
from backbus.market.working import ASLEEP, JUST_TRIGGERED, LIVE, TRIGGERED


@step
def _touched(its: Any) -> int:
    if its["type"] in (STOP, STOP_LIMIT) and its["state"] != TRIGGERED:
        return STOP_TOUCHED
    return TRAIL_TOUCHED if trails(its) else LIMIT_TOUCHED


@step
def _walk(
    rules_: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    asset: int,
    tick: int,
    begin: float,
    to: float,
    fills: Records,
    count: int,
) -> int:
    """Let the price go from ``begin`` to ``to``: orders fill in the order in which it comes to them."""
    rules, instrument = rules_[0], instruments[asset]
    price = begin
    falling = to < begin
    found = begin != to
    while found:
        found = False
        best = -1
        nearest = to
        node = heads[asset]
        while node >= 0:
            slot, its = working[node], terms[node]
            if ready(slot, its, tick) and its["type"] != MARKET and met_falling(slot, its) == falling:
                level = level_of(instrument, slot, its)
                level = min(level, price) if falling else max(level, price)
                if (
                    (level > nearest or (best < 0 and level == to))
                    if falling
                    else (level < nearest or (best < 0 and level == to))
                ):
                    best, nearest = node, level
            node = slot["next"]
        if best >= 0:
            found = True
            price = nearest
            slot, its = working[best], terms[best]
            rule = _touched(its)
            fills_here = True
            if its["type"] == STOP_LIMIT and its["state"] == LIVE:
                fills_here = trigger(slot, its, price)
                its["state"] = TRIGGERED
            if fills_here:
                count = fill_order(
                    rules_, instruments, tape, working, terms, heads, asset, best, tick, price, rule, fills, count
                )
    if rules["trail_by_close"] == 0:
        node = heads[asset]
        while node >= 0:
            if trails(terms[node]) and terms[node]["state"] != ASLEEP and terms[node]["live_from"] <= tick:
                follow(working[node], terms[node], to)
            node = working[node]["next"]
    return count


@step
def _worst(
    rules_: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    asset: int,
    tick: int,
    open_: float,
    high: float,
    low: float,
    close: float,
    fills: Records,
    count: int,
) -> int:
    """Stops before limits, each time the one nearest to the open first."""
    rules, instrument = rules_[0], instruments[asset]
    for turn in range(3):  # stops, trailing stops after this bar's extremes, limits
        found = turn != 1 or rules["trail_by_close"] == 0
        if turn == 1 and found:
            node = heads[asset]
            while node >= 0:
                slot, its = working[node], terms[node]
                if ready(slot, its, tick) and trails(its):
                    follow(slot, its, low if slot["quantity"] > 0.0 else high)
                node = slot["next"]
        while found:
            found = False
            best = -1
            least = np.inf
            price = open_
            node = heads[asset]
            while node >= 0:
                slot, its = working[node], terms[node]
                limit = is_limit(its)
                wanted = limit if turn == 2 else (trails(its) if turn == 1 else not limit)
                if ready(slot, its, tick) and its["type"] != MARKET and wanted:
                    level = level_of(instrument, slot, its)
                    falls = met_falling(slot, its)
                    reached = low <= level if falls else high >= level
                    if its["state"] == JUST_TRIGGERED:
                        reached = close <= level if falls else close >= level
                    if reached and abs(level - open_) < least:
                        best, least, price = node, abs(level - open_), level
                node = slot["next"]
            if best >= 0:
                found = True
                slot, its = working[best], terms[best]
                rule = _touched(its)
                fills_here = True
                if its["type"] == STOP_LIMIT and its["state"] == LIVE:
                    fills_here = trigger(slot, its, price)
                if fills_here:
                    count = fill_order(
                        rules_, instruments, tape, working, terms, heads, asset, best, tick, price, rule, fills, count
                    )
    return count


@part
def match_bar(
    rules_: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    at: int,
    tick: int,
    fills: Records,
    count: int,
) -> int:
    """All that a row's highs and lows fill, asset by asset. Returns the FILL records."""
    rules = rules_[0]
    before = count
    path = rules["path"]
    for asset in range(tape.shape[0]):
        begin, top, bottom, last = open_[at, asset], high[at, asset], low[at, asset], close[at, asset]
        if heads[asset] < 0 or begin != begin:  # noqa: PLR0124
            continue
        node = heads[asset]
        while node >= 0:  # exits that woke at the open may stand beyond it already
            slot, its = working[node], terms[node]
            if its["live_from"] == tick and ready(slot, its, tick) and its["type"] != MARKET:
                rule = rule_at_open(rules, instruments[asset], slot, its, begin)
                if rule >= 0:
                    count = fill_order(
                        rules_, instruments, tape, working, terms, heads, asset, node, tick, begin, rule, fills, count
                    )
            node = slot["next"]
        if path == WORST:
            count = _worst(
                rules_, instruments, tape, working, terms, heads, asset, tick, begin, top, bottom, last, fills, count
            )
        else:
            high_first = path == OPEN_HIGH_LOW_CLOSE or (path == NEAREST_FIRST and top - begin < begin - bottom)
            first, second = (top, bottom) if high_first else (bottom, top)
            price = begin
            for leg in range(3):
                to = first if leg == 0 else (second if leg == 1 else last)
                count = _walk(rules_, instruments, tape, working, terms, heads, asset, tick, price, to, fills, count)
                price = to
        node = heads[asset]
        while node >= 0:
            slot, its = working[node], terms[node]
            if slot["order"] != NO_ORDER and its["state"] != ASLEEP and its["live_from"] <= tick:
                if its["state"] == JUST_TRIGGERED:
                    its["state"] = TRIGGERED
                if trails(its) and rules["trail_by_close"] != 0:
                    follow(slot, its, last)
                extreme = bottom if met_falling(slot, its) else top
                nearer = extreme < its["nearest"] if met_falling(slot, its) else extreme > its["nearest"]
                if its["nearest"] != its["nearest"] or nearer:
                    its["nearest"] = extreme
            node = slot["next"]
    purge_all(working, heads, before, count)
    return count
