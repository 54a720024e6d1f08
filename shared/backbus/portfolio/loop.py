"""The portfolio's own loop: through the logical times of a block as far as signals and fills allow."""

from __future__ import annotations

from typing import Any

from backbus.jit.decorators import body, loop, part, step
from backbus.market.panel import Floats, Ints
from backbus.market.ticks import CLOSE_MATCH, CLOSE_SIGNAL, OPEN_MATCH, PHASES
from backbus.portfolio.close_decision import decide_at_close
from backbus.portfolio.financing import begin_session, bookings_of_row
from backbus.portfolio.lookahead import silent_until
from backbus.portfolio.open_decision import decide_at_open
from backbus.trading.codes import ENDS, FillRule, Flag
from backbus.trading.corporate_actions import act_on_any_order, act_on_book, act_on_orders, act_on_state
from backbus.trading.groups import (
    CURSOR,
    Account,
    BarArrays,
    Curve,
    Inbox,
    MarketArrays,
    OpenOrders,
    OrderLists,
    Output,
    RecordLog,
    SingleOrders,
    StoppedFor,
    verb,
)
from backbus.trading.ledger import apply_fill, mark, mark_stretch, quiet_rows, value, write_row
from backbus.trading.market_state import observe_close, quote_close, quote_open, tell_time
from backbus.trading.open_orders import end_node, find_order, purge, works
from backbus.trading.order_states import OrderState
from backbus.trading.order_types import is_stop
from backbus.trading.records import Records
from backbus.trading.trailing import Trail
from backbus.trading.universe import note_members

# --- fills --------------------------------------------------------------------------------------------------------


def _filled_whole(orders: SingleOrders, node: int, fill: Any) -> None:
    pass


def _filled_in_part(orders: OrderLists, node: int, fill: Any) -> None:
    terms, rule = orders.terms[node], fill["rule"]
    terms["filled"] = terms["filled"] + abs(fill["quantity"])
    if rule == FillRule.HELD_BACK or (fill["quantity"] != 0.0 and is_stop(terms)):
        terms["state"] = OrderState.TRIGGERED
    if rule == FillRule.TRAIL_BEGAN:
        terms["begun"] = Trail.BEGUN


_note_fill = verb(_filled_whole, _filled_in_part)


@step
def _take_fill(orders: OpenOrders, account: Account, market: MarketArrays, fill: Any) -> None:
    """Book what the market says it did, and keep the order that it did it to up to date."""
    asset, quantity = fill["asset"], fill["quantity"]
    if quantity != 0.0:
        apply_fill(account.totals, account.positions[asset], market.instruments[asset], fill)
    node = find_order(orders, asset, fill["order"])
    if node >= 0:
        orders.slots[node]["quantity"] = fill["left"]
        _note_fill(orders, node, fill)
        if fill["rule"] >= ENDS or (fill["left"] == 0.0 and quantity != 0.0):
            end_node(orders, node)
            purge(orders, asset)


@step
def _take_fills(orders: OpenOrders, account: Account, market: MarketArrays, fills: Inbox, tick: int) -> None:
    """Take the fills up to a logical time."""
    while fills.taken[0] < fills.records.shape[0] and fills.records[fills.taken[0]]["tick"] <= tick:
        _take_fill(orders, account, market, fills.records[fills.taken[0]])
        fills.taken[0] += 1


def _some_can_fill(orders: SingleOrders, close: Floats, at: int, on_close: int) -> bool:
    for asset in range(orders.slots.shape[0]):
        price = close[at, asset]
        if works(orders, asset) and orders.slots[asset]["flags"] & Flag.ON_CLOSE == on_close and price == price:  # noqa: PLR0124
            return True
    return False


def _any_can_fill(orders: OrderLists, close: Floats, at: int, on_close: int) -> bool:
    return True


_may_fill = verb(_some_can_fill, _any_can_fill)
"""Whether an order can fill in this phase of the row: an asset with a hole has none."""


def _at_open(orders: SingleOrders, tick: int) -> int:
    return tick


def _before_close(orders: OrderLists, tick: int) -> int:
    return tick if tick % PHASES == CLOSE_MATCH else tick - OPEN_MATCH + CLOSE_SIGNAL


_fills_until = verb(_at_open, _before_close)
"""The last logical time at which orders that work in this phase may fill, without a decision in between."""


# --- what a row begins with ---------------------------------------------------------------------------------------


def _nothing_to_begin(
    orders: SingleOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    tick: int,
    fills: Inbox,
    out: Output,
) -> int:
    return StoppedFor.NOTHING


def _begin_row(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    tick: int,
    fills: Inbox,
    out: Output,
) -> int:
    if rules["no_row_skipped"] != 0:
        at = tick // PHASES - bars.first_row
        spare = out.bookings.records.shape[0] - out.bookings.length[0]
        if not _has_room(orders, out.orders) or spare < bookings_of_row(account.positions):
            return StoppedFor.RECORD_ROOM
        if rules["has_corporate_actions"] != 0 and fills.watermark <= tick:
            if act_on_any_order(orders, market, bars.facts, at):
                return StoppedFor.FILL
        _act_and_finance(orders, rules, account, market, bars, at, tick, out.bookings)
        _take_fills(orders, account, market, fills, tick)
    return StoppedFor.NOTHING


_begin = verb(_nothing_to_begin, _begin_row)
"""What a row does to the book before anything is decided in it; what it has to wait for, if it has to."""


@part
def _act_and_finance(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    at: int,
    tick: int,
    bookings: RecordLog,
) -> None:
    tell_time(rules, market, bars.facts, at)
    begin_session(rules, account, market, bars.session[at], tick, bookings)
    if rules["universe"] != 0:
        note_members(account, market, bars.facts, at)
    if rules["has_corporate_actions"] != 0:
        act_on_book(account, market, bars.facts, at, tick, bookings)
        act_on_orders(orders, market, bars.facts, at)
        act_on_state(market, bars.facts, at)


# --- room ---------------------------------------------------------------------------------------------------------


def _always_room(orders: SingleOrders, log: RecordLog) -> bool:
    return True


def _room_for_each(orders: OrderLists, log: RecordLog) -> bool:
    return bool(log.records.shape[0] - log.length[0] >= orders.working[0])


_has_room = verb(_always_room, _room_for_each)
"""Whether there is room for a record of each open order: who calls the loop with single orders sees to it."""


def _always_room_to_decide(orders: SingleOrders, account: Account, signals: Inbox, log: RecordLog) -> bool:
    return True


def _room_for_all(orders: OrderLists, account: Account, signals: Inbox, log: RecordLog) -> bool:
    most = 4 * (account.positions.shape[0] + signals.records.shape[0] - signals.taken[0]) + orders.working[0]
    return bool(log.records.shape[0] - log.length[0] >= most)


_has_room_to_decide = verb(_always_room_to_decide, _room_for_all)


# --- the loop -----------------------------------------------------------------------------------------------------


@step
def _skip(
    orders: OpenOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    row: int,
    signals: Inbox,
    curve: Curve,
    rows: int,
) -> int:
    """Mark the rows from ``row`` on in which nothing can happen, as far as there is room for them; the row after."""
    end = bars.first_row + bars.open.shape[0]
    last = min(end, row + curve.equity.shape[0] - rows)
    quiet = quiet_rows(rules, account, orders, signals, row, last)
    if quiet > row:
        begin = row - bars.first_row
        mark_stretch(rules, account, market, bars.close, begin, quiet - bars.first_row, curve, rows)
    return quiet


@body
def _advance(
    orders: OpenOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    signals: Inbox,
    fills: Inbox,
    out: Output,
    cursor: Ints,
) -> None:
    """Work on to the block's end, or to the first logical time whose input is not complete."""
    tick, rows = cursor[CURSOR.TICK], cursor[CURSOR.ROWS]
    stopped_for = StoppedFor.NOTHING
    end = PHASES * (bars.first_row + bars.open.shape[0])
    while tick < end:
        row = tick // PHASES
        at = row - bars.first_row
        phase = tick - PHASES * row
        if phase < OPEN_MATCH:
            if rows == out.curve.equity.shape[0]:
                stopped_for = StoppedFor.ROOM
                break
            stopped_for = _begin(orders, rules, account, market, bars, tick, fills, out)
            if stopped_for != StoppedFor.NOTHING:
                break
            if orders.working[0] == 0:
                quiet = _skip(orders, rules, account, market, bars, row, signals, out.curve, rows)
                rows += quiet - row
                tick = PHASES * quiet if quiet > row else PHASES * row + CLOSE_SIGNAL
                continue
            if not _has_room(orders, out.orders):
                stopped_for = StoppedFor.RECORD_ROOM
                break
            quote_open(orders, rules, market, bars, at)
            decide_at_open(orders, rules, account, market, bars.open, at, row, out.orders)
            tick += 1
        elif phase in (OPEN_MATCH, CLOSE_MATCH):
            if orders.working[0] > 0:
                until = _fills_until(orders, tick)
                on_close = Flag.ON_CLOSE if phase == CLOSE_MATCH else 0
                if fills.watermark <= until and _may_fill(orders, bars.close, at, on_close):
                    stopped_for = StoppedFor.FILL
                    break
                _take_fills(orders, account, market, fills, until)
                if phase == CLOSE_MATCH:
                    value(rules, account, market)
            if phase == CLOSE_MATCH:
                write_row(out.curve, rows, account)
                rows += 1
                tick += 1
            else:
                tick = PHASES * row + CLOSE_SIGNAL
        elif phase == CLOSE_SIGNAL:
            observe_close(orders, rules, market, bars, at)
            quote_close(orders, rules, market, bars, at)
            mark(rules, account, market, bars.close, at)
            tick += 1
        else:  # at CLOSE_DECIDE: INTRABAR_MATCH is passed over, since its fills are taken with those of the close
            if signals.watermark < tick:
                stopped_for = StoppedFor.SIGNAL
                break
            if not _has_room_to_decide(orders, account, signals, out.orders):
                stopped_for = StoppedFor.RECORD_ROOM
                break
            decide_at_close(orders, rules, account, market, bars.close, at, row, signals, out.orders)
            tick += 1
    cursor[CURSOR.TICK], cursor[CURSOR.ROWS] = tick, rows
    cursor[CURSOR.STOPPED_FOR] = stopped_for


@loop
def advance(  # noqa: PLR0913  (a loop's door)
    rules: Records, totals: Records, positions: Records, closes: Floats, instruments: Records, state: Records,
    slots: Records, count: Ints, first_row: int, open_: Floats, close: Floats, signals: Records, signals_watermark: int,
    fills: Records, fills_watermark: int, orders: Records, equity: Floats, cash: Floats, gross: Floats,
    first_decision: int, last_end: int, cursor: Ints,
) -> None:  # fmt: skip
    """Work on from the cursor's logical time to the block's end, or to the first whose input is not complete; then say
    for how long nothing will be decided. ``first_decision`` is the run's, ``last_end`` the logical time after its
    last."""
    account, market = Account(totals[0], positions, closes), MarketArrays(instruments, state, None)
    single = SingleOrders(slots, count)
    bars = BarArrays(first_row, open_, close, None, None, None, None, None, None)
    spoken = Inbox(signals, signals_watermark, cursor[CURSOR.SIGNALS : CURSOR.SIGNALS + 1])
    filled = Inbox(fills, fills_watermark, cursor[CURSOR.FILLS : CURSOR.FILLS + 1])
    log, curve = RecordLog(orders, cursor[CURSOR.ORDERS : CURSOR.ORDERS + 1]), Curve(equity, cash, gross)
    _advance(single, rules[0], account, market, bars, spoken, filled, Output(log, None, None, curve), cursor)
    cursor[CURSOR.SILENT_UNTIL] = silent_until(
        single, rules[0], account, bars, spoken, first_decision, last_end, cursor[CURSOR.TICK]
    )


@loop
def advance_lists(  # noqa: PLR0913  (a loop's door)
    rules: Records, totals: Records, positions: Records, closes: Floats, instruments: Records, state: Records,
    window: Floats, slots: Records, terms: Records, intents: Records, heads: Ints, first_row: int, open_: Floats,
    close: Floats, volume: Floats, facts: Floats, session: Ints, signals: Records, signals_watermark: int,
    fills: Records, fills_watermark: int, orders: Records, bookings: Records, equity: Floats, cash: Floats,
    gross: Floats, first_decision: int, last_end: int, cursor: Ints,
) -> None:  # fmt: skip
    """The same where orders of every kind may work."""
    account, market = Account(totals[0], positions, closes), MarketArrays(instruments, state, window)
    lists = OrderLists(slots, heads[heads.shape[0] - 1 :], terms, intents, heads)
    bars = BarArrays(first_row, open_, close, None, None, volume, facts, session, None)
    spoken = Inbox(signals, signals_watermark, cursor[CURSOR.SIGNALS : CURSOR.SIGNALS + 1])
    filled = Inbox(fills, fills_watermark, cursor[CURSOR.FILLS : CURSOR.FILLS + 1])
    log, booked = (
        RecordLog(orders, cursor[CURSOR.ORDERS : CURSOR.ORDERS + 1]),
        RecordLog(bookings, cursor[CURSOR.BOOKINGS : CURSOR.BOOKINGS + 1]),
    )
    out = Output(log, None, booked, Curve(equity, cash, gross))
    _advance(lists, rules[0], account, market, bars, spoken, filled, out, cursor)
    cursor[CURSOR.SILENT_UNTIL] = silent_until(
        lists, rules[0], account, bars, spoken, first_decision, last_end, cursor[CURSOR.TICK]
    )
