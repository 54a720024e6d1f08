"""``CLOSE_DECIDE``, where signals and orders that were asked for become orders in the market.

It writes ORDER records and keeps the working orders; it takes reductions first, then assets in their order. Where no
lists are kept (``heads`` is None) one market order per asset may work, and what is about other orders is not even
compiled: jobs without them do not pay for them. ``opening`` has the moment at which they are looked at again.
"""

from __future__ import annotations

from typing import Any

from backbus.compiled import part, plain, step
from backbus.market.costs import fill_price
from backbus.market.panel import Floats
from backbus.market.records import (
    ASSET_SCALE,
    BELOW_ONE_LOT,
    CANCEL,
    DELISTED,
    IMPOSSIBLE,
    MARKET,
    NO_ORDER,
    NO_REASON,
    NO_VOLATILITY,
    NOT_LISTED,
    ON_CLOSE,
    PLACE,
    REDUCE_ONLY,
    REDUCES,
    REFUSE,
    REPLACED,
    ROW_SCALE,
    SHORTS_NOT_ALLOWED,
    SIZE_AT_OPEN,
    TAKE_BACK,
    WEIGHT,
    WHOLE,
    Records,
)
from backbus.market.rules import TARGET_WEIGHT
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.market.working import purge, works
from backbus.portfolio.asked import place_asked, take_back_asked
from backbus.portfolio.limits import plan, plan_all, within
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
)
from backbus.portfolio.reserving import brings, check_at_close, reserved
from backbus.portfolio.risk import accept, buying_power, power_after
from backbus.portfolio.sizing import wished_position
from backbus.portfolio.standing import look_at_account, not_now


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
def _own_exits(rules: Any, wish: Any) -> None:
    """Give an entry the job's exits where its signal brought none."""
    if wish["take_profit"] == 0.0 and wish["stop_loss"] == 0.0 and wish["trailing_loss"] == 0.0:
        wish["take_profit"] = rules["take_profit"]
        wish["stop_loss"] = rules["stop_loss"]
        wish["trailing_loss"] = rules["trailing_loss"]
        wish["shares"] = TAKE_SHARE | LOSS_SHARE | TRAILING_SHARE


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
            wish = wished_position(rules, account, ledger, instrument, line, history, working, asset, price)
            reason = NO_REASON
            if wish < 0.0 and rules["shorts"] == 0:
                if held <= 0.0:
                    reason = SHORTS_NOT_ALLOWED
                wish = 0.0
            wanted = wish - held
            reduces = wanted * held < 0.0 and abs(wanted) <= abs(held)
            if heads is not None:
                why = not_now(account, instrument, line, reduces)
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


decide_at_close = part(plain(close_decide))
"""``close_decide`` where lists are kept, compiled by itself: it is large."""
