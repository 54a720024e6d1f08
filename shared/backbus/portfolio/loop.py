"""The portfolio's own loop: through the ticks of a block as far as signals and fills allow."""

from __future__ import annotations

from typing import Any

from backbus.compiled import loop, part, plain, step
from backbus.market.actions import act_on_any_order, act_on_book, act_on_orders, act_on_tape
from backbus.market.costs import observe
from backbus.market.ledger import apply_fill, mark, mark_stretch, quiet_rows, value
from backbus.market.panel import Floats, Ints
from backbus.market.records import ENDS, MARKET, MARKET_ON_CLOSE, NO_ORDER, ON_CLOSE, REDUCES, Records
from backbus.market.ticks import CLOSE_DECIDE, CLOSE_MATCH, CLOSE_SIGNAL, OPEN_DECIDE, OPEN_MATCH, PHASES
from backbus.market.working import end_node, find_order, purge, works
from backbus.portfolio.carrying import begin_session, bookings_of_row
from backbus.portfolio.decisions import close_decide, decide_at_close, take_signals
from backbus.portfolio.opening import decide_at_open, open_decide

TICK, SIGNALS, FILLS, ORDERS, ROWS, WAITS_FOR, SILENT, BOOKED = range(8)
"""What the cursor holds: next tick; signals and fills taken; orders and equity rows written; what stopped the loop;
the next tick at which anything may be decided; bookings written."""

NOTHING, SIGNAL, FILL, ROOM, ORDER_ROOM = range(5)
"""What the loop stopped for: the block's end, a signal, a fill, or room for equity rows or for orders."""


@step
def may_fill(working: Records, close: Floats, at: int, on_close: int) -> bool:
    """Whether an order can fill in this phase of the row: an asset with a hole has none."""
    for asset in range(working.shape[0]):
        slot = working[asset]
        if slot["order"] != NO_ORDER and slot["flags"] & ON_CLOSE == on_close and close[at, asset] == close[at, asset]:
            return True
    return False


@step
def _looked_at_again(
    rules: Any, working: Records, terms: Records, heads: Ints, close: Floats, at: int, phase: int, row: int
) -> int:
    """The first phase, counted from this row's first, at which a working order must be looked at; far away for none.

    What waits in the market for its price needs no look. A market order that is sure to fill in this phase needs none
    any more; one that may be left over, and one that the next open may gap through, needs one there."""
    sure = rules["capped"] == 0
    first = 4 * PHASES
    for asset in range(heads.shape[0] - 3):
        node = heads[asset]
        while node >= 0:
            slot, kind = working[node], terms[node]["type"]
            traded = phase == OPEN_DECIDE or close[at, asset] == close[at, asset]
            if kind == MARKET_ON_CLOSE or slot["flags"] & ON_CLOSE:
                fills_now = sure and traded and phase == CLOSE_MATCH and kind == MARKET
                if slot["flags"] & REDUCES == 0 and not fills_now:
                    first = min(first, CLOSE_DECIDE if phase <= CLOSE_DECIDE else PHASES + CLOSE_DECIDE)
            elif kind == MARKET:
                if phase == OPEN_DECIDE:
                    first = 0
                elif not (sure and traded and phase == OPEN_MATCH):
                    first = min(first, PHASES)
            elif slot["flags"] & REDUCES == 0:
                first = min(first, 0 if phase == OPEN_DECIDE else PHASES)
            node = slot["next"]
    return first


@step
def promise(
    rules: Any,
    account: Any,
    working: Records,
    terms: Any,
    heads: Any,
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
    row = tick // PHASES
    phase = tick - PHASES * row
    if used < signals.shape[0]:
        until = PHASES * (signals[used]["tick"] // PHASES) + CLOSE_DECIDE
    elif signal_through >= end:
        until = end
    else:
        until = max(PHASES * ((signal_through - CLOSE_DECIDE) // PHASES + 1) + CLOSE_DECIDE, first_decision)
    if heads is not None:
        if works(heads) > 0:
            again = _looked_at_again(rules, working, terms, heads, close, row - first_row, phase, row)
            until = min(until, max(PHASES * row + again, tick))
        if rules["checks"] != 0 and (works(heads) > 0 or account["gross"] > 0.0):
            until = min(until, PHASES * (row if phase <= CLOSE_DECIDE else row + 1) + CLOSE_DECIDE)
    elif account["working"] > 0:
        if phase == OPEN_DECIDE:
            until = min(until, tick)
        elif phase in (OPEN_MATCH, CLOSE_MATCH):
            # An order that cannot fill in this phase, because its asset has a hole here, is looked at in the next row.
            on_close = ON_CLOSE if phase == CLOSE_MATCH else 0
            for asset in range(working.shape[0]):
                slot = working[asset]
                price = close[row - first_row, asset]
                if slot["order"] != NO_ORDER and (slot["flags"] & ON_CLOSE != on_close or price != price):  # noqa: PLR0124
                    until = min(until, PHASES * (row + 1))
                    break
    if account["waiting"] > 0:
        until = min(until, PHASES * (row if phase <= CLOSE_DECIDE else row + 1) + CLOSE_DECIDE)
    return min(until, end)


@step
def take_fill(
    account: Any,
    ledger: Records,
    instruments: Records,
    working: Records,
    terms: Any,
    heads: Any,
    record: Any,
) -> None:
    """Book what the market says it did, and keep the order that it did it to up to date."""
    asset = record["asset"]
    quantity = record["quantity"]
    if quantity != 0.0:
        apply_fill(
            account, ledger[asset], instruments[asset], quantity, record["price"], record["unit"], record["fee"]
        )  # fmt: skip
    if heads is not None:
        node = find_order(working, heads, asset, record["order"])
        if node >= 0:
            working[node]["quantity"] = record["left"]
            terms[node]["filled"] = terms[node]["filled"] + abs(quantity)
            if record["rule"] >= ENDS or (record["left"] == 0.0 and quantity != 0.0):
                end_node(working, heads, node)
                purge(working, heads, asset)
            account["working"] = works(heads)
    else:
        working[asset]["order"] = NO_ORDER
        account["working"] = account["working"] - 1


@part
def begin_row_of_book(
    rules_: Records,
    account_: Records,
    ledger: Records,
    instruments: Records,
    tape: Records,
    seen: Floats,
    working: Records,
    terms: Records,
    heads: Ints,
    history: Floats,
    facts: Floats,
    session: Ints,
    at: int,
    tick: int,
    bookings: Records,
    count: int,
) -> int:
    """What a row does to the book before anything is decided in it. Returns the BOOKING records."""
    rules, account = rules_[0], account_[0]
    count = begin_session(rules, account, ledger, instruments, tape, session[at], tick, bookings, count)
    if rules["acts"] != 0:
        count = act_on_book(account_, ledger, instruments, tape, history, facts, at, tick, bookings, count)
        act_on_orders(instruments, tape, working, terms, heads, facts, at)
        act_on_tape(instruments, tape, seen, facts, at)
    return count


@step
def _advance(
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
    open_: Floats,
    close: Floats,
    volume: Any,
    seen: Any,
    facts: Any,
    session: Any,
    bookings: Any,
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
    rules, account = rules_[0], account_[0]
    tick = cursor[TICK]
    signal = cursor[SIGNALS]
    fill = cursor[FILLS]
    order = cursor[ORDERS]
    rows = cursor[ROWS]
    booking = cursor[BOOKED]
    waits_for = NOTHING
    end = PHASES * (first_row + open_.shape[0])
    while tick < end:
        row = tick // PHASES
        at = row - first_row
        phase = tick - PHASES * row
        if phase < OPEN_MATCH:
            if rows == equity.shape[0]:
                waits_for = ROOM
                break
            if heads is not None:
                if rules["stepwise"] != 0:
                    spare = bookings.shape[0] - booking
                    if orders.shape[0] - order < works(heads) or spare < bookings_of_row(ledger):
                        waits_for = ORDER_ROOM
                        break
                    if rules["acts"] != 0:
                        if act_on_any_order(tape, heads, facts, at):
                            if fill_through <= tick:
                                waits_for = FILL
                                break
                    booking = begin_row_of_book(
                        rules_, account_, ledger, instruments, tape, seen, working, terms, heads, history, facts,
                        session, at, tick, bookings, booking,
                    )  # fmt: skip
                    account["working"] = works(heads)
                    while fill < fills.shape[0] and fills[fill]["tick"] <= tick:
                        take_fill(account, ledger, instruments, working, terms, heads, fills[fill])
                        fill += 1
            if account["working"] == 0:
                last = min(end // PHASES, row + equity.shape[0] - rows)
                quiet = quiet_rows(rules, account, signals, signal, signal_through, row, last)
                if quiet > row:
                    stop = quiet - first_row
                    mark_stretch(
                        rules, account, ledger, instruments, tape, history, close, at, stop, equity, cash, gross, rows
                    )
                    rows += quiet - row
                    tick = PHASES * quiet
                else:
                    tick = PHASES * row + CLOSE_SIGNAL
                continue
            if heads is not None:
                if orders.shape[0] - order < works(heads):
                    waits_for = ORDER_ROOM
                    break
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
            tick += 1
        elif phase in (OPEN_MATCH, CLOSE_MATCH):
            on_close = ON_CLOSE if phase == CLOSE_MATCH else 0
            through = tick
            if account["working"] > 0:
                if heads is not None:
                    through = tick if phase == CLOSE_MATCH else PHASES * row + CLOSE_SIGNAL
                    if fill_through <= through:
                        waits_for = FILL
                        break
                elif fill_through <= through and may_fill(working, close, at, on_close):
                    waits_for = FILL
                    break
                while fill < fills.shape[0] and fills[fill]["tick"] <= through:
                    take_fill(account, ledger, instruments, working, terms, heads, fills[fill])
                    fill += 1
                if on_close != 0:
                    value(rules, account, ledger, instruments, tape)
            if on_close != 0:
                equity[rows] = account["equity"]
                cash[rows] = account["cash"]
                gross[rows] = account["gross"]
                rows += 1
                tick += 1
            else:
                tick = PHASES * row + CLOSE_SIGNAL
        elif phase == CLOSE_SIGNAL:
            if seen is not None:
                if rules["observes"] != 0:
                    observe(rules_, instruments, tape, seen, close, volume, facts, at)
            mark(rules, account, ledger, instruments, tape, history, close, at)
            tick += 1
        elif phase == CLOSE_DECIDE:
            if signal_through < tick:
                waits_for = SIGNAL
                break
            first = signal
            if heads is not None:
                if orders.shape[0] - order < 4 * (ledger.shape[0] + signals.shape[0] - signal) + works(heads):
                    waits_for = ORDER_ROOM
                    break
            signal = take_signals(account, working, wishes, signals, signal, tick)
            if heads is not None:
                if account["waiting"] > 0 or first < signal or account["working"] > 0 or rules["checks"] != 0:
                    order = decide_at_close(
                        rules,
                        account,
                        ledger,
                        instruments,
                        tape,
                        history,
                        working,
                        terms,
                        wishes,
                        heads,
                        close,
                        at,
                        row,
                        signals,
                        first,
                        signal,
                        orders,
                        order,
                    )
            elif account["waiting"] > 0:
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
            tick += 1
        else:
            tick += 1
    cursor[TICK] = tick
    cursor[SIGNALS] = signal
    cursor[FILLS] = fill
    cursor[ORDERS] = order
    cursor[ROWS] = rows
    cursor[BOOKED] = booking
    cursor[WAITS_FOR] = waits_for
    cursor[SILENT] = promise(
        rules, account, working, terms, heads, close, first_row, signals, signal_through, first_decision,
        last_end, tick, signal,
    )  # fmt: skip


@loop
def advance(
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
    _advance(
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
        open_,
        close,
        None,
        None,
        None,
        None,
        None,
        first_row,
        signals,
        signal_through,
        fills,
        fill_through,
        orders,
        equity,
        cash,
        gross,
        first_decision,
        last_end,
        cursor,
    )


advance_lists = loop(plain(_advance))
"""The same where orders of every kind may work: it takes all that ``_advance`` takes."""
