"""``OPEN_DECIDE``, where orders are sized or checked again at the price that will fill them.

As at the close, reductions come first, and what is about lists is left out where none are kept.
"""

from __future__ import annotations

from typing import Any

from backbus.compiled import part, plain, step
from backbus.market.costs import fill_price
from backbus.market.panel import Floats
from backbus.market.records import (
    BELOW_ONE_LOT,
    MARKET,
    NO_ORDER,
    NO_REASON,
    ON_CLOSE,
    REDUCE_ONLY,
    REDUCES,
    RESIZE,
    SIZE_AT_OPEN,
    TAKE_BACK,
    Records,
)
from backbus.market.ticks import OPEN_DECIDE, PHASES
from backbus.market.working import purge, works
from backbus.portfolio.limits import Allowed, plan, plan_all, within
from backbus.portfolio.placing import (
    take_back,
    worst_price,
    write_order,
    write_terms,
)
from backbus.portfolio.reserving import brings, looked_at_open
from backbus.portfolio.risk import accept, buying_power, power_after
from backbus.portfolio.sizing import wished_position


@step
def open_decide(
    rules: Any,
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    history: Floats,
    working: Records,
    terms: Any,
    heads: Any,
    open_: Floats,
    at: int,
    row: int,
    orders: Records,
    count: int,
) -> int:
    """Size the orders that ask for it at this open, and cut the others to what the account can pay there.

    Reads no price of the row but the open. Returns the number of ORDER records.
    """
    tick = PHASES * row + OPEN_DECIDE
    assets = ledger.shape[0]
    power = buying_power(rules, account, ledger, instruments, tape, open_, at)
    if rules["size_at_open"] != 0:
        equity = account["cash"] + 0.0
        for asset in range(assets):
            held = ledger[asset]["position"]
            if held != 0.0:
                price = open_[at, asset]
                if price != price:  # noqa: PLR0124  (a hole)
                    price = ledger[asset]["price"]
                equity += (held * price - ledger[asset]["settled"]) * tape[asset]["unit"]
        account["equity"] = equity
        for asset in range(assets):
            slot, price = working[asset], open_[at, asset]
            if slot["order"] != NO_ORDER and slot["flags"] & SIZE_AT_OPEN and price == price:  # noqa: PLR0124
                held = ledger[asset]["position"]
                wish = wished_position(
                    rules, account, ledger, instruments[asset], tape[asset], history, working, asset, price
                )
                if wish < 0.0 and rules["shorts"] == 0:
                    wish = 0.0
                wanted = wish - held
                slot["quantity"] = wanted
                slot["wanted"] = wanted
                flags = slot["flags"] & ~(REDUCES | REDUCE_ONLY)
                if wanted * held < 0.0 and abs(wanted) <= abs(held):
                    flags |= REDUCES
                if heads is not None:
                    if flags & REDUCES or (rules["shorts"] == 0 and wanted < 0.0):
                        flags |= REDUCE_ONLY
                slot["flags"] = flags
    if heads is not None:
        if rules["limited"] != 0 and rules["size_at_open"] != 0:
            plan_all(account, ledger, tape, working, heads)
        for asset in range(assets):
            node = heads[asset]
            while node >= 0:
                slot = working[node]
                waits = terms[node]["type"] != MARKET and not looked_at_open(rules, slot, terms[node], open_[at, asset])
                if slot["flags"] & REDUCES == 0 and waits:
                    market = ledger[asset]["price"]
                    paid = worst_price(instruments[asset], tape[asset], terms[node], slot["quantity"], market)
                    market_then = max(paid, market) if slot["quantity"] < 0.0 else market
                    power = power_after(
                        rules,
                        instruments[asset],
                        tape[asset],
                        power,
                        ledger[asset]["position"],
                        slot["quantity"],
                        paid,
                        market_then,
                    )
                node = slot["next"]
    for opening in range(2):
        for asset in range(assets):
            instrument, line = instruments[asset], tape[asset]
            price = open_[at, asset]
            node = asset
            if heads is not None:
                node = heads[asset]
            ended = False
            while node >= 0:
                slot = working[node]
                here = node
                node = -1
                if heads is not None:
                    node = slot["next"]
                if slot["order"] == NO_ORDER or price != price or slot["flags"] & ON_CLOSE:  # noqa: PLR0124
                    continue
                if heads is not None:
                    if not looked_at_open(rules, slot, terms[here], price):
                        continue
                reduces = slot["flags"] & REDUCES != 0
                if reduces != (opening == 0):
                    continue
                held = ledger[asset]["position"]
                wanted = slot["quantity"]
                paid = fill_price(instrument, line, price, wanted)
                if terms is not None:
                    paid = worst_price(instrument, line, terms[here], wanted, price)
                allowed = Allowed(wanted, NO_REASON)
                if heads is not None:
                    if rules["limited"] != 0 and slot["flags"] & SIZE_AT_OPEN and not reduces:
                        worth = price * line["unit"]
                        plan(account, ledger[asset], worth, -wanted)
                        allowed = within(rules, account, ledger[asset], instrument, wanted, False, worth)
                        plan(account, ledger[asset], worth, allowed.quantity)
                accepted = accept(rules, instrument, line, power, held, allowed, reduces, paid, price)
                quantity = accepted.quantity
                if quantity == 0.0:
                    reason = BELOW_ONE_LOT if wanted == 0.0 else accepted.reason
                    if heads is not None:
                        count = take_back(working, terms, heads, asset, here, tick, reason, orders, count)
                        ended = True
                        continue
                    write_order(
                        orders[count], tick, slot["order"], asset, TAKE_BACK, 0.0, wanted, slot["flags"], reason
                    )
                    count += 1
                    slot["order"] = NO_ORDER
                    account["working"] = account["working"] - 1
                    continue
                pays = True
                if heads is not None:
                    pays = not reduces or brings(rules, working, terms, heads, asset, here)
                if pays:
                    power = power_after(rules, instrument, line, power, held, quantity, paid, price)
                if quantity != slot["quantity"] or slot["flags"] & SIZE_AT_OPEN:
                    slot["flags"] = slot["flags"] & ~SIZE_AT_OPEN
                    record = orders[count]
                    write_order(
                        record, tick, slot["order"], asset, RESIZE, quantity, slot["wanted"], slot["flags"],
                        accepted.reason,
                    )  # fmt: skip
                    if terms is not None:
                        write_terms(record, terms[here])
                    count += 1
                    slot["quantity"] = quantity
            if heads is not None:
                if ended:
                    purge(working, heads, asset)
    if heads is not None:
        account["working"] = works(heads)
    return count


decide_at_open = part(plain(open_decide))
"""``open_decide`` where lists are kept."""
