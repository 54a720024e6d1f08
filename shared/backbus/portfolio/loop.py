"""The portfolio's own loop: through the ticks of a block as far as signals and fills allow."""

from __future__ import annotations

from typing import Any

from backbus.compiled import loop, step
from backbus.market.ledger import apply_fill, mark, mark_stretch, quiet_rows, value
from backbus.market.panel import Floats
from backbus.market.records import NO_ORDER, ON_CLOSE, Records
from backbus.market.ticks import CLOSE_DECIDE, CLOSE_MATCH, CLOSE_SIGNAL, OPEN_DECIDE, OPEN_MATCH
from backbus.portfolio.decisions import close_decide, open_decide, take_signals

TICK, SIGNALS, FILLS, ORDERS, ROWS, WAITS_FOR, SILENT = range(7)
"""What the cursor holds: next tick; signals and fills taken; orders and equity rows written; what stopped the loop;
the next tick at which anything may be decided."""

NOTHING, SIGNAL, FILL, ROOM = range(4)
"""What the loop stopped for: the block's end, a signal, a fill, or room for equity rows."""


@step
def may_fill(working: Records, close: Floats, at: int, on_close: int) -> bool:
    """Whether an order can fill in this phase of the row: an asset with a hole has none."""
    for asset in range(working.shape[0]):
        slot = working[asset]
        if slot["order"] != NO_ORDER and slot["flags"] & ON_CLOSE == on_close and close[at, asset] == close[at, asset]:
            return True
    return False


@step
def promise(
    account: Any,
    working: Records,
    close: Floats,
    first_row: int,
    signals: Records,
    signal_through: int,
    first_decision: int,
    end: int,
    tick: int,
    used: int,
) -> int:
    """The next tick at which anything may be decided, whatever is still to arrive: what ORDER is silent until.

    ``close`` is the block that ``tick``, the next one, lies in or ends at. ``used`` signals are taken.
    ``first_decision`` is the run's, ``end`` the tick after its last.
    """
    row = tick // 6
    phase = tick - 6 * row
    if used < signals.shape[0]:
        until = 6 * (signals[used]["tick"] // 6) + CLOSE_DECIDE
    elif signal_through >= end:
        until = end
    else:
        until = max(6 * ((signal_through - CLOSE_DECIDE) // 6 + 1) + CLOSE_DECIDE, first_decision)
    if account["working"] > 0:
        if phase == OPEN_DECIDE:
            until = min(until, tick)
        elif phase in (OPEN_MATCH, CLOSE_MATCH):
            # An order that cannot fill in this phase, because its asset has a hole here, is looked at in the next row.
            on_close = ON_CLOSE if phase == CLOSE_MATCH else 0
            for asset in range(working.shape[0]):
                slot = working[asset]
                price = close[row - first_row, asset]
                if slot["order"] != NO_ORDER and (slot["flags"] & ON_CLOSE != on_close or price != price):  # noqa: PLR0124
                    until = min(until, 6 * (row + 1))
                    break
    if account["waiting"] > 0:
        until = min(until, 6 * (row if phase <= CLOSE_DECIDE else row + 1) + CLOSE_DECIDE)
    return min(until, end)


@loop
def advance(
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
    fills: Records,
    fill_through: int,
    orders: Records,
    equity: Floats,
    cash: Floats,
    gross: Floats,
    first_decision: int,
    last_end: int,
    cursor: Any,
) -> None:
    """Work on from the cursor's tick to the block's end, or to the first tick whose input is not complete; then say for
    how long nothing will be decided. ``first_decision`` is the run's, ``last_end`` the tick after its last."""
    rules, account = rules_[0], account_[0]
    tick = cursor[TICK]
    signal = cursor[SIGNALS]
    fill = cursor[FILLS]
    order = cursor[ORDERS]
    rows = cursor[ROWS]
    waits_for = NOTHING
    end = 6 * (first_row + open_.shape[0])
    while tick < end:
        row = tick // 6
        at = row - first_row
        phase = tick - 6 * row
        if phase < OPEN_MATCH:
            if rows == equity.shape[0]:
                waits_for = ROOM
                break
            if account["working"] == 0:
                last = min(end // 6, row + equity.shape[0] - rows)
                quiet = quiet_rows(account, signals, signal, signal_through, row, last)
                if quiet > row:
                    stop = quiet - first_row
                    mark_stretch(rules, account, ledger, history, close, at, stop, equity, cash, gross, rows)
                    rows += quiet - row
                    tick = 6 * quiet
                else:
                    tick = 6 * row + CLOSE_SIGNAL
                continue
            order = open_decide(rules, account, ledger, history, working, open_, at, row, orders, order)
            tick += 1
        elif phase in (OPEN_MATCH, CLOSE_MATCH):
            on_close = ON_CLOSE if phase == CLOSE_MATCH else 0
            if account["working"] > 0:
                if fill_through <= tick and may_fill(working, close, at, on_close):
                    waits_for = FILL
                    break
                while fill < fills.shape[0] and fills[fill]["tick"] <= tick:
                    record = fills[fill]
                    asset = record["asset"]
                    apply_fill(account, ledger[asset], record["quantity"], record["price"], record["fee"])
                    working[asset]["order"] = NO_ORDER
                    account["working"] = account["working"] - 1
                    fill += 1
                if on_close != 0:
                    value(account, ledger)
            if on_close != 0:
                equity[rows] = account["equity"]
                cash[rows] = account["cash"]
                gross[rows] = account["gross"]
                rows += 1
                tick += 1
            else:
                tick = 6 * row + CLOSE_SIGNAL
        elif phase == CLOSE_SIGNAL:
            mark(rules, account, ledger, history, close, at)
            tick += 1
        elif phase == CLOSE_DECIDE:
            if signal_through < tick:
                waits_for = SIGNAL
                break
            signal = take_signals(account, working, signals, signal, tick)
            if account["waiting"] > 0:
                order = close_decide(rules, account, ledger, history, working, close, at, row, orders, order)
            tick += 1
        else:
            tick += 1
    cursor[TICK] = tick
    cursor[SIGNALS] = signal
    cursor[FILLS] = fill
    cursor[ORDERS] = order
    cursor[ROWS] = rows
    cursor[WAITS_FOR] = waits_for
    cursor[SILENT] = promise(
        account, working, close, first_row, signals, signal_through, first_decision, last_end, tick, signal
    )
