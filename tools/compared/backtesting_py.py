"""backtesting.py: its own tests' edge cases of stops, targets and costs, and its cross of averages.

Expected figures are the constants of the assertions in ``backtesting/test/_test.py``; prices are its GOOG and BTCUSD
files, and short series that a test writes down.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tools.compared.figures import Row
from tools.compared.playing import Played, play
from tools.compared.sources import assigned, calls, named, tree

ENGINE = "backtesting.py"
CHECKOUT = "backtesting.py"
ABOUT = """
Rows count from 0. There an order for all of the equity is one of whole units at the open that fills it, as here with
`size_at = "open"`. [The cross of averages](../tools/compared/jobs/backtesting_py_cross.toml),
[the trailing stop](../tools/compared/jobs/backtesting_py_trailing.toml),
[the short cases](../tools/compared/jobs/backtesting_py_orders.toml), of which each has its orders.
"""
TEST = Path("backtesting") / "test" / "_test.py"
LAST = "the last trade is closed at the last bar's open there, here it stays open and counts at the close"
NEXT_BAR = "exits of an order that filled within a bar are looked at from the next bar on there; here from the fill on"
ENTRY_ONLY = "the spread is paid by entries only there, here by every fill"
PER_UNIT = (
    "the fixed fee counts for each unit where a size is reckoned there (47 instead of 88), and once where it is paid"
)
RUIN = (
    "ruined, the account is closed at that close there and owes nothing; here at the next open, and owes what it lost"
)

Orders = list[dict[str, Any]]
SAME_DAY = 2057
"""The row of 2012-10-17."""


class Case(NamedTuple):
    """Orders of a test, and which figures of ours are its assertions', by their number; ``bars``: short series."""

    test: str
    what: str
    orders: Orders
    figures: Mapping[int, tuple[str, Callable[[Played], Any], str]]
    changes: Mapping[str, Any] = {}
    bars: str = ""


def entry(fill: int) -> Callable[[Played], Any]:
    """The price of a fill, by its number."""
    return lambda played: played.fills[fill].price


def rows(checkout: Path) -> Iterator[Row]:
    """The short cases, the cross and the trailing stop."""
    source = (checkout / TEST).read_text(encoding="utf-8")
    tests = tree(checkout / TEST)
    yield from short(CASES, checkout)
    yield from cross(checkout, named(tests, "test_compute_stats"), source)
    trailing = play("backtesting_py_trailing", checkout.parent)
    their = published(named(tests, "test_TrailingStrategy"), source)[0]
    assert isinstance(their, str)
    yield Row("trailing stop by ranges", "trades", their, len(trailing.trades))


def short(cases: Sequence[Case], checkout: Path) -> Iterator[Row]:
    """Orders by row, and the figures of a test's assertions that come of them."""
    source = (checkout / TEST).read_text(encoding="utf-8")
    tests = tree(checkout / TEST)
    for case in cases:
        test = named(tests, case.test)
        asserted = published(test, source)
        changes = {"data": {"end": "2004-09-16"}} | dict(case.changes) if not case.bars else dict(case.changes)
        bars = series(assigned(test, "arr"), test, case.bars) if case.bars else None
        played = play("backtesting_py_orders", checkout.parent, bars, strategy={"orders": case.orders}, **changes)
        for number, (figure, ours, why) in case.figures.items():
            their, here = asserted[number], ours(played)
            if not isinstance(their, list):
                yield Row(case.what, figure, their, here, why)
                continue
            for at, (one, mine) in enumerate(zip(their, here, strict=True)):
                yield Row(case.what, f"{figure}, {at + 1} of {len(their)}", one, mine, why)


def cross(checkout: Path, test: ast.AST, source: str) -> Iterator[Row]:
    """The figures of the cross of averages that have one meaning."""
    played = play("backtesting_py_cross", checkout.parent)
    call = assigned(test, "expected")
    assert isinstance(call, ast.Call) and isinstance(call.args[0], ast.Dict)
    pairs = zip(call.args[0].keys, call.args[0].values, strict=True)
    their = {value_of(key): text(figure, source) for key, figure in pairs if key}
    metrics, trades = played.report.metrics, played.trades
    returns = [trade.pnl / (trade.quantity * trade.entry_price) * 100.0 for trade in trades]
    ours: dict[str, tuple[float, str]] = {
        "# Trades": (len(trades), ""),
        "Best Trade [%]": (max(returns), ""),
        "Worst Trade [%]": (min(returns), ""),
        "Win Rate [%]": (100.0 * sum(trade.pnl > 0.0 for trade in trades) / len(trades), ""),
        "Exposure Time [%]": ((metrics.exposure or 0.0) * 100.0, ""),
        "Max. Drawdown [%]": ((metrics.max_drawdown or 0.0) * 100.0, ""),
        "Equity Peak [$]": (max(played.equity), ""),
        "Equity Final [$]": (played.report.final_equity or 0.0, LAST),
        "Return [%]": ((metrics.total_return or 0.0) * 100.0, LAST),
        "Return (Ann.) [%]": ((metrics.annual_return or 0.0) * 100.0, LAST),
    }
    for figure, (mine, why) in ours.items():
        yield Row("cross of averages", figure, their[figure], mine, why)


def published(test: ast.AST, source: str) -> list[str | list[str]]:
    """For each assertion of a test that names a figure, the figure as it is written, or several of a list."""
    asserting = ("assertEqual", "assertAlmostEqual", "assertListEqual", "Series")  # the last within a plain assert
    found: list[str | list[str]] = []
    for call in calls(test, *asserting):
        for argument in reversed(call.args):
            if isinstance(argument, ast.List):
                found.append([text(one, source) for one in argument.elts])
                break
            if isinstance(argument, ast.Constant):
                found.append(text(argument, source))
                break
    return found


def text(node: ast.AST, source: str) -> str:
    """A figure as the file has it."""
    return (ast.get_source_segment(source, node) or "").replace("_", "")


def value_of(node: ast.expr) -> str:
    """A key."""
    return str(ast.literal_eval(node))


def series(node: ast.expr, test: ast.AST, form: str) -> Any:
    """Bars of one price each, from ``np.r_[...]``; of the form ``below`` they open ten lower."""
    import numpy as np
    import pandas as pd

    assert isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple)
    close = np.array([float(constant(one, test)) for one in node.slice.elts])
    opened = close - 10.0 if form == "below" else close
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    days = pd.date_range("2024-01-01", periods=len(close))
    return {"A": pd.DataFrame({"open": opened, "high": high, "low": low, "close": close}, index=days)}


def constant(node: ast.expr, test: ast.AST) -> Any:
    """A number, or that of a name which a line of names gives it: ``CASH, SIZE = 5000, 100``."""
    if not isinstance(node, ast.Name):
        return ast.literal_eval(node)
    for line in ast.walk(test):
        if (
            isinstance(line, ast.Assign)
            and isinstance(line.targets[0], ast.Tuple)
            and isinstance(line.value, ast.Tuple)
        ):
            names = [getattr(target, "id", "") for target in line.targets[0].elts]
            if node.id in names:
                return ast.literal_eval(line.value.elts[names.index(node.id)])
    raise KeyError(node.id)


def equity(played: Played) -> list[float]:
    """At the ends of rows 2 and 3."""
    return played.equity[2:4]


def known(played: Played) -> list[float]:
    """What both trades earned, in whole money."""
    return [trade.pnl for trade in played.trades]


IN_AND_OUT: Orders = [{"row": 1, "go": "long"}, {"row": 2, "go": "flat"}]
TWO: Orders = [
    {"row": 1, "buy": 1, "stop_loss": 90},
    {"row": 1, "buy": 1, "stop_loss": 80},
    {"row": 2, "sell": 1, "reduce_only": True},
]
PERCENT = {"model": "bps", "bps": 100}
AT_CLOSE = {"portfolio": {"cash": 250, "size_at": "close"}, "execution": {"fill": "close"}}
KNOWN: Orders = [
    {"row": 547, "buy": 100, "stop": 484, "limit": 466},
    {"row": 805, "go": "flat"},
    {"row": 1066, "sell": 200, "stop": 300.52, "limit": 324.9},
]

CASES = (
    Case(
        "test_spread_commission",
        "spread of 1 %, commission of 1 %",
        IN_AND_OUT,
        {0: ("equity after entry and exit", equity, ENTRY_ONLY)},
        {"execution": {"slippage": PERCENT, "commission": PERCENT}},
    ),
    Case(
        "test_spread_commission",
        "commission of 100 and 1 %, all of the equity",
        IN_AND_OUT,
        {1: ("equity after entry and exit", equity, PER_UNIT)},
        {"execution": {"commission": {**PERCENT, "order": 100}}},
    ),
    Case(
        "test_spread_commission",
        "commission of 100 and 1 %, 47 units",
        [{"row": 1, "buy": 47}, {"row": 2, "sell": 47}],
        {1: ("equity after entry and exit", equity, "")},
        {"execution": {"commission": {**PERCENT, "order": 100}}},
    ),
    Case(
        "test_spread_commission",
        "commission by a function, 1 %",
        IN_AND_OUT,
        {2: ("equity after entry and exit", equity, "")},
        {"execution": {"commission": PERCENT}},
    ),
    Case(
        "test_trade_enter_hit_sl_on_same_day",
        "a market entry whose stop is met on the same day",
        [{"row": SAME_DAY, "go": "long", "stop_loss": 720}],
        {0: ("exit price", entry(1), "")},
        {"data": {"end": "2012-12-31"}},
    ),
    Case(
        "test_trade_enter_hit_sl_on_same_day",
        "a stop entry whose stop is met on the same day",
        [{"row": SAME_DAY, "go": "long", "stop": 758, "stop_loss": 720}],
        {1: ("exit price", entry(1), NEXT_BAR)},
        {"data": {"end": "2012-12-31"}},
    ),
    Case(
        "test_stop_price_between_sl_tp",
        "a stop entry between its stop and its target",
        [{"row": 14, "go": "long", "stop": 104, "stop_loss": 103, "take_profit": 110}],
        {0: ("entry price", entry(0), "")},
    ),
    Case(
        "test_stop_limit_order_price_is_stop_price",
        "stop-limit orders with room fill at their stops",
        [{"row": 1, "buy": 1, "stop": 112, "limit": 113}, {"row": 1, "sell": 1, "stop": 107, "limit": 105}],
        {0: ("prices", lambda played: [fill.price for fill in played.fills], "")},
    ),
    Case(
        "test_gh_521",
        "a stop that a close gapped through, fills at the close",
        [{"row": 1, "buy": 1, "stop_loss": 90}],
        {0: ("exit price", entry(1), "")},
        {"portfolio": {"cash": 100, "size_at": "close"}, "execution": {"fill": "close"}},
        bars="level",
    ),
    Case(
        "test_trade_on_close_closes_trades_on_close",
        "two entries, one closed, the other stopped; fills at the close",
        TWO,
        {
            0: ("entry row", lambda played: played.fills[0].row, ""),
            1: ("exit row", lambda played: played.fills[2].row, ""),
            2: ("entry price", entry(0), ""),
            3: ("exit price", entry(2), ""),
            4: ("second entry row", lambda played: played.fills[1].row, ""),
            5: ("second exit row", lambda played: played.fills[3].row, ""),
            6: ("second entry price", entry(1), ""),
            7: ("second exit price", entry(3), ""),
        },
        AT_CLOSE,
        bars="below",
    ),
    Case(
        "test_trade_on_close_closes_trades_on_close",
        "the same, fills at the open",
        TWO,
        {
            8: ("entry row", lambda played: played.fills[0].row, ""),
            9: ("exit row", lambda played: played.fills[2].row, ""),
            10: ("entry price", entry(0), ""),
            11: ("exit price", entry(2), ""),
            12: ("second entry row", lambda played: played.fills[1].row, ""),
            13: ("second exit row", lambda played: played.fills[3].row, ""),
            14: ("second entry price", entry(1), ""),
            15: ("second exit price", entry(3), ""),
        },
        {"portfolio": {"cash": 250}},
        bars="below",
    ),
    Case(
        "test_sl_always_before_tp",
        "an open beyond the stop, and a target in the same bar",
        [
            {"row": 3, "go": "long"},
            {"row": 4, "sell": 95, "stop": 105, "reduce_only": True},
            {"row": 4, "sell": 95, "limit": 107.9, "reduce_only": True, "group": 1},
        ],
        {0: ("exit price", entry(1), "")},
    ),
    Case(
        "test_stop_entry_and_tp_in_same_bar",
        "a stop entry and its target in one bar",
        [{"row": 2, "go": "short", "stop": 108, "take_profit": 105, "stop_loss": 113}],
        {0: ("exit row", lambda played: played.fills[1].row, ""), 1: ("exit price", entry(1), "")},
    ),
    Case(
        "test_sl_value_in_trades_df_when_gapped_through",
        "a stop that the open gapped through",
        [{"row": 8, "buy": 1, "stop_loss": 99.5}],
        {1: ("exit price", entry(1), "")},
    ),
    Case(
        "test_wellknown",
        "stop-limit orders with a margin of 10 %, to ruin",
        KNOWN,
        {
            0: ("highest equity", lambda played: max(played.equity), ""),
            1: ("final equity", lambda played: played.report.final_equity, RUIN),
            2: ("trades", lambda played: len(played.trades), ""),
            3: ("profit of the trades", known, RUIN),
        },
        {"data": {"end": "2013-03-01"}, "portfolio": {"leverage": 10, "limits": {"drawdown": 1.0}}},
    ),
)
