"""Returns of sessions and the sums that ratios are made of: compiled, sequential, two passes where it is exact."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import loop, step
from backbus.market.panel import Floats
from backbus.trading.records import Records

MOMENTS = np.dtype(
    [("mean", "<f8"), ("squares", "<f8"), ("downside", "<f8"), ("least", "<f8"), ("greatest", "<f8"),
     ("excess_squares", "<f8")],
)  # fmt: skip
"""Of returns less a rate: their mean, and the sum of squares of the negative ones; the sum of squared deviations of the
returns themselves from their mean; the least and greatest return; the squared deviations of returns less the rate."""

REGRESSION = np.dtype(
    [("count", "<i8"), ("beta", "<f8"), ("variance", "<f8"), ("alpha", "<f8"), ("active", "<f8"), ("squares", "<f8"),
     ("constant", "<i8")],
)  # fmt: skip
"""Of returns against a benchmark's: sessions, slope, the benchmark's variance (ddof 0), mean of return - slope ×
benchmark over the rate, mean and squared deviations of return - benchmark; 1 where that difference never varies."""

ENDS = np.dtype([("sessions", "<i8"), ("returned", "<i8"), ("final", "<f8"), ("equity_sum", "<f8")])
"""Of equity by sessions: how many there are, 1 where each has a return, the last value and the sum of all."""

NOISE = 1e-14
"""Returns that differ by less differ by rounding: a return is a quotient near 1, and its last bit is worth 2e-16."""

NO_RETURNS = np.empty(0)
"""The benchmark's returns where there is none."""
NO_RETURNS.flags.writeable = False


@step
def rate_at(rates: Floats, session: int) -> float:
    """A session's rate: the only one, or its own."""
    rate: float = rates[0] if len(rates) == 1 else rates[session]
    return rate


@step
def regress(returns: Floats, factor: Floats, rates: Floats, out: Records) -> None:
    """Fill one ``REGRESSION`` record; sessions whose benchmark return is NaN are left out of both."""
    count = 0
    factor_sum = 0.0
    active_sum = 0.0
    least = np.inf
    greatest = -np.inf
    for index in range(len(returns)):
        if not np.isnan(factor[index]):
            count += 1
            factor_sum += factor[index]
            active = returns[index] - factor[index]
            active_sum += active
            least = min(least, active)
            greatest = max(greatest, active)
    record = out[0]
    record["count"] = count
    if count == 0:
        return
    factor_mean = factor_sum / count
    active_mean = active_sum / count
    covariance = 0.0
    variance = 0.0
    squares = 0.0
    for index in range(len(returns)):
        if not np.isnan(factor[index]):
            residual = factor[index] - factor_mean
            covariance += residual * returns[index]
            variance += residual * residual
            deviation = returns[index] - factor[index] - active_mean
            squares += deviation * deviation
    beta = covariance / variance if variance > 0.0 else np.nan
    alpha = 0.0
    for index in range(len(returns)):
        if not np.isnan(factor[index]):
            rate = rate_at(rates, index)
            alpha += returns[index] - rate - beta * (factor[index] - rate)
    record["beta"], record["variance"] = beta, variance / count
    record["alpha"], record["active"], record["squares"] = alpha / count, active_mean, squares
    record["constant"] = 1 if least == greatest or squares <= count * NOISE * NOISE else 0


@step
def put_moments(
    record: Any, size: int, mean: float, squares: float, excess_squares: float, downside: float, least: float,
    greatest: float, one_rate: bool,
) -> None:  # fmt: skip
    """Fill one ``MOMENTS`` record from sums over ``size`` returns: what differs by rounding alone does not differ."""
    if excess_squares <= size * NOISE * NOISE:
        excess_squares = 0.0
    if least == greatest or squares <= size * NOISE * NOISE:
        excess_squares = 0.0 if one_rate else excess_squares
        squares = 0.0  # equal returns differ by the rounding of equity, and their mean in its last bit
    if downside <= size * NOISE * NOISE:
        downside = 0.0
    record["mean"], record["squares"], record["downside"] = mean, squares, downside
    record["least"], record["greatest"] = least, greatest
    record["excess_squares"] = excess_squares


@loop
def sum_up(
    cash: float,
    equity: Floats,
    rates: Floats,
    factor: Floats,
    returns: Floats,
    moments: Records,
    regression: Records,
    ends: Records,
) -> None:
    """Fill one record of each kind from a run's equity by sessions, and ``returns`` [sessions] with its returns.

    A return is equity against that of the session before, the first against ``cash``. ``rates`` are per session, [1]
    for all or [sessions]; ``factor`` are the benchmark's returns of the same sessions, or empty. Where a session has no
    return, because the equity before it is not above zero, moments and regression stay as they are. Every sum is in
    order.
    """
    size = len(equity)
    end = ends[0]
    end["sessions"] = size
    end["final"] = equity[size - 1] if size > 0 else cash
    before = cash
    returned = size > 0
    equity_sum = total = downside = raw = 0.0
    least, greatest = np.inf, -np.inf
    for index in range(size):
        value = equity[index]
        equity_sum += value
        if returned and before > 0.0:
            change = value / before - 1.0
            returns[index] = change
            excess = change - rate_at(rates, index)
            total += excess
            raw += change
            below = excess if excess < 0.0 else 0.0  # no jump: half of all returns are
            downside += below * below
            least = min(least, change)
            greatest = max(greatest, change)
        else:
            returned = False
        before = value
    end["equity_sum"] = equity_sum
    end["returned"] = 1 if returned else 0
    if not returned:
        return
    mean = total / size
    excess_squares = 0.0
    for index in range(size):
        deviation = returns[index] - rate_at(rates, index) - mean
        excess_squares += deviation * deviation
    squares = excess_squares
    if len(rates) > 1:
        squares = 0.0
        for index in range(size):
            deviation = returns[index] - raw / size
            squares += deviation * deviation
    put_moments(moments[0], size, mean, squares, excess_squares, downside, least, greatest, len(rates) == 1)
    if len(factor) > 0:
        regress(returns, factor, rates, regression)
