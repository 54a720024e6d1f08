"""Adaptive searches: one answer from the same results, rebuilt from what was told, and no constraint broken."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import pytest

from backbus.errors import JobError
from backbus.job.job import Job
from backbus.job.sweep import SweepSettings
from backbus.sweep.space.adaptive import Adaptive, Results

pytest.importorskip("optuna")

Values = dict[str, Any]
PARAMETERS = {
    "fast": {"from": 5, "to": 50, "step": 5},
    "slow": {"low": 20, "high": 200},
    "execution.commission.bps": {"low": 0.1, "high": 10.0, "scale": "log"},
    "portfolio.sizing": [{"model": "equal_weight"}, {"model": "fixed_cash", "cash": 5000}],
    "portfolio.cash": [1000, 5000.0, 10_000],
}


def settings(**sweep: Any) -> SweepSettings:
    written = {"method": "adaptive", "points": 60, "generation": 20, "parameters": PARAMETERS, **sweep}
    found = Job.parse({"strategy": {"use": "SmaCross"}, "sweep": written}).sweep
    assert found is not None
    return found


def near_twenty(values: Values) -> list[float]:
    return [-abs(values["strategy.fast"] - 20) - abs(values["strategy.slow"] - 100) / 10]


def searched(
    search: Adaptive, result: Callable[[Values], Any] = near_twenty
) -> tuple[list[list[Values]], list[Results]]:
    asked, told = [], []
    while points := search.ask():
        asked.append(points)
        told.append([result(values) for values in points])
        search.tell(told[-1])
    return asked, told


@pytest.mark.slow
def test_the_same_seed_and_results_give_the_same_points():
    first, second = searched(Adaptive(settings(seed=3))), searched(Adaptive(settings(seed=3)))
    assert first == second
    assert searched(Adaptive(settings(seed=4)))[0] != first[0]


def test_generations_have_their_size_and_the_last_one_the_rest():
    asked, _ = searched(Adaptive(settings(points=50)))
    assert [len(points) for points in asked] == [20, 20, 10]


def test_points_that_were_asked_for_have_numbers():
    search = Adaptive(settings())
    asked, _ = searched(search)
    assert search.space.values(25) == asked[1][5]
    assert search.space.columns(0, 60)["strategy.slow"] == [v["strategy.slow"] for points in asked for v in points]


@pytest.mark.slow
def test_results_lead_the_search():
    """Later points are nearer to what was said to be good, and away from it where that was said to be bad."""
    for objective, better in (("sharpe", min), ("-sharpe", max)):
        asked, _ = searched(Adaptive(settings(points=120, objective=objective)))
        distance = [sum(-near_twenty(values)[0] for values in points) for points in asked]
        assert better(distance[0], distance[-1]) == distance[-1]


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["sharpe", ["sharpe", "-turnover"]])
def test_a_search_is_rebuilt_from_what_it_was_told(objective):
    def result(values: Values) -> Any:
        fast = values["strategy.fast"]
        return None if fast == 15 else [float(fast), float(values["strategy.slow"])][: len(chosen.objective)]

    chosen = settings(objective=objective)
    asked, told = searched(Adaptive(chosen), result)
    for known in range(len(told)):
        rebuilt = Adaptive.replay(chosen, told[:known])
        assert rebuilt.asked == 20 * known
        assert rebuilt.ask() == asked[known]
    assert Adaptive.replay(chosen, told).ask() == []


def test_points_that_failed_or_have_no_figure_are_told_as_failed():
    chosen = settings()
    search = Adaptive(chosen)
    search.ask()
    search.tell([None, [None], [math.nan], [math.inf]] + [[1.0]] * 16)
    states = [trial.state.name for trial in search._study.get_trials()]
    assert states == ["FAIL"] * 4 + ["COMPLETE"] * 16


def test_values_are_those_of_the_axes():
    asked, _ = searched(Adaptive(settings()))
    for values in (values for points in asked for values in points):
        assert list(values) == [name if "." in name else f"strategy.{name}" for name in PARAMETERS]
        assert values["strategy.fast"] in range(5, 51, 5) and type(values["strategy.fast"]) is int
        assert 20 <= values["strategy.slow"] <= 200 and type(values["strategy.slow"]) is int
        bps = values["execution.commission.bps"]
        assert 0.1 <= bps <= 10.0 and float(f"{bps:.12g}") == bps
        assert values["portfolio.sizing"] in PARAMETERS["portfolio.sizing"]
        assert repr(values["portfolio.cash"]) in ("1000", "5000.0", "10000")


@pytest.mark.slow
def test_constraints_hold_even_where_hardly_a_point_keeps_them():
    parameters = {
        "width": {"low": 0.0, "high": 1.0},
        "fast": {"from": 0.1, "to": 0.5, "step": 0.1},
        "slow": {"low": 1, "high": 100},
        "kind": ["up", "down"],
    }
    tight = settings(points=12, generation=6, parameters=parameters, constraints=["width < 0.01", "fast <= 0.3"])
    asked, _ = searched(Adaptive(tight), lambda values: [1.0])
    found = [values for points in asked for values in points]
    assert len(found) == 12
    assert all(v["strategy.width"] < 0.01 and v["strategy.fast"] in (0.1, 0.2, 0.3) for v in found)


@pytest.mark.slow
def test_constraints_that_nothing_keeps_are_refused():
    with pytest.raises(JobError, match="reject 20000 draws"):
        Adaptive(settings(parameters={"fast": [1, 2]}, constraints=["fast > 2"]))


def test_asking_and_telling_take_turns():
    search = Adaptive(settings())
    points = search.ask()
    with pytest.raises(ValueError, match="not been told"):
        search.ask()
    with pytest.raises(ValueError, match="3 results for 20 points"):
        search.tell([[1.0]] * 3)
    search.tell([[1.0]] * len(points))


def test_without_optuna_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(JobError, match=r'sweep\.method: .*pip install "optuna>=4"'):
        Adaptive(settings()).ask()


def test_nothing_brings_scipy():
    """numba imports scipy where it is there, which costs start-up time."""
    before = "scipy" in sys.modules
    searched(Adaptive(settings(points=40)))
    assert ("scipy" in sys.modules) == before
