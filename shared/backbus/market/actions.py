"""Splits, dividends and delistings, at the first moment of a row: what they do to the book, to orders and to what is
known of the market.

A split multiplies quantities and divides prices; what is no whole lot is paid out at the last price. A dividend is paid
on its ex-date, to who is long and by who is short. What is delisted is paid off in the row after the one that says so,
and its orders end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import part, step
from backbus.market.costs import on_tick
from backbus.market.lots import whole_lots
from backbus.market.panel import Floats, Ints
from backbus.market.records import (
    DELISTING,
    DIVIDEND,
    NO_ORDER,
    RELATIVE,
    SPLIT,
    TRAIL,
    Records,
)
from backbus.market.rules import DIVIDENDS, SPLITS
from backbus.market.working import ASLEEP, end_node, purge


@step
def write_booking(record: Any, tick: int, asset: int, kind: int, amount: float, quantity: float, basis: float) -> None:
    """Fill one BOOKING record."""
    record["tick"] = tick
    record["asset"] = asset
    record["kind"] = kind
    record["amount"] = amount
    record["quantity"] = quantity
    record["basis"] = basis


@step
def split_of(facts: Floats, at: int, asset: int) -> float:
    """How many units one has become in a row; 1 where there is no split."""
    ratio = facts[at, SPLITS, asset]
    return ratio if ratio > 0.0 and ratio < np.inf else 1.0


@step
def after_split(instrument: Any, quantity: float, ratio: float) -> float:
    """A signed quantity after a split, in whole lots; of a future, which is not paid out, any fraction."""
    if instrument["settles"] != 0:
        return quantity * ratio
    size = whole_lots(instrument["lot"], abs(quantity) * ratio)
    return size if quantity > 0.0 else -size


@part
def act_on_book(
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    history: Floats,
    facts: Floats,
    at: int,
    tick: int,
    bookings: Records,
    count: int,
) -> int:
    """Let a row's actions change positions and cash. Returns the BOOKING records.

    ``account`` is one ACCOUNT record in an array; ``facts`` is [rows, FACTS, assets]."""
    own = account[0]
    for asset in range(ledger.shape[0]):
        line, instrument, market = ledger[asset], instruments[asset], tape[asset]
        ratio = split_of(facts, at, asset)
        if ratio != 1.0:
            held = line["position"] + 0.0
            price = line["price"] / ratio
            line["price"] = price
            line["average_cost"] = line["average_cost"] / ratio
            for back in range(history.shape[1]):
                history[asset, back] = history[asset, back] / ratio
            if held != 0.0:
                after = after_split(instrument, held, ratio)
                paid = (held * ratio - after) * price * market["unit"]
                own["cash"] = own["cash"] + paid
                line["position"] = after
                if after == 0.0:
                    line["average_cost"] = 0.0
                write_booking(bookings[count], tick, asset, SPLIT, paid, after, ratio)
                count += 1
        held = line["position"] + 0.0
        each = facts[at, DIVIDENDS, asset]
        if each > 0.0 and each < np.inf and held != 0.0:
            paid = held * each * market["unit"]
            own["cash"] = own["cash"] + paid
            write_booking(bookings[count], tick, asset, DIVIDEND, paid, held, each)
            count += 1
        each = market["pays"] + 0.0
        if each == each and held != 0.0:  # noqa: PLR0124  (NaN where nothing is paid off)
            paid = held * each * market["unit"]
            if instrument["settles"] != 0:
                paid = (held * each - line["settled"]) * market["unit"]
                line["settled"] = 0.0
            own["cash"] = own["cash"] + paid
            line["position"] = 0.0
            line["average_cost"] = 0.0
            write_booking(bookings[count], tick, asset, DELISTING, paid, held, each)
            count += 1
    return count


@step
def split_order(instrument: Any, slot: Any, its: Any, ratio: float) -> None:
    """Let an order be what it would be if it had been asked for after a split."""
    buys = slot["quantity"] > 0.0
    slot["quantity"] = after_split(instrument, slot["quantity"], ratio)
    slot["wanted"] = slot["wanted"] * ratio
    its["limit"] = on_tick(instrument, its["limit"] / ratio, not buys)
    its["stop"] = on_tick(instrument, its["stop"] / ratio, buys)
    its["start"] = its["start"] / ratio
    its["nearest"] = its["nearest"] / ratio
    its["filled"] = its["filled"] * ratio
    if its["type"] == TRAIL and slot["flags"] & RELATIVE == 0:
        its["trail"] = its["trail"] / ratio


@step
def end_sleepers(working: Records, terms: Records, heads: Ints, asset: int, parent: int) -> None:
    """End the exits that sleep beside an order."""
    node = heads[asset]
    while node >= 0:
        slot, its = working[node], terms[node]
        if slot["order"] != NO_ORDER and its["parent"] == parent and its["state"] == ASLEEP:
            end_node(working, heads, node)
        node = slot["next"]


@step
def act_on_any_order(tape: Records, heads: Ints, facts: Floats, at: int) -> bool:
    """Whether a row's actions change or end any order."""
    for asset in range(tape.shape[0]):
        gone = tape[asset]["pays"] == tape[asset]["pays"]
        if heads[asset] >= 0 and (gone or split_of(facts, at, asset) != 1.0):
            return True
    return False


@part
def act_on_orders(
    instruments: Records, tape: Records, working: Records, terms: Records, heads: Ints, facts: Floats, at: int
) -> None:
    """Let a row's actions change and end working orders, without saying so: the market does."""
    for asset in range(tape.shape[0]):
        ratio = split_of(facts, at, asset)
        gone = tape[asset]["pays"] == tape[asset]["pays"]
        if ratio == 1.0 and not gone:
            continue
        node = heads[asset]
        while node >= 0:
            slot, its = working[node], terms[node]
            if slot["order"] != NO_ORDER:
                if ratio != 1.0:
                    split_order(instruments[asset], slot, its, ratio)
                if gone or (slot["quantity"] == 0.0 and its["state"] != ASLEEP):
                    order = slot["order"] + 0
                    end_node(working, heads, node)
                    if its["filled"] == 0.0:
                        end_sleepers(working, terms, heads, asset, order)
            node = slot["next"]
        purge(working, heads, asset)


@part
def act_on_tape(instruments: Records, tape: Records, seen: Floats, facts: Floats, at: int) -> None:
    """Let a row's actions change what is known of the market: after the book and orders have heard of them."""
    half = seen.shape[1] // 2
    for asset in range(tape.shape[0]):
        line = tape[asset]
        ratio = split_of(facts, at, asset)
        if ratio != 1.0:
            line["held"] = after_split(instruments[asset], line["held"], ratio)
            line["spread"] = line["spread"] / ratio
            line["mean_volume"] = line["mean_volume"] * ratio
            line["month_size"] = line["month_size"] * ratio
            for back in range(half):
                seen[asset, back] = seen[asset, back] / ratio
                seen[asset, half + back] = seen[asset, half + back] * ratio
        if line["pays"] == line["pays"]:
            line["held"] = 0.0
            line["gone"] = 1
            line["pays"] = np.nan
