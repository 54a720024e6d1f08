"""Orders of every kind against a row of bars: what lives, what the open fills, what the close fills, what ends.

Gaps fill at the open. What high and low fill between the two is in ``within_bar``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import part, step
from backbus.execution.filling import end_order, fill_order, is_limit, level_of
from backbus.market.costs import month_of
from backbus.market.ledger import NO_SESSION
from backbus.market.panel import Floats, Ints
from backbus.market.records import (
    AT_OPEN,
    AT_THE_OPEN,
    DATE_OVER,
    DAY,
    DAY_OVER,
    FILL_OR_KILL,
    GOOD_TILL_DATE,
    GOOD_TILL_TIME,
    IMMEDIATE_OR_CANCEL,
    LIMIT_AT_OPEN,
    MARKET,
    MARKET_ON_CLOSE,
    NO_ORDER,
    NOT_AT_ONCE,
    NOT_AT_THE_CLOSE,
    NOT_AT_THE_OPEN,
    NOT_WHOLE_AT_ONCE,
    ON_CLOSE,
    ON_THE_CLOSE,
    REDUCES,
    ROW_SCALE,
    RUN_OVER,
    STOP,
    STOP_AT_OPEN,
    STOP_LIMIT,
    TRAIL,
    TRAIL_AT_OPEN,
    TRAIL_PERCENT,
    Records,
)
from backbus.market.rules import VOLUME_SHARE
from backbus.market.ticks import PHASES
from backbus.market.working import ASLEEP, JUST_TRIGGERED, TRIGGERED, purge, works


@step
def ready(slot: Any, its: Any, tick: int) -> bool:
    """Whether an order can fill or be triggered at this tick, if the price is right."""
    return bool(
        slot["order"] != NO_ORDER
        and its["state"] != ASLEEP
        and its["live_from"] <= tick
        and its["tried"] != tick
        and slot["flags"] & ON_CLOSE == 0
        and its["type"] != MARKET_ON_CLOSE
    )


@step
def trails(its: Any) -> bool:
    """Whether an order follows the price."""
    return bool(its["type"] == TRAIL or its["type"] == TRAIL_PERCENT)


@step
def follow(slot: Any, its: Any, price: float) -> None:
    """Let a trailing stop know a price."""
    if slot["quantity"] > 0.0:
        its["stop"] = min(its["stop"], price)
    else:
        its["stop"] = max(its["stop"], price)


@step
def met_falling(slot: Any, its: Any) -> bool:
    """Whether a falling price comes to the order's: limits that buy, stops that sell."""
    return bool(is_limit(its) == (slot["quantity"] > 0.0))


@step
def rule_at_open(rules: Any, instrument: Any, slot: Any, its: Any, price: float) -> int:
    """The rule by which an order fills at the open, -1 where it does not; triggers a stop-limit, moves a trailing
    stop."""
    if its["type"] == MARKET:
        return AT_OPEN
    level = level_of(instrument, slot, its)
    falls = met_falling(slot, its)
    beyond = price <= level if falls else price >= level
    if is_limit(its):
        return LIMIT_AT_OPEN if beyond else -1
    if beyond:
        if its["type"] == STOP_LIMIT:
            its["state"] = TRIGGERED
            better = price <= its["limit"] if slot["quantity"] > 0.0 else price >= its["limit"]
            return STOP_AT_OPEN if better else -1
        return STOP_AT_OPEN if its["type"] == STOP else TRAIL_AT_OPEN
    if trails(its) and rules["trail_by_close"] == 0:
        follow(slot, its, price)
    return -1


@step
def _open_room(rules: Any, instrument: Any, line: Any, traded: float, session: int, row: int) -> None:
    """At a row's first phase with orders: what its volume lets fill."""
    if line["row"] != row:
        line["row"] = row
        line["traded"] = traded if traded > 0.0 else 0.0
        cap = rules["volume_cap"] if rules["volume_cap"] > 0.0 else np.inf
        if instrument["slippage_model"] == VOLUME_SHARE:
            cap = min(cap, instrument["slippage_limit"])
        line["room"] = np.inf
        if cap < np.inf:
            line["room"] = cap * line["traded"]
        elif rules["wait_for_volume"] != 0 and line["traded"] == 0.0:
            line["room"] = 0.0
        if instrument["tiers"] > 0:
            month = month_of(session)
            if month != line["month"]:
                line["month"] = month
                line["month_size"] = 0.0
                line["month_value"] = 0.0


@part
def begin_row(
    rules_: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    end: Ints,
    session: Ints,
    volume: Floats,
    at: int,
    tick: int,
    fills: Records,
    count: int,
) -> int:
    """Orders whose time was over before this row end; the volume that may fill is known. Returns the FILL records."""
    rules = rules_[0]
    for asset in range(tape.shape[0]):
        line = tape[asset]
        _open_room(rules, instruments[asset], line, volume[at, asset], session[at], tick // PHASES)
        ended = False
        node = heads[asset]
        while node >= 0:
            slot, its = working[node], terms[node]
            if slot["order"] != NO_ORDER:
                if its["session"] == NO_SESSION:
                    its["session"] = session[at]
                kind = its["in_force"]
                why = 0
                if kind == DAY and its["session"] != session[at]:
                    why = DAY_OVER
                if (kind == GOOD_TILL_DATE and session[at] > its["until"]) or (
                    kind == GOOD_TILL_TIME and end[at] // 1000 > its["until"]
                ):
                    why = DATE_OVER
                if why != 0:
                    count = end_order(instruments, tape, working, terms, heads, asset, node, tick, why, fills, count)
                    ended = True
            node = slot["next"]
        if ended:
            purge(working, heads, asset)
    return count


@step
def purge_all(working: Records, heads: Ints, before: int, count: int) -> None:
    """Take ended orders out of all lists, if FILL records ``before`` to ``count`` say that any may have."""
    if count > before:
        for asset in range(heads.shape[0] - 3):
            purge(working, heads, asset)


@part
def match_open(
    rules_: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    open_: Floats,
    at: int,
    tick: int,
    fills: Records,
    count: int,
) -> int:
    """All that the open fills: reductions first, then assets in their order, then orders. Returns the FILL records."""
    rules = rules_[0]
    before = count
    for opening in range(2):
        for asset in range(tape.shape[0]):
            price = open_[at, asset]
            node = heads[asset] if price == price else -1  # noqa: PLR0124  (a hole has no phases)
            while node >= 0:
                slot, its = working[node], terms[node]
                reduces = slot["flags"] & REDUCES != 0
                if reduces == (opening == 0) and ready(slot, its, tick):
                    rule = rule_at_open(rules, instruments[asset], slot, its, price)
                    if rule >= 0:
                        count = fill_order(
                            rules_,
                            instruments,
                            tape,
                            working,
                            terms,
                            heads,
                            asset,
                            node,
                            tick,
                            price,
                            rule,
                            fills,
                            count,
                        )
                    if slot["order"] != NO_ORDER:
                        kind = its["in_force"]
                        why = 0
                        if kind == IMMEDIATE_OR_CANCEL:
                            why = NOT_AT_ONCE
                        elif kind == FILL_OR_KILL:
                            why = NOT_WHOLE_AT_ONCE
                        elif kind == AT_THE_OPEN:
                            why = NOT_AT_THE_OPEN
                        if why != 0:
                            its["nearest"] = price
                            count = end_order(
                                instruments, tape, working, terms, heads, asset, node, tick, why, fills, count
                            )
                node = slot["next"]
    purge_all(working, heads, before, count)
    return count


@step
def trigger(slot: Any, its: Any, price: float) -> bool:
    """Make a stop-limit order a limit order at the price that triggered it; whether it fills there."""
    its["state"] = JUST_TRIGGERED
    return bool(price <= its["limit"] if slot["quantity"] > 0.0 else price >= its["limit"])


@part
def end_of_day(
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    tick: int,
    fills: Records,
    count: int,
) -> int:
    """Where each row is a whole session: orders for the day end with the bar. Returns the FILL records."""
    before = count
    for asset in range(tape.shape[0]):
        node = heads[asset]
        while node >= 0:
            slot, its = working[node], terms[node]
            mine = slot["order"] != NO_ORDER and its["in_force"] == DAY and its["session"] != NO_SESSION
            if mine and (its["type"] != MARKET_ON_CLOSE and slot["flags"] & ON_CLOSE == 0):
                count = end_order(instruments, tape, working, terms, heads, asset, node, tick, DAY_OVER, fills, count)
            node = slot["next"]
    purge_all(working, heads, before, count)
    return count


@part
def match_close(
    rules_: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    session: Ints,
    close: Floats,
    volume: Floats,
    at: int,
    tick: int,
    fills: Records,
    count: int,
) -> int:
    """All that fills at the close; after the last row every order ends. Returns the FILL records."""
    before = count
    row = tick // PHASES
    for asset in range(tape.shape[0]):
        _open_room(rules_[0], instruments[asset], tape[asset], volume[at, asset], session[at], row)
    for opening in range(2):
        for asset in range(tape.shape[0]):
            price = close[at, asset]
            node = heads[asset] if price == price else -1  # noqa: PLR0124
            while node >= 0:
                slot, its = working[node], terms[node]
                mine = slot["flags"] & ON_CLOSE != 0
                on_close = its["type"] == MARKET_ON_CLOSE and slot["order"] // ROW_SCALE < row
                reduces = slot["flags"] & REDUCES != 0
                if slot["order"] != NO_ORDER and (mine or on_close) and reduces == (opening == 0):
                    rule = ON_THE_CLOSE + 0 * opening
                    count = fill_order(
                        rules_, instruments, tape, working, terms, heads, asset, node, tick, price, rule, fills, count
                    )
                    if slot["order"] != NO_ORDER and on_close:
                        why = NOT_AT_THE_CLOSE
                        count = end_order(
                            instruments, tape, working, terms, heads, asset, node, tick, why, fills, count
                        )
                node = slot["next"]
    if row == rules_[0]["rows"] - 1 and works(heads) > 0:
        for asset in range(tape.shape[0]):
            node = heads[asset]
            while node >= 0:
                if working[node]["order"] != NO_ORDER:
                    why = RUN_OVER
                    count = end_order(instruments, tape, working, terms, heads, asset, node, tick, why, fills, count)
                node = working[node]["next"]
    purge_all(working, heads, before, count)
    return count
