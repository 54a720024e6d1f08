"""What the account does about assets that are not in the universe: nothing is opened in them, what would open
something is taken back from the first moment of the row on in which they are out, and where the job says so what is
held is closed, decided at the close of that row.
"""

from __future__ import annotations

from typing import Any

from backbus.jit.decorators import part, step
from backbus.jit.fields import copied
from backbus.market.panel import Floats
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.portfolio.order_entry import cancel, place_forced
from backbus.trading.codes import Flag, Reason
from backbus.trading.groups import Account, MarketArrays, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.open_orders import after, first, lessens_still, purge, works
from backbus.trading.order_types import for_a_close
from backbus.trading.rules import Universe


@step
def closes_anyway(rules: Any) -> bool:
    """Whether a position in an asset that is out is closed whatever the strategy says."""
    return bool(rules["universe"] == Universe.CLOSE)


@step
def _take_back(orders: OrderLists, asset: int, held: float, at_close: bool, tick: int, log: RecordLog) -> bool:
    """Take back an asset's orders that would open something, those for a close only ``at_close``: nothing was promised
    about the others before their row began. Whether any is left that the account itself has asked for."""
    ended = forced = False
    node = first(orders, asset)
    while node >= 0:
        slot = orders.slots[node]
        if works(orders, node):
            if lessens_still(slot, held):
                forced = forced or slot["flags"] & Flag.FORCED != 0
            elif at_close or not for_a_close(slot, orders.terms[node]):
                cancel(orders, asset, node, tick, Reason.LEFT_UNIVERSE, log)
                ended = True
        node = after(orders, node)
    if ended:
        purge(orders, asset)
    return forced


@part
def _each_at_open(orders: OrderLists, account: Account, market: MarketArrays, tick: int, log: RecordLog) -> None:
    for asset in range(market.state.shape[0]):
        if market.state[asset]["member"] == 0:
            _take_back(orders, asset, copied(account.positions[asset]["position"]), False, tick, log)


def _all_are_in(
    orders: SingleOrders, rules: Any, account: Account, market: MarketArrays, tick: int, log: RecordLog
) -> None:
    pass


def _some_are_out(
    orders: OrderLists, rules: Any, account: Account, market: MarketArrays, tick: int, log: RecordLog
) -> None:
    if rules["universe"] != 0:
        _each_at_open(orders, account, market, tick, log)


take_back_of_others = verb(_all_are_in, _some_are_out)
"""``take_back_of_others(orders, rules, account, market, tick, log)``: at a row's first moment, take back orders that
would open something in assets that are not in the universe in it."""


@part
def let_leave(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    close: Floats,
    at: int,
    row: int,
    log: RecordLog,
) -> None:
    """At a row's close, let the rest of such orders go, and close what is held where the job closes it. An asset with a
    hole here is closed at its next bar."""
    tick = PHASES * row + CLOSE_DECIDE
    for asset in range(market.state.shape[0]):
        if market.state[asset]["member"] != 0:
            continue
        held = copied(account.positions[asset]["position"])
        forced = _take_back(orders, asset, held, True, tick, log)
        if forced or held == 0.0 or close[at, asset] != close[at, asset] or account.totals["over"] != 0:
            continue
        if closes_anyway(rules):
            _take_back(orders, asset, 0.0, True, tick, log)  # what would go on beyond the close of the position
            place_forced(orders, asset, tick, -held, rules["fill_at_close"] != 0, Reason.LEFT_UNIVERSE, log)
