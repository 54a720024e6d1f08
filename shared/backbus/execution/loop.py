"""The order layer's own loop: apply orders, sweep the rows in which something works, answer with fills."""

from __future__ import annotations

from typing import Any

from backbus.compiled import loop, step
from backbus.execution.acting import act_in_market
from backbus.execution.matching import end_run, match_market
from backbus.execution.resting import begin_row, end_of_day, match_close, match_open
from backbus.execution.within_bar import match_bar
from backbus.market.costs import observe
from backbus.market.panel import Floats, Ints
from backbus.market.records import ASSET_SCALE, MAX_ASSETS, NO_ORDER, ON_CLOSE, PLACE, RESIZE, TAKE_BACK, Records
from backbus.market.ticks import CLOSE_MATCH, CLOSE_SIGNAL, INTRABAR_MATCH, OPEN_DECIDE, OPEN_MATCH, PHASES
from backbus.market.working import append, end_node, find_order, new_node, purge, set_terms, works

TICK, ORDERS, FILLS, WORKS = range(4)
"""What the cursor holds: next tick to match; order records applied; fills written; orders that work."""


@loop
def sweep(
    rules_: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    open_: Floats,
    close: Floats,
    first_row: int,
    orders: Records,
    limit: int,
    fills: Records,
    cursor: Any,
) -> None:
    """Match all ticks below ``limit``, which must lie within the block of rows that begins at ``first_row``."""
    rules = rules_[0]
    tick = cursor[TICK]
    used = cursor[ORDERS]
    works = cursor[WORKS]
    count = cursor[FILLS]
    while tick < limit:
        while used < orders.shape[0] and orders[used]["tick"] <= tick:
            record = orders[used]
            slot = working[record["asset"]]
            kind = record["kind"]
            if kind in (PLACE, RESIZE):
                if slot["order"] == NO_ORDER:
                    works += 1
                slot["order"] = record["order"]
                slot["quantity"] = record["quantity"]
                slot["flags"] = record["flags"]
            elif kind == TAKE_BACK and slot["order"] == record["order"]:
                slot["order"] = NO_ORDER
                works -= 1
            used += 1
        if works == 0:
            if used < orders.shape[0]:
                tick = max(tick + 1, orders[used]["tick"])
            else:
                tick = limit
            continue
        phase = tick % PHASES
        before = count
        if phase == OPEN_MATCH:
            count = match_market(
                rules, instruments, tape, working, open_, tick // PHASES - first_row, tick, 0, fills, count
            )
        elif phase == CLOSE_MATCH:
            count = match_market(
                rules, instruments, tape, working, close, tick // PHASES - first_row, tick, ON_CLOSE, fills, count
            )
        works -= count - before
        if works > 0 and tick == PHASES * rules["rows"] - 1:
            count = end_run(tape, working, tick, fills, count)
            works = 0
        tick += 1
    cursor[TICK] = tick
    cursor[ORDERS] = used
    cursor[WORKS] = works
    cursor[FILLS] = count


@step
def _take_order(working: Records, terms: Records, heads: Ints, record: Any) -> None:
    """Do with the working orders what an ORDER record says."""
    asset, order, kind = record["asset"], record["order"], record["kind"]
    if kind == PLACE:
        node = asset + 0 if order % ASSET_SCALE == 0 else new_node(working, heads)
        slot = working[node]
        slot["order"] = order
        slot["quantity"] = record["quantity"]
        slot["flags"] = record["flags"]
        set_terms(terms[node], record)
        append(working, heads, asset, node)
        group = record["group"]
        if group > 0:
            of = (group - 1) // ASSET_SCALE % MAX_ASSETS
            first = find_order(working, heads, of, group - 1) if of < heads.shape[0] - 3 else -1
            if first >= 0:
                terms[first]["group"] = group
    elif kind in (RESIZE, TAKE_BACK):
        node = find_order(working, heads, asset, order)
        if node >= 0:
            if kind == RESIZE:
                working[node]["quantity"] = record["quantity"]
                working[node]["flags"] = record["flags"]
            else:
                end_node(working, heads, node)
                purge(working, heads, asset)


@loop
def sweep_lists(
    rules: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    end: Ints,
    session: Ints,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
    seen: Floats,
    facts: Floats,
    first_row: int,
    orders: Records,
    limit: int,
    fills: Records,
    cursor: Any,
) -> None:
    """``sweep`` where orders of every kind may work. It stops early where there is no room for a phase's fills."""
    tick = cursor[TICK]
    used = cursor[ORDERS]
    count = cursor[FILLS]
    while tick < limit:
        if fills.shape[0] - count < 4 * (works(heads) + tape.shape[0]):
            break
        if rules[0]["acts"] != 0 and tick % PHASES == OPEN_DECIDE:
            count = act_in_market(
                instruments, tape, seen, working, terms, heads, facts, tick // PHASES - first_row, tick, fills, count
            )
        while used < orders.shape[0] and orders[used]["tick"] <= tick:
            _take_order(working, terms, heads, orders[used])
            used += 1
        if rules[0]["observes"] != 0 and tick % PHASES == OPEN_DECIDE:
            tick += 1
            continue
        if works(heads) == 0 and rules[0]["observes"] == 0:
            if used < orders.shape[0]:
                tick = max(tick + 1, orders[used]["tick"])
            else:
                tick = limit
            continue
        if fills.shape[0] - count < 4 * (works(heads) + tape.shape[0]):
            break
        phase = tick % PHASES
        at = tick // PHASES - first_row
        if works(heads) == 0:
            pass
        elif phase == OPEN_MATCH:
            count = begin_row(
                rules, instruments, tape, working, terms, heads, end, session, volume, at, tick, fills, count
            )
            count = match_open(rules, instruments, tape, working, terms, heads, open_, at, tick, fills, count)
        elif phase == INTRABAR_MATCH:
            count = match_bar(
                rules, instruments, tape, working, terms, heads, open_, high, low, close, at, tick, fills, count
            )
        elif phase == CLOSE_SIGNAL:
            if rules[0]["daily"] != 0:
                count = end_of_day(instruments, tape, working, terms, heads, tick, fills, count)
        elif phase == CLOSE_MATCH:
            count = match_close(
                rules, instruments, tape, working, terms, heads, session, close, volume, at, tick, fills, count
            )
        if phase == CLOSE_SIGNAL and rules[0]["observes"] != 0:
            observe(rules, instruments, tape, seen, close, volume, facts, at)
        tick += 1
    cursor[TICK] = tick
    cursor[ORDERS] = used
    cursor[WORKS] = works(heads)
    cursor[FILLS] = count
