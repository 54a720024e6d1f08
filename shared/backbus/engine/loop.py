"""The fused loop: portfolio and order layer of a run in one pass over a block, without events in between."""

from __future__ import annotations

from typing import Any

from backbus.compiled import loop, step
from backbus.execution.matching import match_market
from backbus.market.ledger import apply_fill, mark, mark_stretch, quiet_rows, value
from backbus.market.panel import Floats
from backbus.market.records import ON_CLOSE, Records
from backbus.market.ticks import CLOSE_DECIDE, CLOSE_MATCH, OPEN_MATCH
from backbus.portfolio.decisions import close_decide, open_decide, take_signals

TICK, SIGNALS, FILLS, ORDERS, ROWS = range(5)
"""What the cursor holds: next tick; signals taken; fills written; orders written; equity rows written."""


@step
def match_and_book(
    rules: Any,
    account: Any,
    ledger: Records,
    working: Records,
    references: Floats,
    at: int,
    tick: int,
    on_close: int,
    fills: Records,
    count: int,
) -> int:
    """Match one market phase and book what filled. Returns the number of FILL records."""
    matched = match_market(rules, working, references, at, tick, on_close, fills, count)
    for index in range(count, matched):
        record = fills[index]
        apply_fill(account, ledger[record["asset"]], record["quantity"], record["price"], record["fee"])
    account["working"] = account["working"] - (matched - count)
    return matched


@step
def _work(
    rules_: Records,
    account_: Records,
    ledger: Records,
    working: Records,
    history: Floats,
    open_: Floats,
    close: Floats,
    first_row: int,
    signals: Records,
    signal_through: int,
    orders: Records,
    fills: Records,
    equity: Floats,
    cash: Floats,
    gross: Floats,
    cursor: Any,
) -> None:
    rules, account = rules_[0], account_[0]
    tick = cursor[TICK]
    signal = cursor[SIGNALS]
    fill = cursor[FILLS]
    order = cursor[ORDERS]
    rows = cursor[ROWS]
    row = tick // 6
    last = first_row + open_.shape[0]
    decides = tick == 6 * row + CLOSE_DECIDE
    while row < last:
        at = row - first_row
        if not decides:
            quiet = quiet_rows(account, signals, signal, signal_through, row, last)
            if quiet > row:
                stop = quiet - first_row
                mark_stretch(rules, account, ledger, history, close, at, stop, equity, cash, gross, rows)
                rows += quiet - row
                row = quiet
                tick = 6 * row
                continue
            if account["working"] > 0:
                order = open_decide(rules, account, ledger, history, working, open_, at, row, orders, order)
                fill = match_and_book(rules, account, ledger, working, open_, at, 6 * row + OPEN_MATCH, 0, fills, fill)
            mark(rules, account, ledger, history, close, at)
            tick = 6 * row + CLOSE_DECIDE
        if signal_through < tick:
            break
        decides = False
        if account["waiting"] > 0 or (signal < signals.shape[0] and signals[signal]["tick"] <= tick):
            signal = take_signals(account, working, signals, signal, tick)
            order = close_decide(rules, account, ledger, history, working, close, at, row, orders, order)
            if account["working"] > 0 and rules["fill_at_close"] != 0:
                fill = match_and_book(
                    rules, account, ledger, working, close, at, 6 * row + CLOSE_MATCH, ON_CLOSE, fills, fill
                )
                value(account, ledger)
        equity[rows] = account["equity"]
        cash[rows] = account["cash"]
        gross[rows] = account["gross"]
        rows += 1
        row += 1
        tick = 6 * row
    cursor[TICK] = tick
    cursor[SIGNALS] = signal
    cursor[FILLS] = fill
    cursor[ORDERS] = order
    cursor[ROWS] = rows


@loop
def run_rows(
    rules: Records,
    account: Records,
    ledger: Records,
    working: Records,
    history: Floats,
    open_: Floats,
    close: Floats,
    first_row: int,
    signals: Records,
    signal_through: int,
    orders: Records,
    fills: Records,
    equity: Floats,
    cash: Floats,
    gross: Floats,
    cursor: Any,
) -> None:
    """Work on from the cursor's tick to the block's end, or to the first decision that SIGNAL does not cover.

    Compiled twice, since most histories are of one asset: there no rule has to loop.
    """
    if ledger.shape[0] == 1 and working.shape[0] == 1 and open_.shape[1] == 1 and close.shape[1] == 1:
        _work(
            rules, account, ledger, working, history, open_, close, first_row, signals, signal_through,
            orders, fills, equity, cash, gross, cursor,
        )  # fmt: skip
    else:
        _work(
            rules, account, ledger, working, history, open_, close, first_row, signals, signal_through,
            orders, fills, equity, cash, gross, cursor,
        )  # fmt: skip
