"""Results that advise something, each with what is done about it: why orders were refused, why nothing was said."""

from __future__ import annotations

from typing import Any

from tests.unit.advice_of_runs import Runs, Way

EVERY_DAY = """
from backbus import Strategy


class Mine(Strategy):
    def on_bar(self, bar, book):
        if not book.position():
            self.{}()
"""


def _refused(says: str, portfolio: dict[str, Any], *ways: Way, side: str = "go_long", cash: float = 1000.0) -> Runs:
    """Of a strategy that asks for a position each day until it has one, in each of two assets."""
    job = {"strategy": {"use": "mine.py"}, "portfolio": {"cash": cash, **portfolio}}
    return Runs(says, job, ways, "advice", {"mine.py": EVERY_DAY.format(side)})


def _sized(**sizing: Any) -> dict[str, Any]:
    return {"sizing": sizing}


ALL = (
    _refused(
        "refused: not enough buying power; sizing is 100 % of equity for each of 2 assets: "
        "set portfolio.sizing.percent to 50 or less",
        _sized(model="percent_of_equity", percent=100),
        {"portfolio.sizing.percent": 50},
    ),
    _refused(
        "refused: not enough buying power; sizing is a weight of 1 for each of 2 assets: "
        "set portfolio.sizing.weight to 0.5 or less",
        _sized(model="target_weight", weight=1),
        {"portfolio.sizing.weight": 0.5},
    ),
    _refused(
        "refused: not enough buying power; sizing is 1,000 for each of 2 assets, of 1,000 at the start: "
        "set portfolio.sizing.cash lower, or portfolio.cash higher",
        _sized(model="fixed_cash", cash=1000),
        {"portfolio.sizing.cash": 400},
        {"portfolio.cash": 5000},
    ),
    _refused(
        "refused: not enough buying power; set portfolio.cash higher, or what portfolio.sizing asks for lower",
        _sized(model="fixed_quantity", quantity=900),
        {"portfolio.sizing.quantity": 1},
        {"portfolio.cash": 1_000_000},
    ),
    _refused(
        r"refused: less than one lot; set portfolio.lot \(100000\) lower, or portfolio.cash \(1,000\) higher",
        {**_sized(model="equal_weight"), "lot": 100_000},
        {"portfolio.lot": 1},
        {"portfolio.cash": 1e9},
    ),
    _refused(
        "refused: short positions are not allowed; set portfolio.shorts = true to let it",
        _sized(model="equal_weight"),
        {"portfolio.shorts": True},
        side="go_short",
    ),
    _refused(
        "refused: limit of the number of positions; portfolio.limits.positions is 1",
        {**_sized(model="equal_weight"), "limits": {"positions": 1}},
        {"portfolio.limits.positions": 2},
    ),
    Runs(
        r"gave no signal: there are 60 rows, and slow = 900 needs more; .*\(data.start, data.end\), or set it lower",
        {"strategy": {"use": "SmaCross", "fast": 3, "slow": 900}},
        ({"strategy.slow": 6},),
        "advice",
    ),
)
