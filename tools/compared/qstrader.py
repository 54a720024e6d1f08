"""QSTrader: the two portfolios of its end-to-end test, transaction by transaction.

Expected figures are in ``tests/integration/trading/test_backtest_e2e.py``, transactions in the ``.dat`` files beside
its prices.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools.compared.figures import Row
from tools.compared.playing import Played, play
from tools.compared.sources import assigned, named, tree

ENGINE = "QSTrader"
CHECKOUT = "qstrader"
ABOUT = """
Prices have an open and a close. Weights are turned into whole shares at the close that rebalances; orders fill at the
next open. Market values are at the last close, money of transactions in cents.
[60/40](../tools/compared/jobs/qstrader_sixty_forty.toml),
[leveraged long/short](../tools/compared/jobs/qstrader_long_short.toml).
"""
TRADING = Path("tests") / "integration" / "trading"
CASES = (
    ("60/40, weekly", "test_backtest_sixty_forty", "sixty_forty"),
    ("long/short, daily", "test_backtest_long_short_leveraged", "long_short"),
)
AVERAGE = "their cost of a unit is the mean of all purchases so far, here of what is held; the sum of both is the same"
WHY = {"unrealised_pnl": AVERAGE, "realised_pnl": AVERAGE}
ORDER = re.compile(r"(LONG|SHORT) (-?[\d.]+) EQ:(\w+) ([\d.]+) (\d\d)/(\d\d)/(\d{4})")


class Transaction(NamedTuple):
    """What a line of a history says; price and money are rounded to cents."""

    day: str
    symbol: str
    quantity: float
    price: float
    money: float


def rows(checkout: Path) -> Iterator[Row]:
    """Every figure of both portfolios, and their transactions."""
    test = tree(checkout / TRADING / "test_backtest_e2e.py")
    for case, function, files in CASES:
        played = play(f"qstrader_{files}", checkout.parent)
        expected = assigned(named(test, function), "expected_dict")
        assert isinstance(expected, ast.Dict)
        pairs = zip(expected.keys, expected.values, strict=True)
        texts = {ast.literal_eval(key): figures(figure) for key, figure in pairs if key}
        for asset, published in texts.items():
            mine = position(played, asset.removeprefix("EQ:"))
            for figure, their in published.items():
                yield Row(case, f"{asset} {figure}", their, mine[figure], WHY.get(figure, ""))
        history = transactions(checkout / TRADING / "fixtures" / f"{files}_history.dat")
        here = [close_to(one, fill) for one, fill in zip(sorted(history), sorted(taken(played)), strict=False)]
        met = sum(here) if len(history) == len(played.fills) else 0
        figure = f"transactions of {len(history)} with this day, asset, quantity, price and money"
        yield Row(case, figure, str(len(history)), met)


def figures(node: ast.expr) -> dict[str, str]:
    """A mapping's numbers as they are written."""
    assert isinstance(node, ast.Dict)
    return {ast.literal_eval(key): ast.unparse(one) for key, one in zip(node.keys, node.values, strict=True) if key}


def position(played: Played, symbol: str) -> dict[str, float]:
    """The figures of one position at the end: gains are realised at average cost."""
    held = cost = realised = 0.0
    for fill in played.fills:
        if fill.symbol != symbol:
            continue
        if held * fill.quantity < 0.0:
            average = cost / held
            realised += -fill.quantity * (fill.price - average)
            cost += fill.quantity * average
        else:
            cost += fill.quantity * fill.price
        held += fill.quantity
    last = next(trade.exit_price for trade in reversed(played.trades) if trade.symbol == symbol)
    worth = held * last
    return {
        "unrealised_pnl": worth - cost,
        "realised_pnl": realised,
        "total_pnl": worth - cost + realised,
        "market_value": worth,
        "quantity": held,
    }


def transactions(file: Path) -> list[Transaction]:
    """What a history lists, but for what was paid in."""
    found = []
    for line in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
        told = ORDER.fullmatch(line["description"])
        if told:
            _, quantity, symbol, price, day, month, year = told.groups()
            money = float(line["credit"]) - float(line["debit"])
            found.append(Transaction(f"{year}-{month}-{day}", symbol, float(quantity), float(price), money))
    return found


def taken(played: Played) -> list[Transaction]:
    """Our fills in the same form."""
    days = played.sessions
    return [
        Transaction(days[fill.row], fill.symbol, fill.quantity, fill.price, -fill.quantity * fill.price)
        for fill in played.fills
    ]


def close_to(theirs: Transaction, ours: Transaction) -> bool:
    """Whether a transaction is the same, as far as cents say."""
    exact: list[Any] = [theirs.day, theirs.symbol, theirs.quantity]
    same = exact == [ours.day, ours.symbol, ours.quantity]
    return same and abs(theirs.price - ours.price) <= 0.00501 and abs(theirs.money - ours.money) <= 0.00501
