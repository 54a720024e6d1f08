"""The figures of a report, from the account by sessions and the totals of fills and trades.

Formulas, conventions and sources are in ``docs/metrics.md``. A figure that is not defined for a run is None, never NaN
or infinite. Powers are taken here and nowhere before, so that no decision of a run depends on them.
"""

from __future__ import annotations

import math

import numpy as np
from pydantic import BaseModel, ConfigDict

from backbus.jobs import PerformanceSettings
from backbus.market.panel import Floats
from backbus.market.records import Records
from backbus.performance.moments import MOMENTS, REGRESSION, moments, regression, sequential_sum, simple_returns
from backbus.performance.sessions import BenchmarkCurve, SessionCurve

_LEAST_VARIANCE = 1e-30
"""Below this a benchmark does not vary and has no beta: empyrical's limit."""


class Metrics(BaseModel):
    """What a run achieved. Rates are fractions (0.1 is 10 %), money is in cash units, None is undefined."""

    model_config = ConfigDict(frozen=True)

    final_equity: float | None
    """Equity at the last row."""
    total_return: float | None
    """Final equity / initial cash - 1."""
    annual_return: float | None
    """Compound growth per year, by the count of sessions."""
    volatility: float | None
    """Annualised deviation of session returns (ddof 1)."""
    sharpe: float | None
    """Annualised mean excess return per deviation."""
    sortino: float | None
    """Annualised mean excess return per downside deviation."""
    calmar: float | None
    """Annual return / size of the deepest drawdown."""
    max_drawdown: float | None
    """Deepest fall of equity below its peak, row by row; ≤ 0."""
    max_drawdown_sessions: int
    """Sessions from that drawdown's peak to its recovery, or to the end."""
    longest_drawdown_sessions: int
    """The same for the drawdown that lasted longest."""
    exposure: float | None
    """Share of rows that ended with a position."""
    average_gross_exposure: float | None
    """Mean over rows of gross position value / equity."""
    turnover: float | None
    """Half of the value traded, per year, over mean equity."""
    trades: int
    """Trades that closed."""
    open_trades: int
    """Trades still open at the end; in no other figure of trades."""
    win_rate: float | None
    """Share of closed trades that made money after fees."""
    profit_factor: float | None
    """What winning trades made / what losing trades lost."""
    average_win: float | None
    """Mean result of winning trades, in cash units."""
    average_loss: float | None
    """Mean result of losing trades, in cash units; < 0."""
    best_day: float | None
    """Greatest session return."""
    worst_day: float | None
    """Least session return."""
    fees: float | None
    """Commissions paid."""
    slippage: float | None
    """Cost of filling away from the market's price."""
    benchmark_return: float | None = None
    """The benchmark's total return over the compared sessions."""
    alpha: float | None = None
    """Annualised return that the benchmark does not explain."""
    beta: float | None = None
    """Slope of returns on the benchmark's returns."""
    tracking_error: float | None = None
    """Annualised deviation (ddof 1) of the returns' difference from the benchmark's."""
    information_ratio: float | None = None
    """Annualised mean difference per deviation of the difference."""

    def as_dict(self) -> dict[str, float | int | None]:
        """The figures by name, in the order of the report."""
        return self.model_dump()


def session_rate(risk_free: float, periods_per_year: float) -> float:
    """The rate per session that compounds to ``risk_free`` in a year."""
    return math.pow(1.0 + risk_free, 1.0 / periods_per_year) - 1.0


def ratio(above: float, below: float) -> float | None:
    """``above / below``, None where that is no finite number."""
    return finite(above / below) if below != 0.0 else None


def finite(value: float) -> float | None:
    """A plain float, None for NaN and infinity."""
    value = float(value)
    return value if math.isfinite(value) else None


def compounded(growth: float, power: float) -> float | None:
    """``growth ** power - 1``, None where growth is negative or the result too large."""
    if not growth >= 0.0:
        return None
    try:
        return finite(math.pow(growth, power) - 1.0)
    except (OverflowError, ValueError):
        return None


def measure(
    settings: PerformanceSettings,
    cash: float,
    curve: SessionCurve,
    totals: Records,
    open_trades: int,
    benchmark: BenchmarkCurve | None = None,
) -> Metrics:
    """All figures of a run. ``totals`` is one ``TOTALS`` record, ``cash`` what the run began with."""
    year = settings.periods_per_year
    sessions, rows = curve.sessions, curve.rows
    total = totals[0]
    closed, won, lost = int(total["closed"]), int(total["won"]), int(total["lost"])
    final = float(curve.equity[-1]) if sessions else cash
    growth = final / cash
    annual = compounded(growth, year / sessions) if sessions else None
    drawdown = curve.max_drawdown
    drawdown_sessions, longest = curve.drawdown_sessions()
    figures: dict[str, float | None] = {}
    returns = np.empty(sessions, dtype=np.float64)
    if sessions and simple_returns(cash, curve.equity, returns):
        rate = session_rate(settings.risk_free, year)
        figures = _of_returns(returns, rate, year)
        if benchmark is not None:
            figures |= _against(benchmark, returns, rate, year)
    return Metrics(
        final_equity=finite(final),
        total_return=finite(growth - 1.0),
        annual_return=annual,
        volatility=figures.get("volatility"),
        sharpe=figures.get("sharpe"),
        sortino=figures.get("sortino"),
        calmar=ratio(annual, -drawdown) if annual is not None else None,
        max_drawdown=finite(drawdown) if rows else None,
        max_drawdown_sessions=drawdown_sessions,
        longest_drawdown_sessions=longest,
        exposure=curve.held_rows / rows if rows else None,
        average_gross_exposure=finite(curve.gross_sum / rows) if rows else None,
        turnover=_turnover(float(total["traded_value"]), curve.equity, year),
        trades=closed,
        open_trades=open_trades,
        win_rate=won / closed if closed else None,
        profit_factor=ratio(float(total["gross_profit"]), -float(total["gross_loss"])),
        average_win=finite(float(total["gross_profit"]) / won) if won else None,
        average_loss=finite(float(total["gross_loss"]) / lost) if lost else None,
        best_day=figures.get("best_day"),
        worst_day=figures.get("worst_day"),
        fees=finite(total["fees"]),
        slippage=finite(total["slippage"]),
        benchmark_return=figures.get("benchmark_return"),
        alpha=figures.get("alpha"),
        beta=figures.get("beta"),
        tracking_error=figures.get("tracking_error"),
        information_ratio=figures.get("information_ratio"),
    )


def _of_returns(returns: Floats, rate: float, year: float) -> dict[str, float | None]:
    record = np.zeros(1, dtype=MOMENTS)
    moments(returns, rate, record)
    sums = record[0]
    size = len(returns)
    figures = {"best_day": finite(sums["greatest"]), "worst_day": finite(sums["least"])}
    if size > 1:
        mean = float(sums["mean"])
        deviation = math.sqrt(float(sums["squares"]) / (size - 1))
        downside = math.sqrt(float(sums["downside"]) / size)
        figures["volatility"] = finite(deviation * math.sqrt(year))
        sharpe = ratio(mean, deviation)
        sortino = ratio(mean, downside)
        figures["sharpe"] = None if sharpe is None else finite(sharpe * math.sqrt(year))
        figures["sortino"] = None if sortino is None else finite(sortino * math.sqrt(year))
    return figures


def _against(benchmark: BenchmarkCurve, returns: Floats, rate: float, year: float) -> dict[str, float | None]:
    closes = benchmark.closes
    before = np.concatenate(([benchmark.base], closes[:-1]))
    factor = closes / before - 1.0
    known = np.flatnonzero(~np.isnan(factor))
    record = np.zeros(1, dtype=REGRESSION)
    regression(returns, factor, rate, record)
    sums = record[0]
    count = int(sums["count"])
    if count == 0:
        return {}
    figures = {"benchmark_return": finite(closes[known[-1]] / before[known[0]] - 1.0)}
    if count > 1:
        figures["tracking_error"] = deviation = finite(
            0.0 if sums["constant"] else math.sqrt(float(sums["squares"]) / (count - 1)) * math.sqrt(year)
        )
        if deviation is not None:
            figures["information_ratio"] = ratio(float(sums["active"]) * year, deviation)
        if sums["variance"] >= _LEAST_VARIANCE:
            figures["beta"] = finite(sums["beta"])
            figures["alpha"] = compounded(1.0 + float(sums["alpha"]), year)
    return figures


def _turnover(traded_value: float, equity: Floats, year: float) -> float | None:
    held = sequential_sum(equity)
    if not held > 0.0:
        return None
    return finite(traded_value / 2.0 / (held / len(equity)) / (len(equity) / year))
