"""Splits, dividends and delistings, at the first moment of a row: what they do to the book, to orders and to what is
known of the market.

A split multiplies quantities and divides prices; what is no whole lot is paid out at the last price. A dividend is paid
on its ex-date, to who is long and by who is short. What is delisted is paid off in the row after the one that says so,
and its orders end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import part, step
from backbus.jit.fields import copied
from backbus.market.panel import Floats
from backbus.trading.codes import BookingKind
from backbus.trading.groups import Account, MarketArrays, OrderLists, RecordLog
from backbus.trading.lots import whole_lots
from backbus.trading.open_orders import after, first, works
from backbus.trading.order_types import split_terms
from backbus.trading.rules import Fact


@step
def write_booking(
    bookings: RecordLog, tick: int, asset: int, kind: int, amount: float, quantity: float, basis: float
) -> None:
    """Write one BOOKING record."""
    record = bookings.records[bookings.length[0]]
    record["tick"] = tick
    record["asset"] = asset
    record["kind"] = kind
    record["amount"] = amount
    record["quantity"] = quantity
    record["basis"] = basis
    bookings.length[0] += 1


@step
def split_of(facts: Floats, at: int, asset: int) -> float:
    """How many units one has become in a row; 1 where there is no split."""
    ratio = facts[at, Fact.SPLIT, asset]
    return ratio if ratio > 0.0 and ratio < np.inf else 1.0


@step
def is_paid_off(state: Any) -> bool:
    """Whether an asset is paid off in this row, since it was delisted in the one before."""
    return bool(state["payoff"] == state["payoff"])


@step
def after_split(instrument: Any, quantity: float, ratio: float) -> float:
    """A signed quantity after a split, in whole lots; of a future, which is not paid out, any fraction."""
    if instrument["settles"] != 0:
        return quantity * ratio
    size = whole_lots(instrument["lot"], abs(quantity) * ratio)
    return size if quantity > 0.0 else -size


@part
def act_on_book(account: Account, market: MarketArrays, facts: Floats, at: int, tick: int, bookings: RecordLog) -> None:
    """Let a row's actions change positions and cash. ``facts`` is [rows, FACTS, assets]."""
    totals, closes = account.totals, account.closes
    for asset in range(account.positions.shape[0]):
        line, instrument, state = account.positions[asset], market.instruments[asset], market.state[asset]
        ratio = split_of(facts, at, asset)
        if ratio != 1.0:
            held = copied(line["position"])
            price = line["price"] / ratio
            line["price"] = price
            line["average_cost"] = line["average_cost"] / ratio
            for back in range(closes.shape[1]):
                closes[asset, back] = closes[asset, back] / ratio
            if held != 0.0:
                left = after_split(instrument, held, ratio)
                paid = (held * ratio - left) * price * state["unit"]
                totals["cash"] = totals["cash"] + paid
                line["position"] = left
                if left == 0.0:
                    line["average_cost"] = 0.0
                write_booking(bookings, tick, asset, BookingKind.SPLIT, paid, left, ratio)
        held = copied(line["position"])
        each = facts[at, Fact.DIVIDEND, asset]
        if each > 0.0 and each < np.inf and held != 0.0:
            paid = held * each * state["unit"]
            totals["cash"] = totals["cash"] + paid
            write_booking(bookings, tick, asset, BookingKind.DIVIDEND, paid, held, each)
        each = copied(state["payoff"])
        if is_paid_off(state) and held != 0.0:
            paid = held * each * state["unit"]
            if instrument["settles"] != 0:
                paid = (held * each - line["settled"]) * state["unit"]
                line["settled"] = 0.0
            totals["cash"] = totals["cash"] + paid
            line["position"] = 0.0
            line["average_cost"] = 0.0
            write_booking(bookings, tick, asset, BookingKind.DELISTING, paid, held, each)


@step
def split_order(instrument: Any, slot: Any, terms: Any, ratio: float) -> None:
    """Let an order be what it would be if it had been asked for after a split."""
    buys = slot["quantity"] > 0.0
    slot["quantity"] = after_split(instrument, slot["quantity"], ratio)
    slot["wanted"] = slot["wanted"] * ratio
    split_terms(instrument, terms, slot["flags"], ratio, buys)


@step
def act_on_any_order(orders: OrderLists, market: MarketArrays, facts: Floats, at: int) -> bool:
    """Whether a row's actions change or end any order."""
    for asset in range(market.state.shape[0]):
        changes = is_paid_off(market.state[asset]) or split_of(facts, at, asset) != 1.0
        if first(orders, asset) >= 0 and changes:
            return True
    return False


@part
def act_on_orders(orders: OrderLists, market: MarketArrays, facts: Floats, at: int) -> None:
    """Let a row's splits change open orders. Which of them end by it, or with their asset, the market says."""
    for asset in range(market.state.shape[0]):
        ratio = split_of(facts, at, asset)
        if ratio != 1.0:
            node = first(orders, asset)
            while node >= 0:
                if works(orders, node):
                    split_order(market.instruments[asset], orders.slots[node], orders.terms[node], ratio)
                node = after(orders, node)


@part
def act_on_state(market: MarketArrays, facts: Floats, at: int) -> None:
    """Let a row's actions change what is known of the market: after the book and orders have heard of them."""
    window = market.window
    half = window.shape[1] // 2
    for asset in range(market.state.shape[0]):
        state = market.state[asset]
        ratio = split_of(facts, at, asset)
        if ratio != 1.0:
            state["held"] = after_split(market.instruments[asset], state["held"], ratio)
            state["spread"] = state["spread"] / ratio
            state["mean_volume"] = state["mean_volume"] * ratio
            state["month_size"] = state["month_size"] * ratio
            for back in range(half):
                window[asset, back] = window[asset, back] / ratio
                window[asset, half + back] = window[asset, half + back] * ratio
        if is_paid_off(state):
            state["held"] = 0.0
            state["delisted"] = 1
            state["payoff"] = np.nan
