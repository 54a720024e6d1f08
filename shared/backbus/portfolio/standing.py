"""How the account stands at each close: whether its margin holds, and whether it has lost so much that it stops.

A margin call comes when equity is less than what positions require to be kept. Then nothing may be opened, and market
orders that the account itself asks for sell (or buy back) by the job's rule as much as it takes for the initial margin
to hold again. The drawdown stop closes everything, and lets nothing be opened any more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import step
from backbus.market.lots import whole_lots
from backbus.market.panel import Floats, Ints
from backbus.market.records import (
    ASSET_SCALE,
    DELISTED,
    DRAWDOWN_STOP,
    FORCED,
    MARGIN_CALL,
    NO_ORDER,
    NO_RATE,
    NO_REASON,
    NOT_TRADED,
    ON_CLOSE,
    REDUCE_ONLY,
    REDUCES,
    ROW_SCALE,
    Records,
)
from backbus.market.rules import CALL_LARGEST_FIRST, CALL_PRO_RATA
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.market.working import new_node, purge
from backbus.portfolio.placing import no_wish, place, take_back
from backbus.portfolio.risk import Accepted


@step
def _locked(rules: Any, instrument: Any, line: Any, price: float) -> float:
    """Equity that one unit of a position needs when it is opened."""
    if instrument["settles"] != 0:
        return instrument["margin"] * line["rate"]
    return price * line["unit"] / rules["leverage"]


@step
def _required(rules: Any, ledger: Records, instruments: Records, tape: Records) -> float:
    """Equity that must be kept for all positions, at the last prices."""
    required = 0.0
    for asset in range(ledger.shape[0]):
        held = abs(ledger[asset]["position"])
        if held != 0.0:
            if instruments[asset]["settles"] != 0:
                required += held * instruments[asset]["maintenance"] * tape[asset]["rate"]
            else:
                required += rules["maintenance"] * held * ledger[asset]["price"] * tape[asset]["unit"]
    return required


@step
def _kept_of_largest(
    rules: Any, account: Any, ledger: Records, instruments: Records, tape: Records, this: int, total: float
) -> float:
    """What may be kept of the position in ``this`` where the largest positions go first."""
    mine = abs(ledger[this]["position"]) * _locked(rules, instruments[this], tape[this], ledger[this]["price"])
    excess = total - max(account["equity"], 0.0)
    for asset in range(ledger.shape[0]):
        its = abs(ledger[asset]["position"])
        if asset != this and its != 0.0:
            its = its * _locked(rules, instruments[asset], tape[asset], ledger[asset]["price"])
            if its > mine or (its == mine and asset < this):
                excess -= its
    return max(1.0 - max(excess, 0.0) / mine, 0.0)


@step
def look_at_account(
    rules: Any,
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    working: Records,
    terms: Records,
    wishes: Records,
    heads: Ints,
    close: Floats,
    at: int,
    row: int,
    orders: Records,
    count: int,
) -> int:
    """Call for margin or stop where the account's close asks for it. Returns the number of ORDER records."""
    tick = PHASES * row + CLOSE_DECIDE
    equity = account["equity"] + 0.0
    account["peak"] = max(account["peak"], equity)
    if rules["drawdown_limit"] < np.inf and equity <= account["peak"] * (1.0 - rules["drawdown_limit"]):
        account["stopped"] = 1
    account["called"] = 1 if equity < _required(rules, ledger, instruments, tape) else 0
    if account["stopped"] == 0 and account["called"] == 0:
        return count
    reason = DRAWDOWN_STOP if account["stopped"] != 0 else MARGIN_CALL
    total = 0.0
    for asset in range(ledger.shape[0]):
        ended = False
        node = heads[asset]
        while node >= 0:
            slot = working[node]
            forced = slot["flags"] & FORCED != 0 and close[at, asset] == close[at, asset]
            if slot["order"] != NO_ORDER and (slot["flags"] & REDUCES == 0 or forced):
                count = take_back(working, terms, heads, asset, node, tick, reason, orders, count)
                ended = True
            node = slot["next"]
        if ended:
            purge(working, heads, asset)
        held = ledger[asset]["position"]
        if held != 0.0:
            total += abs(held) * _locked(rules, instruments[asset], tape[asset], ledger[asset]["price"])
    wish = wishes[wishes.shape[0] - 1]
    no_wish(wish)
    for asset in range(ledger.shape[0]):
        held = ledger[asset]["position"]
        if held == 0.0 or close[at, asset] != close[at, asset]:
            continue
        share = 0.0
        if account["stopped"] == 0 and rules["call_rule"] == CALL_PRO_RATA:
            share = min(max(equity, 0.0) / total, 1.0)
        elif account["stopped"] == 0 and rules["call_rule"] == CALL_LARGEST_FIRST:
            share = _kept_of_largest(rules, account, ledger, instruments, tape, asset, total)
        kept = whole_lots(instruments[asset]["lot"], abs(held) * share)
        sold = kept - abs(held) if held > 0.0 else abs(held) - kept
        if sold != 0.0:
            node = new_node(working, heads)
            order = row * ROW_SCALE + asset * ASSET_SCALE + 1
            flags = REDUCES | REDUCE_ONLY | FORCED
            if rules["fill_at_close"] != 0:
                flags |= ON_CLOSE
            accepted = Accepted(sold, NO_REASON)
            place(
                working, terms, heads, asset, node, tick, order, accepted, sold, flags, wish, NO_ORDER, 0,
                orders[count],
            )  # fmt: skip
            orders[count]["reason"] = reason
            count += 1
    return count


@step
def not_now(account: Any, instrument: Any, line: Any, reduces: bool) -> int:
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
