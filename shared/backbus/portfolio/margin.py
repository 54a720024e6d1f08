"""How the account stands at each close: whether its margin holds, and whether it has lost so much that it stops.

A margin call comes when equity is less than what positions require to be kept. Then nothing may be opened, and market
orders that the account itself asks for sell (or buy back) by the job's rule as much as it takes for the initial margin
to hold again. The drawdown stop closes everything, and lets nothing be opened any more. A run that is to end flat
closes everything at its last close.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.market.panel import Floats
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.portfolio.order_entry import cancel, place_forced
from backbus.trading.codes import Flag, Reason
from backbus.trading.groups import Account, MarketArrays, OrderLists, RecordLog
from backbus.trading.lots import whole_lots
from backbus.trading.open_orders import after, first, lessens_still, purge, works
from backbus.trading.own_models import own_margin
from backbus.trading.rules import CallRule


@step
def _locked(rules: Any, account: Account, market: MarketArrays, asset: int) -> float:
    """Equity that one unit of a position needs when it is opened, at the last price."""
    state, line = market.state[asset], account.positions[asset]
    if rules["own_margin"] != 0:
        held = line["position"]
        return own_margin(rules, market.instruments[asset], state, held, line["price"], 0.0) / abs(held)
    if market.instruments[asset]["settles"] != 0:
        return market.instruments[asset]["margin"] * state["rate"]
    return line["price"] * state["unit"] / rules["leverage"]


@step
def _required(rules: Any, account: Account, market: MarketArrays) -> float:
    """Equity that must be kept for all positions, at the last prices."""
    required = 0.0
    for asset in range(account.positions.shape[0]):
        line = account.positions[asset]
        held = abs(line["position"])
        if held != 0.0:
            if rules["own_margin"] != 0:
                required += own_margin(
                    rules, market.instruments[asset], market.state[asset], line["position"], line["price"], 1.0
                )
            elif market.instruments[asset]["settles"] != 0:
                required += held * market.instruments[asset]["maintenance"] * market.state[asset]["rate"]
            else:
                required += rules["maintenance"] * held * line["price"] * market.state[asset]["unit"]
    return required


@step
def _kept_of_largest(rules: Any, account: Account, market: MarketArrays, this: int, total: float) -> float:
    """What may be kept of the position in ``this`` where the largest positions go first."""
    mine = abs(account.positions[this]["position"]) * _locked(rules, account, market, this)
    excess = total - max(account.totals["equity"], 0.0)
    for asset in range(account.positions.shape[0]):
        theirs = abs(account.positions[asset]["position"])
        if asset != this and theirs != 0.0:
            theirs = theirs * _locked(rules, account, market, asset)
            if theirs > mine or (theirs == mine and asset < this):
                excess -= theirs
    return max(1.0 - max(excess, 0.0) / mine, 0.0)


@step
def _stands(rules: Any, account: Account, market: MarketArrays) -> bool:
    """Whether the account may go on as it is; notes where it was stopped or called."""
    totals = account.totals
    equity = totals["equity"]
    totals["peak"] = max(totals["peak"], equity)
    if rules["drawdown_limit"] < np.inf and equity <= totals["peak"] * (1.0 - rules["drawdown_limit"]):
        totals["stopped"] = 1
    totals["called"] = 1 if rules["has_margin"] != 0 and equity < _required(rules, account, market) else 0
    return bool(totals["stopped"] == 0 and totals["called"] == 0)


@step
def _kept_share(rules: Any, account: Account, market: MarketArrays, asset: int, total: float) -> float:
    """The fraction of a position that the job's rule keeps."""
    totals = account.totals
    if totals["stopped"] == 0 and rules["call_rule"] == CallRule.PRO_RATA:
        return min(max(totals["equity"], 0.0) / total, 1.0)
    if totals["stopped"] == 0 and rules["call_rule"] == CallRule.LARGEST_FIRST:
        return _kept_of_largest(rules, account, market, asset, total)
    return 0.0


@step
def check_account(
    orders: OrderLists,
    rules: Any,
    account: Account,
    market: MarketArrays,
    close: Floats,
    at: int,
    row: int,
    log: RecordLog,
) -> None:
    """Call for margin or stop where the account's close asks for it; close everything where the run is to end flat."""
    over = rules["ends_flat"] != 0 and row == rules["rows"] - 1
    if _stands(rules, account, market) and not over:
        return
    tick = PHASES * row + CLOSE_DECIDE
    reason = Reason.DRAWDOWN_STOP if account.totals["stopped"] != 0 else Reason.MARGIN_CALL
    if over:
        account.totals["over"] = 1
        reason = Reason.RUN_ENDS
    total = 0.0
    for asset in range(account.positions.shape[0]):
        ended = False
        held = account.positions[asset]["position"]
        left = held if account.totals["stopped"] == 0 else 0.0  # what is held is closed before anything else fills
        node = first(orders, asset)
        while node >= 0:
            slot = orders.slots[node]
            forced = slot["flags"] & Flag.FORCED != 0 and close[at, asset] == close[at, asset]
            if works(orders, node) and (over or not lessens_still(slot, left) or forced):
                cancel(orders, asset, node, tick, reason, log)
                ended = True
            node = after(orders, node)
        if ended:
            purge(orders, asset)
        if held != 0.0:
            total += abs(held) * _locked(rules, account, market, asset)
    for asset in range(account.positions.shape[0]):
        held = copied(account.positions[asset]["position"])
        if held == 0.0 or close[at, asset] != close[at, asset]:
            continue
        share = 0.0 if over else _kept_share(rules, account, market, asset, total)
        kept = whole_lots(market.instruments[asset]["lot"], abs(held) * share)
        sold = kept - abs(held) if held > 0.0 else abs(held) - kept
        if sold != 0.0:
            place_forced(orders, asset, tick, sold, over or rules["fill_at_close"] != 0, reason, log)


@step
def not_now(account: Account, market: MarketArrays, asset: int, lessens: bool) -> int:
    """Why nothing may be traded, or opened, in an asset; Reason.NONE where it may."""
    if market.instruments[asset]["traded"] == 0:
        return Reason.NOT_TRADED
    if account.totals["over"] != 0:
        return Reason.RUN_ENDS
    if market.state[asset]["delisted"] != 0:
        return Reason.DELISTED
    if market.state[asset]["unit"] != market.state[asset]["unit"]:
        return Reason.NO_RATE
    if not lessens and market.state[asset]["member"] == 0:
        return Reason.NOT_A_MEMBER
    if not lessens and account.totals["stopped"] != 0:
        return Reason.DRAWDOWN_STOP
    if not lessens and account.totals["called"] != 0:
        return Reason.MARGIN_CALL
    return Reason.NONE
