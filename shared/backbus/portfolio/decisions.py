"""The two moments at which orders are decided: ``CLOSE_DECIDE``, where signals become orders, and ``OPEN_DECIDE``,
where orders are sized or checked again at the price that will fill them.

Each writes ORDER records and keeps the working orders; each takes reductions first, then assets in their order. Where
no lists are kept (``heads`` is None) one market order per asset may work, and what is about other orders is not even
compiled: jobs without them do not pay for them.
"""

from __future__ import annotations

from typing import Any

from backbus.compiled import part, plain, step
from backbus.market.costs import fill_price
from backbus.market.ledger import volatility
from backbus.market.panel import Floats
from backbus.market.records import (
    ASSET_SCALE,
    BELOW_ONE_LOT,
    CANCEL,
    DELISTED,
    DRAWDOWN_STOP,
    IMPOSSIBLE,
    MARGIN_CALL,
    MARKET,
    NO_ORDER,
    NO_RATE,
    NO_REASON,
    NO_VOLATILITY,
    NOT_LISTED,
    NOT_TRADED,
    ON_CLOSE,
    PLACE,
    REDUCE_ONLY,
    REDUCES,
    REFUSE,
    REPLACED,
    RESIZE,
    ROW_SCALE,
    SHORTS_NOT_ALLOWED,
    SIZE_AT_OPEN,
    TAKE_BACK,
    WEIGHT,
    WHOLE,
    Records,
)
from backbus.market.rules import TARGET_WEIGHT, VOLATILITY_TARGET
from backbus.market.ticks import CLOSE_DECIDE, OPEN_DECIDE, PHASES
from backbus.market.working import purge, works
from backbus.portfolio.asked import place_asked, take_back_asked
from backbus.portfolio.limits import Allowed, plan, plan_all, within
from backbus.portfolio.placing import (
    LOSS_SHARE,
    TAKE_SHARE,
    TRAILING_SHARE,
    no_wish,
    on_grid,
    place,
    place_exits,
    possible,
    take_back,
    take_term,
    worst_price,
    write_order,
    write_terms,
)
from backbus.portfolio.reserving import brings, check_at_close, looked_at_open, reserved
from backbus.portfolio.risk import accept, buying_power, power_after
from backbus.portfolio.sizing import desired_position
from backbus.portfolio.standing import look_at_account


@step
def take_signals(account: Any, working: Records, wishes: Any, signals: Records, used: int, tick: int) -> int:
    """Let the directions and weights of ``tick`` wait for their decision; a newer one replaces an older.

    ``wishes`` [assets + 2] keeps their terms; what is asked for outright is left to ``close_decide``. Returns how many
    signals are used."""
    if wishes is not None:
        no_wish(wishes[wishes.shape[0] - 1])
    while used < signals.shape[0] and signals[used]["tick"] <= tick:
        asset, kind, value = signals[used]["asset"], signals[used]["kind"], signals[used]["value"]
        used += 1
        if wishes is not None:
            scratch = wishes[wishes.shape[0] - 1]
            if kind > CANCEL:
                take_term(scratch, asset, kind, value)
                continue
            if kind > WEIGHT:
                no_wish(scratch)
                continue
            wishes[asset] = scratch
            no_wish(scratch)
        slot = working[asset]
        if slot["waits"] == 0:
            account["waiting"] = account["waiting"] + 1
        slot["waits"] = 1
        slot["kind"] = kind
        slot["value"] = value
    return used


@step
def _wish(
    rules: Any,
    account: Any,
    ledger: Records,
    instrument: Any,
    line: Any,
    history: Floats,
    working: Records,
    asset: int,
    price: float,
) -> float:
    deviation = 0.0
    if rules["sizing"] == VOLATILITY_TARGET:
        deviation = volatility(history, asset, ledger[asset]["bars"])
    return desired_position(
        rules,
        instrument,
        line["unit"],
        working[asset]["kind"],
        working[asset]["value"],
        ledger[asset]["position"],
        price,
        account["equity"] * (1.0 - rules["buffer"]),
        deviation,
    )


@step
def _own_exits(rules: Any, wish: Any) -> None:
    """Give an entry the job's exits where its signal brought none."""
    if wish["take_profit"] == 0.0 and wish["stop_loss"] == 0.0 and wish["trailing_loss"] == 0.0:
        wish["take_profit"] = rules["take_profit"]
        wish["stop_loss"] = rules["stop_loss"]
        wish["trailing_loss"] = rules["trailing_loss"]
        wish["shares"] = TAKE_SHARE | LOSS_SHARE | TRAILING_SHARE


@step
def _not_now(account: Any, instrument: Any, line: Any, reduces: bool) -> int:
    """Why nothing may be traded, or opened, in an asset; NO_REASON where it may."""
    if instrument["traded"] == 0:
        return NOT_TRADED
    if line["gone"] != 0:
        return DELISTED
    if line["unit"] != line["unit"]:
        return NO_RATE
    if not reduces and account["stopped"] != 0:
        return DRAWDOWN_STOP
    if not reduces and account["called"] != 0:
        return MARGIN_CALL
    return NO_REASON


@step
def close_decide(
    rules: Any,
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    history: Floats,
    working: Records,
    terms: Any,
    wishes: Any,
    heads: Any,
    close: Floats,
    at: int,
    row: int,
    signals: Records,
    first: int,
    used: int,
    orders: Records,
    count: int,
) -> int:
    """Turn the waiting signals of assets that trade in this row into orders, sized at its close.

    ``at`` is the row within ``close`` ([rows, assets]), ``row`` the run's; signals ``first`` to ``used`` are this
    row's. Returns the number of ORDER records.
    """
    tick = PHASES * row + CLOSE_DECIDE
    assets = ledger.shape[0]
    begin = count
    if heads is not None:
        count = take_back_asked(working, terms, wishes, heads, tick, signals, first, used, orders, count)
        if rules["checks"] != 0:
            count = look_at_account(
                rules, account, ledger, instruments, tape, working, terms, wishes, heads, close, at, row, orders, count
            )
    for asset in range(assets):
        slot = working[asset]
        if slot["waits"] == 1 and slot["order"] != NO_ORDER and close[at, asset] == close[at, asset]:
            if heads is not None:
                if terms[asset]["filled"] > 0.0 and slot["kind"] != WEIGHT and slot["value"] * slot["quantity"] > 0.0:
                    slot["waits"] = 0  # it goes on filling, in the direction that is wanted
                    account["waiting"] = account["waiting"] - 1
                    continue
                count = take_back(working, terms, heads, asset, asset, tick, REPLACED, orders, count)
                purge(working, heads, asset)
            else:
                write_order(
                    orders[count], tick, slot["order"], asset, TAKE_BACK, 0.0, slot["wanted"], slot["flags"], REPLACED
                )
                count += 1
                slot["order"] = NO_ORDER
                account["working"] = account["working"] - 1
    power = buying_power(rules, account, ledger, instruments, tape, close, at)
    if heads is not None:
        power = reserved(rules, instruments, tape, ledger, working, terms, heads, row, power)
        power, count = check_at_close(
            rules, ledger, instruments, tape, working, terms, heads, close, at, row, power, orders, count
        )
        if rules["limited"] != 0:
            plan_all(account, ledger, tape, working, heads)
    elif account["working"] > 0:
        for asset in range(assets):
            slot = working[asset]
            if slot["order"] != NO_ORDER:
                price = ledger[asset]["price"]
                paid = fill_price(instruments[asset], tape[asset], price, slot["quantity"])
                power = power_after(
                    rules,
                    instruments[asset],
                    tape[asset],
                    power,
                    ledger[asset]["position"],
                    slot["quantity"],
                    paid,
                    price,
                )
    for opening in range(2):
        for asset in range(assets):
            slot = working[asset]
            if slot["waits"] == 0:
                continue
            price = close[at, asset]
            instrument, line = instruments[asset], tape[asset]
            held = ledger[asset]["position"]
            order = row * ROW_SCALE + asset * ASSET_SCALE
            if price != price:  # noqa: PLR0124  (a hole: the signal waits, unless the asset has never traded)
                if ledger[asset]["price"] != ledger[asset]["price"] or line["gone"] != 0:
                    reason = DELISTED if line["gone"] != 0 else NOT_LISTED
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, 0.0, 0, reason)
                    count += 1
                    slot["waits"] = 0
                    account["waiting"] = account["waiting"] - 1
                continue
            wish = _wish(rules, account, ledger, instrument, line, history, working, asset, price)
            reason = NO_REASON
            if wish < 0.0 and rules["shorts"] == 0:
                if held <= 0.0:
                    reason = SHORTS_NOT_ALLOWED
                wish = 0.0
            wanted = wish - held
            reduces = wanted * held < 0.0 and abs(wanted) <= abs(held)
            if heads is not None:
                why = _not_now(account, instrument, line, reduces)
                if why != NO_REASON:
                    if opening == 0:
                        continue
                    slot["waits"] = 0
                    account["waiting"] = account["waiting"] - 1
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, wanted, 0, why)
                    count += 1
                    continue
            if opening == 0 and not reduces:
                continue
            slot["waits"] = 0
            account["waiting"] = account["waiting"] - 1
            if wish != wish:  # noqa: PLR0124  (could not be sized)
                write_order(orders[count], tick, order, asset, REFUSE, 0.0, 0.0, 0, NO_VOLATILITY)
                count += 1
                continue
            if rules["band"] > 0.0 and held != 0.0 and wish != 0.0:
                by_weight = slot["kind"] == WEIGHT or rules["sizing"] == TARGET_WEIGHT
                if by_weight and abs(wanted) * price * line["unit"] < rules["band"] * account["equity"]:
                    continue
            if wanted == 0.0:
                if reason == NO_REASON and wish == 0.0 and held == 0.0 and slot["value"] != 0.0:
                    reason = BELOW_ONE_LOT
                if reason != NO_REASON:
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, 0.0, 0, reason)
                    count += 1
                continue
            flags = REDUCES if reduces else 0
            market_order = True
            if wishes is not None:
                its = wishes[asset]
                market_order = its["type"] == MARKET
                on_grid(instrument, its, wanted, price)
                if not possible(its):
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, wanted, flags, IMPOSSIBLE)
                    count += 1
                    continue
                if reduces:
                    flags |= REDUCE_ONLY
            if market_order:
                if rules["fill_at_close"] != 0:
                    flags |= ON_CLOSE
                elif rules["size_at_open"] != 0 and (not reduces or wish != 0.0):
                    flags |= SIZE_AT_OPEN
            paid, market_then = fill_price(instrument, line, price, wanted), price
            if wishes is not None:
                paid = worst_price(instrument, line, wishes[asset], wanted, price)
                market_then = max(paid, price) if wanted < 0.0 and not market_order else price
            worth = price * line["unit"]
            allowed = within(rules, account, ledger[asset], instrument, wanted, reduces, worth)
            accepted = accept(rules, instrument, line, power, held, allowed, reduces, paid, market_then)
            quantity = accepted.quantity
            if quantity == 0.0:
                write_order(orders[count], tick, order, asset, REFUSE, 0.0, wanted, flags, accepted.reason)
                count += 1
                continue
            if heads is not None:
                if rules["limited"] != 0:
                    account["ordered"] = account["ordered"] + abs(quantity) * worth
                    if not reduces or market_order:
                        plan(account, ledger[asset], worth, quantity)
                _own_exits(rules, wishes[asset])
                place(
                    working, terms, heads, asset, asset, tick, order, accepted, wanted, flags, wishes[asset],
                    NO_ORDER, 0, orders[count],
                )  # fmt: skip
                count += 1
                if not reduces or (market_order and brings(rules, working, terms, heads, asset, asset)):
                    power = power_after(rules, instrument, line, power, held, quantity, paid, market_then)
                if not reduces and held + quantity != 0.0:
                    count = place_exits(
                        instrument, working, terms, heads, asset, tick, order, held + quantity, WHOLE, wishes[asset],
                        wishes[wishes.shape[0] - 1], orders, count,
                    )  # fmt: skip
                continue
            power = power_after(rules, instrument, line, power, held, quantity, paid, market_then)
            slot["order"] = order
            slot["quantity"] = quantity
            slot["wanted"] = wanted
            slot["flags"] = flags
            account["working"] = account["working"] + 1
            write_order(orders[count], tick, order, asset, PLACE, quantity, wanted, flags, accepted.reason)
            count += 1
        if heads is not None:
            power, count = place_asked(
                rules, account, ledger, instruments, tape, working, terms, wishes, heads, row, signals, first, used,
                opening, power, orders, begin, count,
            )  # fmt: skip
    if heads is not None:
        account["working"] = works(heads)
    return count


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
                wish = _wish(rules, account, ledger, instruments[asset], tape[asset], history, working, asset, price)
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


decide_at_close = part(plain(close_decide))
"""``close_decide`` where lists are kept, compiled by itself: it is large."""
decide_at_open = part(plain(open_decide))
"""``open_decide`` where lists are kept."""
