"""Each model against its closed form, within what its sample size allows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backbus.market.columns import FIELDS
from backbus.simulator import paths, random
from tests.unit.simulated import YEAR, market, near, returns

N = 100_000


def one(path, rows=N, **fields):
    panel = market(path, rows=rows, **fields)
    return panel, returns(panel)[:, 0]


def lagged(x, lag=1):
    x = x - x.mean()
    return float((x[lag:] * x[:-lag]).mean() / (x * x).mean())


def kurtosis(x):
    x = x - x.mean()
    return float((x**4).mean() / (x * x).mean() ** 2)


def spread(panel):
    return np.log(panel.block.high / panel.block.low)[:, 0]


def test_geometric_brownian_motion():
    drift, volatility = 0.5, 0.3
    _, r = one({"model": "gbm", "drift": drift, "volatility": volatility})
    deviation = volatility / math.sqrt(YEAR)
    near(r.mean(), (drift - volatility**2 / 2) / YEAR, deviation / math.sqrt(N))
    near(r.var(), deviation**2, deviation**2 * math.sqrt(2 / N))
    near(kurtosis(r), 3.0, math.sqrt(24 / N))
    near(lagged(r), 0.0, N**-0.5)
    near(lagged(r * r), 0.0, N**-0.5)


@pytest.mark.parametrize("steps", [1, 4, 16])
def test_a_random_walk_has_steps_of_one_size(steps):
    volatility = 0.3
    _, r = one({"model": "random_walk", "volatility": volatility}, rows=20_000, steps=steps)
    deviation = volatility / math.sqrt(YEAR)
    near(r.var(), deviation**2, deviation**2 * math.sqrt(2 / 20_000))
    near(kurtosis(r), 3 - 2 / steps, math.sqrt(24 / 20_000))
    levels = (r - r.min()) / (2 * deviation / math.sqrt(steps))
    assert np.allclose(levels, np.round(levels), atol=1e-6)


def test_jumps_come_as_often_and_as_large_as_they_should():
    rate, mean, deviation, volatility = 60.0, -0.05, 0.03, 0.2
    path = {"model": "merton", "volatility": volatility, "jumps": rate, "jump_mean": mean, "jump_deviation": deviation}
    _, r = one(path)
    per_bar = rate / YEAR
    spread = volatility**2 / YEAR + per_bar * (mean**2 + deviation**2)
    compensated = -(volatility**2) / 2 - rate * math.expm1(mean + deviation**2 / 2)
    fourth = per_bar * (mean**4 + 6 * mean**2 * deviation**2 + 3 * deviation**4)
    near(r.mean(), compensated / YEAR + per_bar * mean, math.sqrt(spread / N))
    near(r.var(), spread, math.sqrt((fourth + 2 * spread**2) / N))
    near(kurtosis(r), 3 + fourth / spread**2, 0.12)
    third = per_bar * (mean**3 + 3 * mean * deviation**2)
    near(float(((r - r.mean()) ** 3).mean() / spread**1.5), third / spread**1.5, 0.03)


def test_jumps_are_counted_by_poissons_law():
    path = {"model": "merton", "volatility": 0.0, "jumps": 100.0, "jump_mean": 0.1}
    _, r = one(path, rows=50_000)
    drift = -100.0 * math.expm1(0.1) / YEAR
    counts = np.round((r - drift) / 0.1)
    assert np.allclose(r, drift + 0.1 * counts, atol=1e-9)
    rate = 100.0 / YEAR
    for k in range(4):
        chance = math.exp(-rate) * rate**k / math.factorial(k)
        near((counts == k).mean(), chance, math.sqrt(chance * (1 - chance) / 50_000))
    assert counts.max() >= 4


@pytest.mark.slow
def test_hestons_variance_returns_to_its_mean_and_rises_when_prices_fall():
    kappa, theta, xi, rho, dt, n = 4.0, 0.09, 0.5, -0.8, 1 / 2520, 400_000
    variances = np.empty(n)
    state, out, wander = np.array([theta]), np.empty((2, 1)), np.empty((1, 1))
    z, e = (random.Numbers(5).normals(stream, 0, 0, n, 1) for stream in (random.DIFFUSION, random.SECOND))
    moves = np.empty(n)
    for row in range(n):
        variances[row] = state[0]
        now, other = z[:, row : row + 1].copy(), e[:, row : row + 1].copy()
        paths.vary(now, other, 0.1, dt, kappa, theta, xi, rho, state, out, wander)
        moves[row] = out[1, 0]
    span = n * dt
    stationary = xi**2 * theta / (2 * kappa)
    near(variances.mean(), theta, math.sqrt(stationary * 2 / (kappa * span)))
    near(variances.var(), stationary, stationary * 2.5 * math.sqrt(1 / (kappa * span)))
    near(lagged(variances, 630), math.exp(-kappa * 630 * dt), 0.15)
    changes = np.diff(variances)
    found = np.corrcoef(moves[:-1], changes)[0, 1]
    near(found, rho, 5 * (1 - rho**2) / math.sqrt(n))
    near(moves.mean(), (0.1 - theta / 2) * dt, math.sqrt(theta * dt / n))


def test_heston_keeps_its_variance_from_going_below_zero_and_says_so():
    path = {"model": "heston", "volatility": 0.2, "reversion": 1.0, "volatility_of_variance": 1.0, "correlation": -0.5}
    panel, r = one(path, rows=20_000)
    assert np.isfinite(r).all()
    assert "Feller's condition does not hold" in panel.notes[0] and "full truncation" in panel.notes[0]
    quiet, _ = one({**path, "volatility_of_variance": 0.2}, rows=10)
    assert quiet.notes == ()


def test_garch_clusters_as_bollerslev_says():
    alpha, beta, volatility = 0.1, 0.8, 0.3
    _, r = one({"model": "garch", "volatility": volatility, "alpha": alpha, "beta": beta}, rows=400_000)
    variance = volatility**2 / YEAR
    both = alpha + beta
    fourth = 3 * (1 - both**2) / (1 - both**2 - 2 * alpha**2)
    near(r.var(), variance, variance * 0.012)
    near(kurtosis(r), fourth, 0.2)
    near(lagged(r), 0.0, 1.5 * 400_000**-0.5)
    first = alpha * (1 - alpha * beta - beta**2) / (1 - 2 * alpha * beta - beta**2)
    for lag in (1, 2, 5):
        near(lagged((r - r.mean()) ** 2, lag), first * both ** (lag - 1), 0.008)


def test_garch_is_the_recursion():
    volatility, alpha, beta, rows = 0.4, 0.15, 0.7, 300
    _, r = one({"model": "garch", "drift": 0.2, "volatility": volatility, "alpha": alpha, "beta": beta}, rows, steps=1)
    h = long = volatility**2 / YEAR
    z = random.Numbers(0).normals(random.DIFFUSION, 0, 0, rows, 1)[0]
    for row in range(rows):
        assert r[row] == pytest.approx(0.2 / YEAR - h / 2 + math.sqrt(h) * z[row], abs=1e-12)
        h = long * (1 - alpha - beta) + alpha * (math.sqrt(h) * z[row]) ** 2 + beta * h


@pytest.mark.parametrize("steps", [1, 4])
def test_ornstein_and_uhlenbecks_process_returns_to_its_level(steps):
    kappa, volatility, n = 12.0, 0.5, 100_000
    path = {"model": "ornstein_uhlenbeck", "level": 150.0, "reversion": kappa, "volatility": volatility}
    panel, _ = one(path, rows=n, steps=steps)
    x = np.log(panel.block.close[1000:, 0])
    decay, stationary = math.exp(-kappa / YEAR), volatility**2 / (2 * kappa)
    effective = len(x) * (1 - decay) / (1 + decay)
    near(x.mean(), math.log(150.0), math.sqrt(stationary / effective))
    near(x.var(), stationary, stationary * math.sqrt(2 / effective) * 1.1)
    near(lagged(x), decay, 0.004)
    near(lagged(x, 21), decay**21, 0.05)


def test_regimes_last_as_long_and_take_as_much_as_they_should():
    regimes = [{"volatility": 0.01, "rows": 40}, {"volatility": 1.0, "rows": 10}]
    panel, r = one({"model": "regimes", "regimes": regimes}, steps=16)
    wild = spread(panel) > 0.008
    share, memory = 10 / 50, 1 - 1 / 40 - 1 / 10
    effective = N * (1 - memory) / (1 + memory)
    near(wild.mean(), share, math.sqrt(share * (1 - share) / effective))
    near(lagged(wild.astype(float)), memory, 0.01)
    near(float(r[wild].var()), 1 / YEAR, 1 / YEAR * math.sqrt(2 / (N * share)))
    near(float(r[~wild].var()), 1e-4 / YEAR, 1e-4 / YEAR * math.sqrt(2 / N))


def test_a_matrix_of_chances_has_its_long_run():
    chances = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.5, 0.5]])
    shares = paths.stationary(chances)
    assert shares @ chances == pytest.approx(shares, abs=1e-12)
    assert shares.sum() == pytest.approx(1.0)
    text = [list(map(float, line)) for line in chances]
    volatilities = [{"volatility": v} for v in (0.001, 0.1, 5.0)]
    path = {"model": "regimes", "regimes": volatilities, "transitions": text}
    panel, _ = one(path, rows=9000, steps=16)
    size = spread(panel)
    spent = [np.mean(size < 0.0007), np.mean((size >= 0.0007) & (size < 0.05)), np.mean(size >= 0.05)]
    assert spent == pytest.approx(shares, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        {"model": "gbm", "drift": 0.3, "volatility": 0.3},
        {"model": "random_walk", "drift": 0.3, "volatility": 0.3},
        {"model": "merton", "drift": 0.3, "volatility": 0.2, "jumps": 5, "jump_mean": 0.1, "jump_deviation": 0.1},
        {"model": "heston", "drift": 0.3, "volatility": 0.3, "reversion": 2.0, "volatility_of_variance": 0.5},
        {"model": "garch", "drift": 0.3, "volatility": 0.3, "alpha": 0.1, "beta": 0.8},
        {"model": "regimes", "regimes": [{"drift": 0.3, "volatility": v, "rows": 9} for v in (0.1, 0.4)]},
    ],
    ids=lambda path: path["model"],
)
def test_the_mean_price_grows_by_the_drift(path):
    copies = 4000
    asset = {"symbol": "A", "copies": copies, "path": path}
    panel = market(rows=252, assets=[asset])
    end = panel.block.close[-1] / 100.0
    near(end.mean(), math.exp(0.3), end.std() / math.sqrt(copies))


def test_bars_are_those_of_their_path():
    panel, _ = one({"model": "gbm", "volatility": 0.5}, rows=20_000, steps=8)
    block = panel.block
    assert (block.high >= np.maximum(block.open, block.close)).all()
    assert (block.low <= np.minimum(block.open, block.close)).all()
    assert (block.open[1:] == block.close[:-1]).all() and block.open[0, 0] == 100.0
    assert (block.volume > 0).all()
    z = random.Numbers(0).normals(random.DIFFUSION, 0, 0, 20_000, 8)
    moves = -0.125 / YEAR / 8 + 0.5 / math.sqrt(YEAR * 8) * z
    path = np.log(block.open[:, 0]) + np.vstack((np.zeros(20_000), np.cumsum(moves, axis=0)))
    assert (np.log(block.high[:, 0]) > path.max(axis=0)).all()  # it moves between these, too
    assert (np.log(block.low[:, 0]) < path.min(axis=0)).all()
    assert np.log(block.close[:, 0]) == pytest.approx(path[-1], abs=1e-10)
    near(block.volume.mean(), 1e6, 1e6 * 0.76 / math.sqrt(8 * 20_000))
    assert np.corrcoef(block.volume[:, 0], np.log(block.high / block.low)[:, 0])[0, 1] > 0.5


def test_nothing_is_above_or_below_a_bar_that_does_not_move():
    panel, _ = one({"model": "gbm", "volatility": 0.0}, rows=50)
    assert all((getattr(panel.block, name) == 100.0).all() for name in FIELDS[:4])
