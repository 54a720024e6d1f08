"""bt: rebalances in whole units and fractions, with and without commissions, of its tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.compared.figures import Row
from tools.compared.playing import Played, play
from tools.compared.rebalancing import frames, rebalanced
from tools.compared.sources import called, calls, named, tree, value

ENGINE = "bt"
CHECKOUT = "bt"
ABOUT = """
Prices are in the tests; all is asked for and met at the close. [Rebalancing](../tools/compared/jobs/rebalance.toml);
the cheapest asset is [a strategy of its own](../tools/compared/jobs/cheapest.py).
"""
CORE, BACKTEST = Path("tests") / "test_core.py", Path("tests") / "test_backtest.py"
ONE_EACH = {"fill": "close", "commission": {"model": "per_order", "fee": 1}}


def rows(checkout: Path) -> Iterator[Row]:
    """Equal weights, the cheapest of two, one position with a fee, and one weight."""
    core, backtest = tree(checkout / CORE), tree(checkout / BACKTEST)
    yield from equal_weights(named(backtest, "test_turnover"))
    yield from cheapest(named(core, "test_strategybase_multiple_calls"))
    yield from held(named(core, "test_strategybase_prices"))
    yield from one_weight(named(core, "test_strategybase_tree_rebalance"))
    yield from fractions(named(core, "test_strategybase_tree_decimal_position_rebalance"))


def market(test: ast.AST) -> dict[str, list[float]]:
    """Prices by symbol: a frame of one value, in which cells are set."""
    made = next(call for call in calls(test, "DataFrame") if any(word.arg == "columns" for word in call.keywords))
    words = {word.arg: word.value for word in made.keywords}
    count = value({w.arg: w.value for call in calls(test, "date_range") for w in call.keywords}["periods"])
    data = value(words["data"])
    prices = {name: [float(data)] * count for name in value(words["columns"])}
    for line in ast.walk(test):
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Subscript):
            place = line.targets[0].slice
            if isinstance(place, ast.Tuple) and isinstance(place.elts[0], ast.Subscript):
                prices[value(place.elts[1])][value(place.elts[0].slice)] = float(value(line.value))
    return prices


def equal_weights(test: ast.AST) -> Iterator[Row]:
    """Two assets at half each: the turnover of each day, of which numerator and denominator are published."""
    run = rebalanced(market(test), [0.5, 0.5], portfolio={"cash": 1e6})
    for at, call in enumerate(calls(test, "allclose")):
        ratio = call.args[1]
        assert isinstance(ratio, ast.BinOp)
        traded = [fill.quantity * fill.price for fill in run.fills if fill.row == at]
        less = min(sum(one for one in traded if one > 0), -sum(one for one in traded if one < 0))
        yield Row("two assets at equal weights", f"lesser of bought and sold, day {at}", str(value(ratio.left)), less)
        if at:
            before = run.equity[at]
            yield Row("two assets at equal weights", f"account of day {at}", str(value(ratio.right)), before)


def cheapest(test: ast.AST) -> Iterator[Row]:
    """All of the account in the cheapest: value and capital after each day's orders."""
    strategy = {"use": "cheapest.py:Cheapest", "weights": None}
    run = play("rebalance", bars=frames(market(test)), strategy=strategy, portfolio={"cash": 1000})
    at = [call.lineno for call in calls(test, "run")]
    for day, line in enumerate(at):
        after = at[day + 1] if day + 1 < len(at) else 10**9
        for figure, mine in (("value", run.equity[day]), ("capital", run.cash[day])):
            their = next(iter(asserted(test, f"s.{figure}", line, after)))
            yield Row("all in the cheapest of two", f"{figure}, day {day}", their, mine)


def held(test: ast.AST) -> Iterator[Row]:
    """100 units with a fee of 1, as an index of 100."""
    prices = [float(one) for one in value_of(test, "rawd")]
    cash = 1356.5
    strategy = {"use": "orders.py:Orders", "orders": [{"row": 0, "go": "long"}], "weights": None}
    account = {"cash": cash, "fees_in_size": True}
    run = play("rebalance", bars=frames({"a": prices}), strategy=strategy, portfolio=account, execution=ONE_EACH)
    yield Row("one position with a fee of 1", "units", "100", run.position("a"))
    index = [equity / cash * 100.0 for equity in run.equity]
    lines = [*asserted(test, "s.price"), *asserted(test, "s.prices.iloc[-1]"), *asserted(test, "s.prices.iloc[-2]")]
    for their, day in zip(lines, (0, 1, 2, 3, -1, -2), strict=True):
        yield Row("one position with a fee of 1", f"index, day {day % len(prices)}", their, index[day])


def one_weight(test: ast.AST) -> Iterator[Row]:
    """Half of 1000 in one asset at 100, with a fee of 1 within what is given."""
    account = {"cash": 1000, "fees_in_size": True}
    run = rebalanced({"c1": [100.0, 100.0]}, [0.5], portfolio=account, execution=ONE_EACH)
    first = [fill.quantity for fill in run.fills if fill.row == 0]
    case = "half of the account, a fee of 1"
    yield Row(case, "units", next(iter(asserted(test, "c1.position"))), first[0])
    yield Row(case, "value of the account", asserted(test, "s.value")[1], run.equity[0])


def fractions(test: ast.AST) -> Iterator[Row]:
    """42 and 58 percent of 1000.2 in fractions of units."""
    run = rebalanced(market(test), [0.42, 0.58], portfolio={"cash": 1000.2, "lot": 0})
    for symbol in ("c1", "c2"):
        mine = next(fill.quantity * fill.price for fill in run.fills if fill.symbol == symbol)
        yield Row("weights in fractions of units", f"value of {symbol}", asserted(test, f"{symbol}.value")[0], mine)


def asserted(test: ast.AST, what: str, after: int = 0, before: int = 10**9) -> list[str]:
    """What ``assert what == figure`` says between two lines, ``approx`` taken off."""
    found = []
    for line in ast.walk(test):
        if isinstance(line, ast.Assert) and isinstance(line.test, ast.Compare) and after < line.lineno < before:
            if ast.unparse(line.test.left) == what:
                right = line.test.comparators[0]
                figure = right.args[0] if isinstance(right, ast.Call) and called(right) == "approx" else right
                found.append((line.lineno, ast.unparse(figure)))
    return [figure for _, figure in sorted(found)]


def value_of(test: ast.AST, name: str) -> Any:
    """What is assigned to a name."""
    return next(
        value(line.value)
        for line in ast.walk(test)
        if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == name
    )


__all__ = ["ABOUT", "CHECKOUT", "ENGINE", "Played", "rows"]
