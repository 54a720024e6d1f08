"""GARCH and the bootstrap beside those of the arch package, which has its own recursions, likelihood and draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backbus.job.simulator import SimulatorSettings
from backbus.market.panel import Block, Layout, Panel, whole
from backbus.market.timeframes import DAY_NS
from backbus.simulator import Market, fitting, random

YEAR = 252.0
ALPHA, BETA, VOLATILITY = 0.1, 0.85, 0.3
LONG = VOLATILITY**2 / YEAR
GARCH = {"model": "garch", "drift": 0.1, "volatility": VOLATILITY, "alpha": ALPHA, "beta": BETA}


def market(path, rows, history=None, **fields):
    asset = {"symbol": "X", "price": 100.0, "path": path}
    fields = {"rows": rows, "bars_per_year": YEAR, "steps": 1, "assets": [asset], **fields}
    return Market(SimulatorSettings.model_validate(fields), history)


def returns_of(made):
    return np.diff(np.log(whole(made).block.close[:, 0]), prepend=math.log(100.0))


def autocorrelation(x, lag):
    x = x - x.mean()
    return float((x[lag:] * x[:-lag]).mean() / (x * x).mean())


def test_arch_finds_in_our_prices_the_normals_that_they_were_made_of():
    """Its filter takes shocks and gives their variances; a return has half of its own variance in it."""
    from arch import arch_model

    rows = 5000
    r = returns_of(market(GARCH, rows, seed=3))
    model = arch_model(r, mean="Zero", vol="GARCH", rescale=False)
    params = np.array([LONG * (1 - ALPHA - BETA), ALPHA, BETA])
    bounds = np.tile([1e-12, 1.0], (rows, 1))
    h = np.full(rows, LONG)
    for _ in range(20):
        shocks = r - 0.1 / YEAR + h / 2
        before, h = h, model.volatility.compute_variance(params, shocks, np.empty(rows), LONG, bounds)
    assert h == pytest.approx(before, rel=1e-13)
    z = random.Numbers(3).normals(random.DIFFUSION, 0, 0, rows, 1)[0]
    assert shocks / np.sqrt(h) == pytest.approx(z, abs=1e-8)


def test_our_garch_moves_like_that_of_arch():
    from arch import arch_model
    from arch.univariate import ConstantMean

    n = 400_000
    ours = returns_of(market(GARCH, n, seed=1))
    model = ConstantMean(None)
    model.volatility = arch_model(None, vol="GARCH").volatility
    model.distribution = type(model.distribution)(seed=np.random.default_rng(1))
    params = [(0.1 - VOLATILITY**2 / 2) / YEAR, LONG * (1 - ALPHA - BETA), ALPHA, BETA]
    theirs = model.simulate(params, n)["data"].to_numpy()
    figures = [
        lambda x: x.std(),
        lambda x: (np.abs(x - x.mean()) / x.std()).mean(),
        lambda x: float((np.abs(x - x.mean()) > 3 * x.std()).mean()),
        *(lambda x, lag=lag: autocorrelation((x - x.mean()) ** 2, lag) for lag in (1, 2, 5, 20)),
        *(lambda x, lag=lag: autocorrelation(np.abs(x - x.mean()), lag) for lag in (1, 5, 50)),
    ]
    for figure in figures:
        # The error of each, from parts of the long series: they are as good as independent of each other.
        both = [np.array([figure(part) for part in np.split(x, 80)]) for x in (ours, theirs)]
        error = math.sqrt(sum(each.var(ddof=1) / 80 for each in both))
        assert abs(both[0].mean() - both[1].mean()) < 4 * error


def test_our_fit_of_garch_is_that_of_arch():
    from arch import arch_model

    closes = whole(market(GARCH, 4000, seed=5)).block.close[:, 0]
    ours = fitting.fit(closes, "garch", YEAR)
    shocks = fitting.returns_of_closes(closes)
    shocks = 100.0 * (shocks - shocks.mean())
    long = (ours.path["volatility"] ** 2 / YEAR) * 1e4
    theirs = arch_model(shocks, mean="Zero", vol="GARCH", rescale=False).fit(disp="off", backcast=long)
    assert ours.path["alpha"] == pytest.approx(theirs.params["alpha[1]"], rel=0.01)
    assert ours.path["beta"] == pytest.approx(theirs.params["beta[1]"], rel=0.002)
    persistence = theirs.params["alpha[1]"] + theirs.params["beta[1]"]
    assert ours.path["volatility"] == pytest.approx(
        math.sqrt(theirs.params["omega"] / (1 - persistence) * YEAR) / 100.0, rel=0.005
    )
    in_per_cent = theirs.loglikelihood + len(shocks) * math.log(100.0)
    assert ours.log_likelihood == pytest.approx(in_per_cent, abs=0.05)


def history_of(returns):
    """Bars of closes that move so, the first one from where it opens: its return is 0."""
    closes = 100.0 * np.exp(np.cumsum(returns))[:, None]
    days = np.arange(len(closes), dtype=np.int64)
    opens = np.vstack((closes[:1], closes[:-1]))
    block = Block(
        0, (days + 1) * DAY_NS, days, opens, np.maximum(opens, closes), np.minimum(opens, closes), closes, closes
    )
    return Panel(Layout(("H",), len(closes), 0, DAY_NS), block)


@pytest.mark.parametrize("length", [2, 10, 40])
def test_bootstrapped_markets_vary_like_those_of_arch(length):
    """Blocks are for the variance of a mean over markets: of returns that remember it grows with their length."""
    from arch.bootstrap import StationaryBootstrap

    rng = np.random.default_rng(2)
    noise = rng.normal(0.0, 0.01, 400)
    remembering = np.zeros(400)
    for row in range(1, 400):
        remembering[row] = 0.6 * remembering[row - 1] + noise[row]
    times = 3000
    theirs = StationaryBootstrap(length, remembering, seed=np.random.default_rng(3)).apply(
        lambda x: np.array([x.mean(), (x[1:] * x[:-1]).mean()]), times
    )
    first = market({"model": "bootstrap", "of": "H", "block": length}, 400, history_of(remembering), steps=3)
    ours = np.empty((times, 2))
    for number in range(times):
        x = returns_of(first.like(seed=number))
        ours[number] = x.mean(), (x[1:] * x[:-1]).mean()
    for column in range(2):
        one, other = ours[:, column], theirs[:, column]
        error = math.sqrt((one.var() + other.var()) / times)
        assert abs(one.mean() - other.mean()) < 4 * error
        assert one.var() / other.var() == pytest.approx(1.0, abs=4 * math.sqrt(4 / times))
