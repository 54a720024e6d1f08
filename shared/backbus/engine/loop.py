"""The fused loop: portfolio and order layer of a run in one pass over a block, without events in between."""

from __future__ import annotations

from typing import Any

from backbus.compiled import loop, plain, step
from backbus.execution.acting import act_in_market
from backbus.execution.matching import end_run, match_market
from backbus.execution.resting import begin_row, end_of_day, match_close, match_open
from backbus.execution.within_bar import match_bar
from backbus.market.actions import act_on_book
from backbus.market.costs import observe
from backbus.market.ledger import apply_fill, mark, mark_stretch, quiet_rows, value
from backbus.market.panel import Floats, Ints
from backbus.market.records import ON_CLOSE, Records
from backbus.market.ticks import CLOSE_DECIDE, CLOSE_MATCH, CLOSE_SIGNAL, INTRABAR_MATCH, OPEN_MATCH, PHASES
from backbus.market.working import works
from backbus.portfolio.carrying import begin_session, bookings_of_row
from backbus.portfolio.decisions import close_decide, decide_at_close, take_signals
from backbus.portfolio.opening import decide_at_open, open_decide

TICK, SIGNALS, FILLS, ORDERS, ROWS, WANTS_ROOM, BOOKED = range(7)
"""What the cursor holds: next tick; signals taken; fills written; orders written; equity rows written; 1 where the loop
stopped because there was no room for what a row may write; bookings written."""


@step
def book(account: Any, ledger: Records, instruments: Records, fills: Records, begin: int, end: int) -> None:
    """Book fills ``begin`` to ``end``."""
    for index in range(begin, end):
        record = fills[index]
        if record["quantity"] != 0.0:
            asset = record["asset"]
            apply_fill(
                account,
                ledger[asset],
                instruments[asset],
                record["quantity"],
                record["price"],
                record["unit"],
                record["fee"],
            )


@step
def match_and_book(
    rules: Any,
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    references: Floats,
    at: int,
    tick: int,
    on_close: int,
    fills: Records,
    count: int,
) -> int:
    """Match one market phase and book what filled. Returns the number of FILL records."""
    matched = match_market(rules, instruments, tape, working, references, at, tick, on_close, fills, count)
    book(account, ledger, instruments, fills, count, matched)
    account["working"] = account["working"] - (matched - count)
    return matched


@step
def _until_close(
    rules_: Records,
    account: Any,
    ledger: Records,
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
    at: int,
    row: int,
    fills: Records,
    count: int,
) -> int:
    """Match all phases of a row before its close with orders of every kind, and book. Returns the FILL records."""
    tick = PHASES * row + OPEN_MATCH
    begin = count
    count = begin_row(rules_, instruments, tape, working, terms, heads, end, session, volume, at, tick, fills, count)
    count = match_open(rules_, instruments, tape, working, terms, heads, open_, at, tick, fills, count)
    book(account, ledger, instruments, fills, begin, count)
    begin = count
    tick = PHASES * row + INTRABAR_MATCH
    count = match_bar(rules_, instruments, tape, working, terms, heads, open_, high, low, close, at, tick, fills, count)
    if rules_[0]["daily"] != 0:
        tick = PHASES * row + CLOSE_SIGNAL
        count = end_of_day(instruments, tape, working, terms, heads, tick, fills, count)
    book(account, ledger, instruments, fills, begin, count)
    account["working"] = works(heads)
    return count


@step
def _work(
    rules_: Records,
    account_: Records,
    ledger: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Any,
    wishes: Any,
    heads: Any,
    history: Floats,
    end: Any,
    session: Any,
    open_: Floats,
    high: Any,
    low: Any,
    close: Floats,
    volume: Any,
    seen: Any,
    facts: Any,
    first_row: int,
    signals: Records,
    signal_through: int,
    orders: Records,
    fills: Records,
    bookings: Any,
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
    booking = cursor[BOOKED]
    wants_room = 0
    row = tick // PHASES
    last = first_row + open_.shape[0]
    decides = tick == PHASES * row + CLOSE_DECIDE
    while row < last:
        at = row - first_row
        if not decides:
            quiet = quiet_rows(rules, account, signals, signal, signal_through, row, last)
            if quiet > row:
                stop = quiet - first_row
                mark_stretch(
                    rules, account, ledger, instruments, tape, history, close, at, stop, equity, cash, gross, rows
                )
                rows += quiet - row
                row = quiet
                tick = PHASES * row
                continue
            if heads is not None:
                if not _has_room(ledger, heads, signals, signal, orders, order, fills, fill):
                    wants_room = 1
                    break
                if rules["stepwise"] != 0:
                    if bookings.shape[0] - booking < bookings_of_row(ledger):
                        wants_room = 1
                        break
                    begin_at = PHASES * row
                    booking = begin_session(
                        rules, account, ledger, instruments, tape, session[at], begin_at, bookings, booking
                    )
                    if rules["acts"] != 0:
                        booking = act_on_book(
                            account_, ledger, instruments, tape, history, facts, at, begin_at, bookings, booking
                        )
                        fill = act_in_market(
                            instruments, tape, seen, working, terms, heads, facts, at, begin_at, fills, fill
                        )
                        account["working"] = works(heads)
            if account["working"] > 0:
                if heads is not None:
                    order = decide_at_open(
                        rules,
                        account,
                        ledger,
                        instruments,
                        tape,
                        history,
                        working,
                        terms,
                        heads,
                        open_,
                        at,
                        row,
                        orders,
                        order,
                    )
                    fill = _until_close(
                        rules_,
                        account,
                        ledger,
                        instruments,
                        tape,
                        working,
                        terms,
                        heads,
                        end,
                        session,
                        open_,
                        high,
                        low,
                        close,
                        volume,
                        at,
                        row,
                        fills,
                        fill,
                    )
                else:
                    order = open_decide(
                        rules,
                        account,
                        ledger,
                        instruments,
                        tape,
                        history,
                        working,
                        None,
                        None,
                        open_,
                        at,
                        row,
                        orders,
                        order,
                    )
                    fill = match_and_book(
                        rules,
                        account,
                        ledger,
                        instruments,
                        tape,
                        working,
                        open_,
                        at,
                        PHASES * row + OPEN_MATCH,
                        0,
                        fills,
                        fill,
                    )
            if seen is not None:
                if rules["observes"] != 0:
                    observe(rules_, instruments, tape, seen, close, volume, facts, at)
            mark(rules, account, ledger, instruments, tape, history, close, at)
            tick = PHASES * row + CLOSE_DECIDE
        if signal_through < tick:
            break
        if heads is not None:
            if decides and not _has_room(ledger, heads, signals, signal, orders, order, fills, fill):
                wants_room = 1
                break
        decides = False
        spoken = signal < signals.shape[0] and signals[signal]["tick"] <= tick
        if heads is not None:
            if spoken or account["waiting"] > 0 or account["working"] > 0 or rules["checks"] != 0:
                first = signal
                signal = take_signals(account, working, wishes, signals, signal, tick)
                order = decide_at_close(
                    rules, account, ledger, instruments, tape, history, working, terms, wishes, heads, close, at, row,
                    signals, first, signal, orders, order,
                )  # fmt: skip
                if account["working"] > 0:
                    begin = fill
                    match_at = PHASES * row + CLOSE_MATCH
                    fill = match_close(
                        rules_,
                        instruments,
                        tape,
                        working,
                        terms,
                        heads,
                        session,
                        close,
                        volume,
                        at,
                        match_at,
                        fills,
                        fill,
                    )
                    book(account, ledger, instruments, fills, begin, fill)
                    account["working"] = works(heads)
                    value(rules, account, ledger, instruments, tape)
        elif account["waiting"] > 0 or spoken:
            first = signal
            signal = take_signals(account, working, None, signals, signal, tick)
            order = close_decide(
                rules,
                account,
                ledger,
                instruments,
                tape,
                history,
                working,
                None,
                None,
                None,
                close,
                at,
                row,
                signals,
                first,
                signal,
                orders,
                order,
            )
            if account["working"] > 0 and rules["fill_at_close"] != 0:
                fill = match_and_book(
                    rules,
                    account,
                    ledger,
                    instruments,
                    tape,
                    working,
                    close,
                    at,
                    PHASES * row + CLOSE_MATCH,
                    ON_CLOSE,
                    fills,
                    fill,
                )
                value(rules, account, ledger, instruments, tape)
        if heads is None:
            if account["working"] > 0 and row == rules["rows"] - 1:
                fill = end_run(tape, working, PHASES * row + CLOSE_MATCH, fills, fill)
                account["working"] = 0
        equity[rows] = account["equity"]
        cash[rows] = account["cash"]
        gross[rows] = account["gross"]
        rows += 1
        row += 1
        tick = PHASES * row
    cursor[TICK] = tick
    cursor[SIGNALS] = signal
    cursor[FILLS] = fill
    cursor[ORDERS] = order
    cursor[ROWS] = rows
    cursor[WANTS_ROOM] = wants_room
    cursor[BOOKED] = booking


@step
def _has_room(
    ledger: Records, heads: Ints, signals: Records, used: int, orders: Records, order: int, fills: Records, fill: int
) -> bool:
    """Whether a row's orders and fills fit in, whatever happens in it."""
    assets, wishes = ledger.shape[0], signals.shape[0] - used
    most = 8 * (works(heads) + assets + 4 * wishes)
    return bool(orders.shape[0] - order >= most and fills.shape[0] - fill >= most)


@loop
def run_rows(
    rules: Records,
    account: Records,
    ledger: Records,
    instruments: Records,
    tape: Records,
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
            rules,
            account,
            ledger,
            instruments,
            tape,
            working,
            None,
            None,
            None,
            history,
            None,
            None,
            open_,
            None,
            None,
            close,
            None,
            None,
            None,
            first_row,
            signals,
            signal_through,
            orders,
            fills,
            None,
            equity,
            cash,
            gross,
            cursor,
        )
    else:
        _work(
            rules,
            account,
            ledger,
            instruments,
            tape,
            working,
            None,
            None,
            None,
            history,
            None,
            None,
            open_,
            None,
            None,
            close,
            None,
            None,
            None,
            first_row,
            signals,
            signal_through,
            orders,
            fills,
            None,
            equity,
            cash,
            gross,
            cursor,
        )


run_lists = loop(plain(_work))
"""The same where orders of every kind may work: it takes all that ``_work`` takes."""
