"""The figures of a report, from the account by sessions and the totals of fills and trades.

Formulas, conventions and sources are in ``docs/metrics.md``. A figure that is not defined for a run is None, never NaN
or infinite. Powers are taken here and nowhere before, so that no decision of a run depends on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from backbus.market.panel import Ints
from backbus.performance.sessions import BenchmarkCurve, drawdown_sessions
from backbus.trading.records import Records

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


FIGURES = tuple(Metrics.model_fields)
"""Names of the figures, in the order of the report."""

Values = NDArray[Any]


def session_rate(risk_free: float, periods_per_year: float) -> float:
    """The rate per session that compounds to ``risk_free`` in a year."""
    return math.pow(1.0 + risk_free, 1.0 / periods_per_year) - 1.0


def ratio(above: Values, below: Values) -> Values:
    """``above / below``, NaN where that is no finite number."""
    return finite(np.asarray(above / below))


def finite(values: Values) -> Values:
    """The values, NaN for infinite ones."""
    return np.where(np.isfinite(values), values, np.nan)


def compounded(growth: float, power: float) -> float:
    """``growth ** power - 1``, NaN where growth is negative or the result too large."""
    if not (growth >= 0.0 and math.isfinite(power)):
        return math.nan
    try:
        rate = math.pow(growth, power) - 1.0
    except (OverflowError, ValueError):
        return math.nan
    return rate if math.isfinite(rate) else math.nan


class Sums(NamedTuple):
    """What figures are made of, one record per run: [runs] each."""

    curve: Records
    """``sessions.ACCOUNT``."""
    totals: Records
    """``trades.TOTALS``."""
    open_trades: Ints
    moments: Records
    regression: Records
    ends: Records


def figures(cash: Values, year: Values, sums: Sums, benchmark: BenchmarkCurve | None = None) -> dict[str, Values]:
    """All figures of many runs by their name in ``Metrics``: [runs] float64, NaN where a figure is not defined.

    ``cash`` is what each run began with, ``year`` its sessions per year. Element by element in exact arithmetic: a
    run's figures do not depend on the runs beside it.
    """
    curve, totals, moments, ends = sums.curve, sums.totals, sums.moments, sums.ends
    sessions, rows = ends["sessions"].astype(np.float64), curve["rows"].astype(np.float64)
    closed, won, lost = totals["closed"], totals["won"], totals["lost"]
    with np.errstate(all="ignore"):
        growth = ends["final"] / cash
        powers = (year / sessions).tolist()
        annual = np.array([compounded(g, p) for g, p in zip(growth.tolist(), powers, strict=True)], dtype=np.float64)
        drawdown = np.where(rows > 0, finite(curve["worst"]), np.nan)
        worst, longest = drawdown_sessions(curve)
        returned = ends["returned"] == 1
        many = returned & (sessions > 1)
        root = np.sqrt(year)
        mean = np.where(many, moments["mean"], np.nan)
        deviation = np.sqrt(moments["squares"] / (sessions - 1.0))
        of_excess = np.sqrt(moments["excess_squares"] / (sessions - 1.0))
        downside = np.sqrt(moments["downside"] / sessions)
        average = ends["equity_sum"] / sessions
        traded = np.where(ends["equity_sum"] > 0.0, totals["traded_value"] / 2.0 / average / (sessions / year), np.nan)
        found: dict[str, Values] = {
            "final_equity": finite(ends["final"]),
            "total_return": finite(growth - 1.0),
            "annual_return": annual,
            "volatility": np.where(many, finite(deviation * root), np.nan),
            "sharpe": finite(ratio(mean, of_excess) * root),
            "sortino": finite(ratio(mean, downside) * root),
            "calmar": ratio(annual, -drawdown),
            "max_drawdown": drawdown,
            "max_drawdown_sessions": worst,
            "longest_drawdown_sessions": longest,
            "exposure": ratio(curve["held_rows"], rows),
            "average_gross_exposure": ratio(curve["gross_sum"], rows),
            "turnover": finite(traded),
            "trades": closed,
            "open_trades": sums.open_trades,
            "win_rate": ratio(won, closed),
            "profit_factor": ratio(totals["gross_profit"], -totals["gross_loss"]),
            "average_win": ratio(totals["gross_profit"], won),
            "average_loss": ratio(totals["gross_loss"], lost),
            "best_day": np.where(returned, finite(moments["greatest"]), np.nan),
            "worst_day": np.where(returned, finite(moments["least"]), np.nan),
            "fees": finite(totals["fees"]),
            "slippage": finite(totals["slippage"]),
            **_against(benchmark, sums, returned, year),
        }
    return {name: np.asarray(found[name], dtype=np.float64) for name in FIGURES}


def _against(benchmark: BenchmarkCurve | None, sums: Sums, returned: Values, year: Values) -> dict[str, Values]:
    record = sums.regression
    count = record["count"]
    some, many = returned & (count > 0), returned & (count > 1)
    total = benchmark.total_return() if benchmark is not None else np.nan
    spread = np.sqrt(record["squares"] / (count - 1.0)) * np.sqrt(year)
    spread = np.where(many, finite(np.where(record["constant"] != 0, 0.0, spread)), np.nan)
    varies = many & (record["variance"] >= _LEAST_VARIANCE)
    daily = np.where(varies, 1.0 + record["alpha"], np.nan).tolist()
    return {
        "benchmark_return": np.where(some, finite(np.asarray(total)), np.nan),
        "alpha": np.array([compounded(g, p) for g, p in zip(daily, year.tolist(), strict=True)]),
        "beta": np.where(varies, finite(record["beta"]), np.nan),
        "tracking_error": spread,
        "information_ratio": ratio(record["active"] * year, spread),
    }


def metrics_of(found: Mapping[str, Values], run: int = 0) -> Metrics:
    """One run's figures, None where they are not defined."""
    plain = {name: found[name][run].item() for name in FIGURES}
    return Metrics.model_validate({name: None if math.isnan(value) else value for name, value in plain.items()})
