"""``CLOSE_DECIDE``, where signals and orders that were asked for become orders in the market.

It writes ORDER records and keeps the open orders; it takes reductions first, then assets in their order.
``open_decision`` has the moment at which they are looked at again.
"""

from __future__ import annotations

from typing import Any

from backbus.jit.decorators import part, step
from backbus.jit.python import plain
from backbus.market.panel import Floats
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.portfolio.direct_orders import Turn, cancel_asked, place_asked
from backbus.portfolio.intents import LOSS_FRACTION, TAKE_FRACTION, TRAILING_FRACTION, no_terms, take_term
from backbus.portfolio.limits import plan, plan_all, within
from backbus.portfolio.margin import check_account, not_now
from backbus.portfolio.order_entry import (
    Ticket,
    can_work,
    cancel,
    fills_here,
    is_market_intent,
    place,
    place_exits_of_signal,
    reduce_only,
    refuse,
    worst_of_intent,
)
from backbus.portfolio.reservations import brings, check_at_close, power_left
from backbus.portfolio.risk import Trade, accept, buying_power, power_after
from backbus.portfolio.sizing import sized_position
from backbus.portfolio.universe import closes_anyway, let_leave
from backbus.trading.codes import Flag, Reason, SignalKind
from backbus.trading.groups import Account, Inbox, MarketArrays, OpenOrders, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.open_orders import filled_of, purge, works
from backbus.trading.records import ASSET_SCALE, NO_ORDER, ROW_SCALE
from backbus.trading.rules import Sizing

# --- signals ------------------------------------------------------------------------------------------------------


@step
def _let_wait(orders: OpenOrders, account: Account, signal: Any) -> None:
    """Let a direction or a weight wait for its decision; a newer one replaces an older."""
    slot = orders.slots[signal["asset"]]
    if slot["waits"] == 0:
        account.totals["waiting"] = account.totals["waiting"] + 1
    slot["waits"] = 1
    slot["kind"] = signal["kind"]
    slot["value"] = signal["value"]


@step
def _waits_no_more(orders: OpenOrders, account: Account, asset: int) -> None:
    orders.slots[asset]["waits"] = 0
    account.totals["waiting"] = account.totals["waiting"] - 1


def _take_plain(orders: SingleOrders, account: Account, signals: Inbox, tick: int) -> None:
    while signals.taken[0] < signals.records.shape[0] and signals.records[signals.taken[0]]["tick"] <= tick:
        _let_wait(orders, account, signals.records[signals.taken[0]])
        signals.taken[0] += 1


def _take_with_terms(orders: OrderLists, account: Account, signals: Inbox, tick: int) -> None:
    own = orders.intents.shape[0] - 1
    scratch = orders.intents[own]
    no_terms(scratch)
    while signals.taken[0] < signals.records.shape[0] and signals.records[signals.taken[0]]["tick"] <= tick:
        signal = signals.records[signals.taken[0]]
        asset, kind = signal["asset"], signal["kind"]
        signals.taken[0] += 1
        if kind > SignalKind.CANCEL:
            take_term(scratch, asset, kind, signal["value"])
        elif kind > SignalKind.WEIGHT:
            no_terms(scratch)
        else:
            orders.intents[asset] = scratch
            no_terms(scratch)
            _let_wait(orders, account, signal)


take_signals = verb(_take_plain, _take_with_terms)
"""``take_signals(orders, account, signals, tick)``: let the directions and weights of ``tick`` wait for their decision,
with their terms; what is asked for outright is left to ``close_decide``."""


# --- one row's decision -------------------------------------------------------------------------------------------


def _no_account_checks(
    orders: SingleOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    close: Floats,
    at: int,
    row: int,
    log: RecordLog,
) -> None:
    pass


def _check_account(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    close: Floats,
    at: int,
    row: int,
    log: RecordLog,
) -> None:
    if rules["checks_account"] != 0:
        check_account(orders, rules, account, market, close, at, row, log)
    if rules["universe"] != 0:
        let_leave(orders, rules, account, market, close, at, row, log)


_check = verb(_no_account_checks, _check_account)


@step
def _replace(orders: OpenOrders, account: Account, close: Floats, at: int, tick: int, log: RecordLog) -> None:
    """Take back the orders in whose place a newer signal of their asset wants another."""
    for asset in range(account.positions.shape[0]):
        slot = orders.slots[asset]
        if slot["waits"] == 1 and works(orders, asset) and close[at, asset] == close[at, asset]:
            same_side = slot["kind"] != SignalKind.WEIGHT and slot["value"] * slot["quantity"] > 0.0
            if filled_of(orders, asset) > 0.0 and same_side:
                _waits_no_more(orders, account, asset)  # it goes on filling, in the direction that is wanted
            else:
                cancel(orders, asset, asset, tick, Reason.REPLACED, log)
                purge(orders, asset)


@step
def within_band(rules: Any, account: Account, slot: Any, held: float, wish: float, worth: float) -> bool:
    """Whether a target weight differs from what is held by less than is traded for; ``worth`` is the difference's."""
    if rules["drift_band"] > 0.0 and held != 0.0 and wish != 0.0:
        by_weight = slot["kind"] == SignalKind.WEIGHT or rules["sizing"] == Sizing.TARGET_WEIGHT
        return bool(by_weight and worth < rules["drift_band"] * account.totals["equity"])
    return False


def _no_exits(orders: SingleOrders, rules: Any, asset: int) -> None:
    pass


def _own_exits(orders: OrderLists, rules: Any, asset: int) -> None:
    intent = orders.intents[asset]
    if intent["take_profit"] == 0.0:
        intent["take_profit"] = rules["take_profit"]
        intent["fractions"] = intent["fractions"] | TAKE_FRACTION
    if intent["stop_loss"] == 0.0:
        intent["stop_loss"] = rules["stop_loss"]
        intent["fractions"] = intent["fractions"] | LOSS_FRACTION
    if intent["trailing_loss"] == 0.0:
        intent["trailing_loss"] = rules["trailing_loss"]
        intent["trailing_gain"] = rules["trailing_gain"]
        intent["trailing_then"] = rules["trailing_then"]
        intent["fractions"] = intent["fractions"] | TRAILING_FRACTION


give_own_exits = verb(_no_exits, _own_exits)
"""``give_own_exits(orders, rules, asset)``: give an entry each of the job's exits that its signal brought none of."""


@step
def _decide(
    orders: OpenOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    asset: int,
    price: float,
    turn: Turn,
    power: float,
    log: RecordLog,
) -> float:
    """Decide an asset's signal at its close, if it is this turn's. Returns buying power."""
    tick = PHASES * turn.row + CLOSE_DECIDE
    order = turn.row * ROW_SCALE + asset * ASSET_SCALE
    slot, line, state = orders.slots[asset], account.positions[asset], market.state[asset]
    instrument = market.instruments[asset]
    held = line["position"]
    wish = sized_position(orders, rules, account, market, asset, price)
    reason = Reason.NONE
    if wish < 0.0 and rules["shorts"] == 0:
        wish = 0.0
        reason = Reason.SHORTS_NOT_ALLOWED
    if state["member"] == 0 and wish * held < 0.0:
        wish = 0.0  # what it holds is not wanted, and the other side cannot be had
        reason = Reason.NOT_A_MEMBER
    wanted = wish - held
    lessens = wanted * held < 0.0 and abs(wanted) <= abs(held)
    if state["member"] == 0 and (wanted == 0.0 or (lessens and closes_anyway(rules))):
        _waits_no_more(orders, account, asset)
        return power
    why = not_now(account, market, asset, lessens)
    if why != Reason.NONE:
        if turn.opening != 0:
            _waits_no_more(orders, account, asset)
            refuse(log, tick, asset, order, wanted, 0, why)
        return power
    if turn.opening == 0 and not lessens:
        return power
    _waits_no_more(orders, account, asset)
    if wish != wish:  # noqa: PLR0124  (could not be sized)
        refuse(log, tick, asset, order, 0.0, 0, Reason.NO_VOLATILITY)
        return power
    worth = price * state["unit"]
    if within_band(rules, account, slot, held, wish, abs(wanted) * price * state["unit"]):
        return power
    if wanted == 0.0:
        if reason == Reason.NONE and wish == 0.0 and held == 0.0 and slot["value"] != 0.0:
            reason = Reason.BELOW_ONE_LOT
        if reason != Reason.NONE:
            refuse(log, tick, asset, order, 0.0, 0, reason)
        return power
    flags = Flag.REDUCES if lessens else 0
    if not can_work(orders, instrument, asset, wanted, price):
        refuse(log, tick, asset, order, wanted, flags, Reason.IMPOSSIBLE)
        return power
    flags = reduce_only(orders, flags)
    market_order = is_market_intent(orders, asset)
    if market_order:
        if fills_here(orders, rules, asset):
            flags |= Flag.ON_CLOSE
        elif rules["size_at_open"] != 0 and (not lessens or wish != 0.0):
            flags |= Flag.SIZE_AT_OPEN
    paid = worst_of_intent(orders, instrument, state, asset, wanted, price)
    then = max(paid, price) if wanted < 0.0 and not market_order else price
    allowed = within(rules, account.totals, line, instrument, wanted, lessens, worth)
    accepted = accept(rules, instrument, state, power, Trade(held, wanted, paid, then), allowed, lessens)
    quantity = accepted.quantity
    if quantity == 0.0:
        refuse(log, tick, asset, order, wanted, flags, accepted.reason)
        return power
    if rules["limited"] != 0:
        account.totals["ordered"] = account.totals["ordered"] + abs(quantity) * worth
        if not lessens or market_order:
            plan(account.totals, line, worth, quantity)
    give_own_exits(orders, rules, asset)
    ticket = Ticket(asset, asset, tick, order, wanted, flags, NO_ORDER, 0)
    place(orders, ticket, accepted, asset, log)
    if not lessens or (market_order and brings(orders, rules, asset, asset)):
        power = power_after(rules, instrument, state, power, Trade(held, quantity, paid, then))
    if not lessens and held + quantity != 0.0:
        place_exits_of_signal(orders, rules, instrument, ticket, held + quantity, log)
    return power


def _signals_alone(orders: SingleOrders, rules: Any, signals: Inbox, begin: int) -> bool:
    return False


def _orders_too(orders: OrderLists, rules: Any, signals: Inbox, begin: int) -> bool:
    return bool(begin < signals.taken[0] or orders.working[0] > 0 or rules["looks_at_closes"] != 0)


_has_more = verb(_signals_alone, _orders_too)
"""Whether anything but waiting signals is decided in a row."""


@step
def close_decide(
    orders: OpenOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    close: Floats,
    at: int,
    row: int,
    signals: Inbox,
    log: RecordLog,
) -> None:
    """Turn the waiting signals of assets that trade in this row into orders, sized at its close.

    ``at`` is the row within ``close`` ([rows, assets]), ``row`` the run's.
    """
    tick = PHASES * row + CLOSE_DECIDE
    begin, first_record = signals.taken[0], log.length[0]
    take_signals(orders, account, signals, tick)
    if account.totals["waiting"] == 0 and not _has_more(orders, rules, signals, begin):
        return
    cancel_asked(orders, signals, begin, tick, log)
    _check(orders, rules, account, market, close, at, row, log)
    _replace(orders, account, close, at, tick, log)
    power = buying_power(rules, account, market, close, at)
    if orders.working[0] > 0:
        power = power_left(orders, rules, account, market, row, power)
        power = check_at_close(orders, rules, account, market, close, at, row, power, log)
    if rules["limited"] != 0:
        plan_all(orders, account, market)
    for opening in range(2):
        turn = Turn(row, opening, begin, first_record)
        for asset in range(account.positions.shape[0]):
            if orders.slots[asset]["waits"] == 0:
                continue
            price = close[at, asset]
            if price == price:  # noqa: PLR0124
                power = _decide(orders, rules, account, market, asset, price, turn, power, log)
            elif market.state[asset]["delisted"] != 0:
                _refuse_unlisted(orders, account, asset, Reason.DELISTED, row, log)
            elif account.positions[asset]["price"] != account.positions[asset]["price"]:
                _refuse_unlisted(orders, account, asset, Reason.NOT_LISTED, row, log)
        power = place_asked(orders, rules, account, market, signals, turn, power, log)


@step
def _refuse_unlisted(orders: OpenOrders, account: Account, asset: int, reason: int, row: int, log: RecordLog) -> None:
    """Refuse a signal of an asset that has a hole here and nothing to wait for: the others wait for its next bar."""
    order = row * ROW_SCALE + asset * ASSET_SCALE
    refuse(log, PHASES * row + CLOSE_DECIDE, asset, order, 0.0, 0, reason)
    _waits_no_more(orders, account, asset)


_decide_lists = part(plain(close_decide))
"""Compiled by itself, since it is large."""


def _decide_listed(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    close: Floats,
    at: int,
    row: int,
    signals: Inbox,
    log: RecordLog,
) -> None:
    _decide_lists(orders, rules, account, market, close, at, row, signals, log)


decide_at_close = verb(plain(close_decide), _decide_listed)
"""``close_decide``, for what has a signal, or looks at its account or its orders at each close."""
