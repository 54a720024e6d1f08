"""Monte-Carlo jobs: each market is a run of its own, and the spread over all is what numpy says it is."""

from __future__ import annotations

import numpy as np
import pytest

from backbus import Job, run
from backbus.api.rerun import rerun
from backbus.api.run_sweep import run_sweep
from backbus.errors import JobError
from backbus.performance.metrics import FIGURES
from backbus.sweep.results import top_points
from backbus.sweep.search.monte_carlo import QUANTILES, fan_sessions

MARKETS = 12


def fields(**sweep):
    path = {"model": "garch", "drift": 0.1, "volatility": 0.3, "alpha": 0.1, "beta": 0.8}
    return {
        "simulator": {"rows": 600, "assets": [{"symbol": "A", "path": path}]},
        "strategy": {"use": "SmaCross", "fast": 5, "slow": 20},
        "portfolio": {"lot": 0},
        "sweep": {"monte_carlo": {"markets": MARKETS, "seed": 5}, **sweep},
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    job = Job.parse(fields())
    folder = tmp_path_factory.mktemp("made")
    return job, run_sweep(job, workers=0, folder=folder / "all"), folder


@pytest.fixture(scope="module")
def alone(made):
    job, _, folder = made
    found = []
    for seed in range(5, 5 + MARKETS):
        one = Job.parse({**job.plain(), "sweep": None, "simulator": {**job.plain()["simulator"], "seed": seed}})
        found.append(run(one, folder=folder / str(seed)))
    return found


def test_each_market_is_a_run_of_its_own(made, alone):
    _, result, _ = made
    rows = result.tables.read("table").to_pylist()
    assert [row["simulator.seed"] for row in rows] == list(range(5, 5 + MARKETS))
    for row, one in zip(rows, alone, strict=True):
        assert row["fingerprint"] == one.fingerprint
        assert {name: row[name] for name in FIGURES} == one.metrics
    assert len({row["fingerprint"] for row in rows}) == MARKETS


def test_the_spread_is_that_of_the_runs(made, alone):
    _, result, _ = made
    for name in ("sharpe", "total_return", "max_drawdown", "trades"):
        values = np.array([one.metrics[name] for one in alone], dtype=float)
        told = result.summary["distribution"][name]
        assert told["mean"] == pytest.approx(values.mean()) and told["spread"] == pytest.approx(values.std(ddof=1))
        for share in QUANTILES:
            assert told[f"q{round(100 * share):02}"] == pytest.approx(np.quantile(values, share))
        assert told["of"] == MARKETS and told["negative"] == pytest.approx((values < 0).mean())


def test_the_fan_is_the_quantiles_of_equity(made, alone):
    _, result, _ = made
    fan = result.tables.read("fan").to_pydict()
    sessions = fan_sessions(600)
    assert fan["session"] == sessions.tolist() and len(sessions) == 250 and sessions[-1] == 599
    equity = np.array([one.tables.read("equity")["equity"].to_numpy()[sessions] for one in alone])
    for share in QUANTILES:
        assert fan[f"q{round(100 * share):02}"] == pytest.approx(np.quantile(equity, share, axis=0), rel=1e-9)
    assert fan["mean"] == pytest.approx(equity.mean(axis=0), rel=1e-9)
    assert str(fan["date"][0]) == "2000-01-04"
    assert fan_sessions(7).tolist() == list(range(7))


def test_a_market_can_be_run_again_and_the_best_be_found(made):
    _, result, folder = made
    best = result.summary["best"]
    assert rerun(folder / "all").fingerprint == best["fingerprint"]
    assert rerun(folder / "all", 3).fingerprint
    assert top_points(folder / "all", 1)[0]["point"] == best["point"]


def test_a_market_whose_prices_leave_the_numbers_is_a_failed_point(tmp_path):
    job = fields()
    # The logarithm of a price falls to -685 +- 37, and the numbers end at -708.
    job["simulator"]["assets"][0]["path"] = {"model": "gbm", "volatility": 5.0}
    job["simulator"] |= {"rows": 20_000, "bars_per_year": 365, "seed": 2}
    job["sweep"]["monte_carlo"]["markets"] = 30
    result = run_sweep(Job.parse(job), workers=0, folder=tmp_path)
    rows = result.tables.read("table").to_pylist()
    failed = [row for row in rows if row["failure"]]
    assert 0 < len(failed) == result.summary["failed"]
    assert "its simulated price leaves the range of numbers" in failed[0]["message"]


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        ({"monte_carlo": {"markets": 1}}, "greater than or equal to 2"),
        ({"parameters": {"fast": [2, 3]}}, "leave out parameters"),
        ({"method": "random", "points": 5}, "leave out parameters"),
        ({"constraints": "fast < 3"}, "leave out parameters"),
        ({"walk_forward": {"train": 100, "test": 50}}, "cannot go with monte_carlo"),
        ({"cpcv": {"groups": 5}}, "cannot go with monte_carlo"),
        ({"monte_carlo": None, "parameters": {"simulator.seed": [1, 2]}}, r"\[sweep.monte_carlo\] runs one strategy"),
        ({"monte_carlo": {"markets": 2_000_000}}, "more than 1000000 are refused"),
    ],
)
def test_what_cannot_be_is_refused(sweep, says, tmp_path):
    with pytest.raises(JobError, match=says):
        run_sweep(Job.parse(fields(**sweep)), workers=0, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_it_needs_a_simulated_market():
    with pytest.raises(JobError, match=r"add \[simulator\]"):
        Job.parse({"strategy": {"use": "SmaCross"}, "sweep": {"monte_carlo": {"markets": 5}}})


@pytest.mark.slow
def test_processes_make_the_same_table(made, tmp_path):
    job, result, _ = made
    other = run_sweep(job, workers=2, folder=tmp_path / "two")
    assert other.summary["table_sha256"] == result.summary["table_sha256"]
    assert other.summary["distribution"] == result.summary["distribution"]
    assert other.tables.read("fan").equals(result.tables.read("fan"))
