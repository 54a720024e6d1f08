"""Parameters of each model that make it most like a history of closes, and how like it then is.

Where a model has a likelihood that can be written down, its greatest is looked for; Heston's numbers follow from
moments. Likelihoods compare models of the same history: less of ``bic`` is better, and how far the moments of a long
market of the model are from those of the data says what each of them misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from backbus.errors import DataError
from backbus.jit.decorators import loop
from backbus.job.simulator import SimulatorSettings
from backbus.market.panel import Floats, Panel, whole
from backbus.simulator.clock import bars_in_year
from backbus.simulator.market import Market
from backbus.simulator.maths import log as _log

LEAST_BARS = 250
"""Fewer say too little of variances that change."""
MODELS = ("gbm", "random_walk", "merton", "heston", "garch", "ornstein_uhlenbeck", "regimes")
MOMENTS = ("mean", "deviation", "skewness", "kurtosis", "autocorrelation", "autocorrelation_of_squares", "leverage")
MADE_ROWS = 100_000
_MOST_JUMPS = 12
_ROUNDS, _STEPS = 500, 2000
_TAU = math.log(2.0 * math.pi)


class Fit(NamedTuple):
    """One model on one asset."""

    model: str
    path: dict[str, Any]
    """As ``simulator.assets.path`` takes it."""
    log_likelihood: float | None
    """Of the returns; None where the model has none that can be written down."""
    bic: float | None
    """Schwarz' criterion: parameters × ln(bars) − 2 × log likelihood."""
    moments: dict[str, float]
    """Of a long market of the model, as those of the data are told."""


def closes_of(panel: Panel, symbol: str) -> Floats:
    """The closes of an asset's own bars, or a DataError where they are too few."""
    column = panel.block.close[:, panel.symbols.index(symbol)]
    closes: Floats = column[~np.isnan(column)]
    if len(closes) < LEAST_BARS:
        raise DataError(f"{len(closes)} bars are too few to fit a model to; {LEAST_BARS} are needed", symbol=symbol)
    return closes


def fitted_market(panel: Panel, paths: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The ``[simulator]`` table of a market of these assets: as long as the data, from its last closes on, with the
    correlation of its returns."""
    closes = panel.block.close[:, [panel.symbols.index(symbol) for symbol in paths]]
    whole_rows = closes[~np.isnan(closes).any(axis=1)]
    table: dict[str, Any] = {"seed": 1, "rows": len(panel), "bars_per_year": bars_in_year(panel)}
    if len(paths) > 1:
        matrix = np.corrcoef(np.diff(np.log(whole_rows), axis=0).T)
        np.fill_diagonal(matrix, 1.0)
        table["correlation"] = {"matrix": (0.5 * (matrix + matrix.T)).tolist()}
    last = {symbol: float(closes_of(panel, symbol)[-1]) for symbol in paths}
    table["assets"] = [{"symbol": symbol, "price": last[symbol], "path": path} for symbol, path in paths.items()]
    SimulatorSettings.model_validate(table)
    return table


def moments_of(returns: Floats) -> dict[str, float]:
    """``MOMENTS`` of returns, per bar; leverage is the correlation of a return with the size of the next one."""
    x = returns - returns.mean()
    deviation = float(np.sqrt((x * x).mean()))
    if deviation == 0.0:
        return dict.fromkeys(MOMENTS, 0.0) | {"mean": float(returns.mean())}
    s = x * x - (x * x).mean()
    flat = float((s * s).mean())
    return {
        "mean": float(returns.mean()),
        "deviation": deviation,
        "skewness": float((x**3).mean() / deviation**3),
        "kurtosis": float((x**4).mean() / deviation**4),
        "autocorrelation": float((x[1:] * x[:-1]).mean() / deviation**2),
        "autocorrelation_of_squares": float((s[1:] * s[:-1]).mean() / flat) if flat > 0.0 else 0.0,
        "leverage": float((x[:-1] * s[1:]).mean() / (deviation * math.sqrt(flat))) if flat > 0.0 else 0.0,
    }


def moments_of_closes(closes: Floats) -> dict[str, float]:
    """``MOMENTS`` of the returns of closes."""
    return moments_of(returns_of_closes(closes))


def returns_of_closes(closes: Floats) -> Floats:
    """Changes of the logarithm, one fewer than closes."""
    returns: Floats = np.diff(np.log(closes))
    return returns


def best_of(fits: Sequence[Fit]) -> Fit:
    """The one with the least ``bic``; where none has one, the first."""
    return min(fits, key=lambda one: math.inf if one.bic is None else one.bic)


def fit(closes: Floats, model: str, bars_per_year: float) -> Fit:
    """The model that fits closes best, with ``bars_per_year`` bars in a year."""
    returns = returns_of_closes(closes)
    path, likelihood, parameters = _FITS[model](closes, returns, bars_per_year)
    bic = None if likelihood is None else parameters * math.log(len(returns)) - 2.0 * likelihood
    whole_path = {"model": model, **path}
    made = returns_of_model(whole_path, closes, bars_per_year)
    moments = dict.fromkeys(MOMENTS, math.nan) if made is None else moments_of(made)
    return Fit(model, whole_path, likelihood, bic, moments)


def returns_of_model(path: dict[str, Any], closes: Floats, bars_per_year: float) -> Floats | None:
    """Returns of a long market that moves as ``path`` says and begins where ``closes`` end; None where its price leaves
    the range of numbers."""
    fields = {
        "rows": MADE_ROWS,
        "bars_per_year": bars_per_year,
        "steps": 1,
        "assets": [{"symbol": "A", "price": float(closes[-1]), "path": path}],
    }
    try:
        panel = whole(Market(SimulatorSettings.model_validate(fields)))
    except DataError:  # a drift that took so many bars out of the range of numbers
        return None
    return returns_of_closes(panel.block.close[:, 0])


Found = tuple[dict[str, Any], float | None, int]


def _normal(returns: Floats) -> float:
    """Log likelihood of independent normal returns at its greatest."""
    return -0.5 * len(returns) * (_TAU + math.log(returns.var()) + 1.0)


def _gbm(closes: Floats, returns: Floats, year: float) -> Found:
    volatility = math.sqrt(returns.var() * year)
    drift = float(returns.mean()) * year + 0.5 * volatility**2
    return {"drift": drift, "volatility": volatility}, _normal(returns), 2


def _random_walk(closes: Floats, returns: Floats, year: float) -> Found:
    path, _, count = _gbm(closes, returns, year)
    return path, None, count


def _ornstein_uhlenbeck(closes: Floats, returns: Floats, year: float) -> Found:
    x = np.log(closes)
    before, after = x[:-1] - x[:-1].mean(), x[1:] - x[1:].mean()
    decay = min(max(float((before * after).sum() / (before * before).sum()), 1e-6), 1.0 - 1e-6)
    reversion = -math.log(decay) * year
    mean = float((x[1:].mean() - decay * x[:-1].mean()) / (1.0 - decay))
    mean = min(max(mean, float(x.min()) - 5.0), float(x.max()) + 5.0)
    left = x[1:] - mean - decay * (x[:-1] - mean)
    volatility = math.sqrt(left.var() * 2.0 * reversion / (1.0 - decay**2))
    return {"level": math.exp(mean), "reversion": reversion, "volatility": volatility}, _normal(left), 3


def _heston(closes: Floats, returns: Floats, year: float) -> Found:
    """By moments: the variance of variance from the kurtosis, reversion from how the squares' correlation dies away."""
    x = returns - returns.mean()
    variance, squares = float((x * x).mean()), x * x - (x * x).mean()
    lags = np.arange(1, min(60, len(x) // 10))
    correlations = np.array([(squares[lag:] * squares[:-lag]).mean() for lag in lags]) / (squares * squares).mean()
    known = correlations > 0.01
    slope = 0.02
    if np.count_nonzero(known) >= 5:
        steps = lags[known] - lags[known].mean()
        slope = -float((steps * np.log(correlations[known])).sum() / (steps * steps).sum())
    reversion = min(max(slope, 1e-3), 1.0) * year
    spread = max(float((x**4).mean()) / variance**2 / 3.0 - 1.0, 0.01)  # of v, relative to its mean squared
    mean = variance * year
    volatility = math.sqrt(mean)
    of_variance = min(math.sqrt(2.0 * reversion * spread * mean), 100.0)
    leverage = float((x[:-1] * squares[1:]).mean()) * year * year
    correlation = min(max(leverage / (of_variance * mean), -0.95), 0.95)
    drift = float(returns.mean()) * year + 0.5 * mean
    path = {"drift": drift, "volatility": volatility, "reversion": reversion}
    return path | {"volatility_of_variance": of_variance, "correlation": correlation}, None, 5


@loop
def garch_likelihood(shocks: Floats, long: float, alpha: float, beta: float) -> float:
    """Minus twice the log likelihood of normal shocks, without its constant, from the long-run variance on."""
    h = long
    total = 0.0
    for index in range(len(shocks)):
        total += _log(h) + shocks[index] * shocks[index] / h
        h = long * (1.0 - alpha - beta) + alpha * (shocks[index] * shocks[index]) + beta * h
    return total


def _garch(closes: Floats, returns: Floats, year: float) -> Found:
    shocks = returns - returns.mean()
    shocks.flags.writeable = False

    def worth(point: Floats) -> float:
        long, alpha, beta = math.exp(point[0]), _share(point[1]), _share(point[2])
        return garch_likelihood(shocks, long, alpha * (1.0 - beta), beta)

    best = simplex(worth, [math.log(shocks.var()), _logit(0.4), _logit(0.9)])
    long, beta = math.exp(best[0]), _share(best[2])
    alpha = _share(best[1]) * (1.0 - beta)
    volatility = math.sqrt(long * year)
    drift = float(returns.mean()) * year + 0.5 * volatility**2
    likelihood = -0.5 * (len(returns) * _TAU + worth(best))
    return {"drift": drift, "volatility": volatility, "alpha": alpha, "beta": beta}, likelihood, 4


def _merton(closes: Floats, returns: Floats, year: float) -> Found:
    counts = np.arange(_MOST_JUMPS + 1)
    logs = np.concatenate(([0.0], np.cumsum(np.log(counts[1:]))))

    def parts(point: Floats) -> tuple[float, float, float, float, float]:
        mean, deviation, rate, jump, spread = point.tolist()
        return mean, math.exp(deviation), math.exp(rate), jump, math.exp(spread)

    def worth(point: Floats) -> float:
        mean, deviation, rate, jump, spread = parts(point)
        if rate > 3.0:
            return math.inf
        variance = deviation**2 + counts * spread**2
        away = returns[:, None] - mean - counts * jump
        terms = counts * math.log(rate) - rate - logs - 0.5 * (_TAU + np.log(variance)) - 0.5 * away**2 / variance
        top = terms.max(axis=1)
        return -2.0 * float((top + np.log(np.exp(terms - top[:, None]).sum(axis=1))).sum())

    deviation = float(returns.std())
    start = [float(returns.mean()), math.log(0.7 * deviation), math.log(0.05), 0.0, math.log(2.5 * deviation)]
    best = simplex(worth, start)
    mean, own, rate, jump, spread = parts(best)
    volatility, jumps = own * math.sqrt(year), rate * year
    drift = mean * year + 0.5 * volatility**2 + jumps * math.expm1(jump + 0.5 * spread**2)
    path = {"drift": drift, "volatility": volatility, "jumps": jumps, "jump_mean": jump, "jump_deviation": spread}
    return path, -0.5 * worth(best), 5


def _regimes(closes: Floats, returns: Floats, year: float) -> Found:
    """Two regimes, by Baum and Welch's algorithm (1970)."""
    deviation = float(returns.std())
    means, deviations = np.full(2, returns.mean()), np.array([0.6, 1.6]) * deviation
    chances, first = np.array([[0.98, 0.02], [0.05, 0.95]]), np.array([0.7, 0.3])
    likelihood = -math.inf
    for _ in range(_ROUNDS):
        dense = np.exp(-0.5 * ((returns[:, None] - means) / deviations) ** 2) / (deviations * math.sqrt(2.0 * math.pi))
        ahead, back, scale = np.empty_like(dense), np.empty_like(dense), np.empty(len(dense))
        filter_states(np.maximum(dense, 1e-300), chances, first, ahead, back, scale)
        state = ahead * back
        state /= state.sum(axis=1, keepdims=True)
        moves = ahead[:-1, :, None] * chances * (dense[1:] * back[1:])[:, None, :] / scale[1:, None, None]
        chances = moves.sum(axis=0)
        chances /= chances.sum(axis=1, keepdims=True)
        first = state[0]
        weight = state.sum(axis=0)
        means = (state * returns[:, None]).sum(axis=0) / weight
        deviations = np.sqrt((state * (returns[:, None] - means) ** 2).sum(axis=0) / weight)
        deviations = np.maximum(deviations, 1e-3 * deviation)
        before, likelihood = likelihood, float(np.log(scale).sum())
        if likelihood - before < 1e-6 * len(returns) * 1e-2:
            break
    volatility = deviations * math.sqrt(year)
    regimes = [
        {
            "drift": float(m * year + 0.5 * v**2),
            "volatility": float(v),
            "rows": float(max(1.0 / max(1.0 - p, 1e-9), 1.0)),
        }
        for m, v, p in zip(means, volatility, np.diag(chances), strict=True)
    ]
    return {"regimes": regimes}, likelihood, 6


@loop
def filter_states(dense: Floats, chances: Floats, first: Floats, ahead: Floats, back: Floats, scale: Floats) -> None:
    """Forward and backward chances of each regime, [rows, regimes], scaled row by row."""
    rows, count = dense.shape
    for row in range(rows):
        total = 0.0
        for to in range(count):
            value = 0.0
            if row == 0:
                value = first[to]
            else:
                for of in range(count):
                    value += ahead[row - 1, of] * chances[of, to]
            ahead[row, to] = value * dense[row, to]
            total += ahead[row, to]
        scale[row] = total
        for to in range(count):
            ahead[row, to] /= total
    for to in range(count):
        back[rows - 1, to] = 1.0
    for row in range(rows - 2, -1, -1):
        for of in range(count):
            value = 0.0
            for to in range(count):
                value += chances[of, to] * dense[row + 1, to] * back[row + 1, to]
            back[row, of] = value / scale[row + 1]


_FITS: dict[str, Callable[[Floats, Floats, float], Found]] = {
    "gbm": _gbm,
    "random_walk": _random_walk,
    "merton": _merton,
    "heston": _heston,
    "garch": _garch,
    "ornstein_uhlenbeck": _ornstein_uhlenbeck,
    "regimes": _regimes,
}


def _share(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(x, -30.0), 30.0)))


def _logit(share: float) -> float:
    return math.log(share / (1.0 - share))


def simplex(worth: Callable[[Floats], float], start: Sequence[float]) -> Floats:
    """Where a function is least, from a point near it: Nelder and Mead's simplex (1965)."""
    size = len(start)
    points = [np.array(start, dtype=np.float64)]
    for place in range(size):
        point = points[0].copy()
        point[place] += 0.25 if point[place] == 0.0 or abs(point[place]) > 1e-2 else 0.25 * abs(point[place])
        points.append(point)
    values = [worth(point) for point in points]
    for _ in range(_STEPS):
        order = sorted(range(size + 1), key=values.__getitem__)
        points, values = [points[i] for i in order], [values[i] for i in order]
        if values[-1] - values[0] <= 1e-10 * (abs(values[0]) + 1e-10):
            break
        middle = sum(points[:-1]) / size
        away = middle - points[-1]
        reflected = middle + away
        value = worth(reflected)
        if value < values[0]:
            further = middle + 2.0 * away
            other = worth(further)
            points[-1], values[-1] = (further, other) if other < value else (reflected, value)
        elif value < values[-2]:
            points[-1], values[-1] = reflected, value
        else:
            closer = middle + (0.5 if value < values[-1] else -0.5) * away
            other = worth(closer)
            if other < min(value, values[-1]):
                points[-1], values[-1] = closer, other
            else:
                points = [points[0], *(0.5 * (point + points[0]) for point in points[1:])]
                values = [values[0], *map(worth, points[1:])]
    return points[int(np.argmin(values))]
