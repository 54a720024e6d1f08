"""The book: cash and one line per asset; a fill changes it, a bar marks it. Nothing else does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.compiled import step
from backbus.market.panel import Floats
from backbus.market.records import Records
from backbus.market.rules import VOLATILITY_TARGET, Rules, blank_seen, blank_tape
from backbus.market.ticks import CLOSE_DECIDE, PHASES

LEDGER = np.dtype(
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
        ("working", "<i8"),
        ("waiting", "<i8"),
        ("session", "<i8"),
        ("peak", "<f8"),
        ("stopped", "<i8"),
        ("called", "<i8"),
        ("gross_then", "<f8"),
        ("net_then", "<f8"),
        ("positions_then", "<f8"),
        ("ordered", "<f8"),
    ]
)
"""One record: cash; fees paid; equity and gross exposure at the last mark; orders that work; signals that wait; the
last session that was begun; the highest equity at a close; whether the drawdown stop or a margin call lets nothing be
opened; exposures and positions if all orders that were accepted fill, and what orders of this session were worth."""

NO_SESSION = np.iinfo(np.int64).min


class Book(NamedTuple):
    """Account, ledger, tape and price history of a run."""

    account: Records
    ledger: Records
    tape: Records
    history: Floats
    """[assets, lookback + 1] closes as a ring, [assets, 0] where no size depends on volatility."""
    seen: Floats
    """[assets, 2 × (lookback + 1)] closes and volumes as rings, [assets, 0] where no cost depends on them."""


def open_book(rules: Rules) -> Book:
    """The book of a run that starts flat."""
    assets = len(rules.instruments)
    account = np.zeros(1, dtype=ACCOUNT)
    account["cash"] = account["equity"] = account["peak"] = rules.record["cash"]
    account["session"] = NO_SESSION
    ledger = np.zeros(assets, dtype=LEDGER)
    ledger["price"] = np.nan
    rows = int(rules.record["volatility_rows"][0])
    history = np.zeros((assets, rows + 1 if rows else 0))
    return Book(account, ledger, blank_tape(rules.instruments), history, blank_seen(rules))


@step
def apply_fill(
    account: Any, line: Any, instrument: Any, quantity: float, price: float, unit: float, fee: float
) -> None:
    """Book a fill on an asset's ledger line: cash, fees, position, average cost."""
    worth = quantity * price * unit
    if instrument["settles"] != 0:
        account["cash"] = account["cash"] - fee
        line["settled"] = line["settled"] + quantity * price
    else:
        account["cash"] = account["cash"] - worth - fee
    account["fees"] = account["fees"] + fee
    held = line["position"]
    after = held + quantity
    if held * quantity >= 0.0:
        line["average_cost"] = (line["average_cost"] * abs(held) + price * abs(quantity)) / abs(after)
    elif after == 0.0:
        line["average_cost"] = 0.0
        if instrument["settles"] != 0:
            account["cash"] = account["cash"] - line["settled"] * unit
            line["settled"] = 0.0
    elif held * after < 0.0:
        line["average_cost"] = price
    line["position"] = after


@step
def mark(
    rules: Any,
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    history: Floats,
    close: Floats,
    row: int,
) -> None:
    """Take in a row of closes ([rows, assets], ``row`` counts within it); equity = cash + positions, in asset order."""
    for asset in range(ledger.shape[0]):
        price = close[row, asset]
        if price == price:  # noqa: PLR0124  (only NaN differs from itself; cheaper than a call)
            ledger[asset]["price"] = price
            if rules["sizing"] == VOLATILITY_TARGET:
                seen = ledger[asset]["bars"]
                history[asset, seen % history.shape[1]] = price
                ledger[asset]["bars"] = seen + 1
    value(rules, account, ledger, instruments, tape)


@step
def value(rules: Any, account: Any, ledger: Records, instruments: Records, tape: Records) -> None:
    """Equity and gross exposure at the last prices, summed in asset order; cash takes in what futures have gained."""
    if rules["settles"] != 0:
        for asset in range(ledger.shape[0]):
            line = ledger[asset]
            if line["position"] != 0.0 and instruments[asset]["settles"] != 0:
                worth = line["position"] * line["price"]
                account["cash"] = account["cash"] + (worth - line["settled"]) * tape[asset]["unit"]
                line["settled"] = worth
    equity = account["cash"] + 0.0
    gross = 0.0
    for asset in range(ledger.shape[0]):
        held = ledger[asset]["position"]
        if held != 0.0:
            worth = held * ledger[asset]["price"]
            equity += (worth - ledger[asset]["settled"]) * tape[asset]["unit"]
            gross += abs(worth * tape[asset]["unit"])
    account["equity"] = equity
    account["gross"] = gross


@step
def quiet_rows(rules: Any, account: Any, signals: Records, used: int, signal_through: int, row: int, last: int) -> int:
    """The first row from ``row`` on, up to ``last``, in which anything may be decided or filled; ``row`` itself where
    something works or waits, or where no row may be passed over."""
    if account["working"] > 0 or account["waiting"] > 0 or rules["stepwise"] != 0:
        return row
    stop = min(last, (signal_through - CLOSE_DECIDE) // PHASES + 1)
    if used < signals.shape[0]:
        stop = min(stop, signals[used]["tick"] // PHASES)
    return max(stop, row)


STRIDE = 8
"""Rows that a stretch marks at a time: so few jumps that the processor still foresees the ones after the stretch."""


@step
def mark_stretch(
    rules: Any,
    account: Any,
    ledger: Records,
    instruments: Records,
    tape: Records,
    history: Floats,
    close: Floats,
    begin: int,
    end: int,
    equity: Floats,
    cash: Floats,
    gross: Floats,
    rows: int,
) -> None:
    """Mark rows in which nothing happens but prices, and write the account's rows from ``rows`` on.

    One asset is the case of long histories of bars: the same sums as ``mark``, without a look at the book in each row.
    There rows after ``end`` may be written as well, as far as there is room: whoever comes to them writes them anew.
    """
    if ledger.shape[0] > 1 or rules["sizing"] == VOLATILITY_TARGET or rules["settles"] != 0:
        for row in range(begin, end):
            mark(rules, account, ledger, instruments, tape, history, close, row)
            equity[rows + row - begin] = account["equity"]
            cash[rows + row - begin] = account["cash"]
            gross[rows + row - begin] = account["gross"]
        return
    money = account["cash"]
    held = ledger[0]["position"]
    price = ledger[0]["price"]
    unit = tape[0]["unit"]
    row, at = begin, rows
    while row < end:
        if row + STRIDE <= close.shape[0] and at + STRIDE <= equity.shape[0]:
            for ahead in range(STRIDE):
                now = close[row + ahead, 0]
                if now == now:  # noqa: PLR0124  (only NaN differs from itself)
                    price = now
                worth = held * price * unit if held != 0.0 else 0.0
                equity[at + ahead] = money + 0.0 + worth
                cash[at + ahead] = money
                gross[at + ahead] = abs(worth)
            row += STRIDE
            at += STRIDE
        else:
            now = close[row, 0]
            if now == now:  # noqa: PLR0124
                price = now
            worth = held * price * unit if held != 0.0 else 0.0
            equity[at] = money + 0.0 + worth
            cash[at] = money
            gross[at] = abs(worth)
            row += 1
            at += 1
    for back in range(end - 1, begin - 1, -1):
        now = close[back, 0]
        if now == now:  # noqa: PLR0124
            ledger[0]["price"] = now
            break
    account["equity"] = equity[rows + end - begin - 1]
    account["gross"] = gross[rows + end - begin - 1]


@step
def volatility(history: Floats, asset: int, bars: int) -> float:
    """Sample deviation (ddof 1) of the last simple returns of an asset; NaN while there are too few bars."""
    size = history.shape[1]
    if bars < size:
        return np.nan
    returns = size - 1
    mean = 0.0
    for back in range(returns):
        mean += history[asset, (bars - 1 - back) % size] / history[asset, (bars - 2 - back) % size] - 1.0
    mean /= returns
    squares = 0.0
    for back in range(returns):
        change = history[asset, (bars - 1 - back) % size] / history[asset, (bars - 2 - back) % size] - 1.0 - mean
        squares += change * change
    return np.sqrt(squares / (returns - 1))
