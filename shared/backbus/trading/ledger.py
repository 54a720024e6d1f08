"""What the account has: cash, and one line per asset; a fill changes it, a bar marks it. Nothing else does."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.market.panel import Floats
from backbus.market.ticks import CLOSE_DECIDE, PHASES
from backbus.trading.groups import Account, Curve, Inbox, MarketArrays, OpenOrders, RecordLog
from backbus.trading.lots import plus
from backbus.trading.records import NO_SESSION
from backbus.trading.rules import Rules

POSITION = np.dtype(
    [
        ("position", "<f8"),
        ("average_cost", "<f8"),
        ("price", "<f8"),
        ("bars", "<i8"),
        ("settled", "<f8"),
        ("planned", "<f8"),
    ]
)
"""Per asset: signed quantity; price it was built at (0 where flat); last close (NaN before the first bar);
bars seen; of a future, the part of quantity × price that cash has taken in already; the position if all orders that
were accepted fill, kept where risk has limits."""

ACCOUNT = np.dtype(
    [
        ("cash", "<f8"),
        ("fees", "<f8"),
        ("equity", "<f8"),
        ("gross", "<f8"),
        ("waiting", "<i8"),
        ("session", "<i8"),
        ("peak", "<f8"),
        ("stopped", "<i8"),
        ("called", "<i8"),
        ("over", "<i8"),
        ("gross_then", "<f8"),
        ("net_then", "<f8"),
        ("positions_then", "<f8"),
        ("ordered", "<f8"),
        ("members", "<i8"),
    ]
)
"""One record: cash; fees paid; equity and gross exposure at the last mark; signals that wait; the last session that was
begun; the highest equity at a close; whether the drawdown stop, a margin call or the end of a run that is to be flat
lets nothing be opened; exposures and positions if all orders that were accepted fill, and what orders of this session
were worth; how many assets share the account: those of the universe, or all."""


def open_account(rules: Rules) -> Account:
    """The account of a run that starts flat; its ``totals`` are an array of one record."""
    assets = len(rules.instruments)
    totals = np.zeros(1, dtype=ACCOUNT)
    totals["cash"] = totals["equity"] = totals["peak"] = rules.record["cash"]
    totals["session"], totals["members"] = NO_SESSION, assets
    positions = np.zeros(assets, dtype=POSITION)
    positions["price"] = np.nan
    rows = int(rules.record["volatility_rows"][0])
    return Account(totals, positions, np.zeros((assets, rows + 1 if rows else 0)))


@step
def apply_fill(totals: Any, line: Any, instrument: Any, fill: Any) -> None:
    """Book a FILL record on an asset's line: cash, fees, position, average cost."""
    quantity, price, unit, fee = fill["quantity"], fill["price"], fill["unit"], fill["fee"]
    worth = quantity * price * unit
    if instrument["settles"] != 0:
        totals["cash"] = totals["cash"] - fee
        line["settled"] = line["settled"] + quantity * price
    else:
        totals["cash"] = totals["cash"] - worth - fee
    totals["fees"] = totals["fees"] + fee
    held = line["position"]
    after = plus(instrument["lot"], held, quantity)
    if after == 0.0:
        line["average_cost"] = 0.0
        if instrument["settles"] != 0:
            totals["cash"] = totals["cash"] - line["settled"] * unit
            line["settled"] = 0.0
    elif held * quantity >= 0.0:
        line["average_cost"] = (line["average_cost"] * abs(held) + price * abs(quantity)) / abs(after)
    elif held * after < 0.0:
        line["average_cost"] = price
    line["position"] = after


@step
def book_fills(account: Account, market: MarketArrays, fills: RecordLog, begin: int) -> None:
    """Book the FILL records from ``begin`` on."""
    for index in range(begin, fills.length[0]):
        fill = fills.records[index]
        if fill["quantity"] != 0.0:
            asset = fill["asset"]
            apply_fill(account.totals, account.positions[asset], market.instruments[asset], fill)


@step
def mark(rules: Any, account: Account, market: MarketArrays, close: Floats, at: int) -> None:
    """Take in a row of closes ([rows, assets], ``at`` counts within it); equity = cash + positions, in asset order."""
    for asset in range(account.positions.shape[0]):
        price = close[at, asset]
        if price == price:  # noqa: PLR0124  (only NaN differs from itself; cheaper than a call)
            account.positions[asset]["price"] = price
            if rules["volatility_rows"] > 0:
                seen = account.positions[asset]["bars"]
                account.closes[asset, seen % account.closes.shape[1]] = price
                account.positions[asset]["bars"] = seen + 1
    value(rules, account, market)


@step
def value(rules: Any, account: Account, market: MarketArrays) -> None:
    """Equity and gross exposure at the last prices, summed in asset order; cash takes in what futures have gained."""
    totals = account.totals
    if rules["has_futures"] != 0:
        for asset in range(account.positions.shape[0]):
            line = account.positions[asset]
            if line["position"] != 0.0 and market.instruments[asset]["settles"] != 0:
                worth = line["position"] * line["price"]
                totals["cash"] = totals["cash"] + (worth - line["settled"]) * market.state[asset]["unit"]
                line["settled"] = worth
    equity = copied(totals["cash"])
    gross = 0.0
    for asset in range(account.positions.shape[0]):
        line = account.positions[asset]
        if line["position"] != 0.0:
            worth = line["position"] * line["price"]
            equity += (worth - line["settled"]) * market.state[asset]["unit"]
            gross += abs(worth * market.state[asset]["unit"])
    totals["equity"] = equity
    totals["gross"] = gross


@step
def write_row(curve: Curve, row: int, account: Account) -> None:
    """Write what the account came to."""
    curve.equity[row] = account.totals["equity"]
    curve.cash[row] = account.totals["cash"]
    curve.gross[row] = account.totals["gross"]


@step
def quiet_rows(rules: Any, account: Account, orders: OpenOrders, signals: Inbox, row: int, last: int) -> int:
    """The first row from ``row`` on, up to ``last``, in which anything may be decided or filled; ``row`` itself where
    an order works or a signal waits, or where no row may be skipped."""
    if orders.working[0] > 0 or account.totals["waiting"] > 0 or rules["no_row_skipped"] != 0:
        return row
    stop = min(last, (signals.watermark - CLOSE_DECIDE) // PHASES + 1)
    if signals.taken[0] < signals.records.shape[0]:
        stop = min(stop, signals.records[signals.taken[0]]["tick"] // PHASES)
    return max(stop, row)


STRIDE = 8
"""Rows that a stretch marks at a time: so few jumps that the processor still foresees the ones after the stretch."""


@step
def mark_stretch(
    rules: Any, account: Account, market: MarketArrays, close: Floats, begin: int, end: int, curve: Curve, rows: int
) -> None:
    """Mark rows in which nothing happens but prices, and write the account's rows from ``rows`` on.

    One asset is the case of long histories of bars: the same sums as ``mark``, without a look at the book in each row.
    There rows after ``end`` may be written as well, as far as there is room: whoever comes to them writes them anew.
    """
    totals, line = account.totals, account.positions[0]
    if account.positions.shape[0] > 1 or rules["volatility_rows"] > 0 or rules["has_futures"] != 0:
        for row in range(begin, end):
            mark(rules, account, market, close, row)
            write_row(curve, rows + row - begin, account)
        return
    money = totals["cash"]
    held = line["position"]
    price = line["price"]
    unit = market.state[0]["unit"]
    row, at = begin, rows
    while row < end:
        if row + STRIDE <= close.shape[0] and at + STRIDE <= curve.equity.shape[0]:
            for ahead in range(STRIDE):
                now = close[row + ahead, 0]
                if now == now:  # noqa: PLR0124  (only NaN differs from itself)
                    price = now
                worth = held * price * unit if held != 0.0 else 0.0
                curve.equity[at + ahead] = money + 0.0 + worth
                curve.cash[at + ahead] = money
                curve.gross[at + ahead] = abs(worth)
            row += STRIDE
            at += STRIDE
        else:
            now = close[row, 0]
            if now == now:  # noqa: PLR0124
                price = now
            worth = held * price * unit if held != 0.0 else 0.0
            curve.equity[at] = money + 0.0 + worth
            curve.cash[at] = money
            curve.gross[at] = abs(worth)
            row += 1
            at += 1
    for back in range(end - 1, begin - 1, -1):
        now = close[back, 0]
        if now == now:  # noqa: PLR0124
            line["price"] = now
            break
    totals["equity"] = curve.equity[rows + end - begin - 1]
    totals["gross"] = curve.gross[rows + end - begin - 1]


@step
def volatility(closes: Floats, asset: int, bars: int) -> float:
    """Sample deviation (ddof 1) of the last simple returns of an asset; NaN while there are too few bars."""
    size = closes.shape[1]
    if bars < size:
        return np.nan
    returns = size - 1
    mean = 0.0
    for back in range(returns):
        mean += closes[asset, (bars - 1 - back) % size] / closes[asset, (bars - 2 - back) % size] - 1.0
    mean /= returns
    squares = 0.0
    for back in range(returns):
        change = closes[asset, (bars - 1 - back) % size] / closes[asset, (bars - 2 - back) % size] - 1.0 - mean
        squares += change * change
    return np.sqrt(squares / (returns - 1))
