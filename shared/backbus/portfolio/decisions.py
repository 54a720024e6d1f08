"""The two moments at which orders are decided: ``CLOSE_DECIDE``, where signals become orders, and ``OPEN_DECIDE``,
where orders are sized or checked again at the price that will fill them.

Each writes ORDER records and keeps the working orders; each takes reductions first, then assets in their order. Where
no lists are kept (``heads`` is None) one market order per asset may work, and what is about other orders is not even
compiled: jobs without them do not pay for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import part, plain, step
from backbus.market.costs import fill_price
from backbus.market.ledger import volatility
from backbus.market.lots import whole_lots
from backbus.market.panel import Floats, Ints
from backbus.market.records import (
    ASKED,
    ASSET_SCALE,
    BELOW_ONE_LOT,
    BUYING_POWER,
    CANCEL,
    IMPOSSIBLE,
    MARKET,
    MARKET_ON_CLOSE,
    MAX_ASSETS,
    MAX_ORDINAL,
    NO_ORDER,
    NO_REASON,
    NO_VOLATILITY,
    NOT_LISTED,
    NOT_WORKING,
    ON_CLOSE,
    ORDINALS_OF_ONE,
    PLACE,
    QUANTITY,
    REDUCE_ONLY,
    REDUCES,
    REFUSE,
    REPLACED,
    RESIZE,
    ROW_SCALE,
    SHORTS_NOT_ALLOWED,
    SIZE_AT_OPEN,
    STOP,
    TAKE_BACK,
    TRAIL,
    TRAIL_PERCENT,
    WEIGHT,
    WHOLE,
    Records,
)
from backbus.market.rules import VOLATILITY_TARGET
from backbus.market.ticks import CLOSE_DECIDE, OPEN_DECIDE, PHASES
from backbus.market.working import find_order, new_node, purge, works
from backbus.portfolio.placing import (
    LOSS_SHARE,
    TAKE_SHARE,
    TRAILING_SHARE,
    named_order,
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
from backbus.portfolio.risk import accept, buying_power, power_after
from backbus.portfolio.sizing import desired_position


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
    kit: Any,
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
        kit,
        line["unit"],
        working[asset]["kind"],
        working[asset]["value"],
        ledger[asset]["position"],
        price,
        account["equity"],
        deviation,
    )


@step
def _fills_at_this_close(slot: Any, its: Any, row: int) -> bool:
    on_close = its["type"] == MARKET_ON_CLOSE or slot["flags"] & ON_CLOSE != 0
    return bool(on_close and slot["order"] // ROW_SCALE < row)


@step
def _brings(rules: Any, working: Records, terms: Records, heads: Ints, asset: int, node: int) -> bool:
    """Whether what a market order that reduces a position brings can be counted on: it is the first of its asset that
    does, and no volume can hold it back."""
    if rules["capped"] != 0:
        return False
    other = heads[asset]
    while other >= 0 and other != node:
        if working[other]["flags"] & REDUCES != 0 and terms[other]["type"] == MARKET:
            return False
        other = working[other]["next"]
    return True


@step
def _reserved(
    rules: Any,
    kits: Records,
    tape: Records,
    ledger: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    row: int,
    power: float,
) -> float:
    """Buying power less what all working orders that may open something would cost at their worst."""
    for asset in range(ledger.shape[0]):
        kit, line, market = kits[asset], tape[asset], ledger[asset]["price"]
        node = heads[asset]
        while node >= 0:
            slot = working[node]
            lessens = slot["flags"] & REDUCES != 0
            if _fills_at_this_close(slot, terms[node], row):
                pass  # it is looked at by itself
            elif not lessens or (terms[node]["type"] == MARKET and _brings(rules, working, terms, heads, asset, node)):
                paid = worst_price(kit, line, terms[node], slot["quantity"], market)
                market_then = max(paid, market) if slot["quantity"] < 0.0 else market
                power = power_after(
                    rules, kit, line, power, ledger[asset]["position"], slot["quantity"], paid, market_then
                )
            node = slot["next"]
    return power


@step
def _fills_at(rules: Any, slot: Any, its: Any, price: float) -> bool:
    """Whether an order is to be looked at where it fills at this open: a market order, or one that opens something and
    that the open has gapped through, or whose slippage follows the market, so that it may cost more than was provided
    for."""
    if slot["flags"] & ON_CLOSE or price != price:  # noqa: PLR0124  (a hole)
        return False
    kind = its["type"]
    if kind == MARKET:
        return True
    if slot["flags"] & REDUCES:
        return False
    buys = slot["quantity"] > 0.0
    level = its["stop"] + 0.0
    if kind == TRAIL:
        level = its["start"] + its["trail"] if buys else its["start"] - its["trail"]
    elif kind == TRAIL_PERCENT:
        level = its["start"] * (1.0 + its["trail"]) if buys else its["start"] * (1.0 - its["trail"])
    elif kind != STOP:
        return False
    if rules["each_row"] != 0:
        return True
    return bool(price >= level if buys else price <= level)


@step
def _check_at_close(
    rules: Any,
    ledger: Records,
    kits: Records,
    tape: Records,
    working: Records,
    terms: Records,
    heads: Ints,
    close: Floats,
    at: int,
    row: int,
    power: float,
    orders: Records,
    count: int,
) -> tuple[float, int]:
    """Cut orders that fill at this close, and were decided before it, to what the account can pay there.

    Returns buying power and ORDER records."""
    tick = PHASES * row + CLOSE_DECIDE
    for asset in range(ledger.shape[0]):
        kit, line, price, held = kits[asset], tape[asset], close[at, asset], ledger[asset]["position"]
        ended = False
        node = heads[asset] if price == price else -1  # noqa: PLR0124
        while node >= 0:
            slot, its = working[node], terms[node]
            if _fills_at_this_close(slot, its, row) and slot["flags"] & REDUCES == 0:
                wanted = slot["quantity"] + 0.0
                paid = fill_price(kit, line, price, wanted)
                accepted = accept(rules, kit, line, power, held, wanted, False, paid, price)
                if accepted.quantity == 0.0:
                    count = take_back(working, terms, heads, asset, node, tick, accepted.reason, orders, count)
                    ended = True
                else:
                    power = power_after(rules, kit, line, power, held, accepted.quantity, paid, price)
                    if accepted.quantity != wanted:
                        record = orders[count]
                        write_order(
                            record, tick, slot["order"], asset, RESIZE, accepted.quantity, slot["wanted"],
                            slot["flags"], accepted.reason,
                        )  # fmt: skip
                        write_terms(record, its)
                        count += 1
                        slot["quantity"] = accepted.quantity
            node = slot["next"]
        if ended:
            purge(working, heads, asset)
    return power, count


@step
def _own_exits(rules: Any, wish: Any) -> None:
    """Give an entry the job's exits where its signal brought none."""
    if wish["take_profit"] == 0.0 and wish["stop_loss"] == 0.0 and wish["trailing_loss"] == 0.0:
        wish["take_profit"] = rules["take_profit"]
        wish["stop_loss"] = rules["stop_loss"]
        wish["trailing_loss"] = rules["trailing_loss"]
        wish["shares"] = TAKE_SHARE | LOSS_SHARE | TRAILING_SHARE


@step
def _buys(working: Records, heads: Ints, asset: int) -> bool:
    """Whether an order that buys works."""
    node = heads[asset]
    while node >= 0:
        if working[node]["quantity"] > 0.0:
            return True
        node = working[node]["next"]
    return False


@step
def _taken_back(orders: Records, begin: int, count: int, order: int) -> bool:
    """Whether an order is among those that this decision took back."""
    for index in range(begin, count):
        if orders[index]["kind"] == TAKE_BACK and orders[index]["order"] == order:
            return True
    return False


@step
def _group(working: Records, terms: Records, heads: Ints, asset: int, order: int, wish: Any) -> int:
    """The group that a new order belongs to, 0 where it has none: that of the order which its wish names, which becomes
    its first member, or its own where another named it already. A group's number is its first order's id + 1."""
    if wish["group_of"] != NO_ORDER:
        of = wish["group_of"] // ASSET_SCALE % MAX_ASSETS
        if of < heads.shape[0] - 3:
            other = find_order(working, heads, of, wish["group_of"])
            if other >= 0:
                if terms[other]["group"] != 0:
                    return terms[other]["group"]
                terms[other]["group"] = wish["group_of"] + 1
        return wish["group_of"] + 1
    node = heads[asset]
    while node >= 0:
        if terms[node]["group"] == order + 1:
            return order + 1
        node = working[node]["next"]
    return 0


@step
def _take_back_asked(
    working: Records,
    terms: Records,
    wishes: Records,
    heads: Ints,
    tick: int,
    signals: Records,
    first: int,
    used: int,
    orders: Records,
    count: int,
) -> int:
    """Take back what the strategy cancels or replaces. Returns the number of ORDER records."""
    wish = wishes[wishes.shape[0] - 2]
    no_wish(wish)
    for index in range(first, used):
        asset, kind, value = signals[index]["asset"], signals[index]["kind"], signals[index]["value"]
        if kind > CANCEL:
            take_term(wish, asset, kind, value)
            continue
        named = NO_ORDER
        reason = ASKED
        if kind == CANCEL:
            named = named_order(wish, asset, value)
        elif kind == QUANTITY:
            named = wish["instead_of"]
            reason = REPLACED
        if named != NO_ORDER:
            of = named // ASSET_SCALE % MAX_ASSETS
            node = find_order(working, heads, of, named) if of < heads.shape[0] - 3 else -1
            if node >= 0:
                count = take_back(working, terms, heads, of, node, tick, reason, orders, count)
                purge(working, heads, of)
        no_wish(wish)
    return count


@step
def _place_asked(
    rules: Any,
    ledger: Records,
    kits: Records,
    tape: Records,
    working: Records,
    terms: Records,
    wishes: Records,
    heads: Ints,
    row: int,
    signals: Records,
    first: int,
    used: int,
    opening: int,
    power: float,
    orders: Records,
    begin: int,
    count: int,
) -> tuple[float, int]:
    """Decide the orders that were asked for outright: those that reduce a position if ``opening`` is 0, then the
    others.

    ``begin`` is the first ORDER record of this decision. Returns buying power and ORDER records."""
    tick = PHASES * row + CLOSE_DECIDE
    scratch, wish = wishes[wishes.shape[0] - 1], wishes[wishes.shape[0] - 2]
    no_wish(wish)
    ordinal = 0
    before = -1
    for index in range(first, used):
        asset, kind, value = signals[index]["asset"], signals[index]["kind"], signals[index]["value"]
        if kind > CANCEL:
            take_term(wish, asset, kind, value)
            continue
        if kind == QUANTITY:
            kit, line = kits[asset], tape[asset]
            if asset != before:
                before = asset
                ordinal = 0
            ordinal += ORDINALS_OF_ONE
            order = row * ROW_SCALE + asset * ASSET_SCALE + ordinal
            held, market = ledger[asset]["position"], ledger[asset]["price"]
            sign = 1.0 if value > 0.0 else -1.0
            wanted = sign * whole_lots(kit["lot"], abs(value)) if abs(value) < np.inf else 0.0
            reduces = wanted * held < 0.0 and abs(wanted) <= abs(held)
            if reduces == (opening == 0):
                on_grid(kit, wish, wanted, market)
                flags = REDUCES if reduces else 0
                if wish["reduce"] != 0 or (rules["shorts"] == 0 and wanted < 0.0):
                    flags |= REDUCE_ONLY | REDUCES
                reason = NO_REASON
                quantity = 0.0
                if market != market:  # noqa: PLR0124  (it has never traded)
                    reason = NOT_LISTED
                elif not possible(wish) or ordinal > MAX_ORDINAL - ORDINALS_OF_ONE:
                    reason = IMPOSSIBLE
                elif wanted == 0.0:
                    reason = BELOW_ONE_LOT
                elif rules["shorts"] == 0 and wanted < 0.0 and held <= 0.0 and not _buys(working, heads, asset):
                    reason = SHORTS_NOT_ALLOWED
                elif wish["instead_of"] != NO_ORDER and not _taken_back(orders, begin, count, wish["instead_of"]):
                    reason = NOT_WORKING
                else:
                    if rules["fill_at_close"] != 0 and wish["type"] == MARKET:
                        flags |= ON_CLOSE
                    paid = worst_price(kit, line, wish, wanted, market)
                    market_then = max(paid, market) if wanted < 0.0 else market
                    lessens = flags & REDUCES != 0
                    accepted = accept(rules, kit, line, power, held, wanted, lessens, paid, market_then)
                    quantity, reason = accepted.quantity, accepted.reason
                    if quantity != 0.0:
                        group = _group(working, terms, heads, asset, order, wish)
                        node = new_node(working, heads)
                        place(
                            working, terms, heads, asset, node, tick, order, accepted, wanted, flags, wish,
                            NO_ORDER, group, orders[count],
                        )  # fmt: skip
                        count += 1
                        brings = wish["type"] == MARKET and _brings(rules, working, terms, heads, asset, node)
                        if not lessens or brings:
                            power = power_after(rules, kit, line, power, held, quantity, paid, market_then)
                        count = place_exits(
                            kit, working, terms, heads, asset, tick, order, quantity, 0, wish, scratch, orders, count
                        )
                if quantity == 0.0:
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, wanted, flags, reason)
                    write_terms(orders[count], wish)
                    count += 1
        no_wish(wish)
    return power, count


@step
def close_decide(
    rules: Any,
    account: Any,
    ledger: Records,
    kits: Records,
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
        count = _take_back_asked(working, terms, wishes, heads, tick, signals, first, used, orders, count)
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
    power = buying_power(rules, account, ledger, kits, tape, close, at)
    if heads is not None:
        power = _reserved(rules, kits, tape, ledger, working, terms, heads, row, power)
        power, count = _check_at_close(
            rules, ledger, kits, tape, working, terms, heads, close, at, row, power, orders, count
        )
    elif account["working"] > 0:
        for asset in range(assets):
            slot = working[asset]
            if slot["order"] != NO_ORDER:
                price = ledger[asset]["price"]
                paid = fill_price(kits[asset], tape[asset], price, slot["quantity"])
                power = power_after(
                    rules, kits[asset], tape[asset], power, ledger[asset]["position"], slot["quantity"], paid, price
                )
    for opening in range(2):
        for asset in range(assets):
            slot = working[asset]
            if slot["waits"] == 0:
                continue
            price = close[at, asset]
            kit, line = kits[asset], tape[asset]
            held = ledger[asset]["position"]
            order = row * ROW_SCALE + asset * ASSET_SCALE
            if price != price:  # noqa: PLR0124  (a hole: the signal waits, unless the asset has never traded)
                if ledger[asset]["price"] != ledger[asset]["price"]:
                    write_order(orders[count], tick, order, asset, REFUSE, 0.0, 0.0, 0, NOT_LISTED)
                    count += 1
                    slot["waits"] = 0
                    account["waiting"] = account["waiting"] - 1
                continue
            wish = _wish(rules, account, ledger, kit, line, history, working, asset, price)
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
            flags = REDUCES if reduces else 0
            market_order = True
            if wishes is not None:
                its = wishes[asset]
                market_order = its["type"] == MARKET
                on_grid(kit, its, wanted, price)
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
            paid, market_then = fill_price(kit, line, price, wanted), price
            if wishes is not None:
                paid = worst_price(kit, line, wishes[asset], wanted, price)
                market_then = max(paid, price) if wanted < 0.0 and not market_order else price
            accepted = accept(rules, kit, line, power, held, wanted, reduces, paid, market_then)
            quantity = accepted.quantity
            if quantity == 0.0:
                write_order(orders[count], tick, order, asset, REFUSE, 0.0, wanted, flags, accepted.reason)
                count += 1
                continue
            if heads is not None:
                _own_exits(rules, wishes[asset])
                place(
                    working, terms, heads, asset, asset, tick, order, accepted, wanted, flags, wishes[asset],
                    NO_ORDER, 0, orders[count],
                )  # fmt: skip
                count += 1
                if not reduces or (market_order and _brings(rules, working, terms, heads, asset, asset)):
                    power = power_after(rules, kit, line, power, held, quantity, paid, market_then)
                if not reduces and held + quantity != 0.0:
                    count = place_exits(
                        kit, working, terms, heads, asset, tick, order, held + quantity, WHOLE, wishes[asset],
                        wishes[wishes.shape[0] - 1], orders, count,
                    )  # fmt: skip
                continue
            power = power_after(rules, kit, line, power, held, quantity, paid, market_then)
            slot["order"] = order
            slot["quantity"] = quantity
            slot["wanted"] = wanted
            slot["flags"] = flags
            account["working"] = account["working"] + 1
            write_order(orders[count], tick, order, asset, PLACE, quantity, wanted, flags, accepted.reason)
            count += 1
        if heads is not None:
            power, count = _place_asked(
                rules, ledger, kits, tape, working, terms, wishes, heads, row, signals, first, used, opening,
                power, orders, begin, count,
            )  # fmt: skip
    if heads is not None:
        account["working"] = works(heads)
    return count


@step
def open_decide(
    rules: Any,
    account: Any,
    ledger: Records,
    kits: Records,
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
    power = buying_power(rules, account, ledger, kits, tape, open_, at)
    if rules["size_at_open"] != 0:
        equity = account["cash"] + 0.0
        for asset in range(assets):
            held = ledger[asset]["position"]
            if held != 0.0:
                price = open_[at, asset]
                if price != price:  # noqa: PLR0124  (a hole)
                    price = ledger[asset]["price"]
                equity += held * price * tape[asset]["unit"] - ledger[asset]["settled"]
        account["equity"] = equity
        for asset in range(assets):
            slot, price = working[asset], open_[at, asset]
            if slot["order"] != NO_ORDER and slot["flags"] & SIZE_AT_OPEN and price == price:  # noqa: PLR0124
                held = ledger[asset]["position"]
                wish = _wish(rules, account, ledger, kits[asset], tape[asset], history, working, asset, price)
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
        for asset in range(assets):
            node = heads[asset]
            while node >= 0:
                slot = working[node]
                waits = terms[node]["type"] != MARKET and not _fills_at(rules, slot, terms[node], open_[at, asset])
                if slot["flags"] & REDUCES == 0 and waits:
                    market = ledger[asset]["price"]
                    paid = worst_price(kits[asset], tape[asset], terms[node], slot["quantity"], market)
                    market_then = max(paid, market) if slot["quantity"] < 0.0 else market
                    power = power_after(
                        rules, kits[asset], tape[asset], power, ledger[asset]["position"], slot["quantity"], paid,
                        market_then,
                    )  # fmt: skip
                node = slot["next"]
    for opening in range(2):
        for asset in range(assets):
            kit, line = kits[asset], tape[asset]
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
                    if not _fills_at(rules, slot, terms[here], price):
                        continue
                reduces = slot["flags"] & REDUCES != 0
                if reduces != (opening == 0):
                    continue
                held = ledger[asset]["position"]
                wanted = slot["quantity"]
                paid = fill_price(kit, line, price, wanted)
                if terms is not None:
                    paid = worst_price(kit, line, terms[here], wanted, price)
                accepted = accept(rules, kit, line, power, held, wanted, reduces, paid, price)
                quantity = accepted.quantity
                if quantity == 0.0:
                    reason = BELOW_ONE_LOT if wanted == 0.0 else BUYING_POWER
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
                brings = True
                if heads is not None:
                    brings = not reduces or _brings(rules, working, terms, heads, asset, here)
                if brings:
                    power = power_after(rules, kit, line, power, held, quantity, paid, price)
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
