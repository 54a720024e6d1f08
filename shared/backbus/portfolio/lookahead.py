"""How long nothing will be decided, whatever is still to arrive: what the portfolio promises the order layer.

In the words of Chandy, Misra and Bryant, it is the portfolio's lookahead: ORDER is complete up to the logical time that
``silent_until`` names, and the order layer may sweep up to there.
"""

from __future__ import annotations

from typing import Any

from backbus.jit.decorators import step
from backbus.market.panel import Floats
from backbus.market.ticks import CLOSE_DECIDE, CLOSE_MATCH, OPEN_DECIDE, OPEN_MATCH, PHASES
from backbus.trading.codes import Flag, OrderType
from backbus.trading.groups import Account, BarArrays, Inbox, OpenOrders, OrderLists, SingleOrders, verb
from backbus.trading.open_orders import after, first, reduces, type_of, works
from backbus.trading.order_types import HAS, Has

FAR = 1 << 40
"""Further than any order waits to be looked at."""


def _to_the_end(orders: SingleOrders) -> int:
    return FAR


def _four_rows(orders: OrderLists) -> int:
    return 4 * PHASES


_most_ahead = verb(_to_the_end, _four_rows)
"""How far ahead silence is promised while orders work, at most: lists of orders, which change by themselves as groups
and exits do, are looked at again after a few rows."""


@step
def _look_at(orders: OpenOrders, rules: Any, node: int, traded: bool, phase: int) -> int:
    """The first logical time, counted from this row's first, at which an open order must be looked at.

    What waits in the market for its price needs no look. A market order that is sure to fill in this phase needs none
    any more; one that may be left over, and one that the next open may gap through, needs one there, and so does one
    that lessens a position and may come to open one."""
    slot, kind, sure = orders.slots[node], type_of(orders, node), rules["capped"] == 0
    lessens = reduces(slot) and (rules["shorts"] == 0 or slot["flags"] & Flag.REDUCE_ONLY != 0)
    if HAS[kind] & Has.CLOSE != 0 or slot["flags"] & Flag.ON_CLOSE:
        fills_now = sure and traded and phase == CLOSE_MATCH and kind == OrderType.MARKET
        if lessens or fills_now:
            return FAR
        return CLOSE_DECIDE if phase <= CLOSE_DECIDE else PHASES + CLOSE_DECIDE
    if kind == OrderType.MARKET:
        if phase == OPEN_DECIDE:
            return OPEN_DECIDE
        return FAR if sure and traded and phase == OPEN_MATCH else PHASES
    if lessens:
        return FAR
    return OPEN_DECIDE if phase == OPEN_DECIDE else PHASES


@step
def _look_again(orders: OpenOrders, rules: Any, assets: int, close: Floats, at: int, phase: int) -> int:
    """The first logical time, counted from this row's first, at which any open order must be looked at."""
    soonest = FAR
    for asset in range(assets):
        node = first(orders, asset)
        while node >= 0:
            if works(orders, node):
                traded = phase == OPEN_DECIDE or close[at, asset] == close[at, asset]
                soonest = min(soonest, _look_at(orders, rules, node, traded, phase))
            node = after(orders, node)
    return soonest


@step
def silent_until(
    orders: OpenOrders,
    rules: Any,
    account: Account,
    bars: BarArrays,
    signals: Inbox,
    first_decision: int,
    end: int,
    tick: int,
) -> int:
    """The next logical time at which anything may be decided.

    ``bars`` is the block that ``tick``, the next logical time, lies in or ends at. ``first_decision`` is the run's,
    ``end`` the logical time after its last."""
    row = tick // PHASES
    phase = tick - PHASES * row
    next_close = PHASES * (row if phase <= CLOSE_DECIDE else row + 1) + CLOSE_DECIDE
    if signals.taken[0] < signals.records.shape[0]:
        until = PHASES * (signals.records[signals.taken[0]]["tick"] // PHASES) + CLOSE_DECIDE
    else:  # where no signal will come any more, beyond the end
        until = max(PHASES * ((signals.watermark - CLOSE_DECIDE) // PHASES + 1) + CLOSE_DECIDE, first_decision)
    if orders.working[0] > 0:
        again = _look_again(orders, rules, account.positions.shape[0], bars.close, row - bars.first_row, phase)
        until = min(until, max(PHASES * row + min(again, _most_ahead(orders)), tick))
    if rules["looks_at_closes"] != 0 and (orders.working[0] > 0 or account.totals["gross"] > 0.0):
        until = min(until, next_close)
    if account.totals["waiting"] > 0:
        until = min(until, next_close)
    return min(until, end)
