"""The tails of a run's session returns, and what they were beside a benchmark's rises and falls: of one run, not of
every point of a sweep.

Formulas are those of empyrical and scipy where these have them (``docs/metrics.md``). Sums run in order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop
from backbus.market.panel import Floats
from backbus.performance.metrics import Metrics, compounded
from backbus.performance.moments import NOISE, rate_at

TAIL = 0.05
"""The share of sessions that is the tail."""
FEWEST = 2
"""Sessions that moments need."""


class Tails(BaseModel):
    """Of session returns; fractions, None where undefined."""

    model_config = ConfigDict(frozen=True)

    value_at_risk: float | None = None
    """The return that a twentieth of the sessions fell below: their 5th percentile."""
    conditional_value_at_risk: float | None = None
    """The mean return of the worst twentieth."""
    skewness: float | None = None
    """Third moment over the cubed deviation (ddof 0); 0 for the normal."""
    kurtosis: float | None = None
    """Fourth moment over the squared variance, less 3; 0 for the normal."""
    omega: float | None = None
    """Gains above the rate per loss below it."""
    tail_ratio: float | None = None
    """The 95th percentile over the size of the 5th."""
    ulcer_index: float | None = None
    """Root of the mean squared drawdown, by sessions."""
    up_capture: float | None = None
    """Annual return in the sessions in which the benchmark rose, per the benchmark's own."""
    down_capture: float | None = None
    """The same where it fell."""


def tails_of(returns: Floats | None, benchmark: Floats | None, *, rates: Floats, year: float) -> Tails:
    """Of [sessions] returns, and a benchmark's of the same sessions; ``rates`` are per session, [1] for all or
    [sessions], ``year`` in sessions."""
    if returns is None or not len(returns):
        return Tails()
    ordered = np.sort(returns)
    low, high = _at_share(ordered, TAIL), _at_share(ordered, 1.0 - TAIL)
    worst = ordered[: int((len(ordered) - 1) * TAIL) + 1].tolist()
    sums = np.zeros(6)
    sum_tails(read_only(returns), rates, sums)
    second, third, fourth, gains, losses, falls = sums.tolist()
    varies = len(returns) >= FEWEST and second > NOISE * NOISE
    up, down = (None, None) if benchmark is None else (_capture(returns, benchmark, year, sign) for sign in (1.0, -1.0))
    return Tails(
        value_at_risk=low,
        conditional_value_at_risk=math.fsum(worst) / len(worst),
        skewness=third / second**1.5 if varies else None,
        kurtosis=fourth / second**2 - 3.0 if varies else None,
        omega=gains / losses if losses > 0.0 else None,
        tail_ratio=abs(high) / abs(low) if low != 0.0 else None,
        ulcer_index=math.sqrt(falls),
        up_capture=up,
        down_capture=down,
    )


def _at_share(ordered: Floats, share: float) -> float:
    """The value below which a share of them lies, by linear interpolation."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


@loop
def sum_tails(returns: Floats, rates: Floats, out: Floats) -> None:
    """Mean powers 2, 3 and 4 of what lies between returns and their mean; gains above the rate and losses below it; the
    mean of squared drawdowns: into ``out`` [6], in order."""
    size = len(returns)
    total = 0.0
    for value in returns:
        total += value
    mean = total / size
    second = third = fourth = gains = losses = falls = 0.0
    level = peak = 1.0
    for session in range(size):
        value = returns[session]
        away = value - mean
        square = away * away
        second += square
        third += square * away
        fourth += square * square
        excess = value - rate_at(rates, session)
        gains += max(excess, 0.0)
        losses -= min(excess, 0.0)
        level *= 1.0 + value
        peak = max(peak, level)
        fall = level / peak - 1.0
        falls += fall * fall
    out[0], out[1], out[2] = second / size, third / size, fourth / size
    out[3], out[4], out[5] = gains, losses, falls / size


def _capture(returns: Floats, benchmark: Floats, year: float, sign: float) -> float | None:
    chosen = sign * benchmark > 0.0  # (a session without a return of the benchmark is neither)
    if not chosen.any():
        return None
    ours, theirs = (_annual(series[chosen].tolist(), year) for series in (returns, benchmark))
    return ours / theirs if theirs and not math.isnan(ours) and not math.isnan(theirs) else None


def _annual(values: Sequence[float], year: float) -> float:
    growth = 1.0
    for value in values:
        growth *= 1.0 + value
    return compounded(growth, year / len(values))


def rolling_figures(returns: Floats, window: int, *, rates: Floats, year: float) -> dict[str, Floats]:
    """[sessions] annual return, volatility, Sharpe ratio and deepest drawdown of the last ``window`` sessions; NaN in
    the first ones. ``rates`` are per session, [1] for all or [sessions]."""
    size = len(returns)
    found = {name: np.full(size, np.nan) for name in ("annual_return", "volatility", "sharpe", "max_drawdown")}
    if window < FEWEST:
        raise ValueError(f"a window has at least {FEWEST} sessions, not {window}")
    for stop in range(window, size + 1):
        part = returns[stop - window : stop].tolist()
        mean = math.fsum(part) / window
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in part) / (window - 1))
        level = peak = 1.0
        deepest = 0.0
        for value in part:
            level *= 1.0 + value
            peak = max(peak, level)
            deepest = min(deepest, level / peak - 1.0)
        at = stop - 1
        found["annual_return"][at] = compounded(level, year / window)
        found["volatility"][at] = deviation * math.sqrt(year)
        excess, spread, beyond = part, deviation, mean - float(rates[0])
        if len(rates) > 1:
            excess = (returns[stop - window : stop] - rates[stop - window : stop]).tolist()
            beyond = math.fsum(excess) / window
            spread = math.sqrt(math.fsum((value - beyond) ** 2 for value in excess) / (window - 1))
        varies = max(excess) > min(excess) and spread > 0.0
        found["sharpe"][at] = beyond / spread * math.sqrt(year) if varies else np.nan
        found["max_drawdown"][at] = deepest
    return found


def why_undefined(metrics: Metrics, sessions: int, *, ruined: bool, benchmark: bool) -> dict[str, str]:
    """Why figures are None, by name; those of a benchmark where there is one."""
    of_trades = {
        "win_rate": "no trade closed",
        "profit_factor": "no trade lost money",
        "average_win": "no trade made money",
        "average_loss": "no trade lost money",
    }
    of_returns = {
        "volatility": "there are fewer than two sessions",
        "sharpe": "the returns do not vary",
        "sortino": "no return is below the rate",
        "calmar": "there was no drawdown",
    }
    of_benchmark = {
        "benchmark_return": "the benchmark has no return",
        "alpha": "the benchmark does not vary",
        "beta": "the benchmark does not vary",
        "tracking_error": "there are fewer than two sessions to compare",
        "information_ratio": "the returns differ from the benchmark's by nothing that varies",
    }
    reasons: Mapping[str, str] = {**of_trades, **of_returns, **(of_benchmark if benchmark else {})}
    general = "equity was zero or less" if ruined else "no session was traded" if sessions == 0 else ""
    short = "there are fewer than two sessions" if sessions == 1 else ""
    told = {}
    for name, value in metrics.as_dict().items():
        if value is None and (name in reasons or (general and name not in of_benchmark)):
            own = reasons.get(name, "")
            if name in of_trades:
                own = own if metrics.trades else "no trade closed"
            told[name] = own if name in of_trades else general or (short if name in of_returns else "") or own
    return told
