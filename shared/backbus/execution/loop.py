"""The order layer's own loop: apply orders, sweep the rows in which something works, answer with fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.execution.corporate_actions import act_in_market
from backbus.execution.intrabar import match_bar
from backbus.execution.matching import begin_row, end_of_day, match_close, match_open
from backbus.jit.decorators import body, loop, step
from backbus.market.panel import Floats, Ints
from backbus.market.ticks import CLOSE_MATCH, CLOSE_SIGNAL, INTRABAR_MATCH, OPEN_DECIDE, OPEN_MATCH, PHASES
from backbus.trading.codes import Action
from backbus.trading.groups import (
    CURSOR,
    BarArrays,
    MarketArrays,
    OpenOrders,
    OrderLists,
    RecordLog,
    SingleOrders,
    verb,
)
from backbus.trading.market_state import observe_close, quote_close, quote_open, tell_time
from backbus.trading.open_orders import append, end_node, find_order, new_node, purge, set_terms, wake_beside, works
from backbus.trading.records import ASSET_SCALE, MAX_ASSETS, Records

# --- orders -------------------------------------------------------------------------------------------------------


def _place_single(orders: SingleOrders, record: Any) -> None:
    if not works(orders, record["asset"]):
        orders.working[0] += 1
    slot = orders.slots[record["asset"]]
    slot["order"] = record["order"]
    slot["quantity"] = record["quantity"]
    slot["flags"] = record["flags"]


def _place_listed(orders: OrderLists, record: Any) -> None:
    asset, order = record["asset"], record["order"]
    node: int = np.int64(asset) if order % ASSET_SCALE == 0 else new_node(orders)  # type: ignore[assignment]
    slot = orders.slots[node]
    slot["order"] = order
    slot["quantity"] = record["quantity"]
    slot["flags"] = record["flags"]
    set_terms(orders.terms[node], record)
    wake_beside(orders, asset, node)
    append(orders, asset, node)
    group = record["group"]
    if group > 0:
        of = (group - 1) // ASSET_SCALE % MAX_ASSETS
        leader = find_order(orders, of, group - 1) if of < orders.heads.shape[0] - 3 else -1
        if leader >= 0:
            orders.terms[leader]["group"] = group


_place = verb(_place_single, _place_listed)


@step
def _take_order(orders: OpenOrders, record: Any) -> None:
    """Do with the open orders what an ORDER record says."""
    asset, order, action = record["asset"], record["order"], record["kind"]
    if action == Action.PLACE:
        _place(orders, record)
    elif action in (Action.RESIZE, Action.CANCEL):
        node = find_order(orders, asset, order)
        if node >= 0 and orders.slots[node]["order"] == order:
            if action == Action.RESIZE:
                orders.slots[node]["quantity"] = record["quantity"]
                orders.slots[node]["flags"] = record["flags"]
            else:
                end_node(orders, node)
                purge(orders, asset)


# --- rows of lists ------------------------------------------------------------------------------------------------


def _always_room(orders: SingleOrders, market: MarketArrays, fills: RecordLog) -> bool:
    return True


def _room_for_each(orders: OrderLists, market: MarketArrays, fills: RecordLog) -> bool:
    most = 4 * (orders.working[0] + market.state.shape[0])
    return bool(fills.records.shape[0] - fills.length[0] >= most)


_has_room = verb(_always_room, _room_for_each)
"""Whether there is room for what a phase may write: who calls the loop with single orders sees to it."""


def _acts_on_nothing(
    orders: SingleOrders, rules: Any, market: MarketArrays, bars: BarArrays, tick: int, fills: RecordLog
) -> None:
    pass


def _acts(orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, tick: int, fills: RecordLog) -> None:
    if tick % PHASES == OPEN_DECIDE:
        at = tick // PHASES - bars.first_row
        tell_time(rules, market, bars.facts, at)
        if rules["has_corporate_actions"] != 0:
            act_in_market(orders, market, bars.facts, at, tick, fills)


_act = verb(_acts_on_nothing, _acts)
"""Let splits and delistings change open orders, at a row's first moment."""


def _sleeps(orders: SingleOrders, rules: Any) -> bool:
    return bool(orders.working[0] == 0)


def _sleeps_unless_costs_follow(orders: OrderLists, rules: Any) -> bool:
    return bool(orders.working[0] == 0 and rules["costs_follow_market"] == 0)


_skips = verb(_sleeps, _sleeps_unless_costs_follow)
"""Whether everything up to the next order can be skipped."""


def _no_more_phases(
    orders: SingleOrders, rules: Any, market: MarketArrays, bars: BarArrays, tick: int, fills: RecordLog
) -> None:
    pass


def _match_other_phases(
    orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, tick: int, fills: RecordLog
) -> None:
    phase, at = tick % PHASES, tick // PHASES - bars.first_row
    if phase == INTRABAR_MATCH:
        match_bar(orders, rules, market, bars, at, tick, fills)
    elif phase == CLOSE_SIGNAL and rules["daily"] != 0:
        end_of_day(orders, market, tick, fills)


_match_between = verb(_no_more_phases, _match_other_phases)
"""What fills and ends between open and close."""


def _begins_as_it_is(
    orders: SingleOrders, rules: Any, market: MarketArrays, bars: BarArrays, at: int, tick: int, fills: RecordLog
) -> None:
    pass


def _begins(
    orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, at: int, tick: int, fills: RecordLog
) -> None:
    begin_row(orders, rules, market, bars, at, tick, fills)
    quote_open(orders, rules, market, bars, at)


_begin = verb(_begins_as_it_is, _begins)
"""Let orders end whose time is over."""


# --- the loop -----------------------------------------------------------------------------------------------------


@body
def _sweep(
    orders: OpenOrders,
    rules: Any,
    market: MarketArrays,
    bars: BarArrays,
    decided: Records,
    limit: int,
    fills: RecordLog,
    cursor: Ints,
) -> None:
    """Match all logical times below ``limit``, which must lie within the block; stops early where there is no room for
    what may be written."""
    tick, used = cursor[CURSOR.TICK], cursor[CURSOR.ORDERS]
    while tick < limit:
        if not _has_room(orders, market, fills):
            break
        _act(orders, rules, market, bars, tick, fills)
        while used < decided.shape[0] and decided[used]["tick"] <= tick:
            _take_order(orders, decided[used])
            used += 1
        if _skips(orders, rules):
            tick = max(tick + 1, decided[used]["tick"]) if used < decided.shape[0] else limit
            continue
        if tick % PHASES == OPEN_DECIDE:
            tick += 1
            continue
        if not _has_room(orders, market, fills):
            break
        if orders.working[0] > 0:
            phase, at = tick % PHASES, tick // PHASES - bars.first_row
            if phase == OPEN_MATCH:
                _begin(orders, rules, market, bars, at, tick, fills)
                match_open(orders, rules, market, bars.open, at, tick, fills)
            elif phase == CLOSE_MATCH:
                quote_close(orders, rules, market, bars, at)
                match_close(orders, rules, market, bars, at, tick, fills)
            else:
                _match_between(orders, rules, market, bars, tick, fills)
        if tick % PHASES == CLOSE_SIGNAL:
            observe_close(orders, rules, market, bars, tick // PHASES - bars.first_row)
        tick += 1
    cursor[CURSOR.TICK], cursor[CURSOR.ORDERS] = tick, used


@loop
def sweep(  # noqa: PLR0913  (a loop's door)
    rules: Records, instruments: Records, state: Records, slots: Records, count: Ints, first_row: int, open_: Floats,
    close: Floats, decided: Records, limit: int, fills: Records, cursor: Ints,
) -> None:  # fmt: skip
    """Match all logical times below ``limit``, which must lie within the block of rows that begins at ``first_row``."""
    bars = BarArrays(first_row, open_, close, None, None, None, None, None, None)
    log = RecordLog(fills, cursor[CURSOR.FILLS : CURSOR.FILLS + 1])
    market = MarketArrays(instruments, state, None)
    _sweep(SingleOrders(slots, count), rules[0], market, bars, decided, limit, log, cursor)


@loop
def sweep_lists(  # noqa: PLR0913  (a loop's door)
    rules: Records, instruments: Records, state: Records, window: Floats, slots: Records, terms: Records,
    intents: Records, heads: Ints, first_row: int, open_: Floats, close: Floats, high: Floats, low: Floats,
    volume: Floats, facts: Floats, session: Ints, end: Ints, decided: Records, limit: int, fills: Records, cursor: Ints,
) -> None:  # fmt: skip
    """The same where orders of every kind may work."""
    bars = BarArrays(first_row, open_, close, high, low, volume, facts, session, end)
    log = RecordLog(fills, cursor[CURSOR.FILLS : CURSOR.FILLS + 1])
    lists = OrderLists(slots, heads[heads.shape[0] - 1 :], terms, intents, heads)
    _sweep(lists, rules[0], MarketArrays(instruments, state, window), bars, decided, limit, log, cursor)
