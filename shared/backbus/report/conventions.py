"""What each figure of a result is called, how it is shown, and by which formula it is computed.

The formulas are those of ``docs/metrics.md``; a test holds page and table together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Look = Literal["percent", "number", "money", "count"]
NOTHING = "–"


class Convention(NamedTuple):
    """Of one figure."""

    title: str
    shown: Look
    formula: str
    """In one line, as the page of figures has it; empty where a name says all."""


CONVENTIONS: dict[str, Convention] = {
    "final_equity": Convention(
        "Final equity", "money", "equity of the last row; the initial cash where no row was traded"
    ),
    "total_return": Convention("Total return", "percent", "final equity / initial cash − 1"),
    "annual_return": Convention(
        "Annual return", "percent", "(1 + total return)^(year / n) − 1; null where final equity < 0"
    ),
    "volatility": Convention("Volatility", "percent", "√(Σ(rᵢ − r̄)² / (n − 1)) × √year"),
    "sharpe": Convention("Sharpe", "number", "mean(rᵢ − rf) / deviation(rᵢ − rf, ddof 1) × √year"),
    "sortino": Convention("Sortino", "number", "mean(rᵢ − rf) × year / (√(Σ min(rᵢ − rf, 0)² / n) × √year)"),
    "calmar": Convention("Calmar", "number", "annual return / −max drawdown"),
    "max_drawdown": Convention(
        "Max drawdown",
        "percent",
        "least equity / highest equity before it − 1, over rows, the initial cash the first peak; ≤ 0",
    ),
    "max_drawdown_sessions": Convention(
        "Its sessions",
        "count",
        "how long the deepest drawdown lasted: from the session of its peak to the session in which equity was at "
        "least there again, or to the last session; of equally deep ones the first",
    ),
    "longest_drawdown_sessions": Convention("Longest drawdown", "count", "the greatest such length of all drawdowns"),
    "exposure": Convention("Exposure", "percent", "rows that ended with any position / rows"),
    "average_gross_exposure": Convention(
        "Gross exposure",
        "percent",
        "Σ over rows of (Σ of the absolute values of positions) / equity, divided by rows; rows with equity ≤ 0 add "
        "nothing",
    ),
    "turnover": Convention(
        "Turnover per year",
        "percent",
        "(Σ abs(quantity × price) of all fills / 2) / mean equity of sessions / (n / year): how often per year the "
        "account was bought and sold once over; null where mean equity is not above 0",
    ),
    "trades": Convention("Trades", "count", "trades that ended"),
    "open_trades": Convention(
        "Open trades",
        "count",
        "trades that did not; they are in equity at the last close, in no other figure of trades, and marked in "
        "trades.parquet by having no exit",
    ),
    "win_rate": Convention("Win rate", "percent", "trades with pnl > 0 / trades"),
    "profit_factor": Convention("Profit factor", "number", "Σ pnl of winners / −Σ pnl of losers; null without losers"),
    "average_win": Convention("Average win", "money", "mean pnl of winners (> 0) and of losers (< 0)"),
    "average_loss": Convention("Average loss", "money", "mean pnl of winners (> 0) and of losers (< 0)"),
    "best_day": Convention("Best day", "percent", "greatest and least session return"),
    "worst_day": Convention("Worst day", "percent", "greatest and least session return"),
    "fees": Convention("Fees", "money", "Σ commissions of all fills"),
    "slippage": Convention(
        "Slippage",
        "money",
        "Σ abs(quantity) × abs(price − reference) of all fills: the reference is the market's price, the price is the "
        "one paid",
    ),
    "benchmark_return": Convention(
        "Benchmark return", "percent", "last price / price before the first session compared − 1"
    ),
    "alpha": Convention("Alpha", "percent", "(1 + mean((rᵢ − rf) − beta × (bᵢ − rf)))^year − 1"),
    "beta": Convention(
        "Beta", "number", "Σ(bᵢ − b̄) rᵢ / Σ(bᵢ − b̄)²; null where the benchmark's variance is below 1e-30"
    ),
    "tracking_error": Convention("Tracking error", "percent", "deviation(rᵢ − bᵢ, ddof 1) × √year"),
    "information_ratio": Convention(
        "Information ratio",
        "number",
        "mean(rᵢ − bᵢ) / deviation(rᵢ − bᵢ, ddof 1) × √year; null where the difference never varies",
    ),
}
KEY = (
    "total_return",
    "annual_return",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "longest_drawdown_sessions",
    "trades",
    "win_rate",
    "profit_factor",
    "exposure",
    "fees",
)
"""Figures that come first."""


def told(name: str, value: float | None) -> str:
    """A figure as text."""
    if value is None:
        return NOTHING
    shown = CONVENTIONS[name].shown
    if shown == "percent":
        return f"{100.0 * value:,.2f} %"
    return f"{value:,.0f}" if shown == "count" else f"{value:,.2f}"


def figures_told(metrics: Mapping[str, Any], undefined: Mapping[str, str]) -> list[dict[str, str]]:
    """All figures of a result: name, title, value, formula; why one that is null is so."""
    return [
        {
            "name": name,
            "title": one.title,
            "value": told(name, metrics[name]),
            "formula": one.formula,
            "why": undefined.get(name, "") if metrics[name] is None else "",
        }
        for name, one in CONVENTIONS.items()
        if name in metrics and not (metrics[name] is None and name not in undefined)
    ]
