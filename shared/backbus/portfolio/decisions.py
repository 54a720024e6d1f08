"""The two moments at which orders are decided: ``CLOSE_DECIDE``, where signals become orders, and ``OPEN_DECIDE``,
where orders are sized or checked again at the price that will fill them.

Each writes ORDER records and keeps the working orders; each takes reductions first, then assets in their order.
"""

from __future__ import annotations

from typing import Any

from backbus.compiled import step
from backbus.market.costs import fill_price
from backbus.market.ledger import volatility
from backbus.market.panel import Floats
from backbus.market.records import (
    BELOW_ONE_LOT,
    BUYING_POWER,
    CANCEL,
    NO_ORDER,
    NO_REASON,
    NO_VOLATILITY,
    NOT_LISTED,
    ON_CLOSE,
    PLACE,
    REDUCES,
    REFUSE,
    REPLACED,
    RESIZE,
    SHORTS_NOT_ALLOWED,
    SIZE_AT_OPEN,
    Records,
)
from backbus.market.rules import VOLATILITY_TARGET
from backbus.portfolio.risk import affordable, buying_power, power_after
from backbus.portfolio.sizing import desired_position

OPEN_PHASE, CLOSE_PHASE = 0, 4
SCALE, ORDINALS = 1 << 31, 1 << 11


@step
def write_order(
    record: Any, tick: int, order: int, asset: int, kind: int, quantity: float, wanted: float, flags: int, reason: int
) -> None:
    """Fill one ORDER record."""
    record["tick"] = tick
    record["order"] = order
    record["asset"] = asset
    record["kind"] = kind
    record["quantity"] = quantity
    record["wanted"] = wanted
    record["flags"] = flags
    record["reason"] = reason


@step
def take_signals(account: Any, working: Records, signals: Records, used: int, tick: int) -> int:
    """Let the signals of ``tick`` wait for their decision; a newer one replaces an older. Returns how many are used."""
    while used < signals.shape[0] and signals[used]["tick"] <= tick:
        slot = working[signals[used]["asset"]]
        if slot["waits"] == 0:
            account["waiting"] = account["waiting"] + 1
        slot["waits"] = 1
        slot["kind"] = signals[used]["kind"]
        slot["value"] = signals[used]["value"]
        used += 1
    return used


@step
def _wish(
    rules: Any, account: Any, ledger: Records, history: Floats, working: Records, asset: int, price: float
) -> float:
    deviation = 0.0
    if rules["sizing"] == VOLATILITY_TARGET:
        deviation = volatility(history, asset, ledger[asset]["bars"])
    return desired_position(
        rules,
        working[asset]["kind"],
        working[asset]["value"],
        ledger[asset]["position"],
        price,
        account["equity"],
        deviation,
    )


@step
def close_decide(
    rules: Any,
    account: Any,
    ledger: Records,
    history: Floats,
    working: Records,
    close: Floats,
    at: int,
    row: int,
    orders: Records,
    count: int,
) -> int:
    """Turn the waiting signals of assets that trade in this row into orders, sized at its close.

    ``at`` is the row within ``close`` ([rows, assets]), ``row`` the run's. Returns the number of ORDER records.
    """
    tick = 6 * row + CLOSE_PHASE
    assets = ledger.shape[0]
    for asset in range(assets):
        slot = working[asset]
        if slot["waits"] == 1 and slot["order"] != NO_ORDER and close[at, asset] == close[at, asset]:
            write_order(orders[count], tick, slot["order"], asset, CANCEL, 0.0, slot["wanted"], slot["flags"], REPLACED)
            count += 1
            slot["order"] = NO_ORDER
            account["working"] = account["working"] - 1
    power = buying_power(rules, account, ledger, close, at)
    if account["working"] > 0:
        for asset in range(assets):
            slot = working[asset]
            if slot["order"] != NO_ORDER:
                price = ledger[asset]["price"]
                paid = fill_price(rules, price, slot["quantity"])
                power = power_after(rules, power, ledger[asset]["position"], slot["quantity"], paid, price)
    for opening in range(2):
        for asset in range(assets):
            slot = working[asset]
            if slot["waits"] == 0:
                continue
            price = close[at, asset]
            held = ledger[asset]["position"]
            order = row * SCALE + asset * ORDINALS
            if price != price:  # noqa: PLR0124  (a hole: the signal waits, unless the asset has never traded)
                if ledger[asset]["price"] != ledger[asset]["price"]:
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, 0.0, 0, NOT_LISTED)
                    count += 1
                    slot["waits"] = 0
                    account["waiting"] = account["waiting"] - 1
                continue
            wish = _wish(rules, account, ledger, history, working, asset, price)
            reason = NO_REASON
            if wish < 0.0 and rules["shorts"] == 0:
                if held <= 0.0:
                    reason = SHORTS_NOT_ALLOWED
                wish = 0.0
            wanted = wish - held
            reduces = wanted * held < 0.0 and abs(wanted) <= abs(held)
            if opening == 0 and not reduces:
                continue
            slot["waits"] = 0
            account["waiting"] = account["waiting"] - 1
            if wish != wish:  # noqa: PLR0124  (could not be sized)
                write_order(orders[count], tick, order, asset, REFUSE, 0.0, 0.0, 0, NO_VOLATILITY)
                count += 1
                continue
            if wanted == 0.0:
                if reason == NO_REASON and wish == 0.0 and held == 0.0 and slot["value"] != 0.0:
                    reason = BELOW_ONE_LOT
                if reason != NO_REASON:
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, 0.0, 0, reason)
                    count += 1
                continue
            paid = fill_price(rules, price, wanted)
            quantity = wanted if reduces else affordable(rules, power, held, wanted, paid, price)
            flags = REDUCES if reduces else 0
            if rules["fill_at_close"] != 0:
                flags |= ON_CLOSE
            elif rules["size_at_open"] != 0 and not reduces:
                flags |= SIZE_AT_OPEN
            if quantity == 0.0:
                write_order(orders[count], tick, order, asset, REFUSE, 0.0, wanted, flags, BUYING_POWER)
                count += 1
                continue
            power = power_after(rules, power, held, quantity, paid, price)
            slot["order"] = order
            slot["quantity"] = quantity
            slot["wanted"] = wanted
            slot["flags"] = flags
            account["working"] = account["working"] + 1
            reason = NO_REASON if quantity == wanted else BUYING_POWER
            write_order(orders[count], tick, order, asset, PLACE, quantity, wanted, flags, reason)
            count += 1
    return count


@step
def open_decide(
    rules: Any,
    account: Any,
    ledger: Records,
    history: Floats,
    working: Records,
    open_: Floats,
    at: int,
    row: int,
    orders: Records,
    count: int,
) -> int:
    """Size the orders that ask for it at this open, and cut the others to what the account can pay there.

    Reads no price of the row but the open. Returns the number of ORDER records.
    """
    tick = 6 * row + OPEN_PHASE
    assets = ledger.shape[0]
    power = buying_power(rules, account, ledger, open_, at)
    if rules["size_at_open"] != 0:
        equity = account["cash"] + 0.0
        for asset in range(assets):
            held = ledger[asset]["position"]
            if held != 0.0:
                price = open_[at, asset]
                if price != price:  # noqa: PLR0124  (a hole)
                    price = ledger[asset]["price"]
                equity += held * price
        account["equity"] = equity
    for opening in range(2):
        for asset in range(assets):
            slot = working[asset]
            price = open_[at, asset]
            if slot["order"] == NO_ORDER or price != price or slot["flags"] & ON_CLOSE:  # noqa: PLR0124
                continue
            reduces = slot["flags"] & REDUCES != 0
            if reduces != (opening == 0):
                continue
            held = ledger[asset]["position"]
            wanted = slot["quantity"]
            if slot["flags"] & SIZE_AT_OPEN:
                wish = _wish(rules, account, ledger, history, working, asset, price)
                if wish < 0.0 and rules["shorts"] == 0:
                    wish = 0.0
                wanted = wish - held
                slot["wanted"] = wanted
            paid = fill_price(rules, price, wanted)
            quantity = wanted if reduces else affordable(rules, power, held, wanted, paid, price)
            if quantity == 0.0:
                reason = BELOW_ONE_LOT if wanted == 0.0 else BUYING_POWER
                write_order(orders[count], tick, slot["order"], asset, CANCEL, 0.0, wanted, slot["flags"], reason)
                count += 1
                slot["order"] = NO_ORDER
                account["working"] = account["working"] - 1
                continue
            power = power_after(rules, power, held, quantity, paid, price)
            if quantity != slot["quantity"] or slot["flags"] & SIZE_AT_OPEN:
                slot["flags"] = slot["flags"] & ~SIZE_AT_OPEN
                reason = NO_REASON if quantity == wanted else BUYING_POWER
                write_order(
                    orders[count], tick, slot["order"], asset, RESIZE, quantity, slot["wanted"], slot["flags"], reason
                )
                count += 1
                slot["quantity"] = quantity
    return count
