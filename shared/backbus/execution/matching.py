"""Which open orders a row of bars fills at its open and at its close, and which it ends: reductions first, then assets
in their order, then orders.

Gaps fill at the open. What high and low fill between the two is in ``intrabar``, which only lists of orders have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.execution.ends import end_order
from backbus.execution.fills import fill
from backbus.jit.decorators import part, step
from backbus.jit.python import plain
from backbus.market.panel import Floats
from backbus.market.ticks import PHASES
from backbus.trading.codes import End, FillRule, Flag, InForce
from backbus.trading.commission import month_of
from backbus.trading.groups import BarArrays, MarketArrays, OpenOrders, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.open_orders import after, first, purge, purge_all, reduces, works
from backbus.trading.order_states import OrderState
from backbus.trading.order_types import has_limit, rule_at_open, waits_for_close, within_limit
from backbus.trading.records import NO_ORDER, NO_SESSION, ROW_SCALE
from backbus.trading.rules import Fact
from backbus.trading.slippage import caps, on_side

# --- what may fill ------------------------------------------------------------------------------------------------


def _works_for_the_open(orders: SingleOrders, node: int, tick: int) -> bool:
    return bool(works(orders, node) and orders.slots[node]["flags"] & Flag.ON_CLOSE == 0)


def _is_awake(orders: OrderLists, node: int, tick: int) -> bool:
    slot, terms = orders.slots[node], orders.terms[node]
    return bool(
        slot["order"] != NO_ORDER
        and terms["state"] != OrderState.ASLEEP
        and terms["live_from"] <= tick
        and terms["tried"] != tick
        and slot["flags"] & Flag.ON_CLOSE == 0
        and not waits_for_close(terms)
    )


is_ready = verb(_works_for_the_open, _is_awake)
"""``is_ready(orders, node, tick)``: whether an order can fill or be triggered now, if the price is right."""


def _of_all(orders: SingleOrders, market: MarketArrays, asset: int, node: int, price: float) -> float:
    return price


def _of_its_side(orders: OrderLists, market: MarketArrays, asset: int, node: int, price: float) -> float:
    return on_side(market.state[asset], price, orders.slots[node]["quantity"])


price_of = verb(_of_all, _of_its_side)
"""``price_of(orders, market, asset, node, price)``: where the market takes an order at an open or a close of
``price``: what is asked or bid, where both are quoted."""


def _market_order_at_open(orders: SingleOrders, rules: Any, instrument: Any, node: int, price: float) -> int:
    return FillRule.AT_OPEN


def _any_order_at_open(orders: OrderLists, rules: Any, instrument: Any, node: int, price: float) -> int:
    return rule_at_open(rules, instrument, orders.terms[node], price, orders.slots[node]["quantity"] > 0.0)


rule_of_open = verb(_market_order_at_open, _any_order_at_open)
"""``rule_of_open(orders, rules, instrument, node, price)``: the rule by which an order fills at the open, or -1."""


def _meant_for_this_close(orders: SingleOrders, node: int, row: int) -> bool:
    return bool(works(orders, node) and orders.slots[node]["flags"] & Flag.ON_CLOSE != 0)


def _waits_for_a_close(orders: OrderLists, node: int, row: int) -> bool:
    return bool(
        works(orders, node) and (orders.slots[node]["flags"] & Flag.ON_CLOSE != 0 or _on_close(orders, node, row))
    )


@step
def _on_close(orders: OrderLists, node: int, row: int) -> bool:
    return bool(waits_for_close(orders.terms[node]) and orders.slots[node]["order"] // ROW_SCALE < row)


is_for_close = verb(_meant_for_this_close, _waits_for_a_close)
"""``is_for_close(orders, node, row)``: whether an order fills at this row's close."""


def _whatever_it_is(orders: SingleOrders, node: int, price: float) -> bool:
    return True


def _within_its_limit(orders: OrderLists, node: int, price: float) -> bool:
    terms = orders.terms[node]
    return bool(not has_limit(terms) or within_limit(terms, price, orders.slots[node]["quantity"] > 0.0))


is_good_enough = verb(_whatever_it_is, _within_its_limit)
"""``is_good_enough(orders, node, price)``: whether a close is as good as an order that fills there asks for."""


def _some_are_for_closes(orders: SingleOrders, rules: Any, row: int) -> bool:
    return bool(rules["fill_at_close"] != 0 or row == rules["rows"] - 1)


def _any_may_be(orders: OrderLists, rules: Any, row: int) -> bool:
    return True


has_close = verb(_some_are_for_closes, _any_may_be)
"""``has_close(orders, rules, row)``: whether anything can happen to open orders at this row's close."""


# --- what ends ----------------------------------------------------------------------------------------------------


def _goes_on(
    orders: SingleOrders, market: MarketArrays, asset: int, node: int, tick: int, price: float, fills: RecordLog
) -> None:
    pass


def _ends_at_once(
    orders: OrderLists, market: MarketArrays, asset: int, node: int, tick: int, price: float, fills: RecordLog
) -> None:
    terms = orders.terms[node]
    if works(orders, node):
        kind = terms["in_force"]
        why = 0
        if kind == InForce.IMMEDIATE_OR_CANCEL:
            why = End.NOT_AT_ONCE
        elif kind == InForce.FILL_OR_KILL:
            why = End.NOT_WHOLE_AT_ONCE
        elif kind == InForce.AT_THE_OPEN:
            why = End.NOT_AT_THE_OPEN
        if why != 0:
            terms["nearest"] = price
            end_order(orders, market, asset, node, tick, why, fills)


_end_at_once = verb(_goes_on, _ends_at_once)
"""End an order that had to fill at this open, and did not."""


def _goes_on_after_close(
    orders: SingleOrders, market: MarketArrays, asset: int, node: int, tick: int, fills: RecordLog
) -> None:
    pass


def _ends_after_close(
    orders: OrderLists, market: MarketArrays, asset: int, node: int, tick: int, fills: RecordLog
) -> None:
    if works(orders, node) and _on_close(orders, node, tick // PHASES):
        end_order(orders, market, asset, node, tick, End.NOT_AT_THE_CLOSE, fills)


_end_after_close = verb(_goes_on_after_close, _ends_after_close)
"""End an order that had to fill at this close, and did not."""


# --- open and close -----------------------------------------------------------------------------------------------


@step
def _match_open(
    orders: OpenOrders, rules: Any, market: MarketArrays, open_: Floats, at: int, tick: int, fills: RecordLog
) -> None:
    """All that the open fills. ``open_`` is [rows, assets]."""
    begin = fills.length[0]
    for opening in range(2):
        for asset in range(market.state.shape[0]):
            price = open_[at, asset]
            node = first(orders, asset) if price == price else -1  # noqa: PLR0124  (a hole has no phases)
            while node >= 0:
                following = after(orders, node)
                if reduces(orders.slots[node]) == (opening == 0) and is_ready(orders, node, tick):
                    here = price_of(orders, market, asset, node, price)
                    rule = rule_of_open(orders, rules, market.instruments[asset], node, here)
                    if rule >= 0:
                        fill(orders, rules, market, asset, node, tick, here, rule, fills)
                    _end_at_once(orders, market, asset, node, tick, here, fills)
                node = following
    purge_all(orders, fills.length[0] > begin)


@step
def _match_close(
    orders: OpenOrders, rules: Any, market: MarketArrays, bars: BarArrays, at: int, tick: int, fills: RecordLog
) -> None:
    """All that fills at the close; after the last row every order ends."""
    begin = fills.length[0]
    row = tick // PHASES
    open_room(orders, rules, market, bars, at, row)
    for opening in range(2):
        for asset in range(market.state.shape[0]):
            price = bars.close[at, asset]
            node = first(orders, asset) if price == price else -1  # noqa: PLR0124  (a hole has no phases)
            while node >= 0:
                following = after(orders, node)
                if reduces(orders.slots[node]) == (opening == 0) and is_for_close(orders, node, row):
                    here = price_of(orders, market, asset, node, price)
                    if is_good_enough(orders, node, here):
                        fill(orders, rules, market, asset, node, tick, here, FillRule.AT_CLOSE, fills)
                    _end_after_close(orders, market, asset, node, tick, fills)
                node = following
    if row == rules["rows"] - 1 and orders.working[0] > 0:
        for asset in range(market.state.shape[0]):
            node = first(orders, asset)
            while node >= 0:
                following = after(orders, node)
                if works(orders, node):
                    end_order(orders, market, asset, node, tick, End.RUN_OVER, fills)
                node = following
    purge_all(orders, fills.length[0] > begin)


_match_open_of_lists, _match_close_of_lists = part(plain(_match_open)), part(plain(_match_close))
"""Compiled by themselves, since they are large."""


def _match_open_listed(
    orders: OrderLists, rules: Any, market: MarketArrays, open_: Floats, at: int, tick: int, fills: RecordLog
) -> None:
    _match_open_of_lists(orders, rules, market, open_, at, tick, fills)


def _match_close_listed(
    orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, at: int, tick: int, fills: RecordLog
) -> None:
    _match_close_of_lists(orders, rules, market, bars, at, tick, fills)


match_open = verb(plain(_match_open), _match_open_listed)
"""``match_open(orders, rules, market, open_, at, tick, fills)``: all that the open fills."""
match_close = verb(plain(_match_close), _match_close_listed)
"""``match_close(orders, rules, market, bars, at, tick, fills)``: all that the close fills; after the last row every
order ends."""


# --- a row's begin and a day's end, of lists of orders ---------------------------------------------------------------


def _boundless(orders: SingleOrders, rules: Any, market: MarketArrays, bars: BarArrays, at: int, row: int) -> None:
    pass


def _open_rooms(orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, at: int, row: int) -> None:
    for asset in range(market.state.shape[0]):
        _open_room(rules, market.instruments[asset], market.state[asset], bars.volume[at, asset], bars.session[at], row)


open_room = verb(_boundless, _open_rooms)
"""``open_room(orders, rules, market, bars, at, row)``: at a row's first phase with orders, what its volume lets
fill."""


@step
def _open_room(rules: Any, instrument: Any, state: Any, volume: float, session: int, row: int) -> None:
    if state["row"] != row:
        state["row"] = row
        state["bar_volume"] = volume if volume > 0.0 else 0.0
        cap = rules["volume_cap"] if rules["volume_cap"] > 0.0 else np.inf
        if caps(instrument):
            cap = min(cap, instrument["slippage_limit"])
        state["room"] = np.inf
        if cap < np.inf:
            state["room"] = cap * state["bar_volume"]
        elif rules["wait_for_volume"] != 0 and state["bar_volume"] == 0.0:
            state["room"] = 0.0
        if instrument["tiers"] > 0:
            month = month_of(session)
            if month != state["month"]:
                state["month"] = month
                state["month_size"] = 0.0
                state["month_value"] = 0.0


@part
def begin_row(
    orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, at: int, tick: int, fills: RecordLog
) -> None:
    """Orders whose time was over before this row end; the volume that may fill is known."""
    open_room(orders, rules, market, bars, at, tick // PHASES)
    for asset in range(market.state.shape[0]):
        session = bars.session[at]
        if rules["own_sessions"] != 0:
            own = bars.facts[at, Fact.SESSION, asset]
            if own != own:  # noqa: PLR0124  (its market is closed)
                continue
            session = np.int64(own)
        ended = False
        node = first(orders, asset)
        while node >= 0:
            terms = orders.terms[node]
            if works(orders, node):
                if terms["session"] == NO_SESSION:
                    terms["session"] = session
                kind = terms["in_force"]
                why = 0
                if kind == InForce.DAY and terms["session"] != session:
                    why = End.DAY_OVER
                if (kind == InForce.GOOD_TILL_DATE and session > terms["until"]) or (
                    kind == InForce.GOOD_TILL_TIME and bars.end[at] // 1000 > terms["until"]
                ):
                    why = End.DATE_OVER
                if why != 0:
                    end_order(orders, market, asset, node, tick, why, fills)
                    ended = True
            node = after(orders, node)
        if ended:
            purge(orders, asset)


@part
def end_of_day(orders: OrderLists, market: MarketArrays, tick: int, fills: RecordLog) -> None:
    """Where each row is a whole session: orders for the day end with the bar, once a session of theirs has begun."""
    begin = fills.length[0]
    for asset in range(market.state.shape[0]):
        node = first(orders, asset)
        while node >= 0:
            slot, terms = orders.slots[node], orders.terms[node]
            mine = works(orders, node) and terms["in_force"] == InForce.DAY and terms["session"] != NO_SESSION
            if mine and not waits_for_close(terms) and slot["flags"] & Flag.ON_CLOSE == 0:
                end_order(orders, market, asset, node, tick, End.DAY_OVER, fills)
            node = after(orders, node)
    purge_all(orders, fills.length[0] > begin)
