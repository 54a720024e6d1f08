"""The formula of each figure in one line, as ``docs/metrics.md`` has it; a test holds page and table together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backbus.performance.summary import title_of, written

FORMULAS: dict[str, str] = {
    "final_equity": "equity of the last row; the initial cash where no row was traded",
    "total_return": "final equity / initial cash − 1",
    "annual_return": "(1 + total return)^(year / n) − 1; null where final equity < 0",
    "volatility": "√(Σ(rᵢ − r̄)² / (n − 1)) × √year",
    "sharpe": "mean(rᵢ − rf) / deviation(rᵢ − rf, ddof 1) × √year",
    "sortino": "mean(rᵢ − rf) × year / (√(Σ min(rᵢ − rf, 0)² / n) × √year)",
    "calmar": "annual return / −max drawdown",
    "max_drawdown": "least equity / highest equity before it − 1, over rows, the initial cash the first peak; ≤ 0",
    "max_drawdown_sessions": (
        "how long the deepest drawdown lasted: from the session of its peak to the session in which equity "
        "was at least there again, or to the last session; of equally deep ones the first"
    ),
    "longest_drawdown_sessions": "the greatest such length of all drawdowns",
    "exposure": "rows that ended with any position / rows",
    "average_gross_exposure": (
        "Σ over rows of (Σ of the absolute values of positions) / equity, divided by rows; rows with equity ≤"
        " 0 add nothing"
    ),
    "turnover": (
        "(Σ abs(quantity × price) of all fills / 2) / mean equity of sessions / (n / year): how often per "
        "year the account was bought and sold once over; null where mean equity is not above 0"
    ),
    "trades": "trades that ended",
    "open_trades": (
        "trades that did not; they are in equity at the last close, in no other figure of trades, and marked "
        "in trades.parquet by having no exit"
    ),
    "win_rate": "trades with pnl > 0 / trades",
    "profit_factor": "Σ pnl of winners / −Σ pnl of losers; null without losers",
    "average_win": "mean pnl of winners (> 0) and of losers (< 0)",
    "average_loss": "mean pnl of winners (> 0) and of losers (< 0)",
    "best_day": "greatest and least session return",
    "worst_day": "greatest and least session return",
    "fees": "Σ commissions of all fills",
    "slippage": (
        "Σ abs(quantity) × abs(price − reference) of all fills: the reference is the market's price, the "
        "price is the one paid"
    ),
    "benchmark_return": "last price / price before the first session compared − 1",
    "alpha": "(1 + mean((rᵢ − rf) − beta × (bᵢ − rf)))^year − 1",
    "beta": "Σ(bᵢ − b̄) rᵢ / Σ(bᵢ − b̄)²; null where the benchmark's variance is below 1e-30",
    "tracking_error": "deviation(rᵢ − bᵢ, ddof 1) × √year",
    "information_ratio": "mean(rᵢ − bᵢ) / deviation(rᵢ − bᵢ, ddof 1) × √year; null where the difference never varies",
}
"""Empty where a name says all."""
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


def figures_told(metrics: Mapping[str, Any], undefined: Mapping[str, str]) -> list[dict[str, str]]:
    """All figures of a result: name, title, value, formula; why one that is null is so."""
    return [
        {
            "name": name,
            "title": title_of(name),
            "value": written(name, metrics[name]),
            "formula": formula,
            "why": undefined.get(name, "") if metrics[name] is None else "",
        }
        for name, formula in FORMULAS.items()
        if name in metrics and not (metrics[name] is None and name not in undefined)
    ]
