"""Fits find the numbers that a market was made with, and the model that it was made by."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from backbus.errors import DataError
from backbus.job.simulator import SimulatorSettings
from backbus.market.panel import whole
from backbus.simulator import Market, fitting
from tests.unit.simulated import YEAR, market

PATHS = {
    "gbm": {"drift": 0.3, "volatility": 0.25},
    "merton": {"drift": 0.2, "volatility": 0.15, "jumps": 12.0, "jump_mean": -0.03, "jump_deviation": 0.04},
    "garch": {"drift": 0.1, "volatility": 0.25, "alpha": 0.09, "beta": 0.88},
    "ornstein_uhlenbeck": {"level": 120.0, "reversion": 8.0, "volatility": 0.3},
    "regimes": {
        "regimes": [{"drift": 0.15, "volatility": 0.12, "rows": 80}, {"drift": -0.3, "volatility": 0.5, "rows": 20}]
    },
}
WITHIN = {"drift": 0.25, "level": 3.0, "reversion": 2.0, "jumps": 2.0, "jump_mean": 0.006, "rows": 15.0}
"""How far a fit may be from the truth; another number by a tenth."""


def closes(model, rows=10_000):
    return market({"model": model, **PATHS[model]}, rows=rows).block.close[:, 0]


def near(found, true):
    for name, value in true.items():
        if isinstance(value, list):
            for one, other in zip(found[name], value, strict=True):
                near(one, other)
        else:
            assert found[name] == pytest.approx(value, abs=WITHIN.get(name, 0.1 * abs(value))), name


@pytest.mark.parametrize("model", PATHS)
def test_a_fit_finds_what_the_market_was_made_with(model):
    found = fitting.fit(closes(model), model, YEAR)
    near(found.path, PATHS[model])
    json.dumps(found._asdict())


@pytest.mark.slow
@pytest.mark.parametrize("model", PATHS)
def test_the_model_that_made_the_market_has_the_least_criterion(model):
    history = closes(model, 5000)
    fits = [fitting.fit(history, one, YEAR) for one in ("gbm", "garch", "ornstein_uhlenbeck", "regimes", "merton")]
    assert fitting.best_of(fits).model == model


def test_hestons_moments_come_out_as_they_went_in():
    truth = {"model": "heston", "drift": 0.1, "volatility": 0.25, "reversion": 6.0, "volatility_of_variance": 0.7}
    history = market({**truth, "correlation": -0.6}, rows=60_000).block.close[:, 0]
    found = fitting.fit(history, "heston", YEAR)
    assert found.path["volatility"] == pytest.approx(0.25, rel=0.1)
    assert found.path["reversion"] == pytest.approx(6.0, rel=0.5)
    assert found.path["volatility_of_variance"] == pytest.approx(0.7, rel=0.35)
    assert -0.9 < found.path["correlation"] < -0.25
    data = fitting.moments_of_closes(history)
    assert found.moments["kurtosis"] == pytest.approx(data["kurtosis"], rel=0.25)


def test_garch_s_likelihood_is_that_of_the_recursion():
    shocks = np.random.default_rng(1).normal(0, 0.01, 400)
    long, alpha, beta = 1e-4, 0.1, 0.85
    h, total = long, 0.0
    for shock in shocks:
        total += np.log(h) + shock**2 / h
        h = long * (1 - alpha - beta) + alpha * shock**2 + beta * h
    shocks.flags.writeable = False
    assert fitting.garch_likelihood(shocks, long, alpha, beta) == pytest.approx(total, rel=1e-12)


def test_a_simplex_finds_the_bottom_of_a_crooked_valley():
    found = fitting.simplex(lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, [-1.2, 1.0])
    assert found == pytest.approx([1.0, 1.0], abs=1e-3)


def test_moments_are_what_they_are_called():
    x = np.array([0.01, -0.02, 0.03, 0.0, -0.01, 0.02])
    told = fitting.moments_of(x)
    assert told["mean"] == pytest.approx(x.mean()) and told["deviation"] == pytest.approx(x.std())
    assert told["kurtosis"] == pytest.approx((((x - x.mean()) / x.std()) ** 4).mean())
    assert fitting.moments_of(np.zeros(5))["deviation"] == 0.0


def test_a_fitted_market_runs_and_hangs_together_as_the_data_do():
    gbm = {"model": "gbm", **PATHS["gbm"]}
    panel = market(gbm, gbm, gbm, rows=3000, correlation={"every": 0.7})
    paths = {symbol: fitting.fit(panel.block.close[:, n], "gbm", YEAR).path for n, symbol in enumerate("ABC")}
    table = fitting.fitted_market(panel, paths)
    assert [asset["price"] for asset in table["assets"]] == panel.block.close[-1].tolist()
    made = whole(Market(SimulatorSettings.model_validate(table)))
    found = np.corrcoef(np.diff(np.log(made.block.close), axis=0).T)
    assert found[np.triu_indices(3, 1)] == pytest.approx(np.full(3, 0.7), abs=0.05)


def test_too_few_bars_are_refused():
    panel = market({"model": "gbm", "volatility": 0.2}, rows=100)
    with pytest.raises(DataError, match="symbol A: 100 bars are too few"):
        fitting.closes_of(panel, "A")


@pytest.mark.slow
def test_what_the_command_prints_is_a_market(tmp_path, sample_data):
    job = tmp_path / "job.toml"
    head = f"[data]\nfiles = '{sample_data}/IBM.csv'\nadjust = 'adj_close'\ncalendar = 'XNYS'\n"
    job.write_text(head + "[strategy]\nuse = 'BuyAndHold'\n", encoding="utf-8")

    def typed(*words):
        command = [sys.executable, "-P", "-m", "backbus.cli", *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)

    done = typed("simulate", "fit", str(job), "--model", "garch", "--model", "gbm")
    assert done.returncode == 0, done.stderr
    table = done.stdout[done.stdout.index("[simulator]") :]
    (tmp_path / "like.toml").write_text(table + "[strategy]\nuse = 'BuyAndHold'\n", encoding="utf-8")
    answer = json.loads(typed("run", "like.toml", "--json").stdout)
    assert answer["rows"] == 3270
    plain = json.loads(typed("simulate", "fit", str(job), "--model", "garch", "--json").stdout)
    assert plain["simulator"]["assets"][0]["path"]["model"] == "garch"
    assert plain["fits"]["IBM"]["fits"][0]["bic"] < 0
    wrong = typed("simulate", "fit", str(job), "--model", "gargh")
    assert wrong.returncode == 2 and "there is no model 'gargh' to fit" in wrong.stderr
    assert typed("simulate", "like.toml", "--out", "made").returncode == 0
    assert (tmp_path / "made" / "IBM.csv").is_file()
