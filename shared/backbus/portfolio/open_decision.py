"""``OPEN_DECIDE``, where orders are sized or checked again at the price that will fill them: as at the close,
reductions come first. No price of the row is read but the open.
"""

from __future__ import annotations

from typing import Any

from backbus.jit.decorators import part, step
from backbus.jit.fields import copied
from backbus.jit.python import plain
from backbus.market.panel import Floats
from backbus.market.ticks import OPEN_DECIDE, PHASES
from backbus.portfolio.limits import Allowed, plan, plan_all, within
from backbus.portfolio.order_entry import cancel, resize, worst_of_order
from backbus.portfolio.reservations import brings, is_checked_at_open, trade_of
from backbus.portfolio.risk import Trade, accept, buying_power, power_after
from backbus.portfolio.sizing import sized_position
from backbus.portfolio.universe import take_back_of_others
from backbus.trading.codes import Flag, OrderType, Reason
from backbus.trading.groups import Account, MarketArrays, OpenOrders, OrderLists, RecordLog, SingleOrders, verb
from backbus.trading.open_orders import after, first, lessens_still, purge, reduces, type_of, works
from backbus.trading.order_types import for_a_close


@step
def _value_at_open(account: Account, market: MarketArrays, open_: Floats, at: int) -> None:
    """Equity at this open, at the last price where an asset has a hole."""
    equity = copied(account.totals["cash"])
    for asset in range(account.positions.shape[0]):
        line = account.positions[asset]
        held = line["position"]
        if held != 0.0:
            price = open_[at, asset]
            if price != price:  # noqa: PLR0124  (a hole)
                price = line["price"]
            equity += (held * price - line["settled"]) * market.state[asset]["unit"]
    account.totals["equity"] = equity


def _flags_as_they_are(orders: SingleOrders, flags: int) -> int:
    return flags


def _flags_beside_others(orders: OrderLists, flags: int) -> int:
    return flags | Flag.REDUCE_ONLY if flags & Flag.REDUCES else flags


_flags_of_size = verb(_flags_as_they_are, _flags_beside_others)


@step
def _size(orders: OpenOrders, rules: Any, account: Account, market: MarketArrays, open_: Floats, at: int) -> None:
    """Size the orders that ask for it at this open. Where shorts are not allowed, one may want one all the same: it
    waited over a hole, and is of the signal that came in it by now."""
    _value_at_open(account, market, open_, at)
    for asset in range(account.positions.shape[0]):
        slot, price = orders.slots[asset], open_[at, asset]
        if works(orders, asset) and slot["flags"] & Flag.SIZE_AT_OPEN and price == price:  # noqa: PLR0124
            held = account.positions[asset]["position"]
            target = sized_position(orders, rules, account, market, asset, price)
            if target < 0.0 and rules["shorts"] == 0:
                target = 0.0
            wanted = target - held
            slot["quantity"] = wanted
            slot["wanted"] = wanted
            flags = slot["flags"] & ~(Flag.REDUCES | Flag.REDUCE_ONLY)
            if wanted * held < 0.0 and abs(wanted) <= abs(held):
                flags |= Flag.REDUCES
            slot["flags"] = _flags_of_size(orders, flags)


def _none_turns(orders: SingleOrders, rules: Any, account: Account) -> bool:
    return False


def _those_that_turn(orders: OrderLists, rules: Any, account: Account) -> bool:
    if rules["shorts"] == 0:
        return False
    found = False
    for asset in range(account.positions.shape[0]):
        held = account.positions[asset]["position"]
        node = first(orders, asset)
        while node >= 0:
            slot = orders.slots[node]
            if works(orders, node) and reduces(slot) and not for_a_close(slot, orders.terms[node]):
                if not lessens_still(slot, held):
                    slot["flags"] = slot["flags"] & ~Flag.REDUCES | Flag.TURNED
                    found = True
            node = after(orders, node)
    return found


_turn = verb(_none_turns, _those_that_turn)
"""``_turn(orders, rules, account)``: have orders that were to lessen a position, and would open one since others have
closed it, be looked at as what opens something. Whether there is any."""


def _none_rests(
    orders: SingleOrders, rules: Any, account: Account, market: MarketArrays, open_: Floats, at: int, power: float
) -> float:
    return power


def _what_rests(
    orders: OrderLists, rules: Any, account: Account, market: MarketArrays, open_: Floats, at: int, power: float
) -> float:
    for asset in range(account.positions.shape[0]):
        node = first(orders, asset)
        while node >= 0:
            rests = type_of(orders, node) != OrderType.MARKET
            slot = orders.slots[node]
            if not reduces(slot) and rests and slot["flags"] & Flag.TURNED == 0:
                if not is_checked_at_open(orders, rules, market.state[asset], node, open_[at, asset]):
                    trade = trade_of(orders, account, market, asset, node)
                    power = power_after(rules, market.instruments[asset], market.state[asset], power, trade)
            node = after(orders, node)
    return power


_power_beside = verb(_none_rests, _what_rests)
"""Buying power less what orders that are not looked at here may cost."""


@step
def _allowed_here(
    rules: Any, account: Account, market: MarketArrays, asset: int, slot: Any, price: float, anew: bool
) -> Allowed:
    """What limits let pass of an order that was sized at this open, or that would open something by now; anything of
    one that they have let pass."""
    wanted = slot["quantity"]
    if rules["limited"] != 0 and (anew or slot["flags"] & Flag.SIZE_AT_OPEN) and not reduces(slot):
        line, unit = account.positions[asset], market.state[asset]["unit"]
        worth = price * unit
        plan(account.totals, line, line["price"] * unit, -wanted)  # as it was counted with all others
        allowed = within(rules, account.totals, line, market.instruments[asset], wanted, False, worth)
        plan(account.totals, line, worth, allowed.quantity)
        return allowed
    return Allowed(wanted, Reason.NONE)


@step
def open_decide(
    orders: OpenOrders,
    rules: Any,
    account: Account,
    market: MarketArrays,
    open_: Floats,
    at: int,
    row: int,
    log: RecordLog,
) -> None:
    """Size the orders that ask for it at this open, and cut the others to what the account can pay there."""
    tick = PHASES * row + OPEN_DECIDE
    take_back_of_others(orders, rules, account, market, tick, log)
    turned = _turn(orders, rules, account)
    power = buying_power(rules, account, market, open_, at)
    if rules["size_at_open"] != 0:
        _size(orders, rules, account, market, open_, at)
    if rules["limited"] != 0 and (rules["size_at_open"] != 0 or turned):
        plan_all(orders, account, market)
    power = _power_beside(orders, rules, account, market, open_, at, power)
    for opening in range(2):
        for asset in range(account.positions.shape[0]):
            instrument, state, price = market.instruments[asset], market.state[asset], open_[at, asset]
            ended = False
            node = first(orders, asset)
            while node >= 0:
                slot, here = orders.slots[node], node
                node = after(orders, node)
                lessens = reduces(slot)
                if lessens != (opening == 0) or not works(orders, here):
                    continue
                anew = slot["flags"] & Flag.TURNED != 0
                if not anew and not is_checked_at_open(orders, rules, state, here, price):
                    continue
                slot["flags"] = slot["flags"] & ~Flag.TURNED
                held, wanted = account.positions[asset]["position"], slot["quantity"]
                at_price = price if price == price else account.positions[asset]["price"]  # noqa: PLR0124  (a hole)
                paid = worst_of_order(orders, instrument, state, here, at_price)
                then = max(paid, at_price) if anew and wanted < 0.0 else at_price
                allowed = _allowed_here(rules, account, market, asset, slot, at_price, anew)
                trade = Trade(held, wanted, paid, then)
                accepted = accept(rules, instrument, state, power, trade, allowed, lessens)
                if accepted.quantity == 0.0:
                    reason = Reason.BELOW_ONE_LOT if wanted == 0.0 else accepted.reason
                    cancel(orders, asset, here, tick, reason, log)
                    ended = True
                    continue
                if not lessens or brings(orders, rules, asset, here):
                    power = power_after(rules, instrument, state, power, Trade(held, accepted.quantity, paid, then))
                if accepted.quantity != slot["quantity"] or anew or slot["flags"] & Flag.SIZE_AT_OPEN:
                    slot["flags"] = slot["flags"] & ~Flag.SIZE_AT_OPEN
                    resize(orders, asset, here, tick, accepted, log)
            if ended:
                purge(orders, asset)


_decide_lists = part(plain(open_decide))
"""Compiled by itself, since it is large."""


def _decide_listed(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    open_: Floats,
    at: int,
    row: int,
    log: RecordLog,
) -> None:
    _decide_lists(orders, rules, account, market, open_, at, row, log)


decide_at_open = verb(plain(open_decide), _decide_listed)
"""``open_decide``."""
