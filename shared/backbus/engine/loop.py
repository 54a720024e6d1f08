"""The fused loop: portfolio and order layer of a run in one pass over a block, without events in between."""

from __future__ import annotations

from typing import Any

from backbus.execution.corporate_actions import act_in_market
from backbus.execution.intrabar import match_bar
from backbus.execution.matching import begin_row, end_of_day, has_close, match_close, match_open
from backbus.jit.decorators import body, loop, step
from backbus.market.panel import Floats, Ints
from backbus.market.ticks import CLOSE_DECIDE, CLOSE_MATCH, CLOSE_SIGNAL, INTRABAR_MATCH, OPEN_MATCH, PHASES
from backbus.portfolio.close_decision import decide_at_close
from backbus.portfolio.financing import begin_session, bookings_of_row
from backbus.portfolio.open_decision import decide_at_open
from backbus.trading.corporate_actions import act_on_book
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
from backbus.trading.ledger import book_fills, mark, mark_stretch, quiet_rows, value, write_row
from backbus.trading.market_state import observe_close, quote_close, quote_open, tell_time
from backbus.trading.records import Records
from backbus.trading.resting import rest
from backbus.trading.universe import note_members

# --- what only lists of orders ask for ----------------------------------------------------------------------------


def _always_room(orders: SingleOrders, rules: Any, account: Account, signals: Inbox, out: Output) -> bool:
    return True


def _room_for_a_row(orders: OrderLists, rules: Any, account: Account, signals: Inbox, out: Output) -> bool:
    assets, left = account.positions.shape[0], signals.records.shape[0] - signals.taken[0]
    most = 8 * (orders.working[0] + assets + 4 * left)
    room = out.orders.records.shape[0] - out.orders.length[0] >= most
    room = room and out.fills.records.shape[0] - out.fills.length[0] >= most
    if rules["no_row_skipped"] != 0:
        spare = out.bookings.records.shape[0] - out.bookings.length[0]
        room = room and spare >= bookings_of_row(account.positions)
    return bool(room)


_has_room = verb(_always_room, _room_for_a_row)
"""Whether a row's records fit in, whatever happens in it: who calls the loop with single orders sees to it."""


def _fills_at_once(
    orders: SingleOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    signals: Inbox,
    row: int,
    last: int,
) -> int:
    return row


def _while_none_is_met(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    signals: Inbox,
    row: int,
    last: int,
) -> int:
    return rest(orders, rules, account, market, bars, signals, row, last)


_rest = verb(_fills_at_once, _while_none_is_met)
"""``_rest(orders, rules, account, market, bars, signals, row, last)``: the first row in which open orders do more than
rest; ``row`` itself where they do so there."""


def _nothing_to_begin(
    orders: SingleOrders, rules: Any, account: Account, market: MarketArrays, bars: BarArrays, row: int, out: Output
) -> None:
    pass


def _begin_row(
    orders: OrderLists, rules: Any, account: Account, market: MarketArrays, bars: BarArrays, row: int, out: Output
) -> None:
    if rules["no_row_skipped"] != 0:
        at, tick = row - bars.first_row, PHASES * row
        tell_time(rules, market, bars.facts, at)
        begin_session(rules, account, market, bars.session[at], tick, out.bookings)
        if rules["universe"] != 0:
            note_members(account, market, bars.facts, at)
        if rules["has_corporate_actions"] != 0:
            act_on_book(account, market, bars.facts, at, tick, out.bookings)
            act_in_market(orders, market, bars.facts, at, tick, out.fills)


_begin = verb(_nothing_to_begin, _begin_row)
"""What a row does to account and orders before anything is decided in it."""


def _match_open_alone(
    orders: SingleOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    row: int,
    fills: RecordLog,
) -> None:
    begin = fills.length[0]
    match_open(orders, rules, market, bars.open, row - bars.first_row, PHASES * row + OPEN_MATCH, fills)
    book_fills(account, market, fills, begin)


def _match_bar_too(
    orders: OrderLists, rules: Any, account: Account, market: MarketArrays, bars: BarArrays, row: int, fills: RecordLog
) -> None:
    at, begin = row - bars.first_row, fills.length[0]
    begin_row(orders, rules, market, bars, at, PHASES * row + OPEN_MATCH, fills)
    match_open(orders, rules, market, bars.open, at, PHASES * row + OPEN_MATCH, fills)
    book_fills(account, market, fills, begin)
    begin = fills.length[0]
    match_bar(orders, rules, market, bars, at, PHASES * row + INTRABAR_MATCH, fills)
    if rules["daily"] != 0:
        end_of_day(orders, market, PHASES * row + CLOSE_SIGNAL, fills)
    book_fills(account, market, fills, begin)


_match_until_close = verb(_match_open_alone, _match_bar_too)
"""Match all phases of a row before its close, and book what filled."""


def _if_signals_wait(orders: SingleOrders, rules: Any, account: Account, signals: Inbox, tick: int) -> bool:
    return _spoken(account, signals, tick)


def _if_anything_may(orders: OrderLists, rules: Any, account: Account, signals: Inbox, tick: int) -> bool:
    return bool(_spoken(account, signals, tick) or orders.working[0] > 0 or rules["looks_at_closes"] != 0)


@step
def _spoken(account: Account, signals: Inbox, tick: int) -> bool:
    used = signals.taken[0]
    here = used < signals.records.shape[0] and signals.records[used]["tick"] <= tick
    return bool(here or account.totals["waiting"] > 0)


_decides = verb(_if_signals_wait, _if_anything_may)
"""Whether anything is decided at this close."""


# --- the loop -----------------------------------------------------------------------------------------------------


@body
def _work(
    orders: OpenOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    bars: BarArrays,
    signals: Inbox,
    out: Output,
    cursor: Ints,
) -> None:
    tick, rows = cursor[CURSOR.TICK], cursor[CURSOR.ROWS]
    stopped_for = StoppedFor.NOTHING
    row = tick // PHASES
    last = bars.first_row + bars.open.shape[0]
    decides = tick == PHASES * row + CLOSE_DECIDE
    while row < last:
        at = row - bars.first_row
        if not decides:
            quiet = quiet_rows(rules, account, orders, signals, row, last)
            if quiet == row:
                quiet = _rest(orders, rules, account, market, bars, signals, row, last)
            if quiet > row:
                mark_stretch(rules, account, market, bars.close, at, quiet - bars.first_row, out.curve, rows)
                rows += quiet - row
                row = quiet
                tick = PHASES * row
                continue
        if not _has_room(orders, rules, account, signals, out):
            stopped_for = StoppedFor.RECORD_ROOM
            break
        if not decides:
            _begin(orders, rules, account, market, bars, row, out)
            if orders.working[0] > 0:
                quote_open(orders, rules, market, bars, at)
                decide_at_open(orders, rules, account, market, bars.open, at, row, out.orders)
                _match_until_close(orders, rules, account, market, bars, row, out.fills)
            observe_close(orders, rules, market, bars, at)
            quote_close(orders, rules, market, bars, at)
            mark(rules, account, market, bars.close, at)
            tick = PHASES * row + CLOSE_DECIDE
        if signals.watermark < tick:
            break
        decides = False
        if _decides(orders, rules, account, signals, tick):
            decide_at_close(orders, rules, account, market, bars.close, at, row, signals, out.orders)
        if orders.working[0] > 0 and has_close(orders, rules, row):
            begin = out.fills.length[0]
            match_close(orders, rules, market, bars, at, PHASES * row + CLOSE_MATCH, out.fills)
            book_fills(account, market, out.fills, begin)
            value(rules, account, market)
        write_row(out.curve, rows, account)
        rows += 1
        row += 1
        tick = PHASES * row
    cursor[CURSOR.TICK], cursor[CURSOR.ROWS] = tick, rows
    cursor[CURSOR.STOPPED_FOR] = stopped_for


@loop
def run_rows(  # noqa: PLR0913  (a loop's door)
    rules: Records, totals: Records, positions: Records, closes: Floats, instruments: Records, state: Records,
    slots: Records, count: Ints, first_row: int, open_: Floats, close: Floats, signals: Records, signals_watermark: int,
    orders: Records, fills: Records, equity: Floats, cash: Floats, gross: Floats, cursor: Ints,
) -> None:  # fmt: skip
    """Work on from the cursor's logical time to the block's end, or to the first decision that SIGNAL does not cover.

    Compiled twice, since most histories are of one asset: there no rule has to loop.
    """
    account, market = Account(totals[0], positions, closes), MarketArrays(instruments, state, None)
    single = SingleOrders(slots, count)
    bars = BarArrays(first_row, open_, close, None, None, None, None, None, None)
    spoken = Inbox(signals, signals_watermark, cursor[CURSOR.SIGNALS : CURSOR.SIGNALS + 1])
    placed = RecordLog(orders, cursor[CURSOR.ORDERS : CURSOR.ORDERS + 1])
    filled = RecordLog(fills, cursor[CURSOR.FILLS : CURSOR.FILLS + 1])
    out = Output(placed, filled, None, Curve(equity, cash, gross))
    one = positions.shape[0] == 1 and slots.shape[0] == 1 and instruments.shape[0] == 1 and state.shape[0] == 1
    if one and open_.shape[1] == 1 and close.shape[1] == 1:
        _work(single, rules[0], account, market, bars, spoken, out, cursor)
    else:
        _work(single, rules[0], account, market, bars, spoken, out, cursor)


@loop
def run_lists(  # noqa: PLR0913  (a loop's door)
    rules: Records, totals: Records, positions: Records, closes: Floats, instruments: Records, state: Records,
    window: Floats, slots: Records, terms: Records, intents: Records, heads: Ints, first_row: int, open_: Floats,
    close: Floats, high: Floats, low: Floats, volume: Floats, facts: Floats, session: Ints, end: Ints,
    signals: Records, signals_watermark: int, orders: Records, fills: Records, bookings: Records, equity: Floats,
    cash: Floats, gross: Floats, cursor: Ints,
) -> None:  # fmt: skip
    """The same where orders of every kind may work."""
    account, market = Account(totals[0], positions, closes), MarketArrays(instruments, state, window)
    lists = OrderLists(slots, heads[heads.shape[0] - 1 :], terms, intents, heads)
    bars = BarArrays(first_row, open_, close, high, low, volume, facts, session, end)
    spoken = Inbox(signals, signals_watermark, cursor[CURSOR.SIGNALS : CURSOR.SIGNALS + 1])
    placed = RecordLog(orders, cursor[CURSOR.ORDERS : CURSOR.ORDERS + 1])
    filled = RecordLog(fills, cursor[CURSOR.FILLS : CURSOR.FILLS + 1])
    booked = RecordLog(bookings, cursor[CURSOR.BOOKINGS : CURSOR.BOOKINGS + 1])
    out = Output(placed, filled, booked, Curve(equity, cash, gross))
    _work(lists, rules[0], account, market, bars, spoken, out, cursor)
