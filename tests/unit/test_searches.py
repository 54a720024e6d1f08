"""The [sweep] table of a job: what it reads, and what it says about mistakes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from backbus.errors import JobError
from backbus.job.axes import Choices, Distribution, Range
from backbus.job.job import Job
from backbus.job.sweep import Objective, SweepSettings
from backbus.strategy import Strategy, param
from backbus.strategy.builtins import SmaCross
from backbus.sweep.space.checking import check_names
from backbus.sweep.space.space import Space

WHOLE = """
[strategy]
use = "SmaCross"

[sweep]
method = "random"
points = 200
seed = 7
objective = ["sharpe", "-turnover"]
constraints = ["fast < slow", "slow - fast >= 5"]

[sweep.parameters]
fast = { from = 5, to = 50, step = 5 }
slow = [50, 100, 200]
"execution.commission" = [{ model = "bps", bps = 1 }, { model = "none" }]
"portfolio.leverage" = { low = 1.0, high = 4.0, scale = "log" }
since = [2002-01-01, 2005-01-01]
short = [true, false]
"""


def job(strategy: dict[str, Any] | None = None, **sweep: Any) -> Job:
    return Job.parse({"strategy": {"use": "SmaCross", **(strategy or {})}, "sweep": sweep})


def settings(**sweep: Any) -> SweepSettings:
    found = job(**sweep).sweep
    assert found is not None
    return found


def mistake(**sweep: Any) -> JobError:
    with pytest.raises(JobError) as raised:
        job(**sweep)
    return raised.value


class TestReading:
    def test_every_form_of_an_axis(self):
        sweep = Job.parse(tomllib.loads(WHOLE)).sweep
        assert sweep is not None
        assert sweep.axes == {
            "strategy.fast": Range(5, 50, 5),
            "strategy.slow": Choices((50, 100, 200)),
            "execution.commission": Choices(({"model": "bps", "bps": 1}, {"model": "none"})),
            "portfolio.leverage": Distribution(1.0, 4.0, "log"),
            "strategy.since": Choices(("2002-01-01", "2005-01-01")),
            "strategy.short": Choices((True, False)),
        }
        assert list(sweep.parameters)[:2] == ["fast", "slow"]
        assert sweep.objectives == (Objective("sharpe", "maximize"), Objective("turnover", "minimize"))

    def test_a_search_is_the_same_after_it_has_travelled_as_json(self):
        written = Job.parse(tomllib.loads(WHOLE))
        assert Job.parse(json.loads(json.dumps(written.plain()))) == written

    def test_one_objective_and_one_constraint_need_no_list(self):
        sweep = settings(objective="-max_drawdown_sessions", constraints="fast > 1", parameters={"fast": [2]})
        assert sweep.objectives == (Objective("max_drawdown_sessions", "minimize"),)
        assert sweep.constraints == ("fast > 1",)

    def test_defaults(self):
        sweep = settings(parameters={"fast": [2]})
        assert (sweep.method, sweep.seed, sweep.objective, sweep.generation) == ("grid", 0, ("sharpe",), 64)
        assert (sweep.limit, sweep.resamples, sweep.points) == (1_000_000, 500, None)

    def test_a_job_without_a_search_has_none(self):
        assert Job.parse({"strategy": {"use": "SmaCross"}}).sweep is None

    def test_numbers_without_a_point_are_whole(self):
        assert Range(1, 5, 2).whole and Distribution(1, 5).whole
        assert not Range(1, 5, 0.5).whole and not Distribution(1, 5.0).whole

    @pytest.mark.parametrize(
        ("axis", "size"), [(Range(0.1, 0.5, 0.1), 5), (Range(5, 50, 5), 10), (Range(3, 3, 1), 1), (Range(9, 0, -2), 5)]
    )
    def test_a_range_takes_its_end_where_a_step_meets_it(self, axis, size):
        assert axis.size == size


class TestMistakes:
    @pytest.mark.parametrize(
        ("axis", "message"),
        [
            ([], "is an empty list; give at least one value"),
            ([5, 10, 5], "has 5 twice; give each value once"),
            ([1, 1.0], "has 1.0 twice"),
            ([{"model": "none"}, {"model": "none"}], "has {'model': 'none'} twice"),
            ([1.0, float("nan")], "has nan; write a finite number"),
            ([2**60], r"beyond ±2\^53"),
            ({"from": 5, "to": 50}, "step is missing"),
            ({"from": 5, "to": 50, "step": 0}, "step is 0"),
            ({"from": 5, "to": 50, "step": -5}, "from 5 in steps of -5 never comes to 50; turn the sign of step"),
            ({"from": 50, "to": 5, "step": 5}, "never comes to 5"),
            ({"from": 5, "to": float("inf"), "step": 5}, "to is not finite"),
            ({"from": 5, "to": "x", "step": 5}, "to must be a number"),
            ({"from": 5, "to": 50, "stop": 5}, "'stop' is not one of from, to, step"),
            ({"from": 0, "to": 5, "step": 1e-20}, "more values than can be counted; widen the step"),
            ({"low": 1e-300, "high": 5.0, "scale": "log"}, "low is nearer to 0 than 1e-280"),
            ({"low": 5, "high": 5}, r"low \(5\) must be below high \(5\)"),
            ({"low": 5}, "high is missing"),
            ({"low": 0.0, "high": 1.0, "scale": "log"}, "a log scale needs low above 0, not 0.0"),
            ({"low": 1.0, "high": 2.0, "scale": "lgo"}, 'scale is "uniform" or "log", not \'lgo\''),
            ({"low": 1.0, "high": 2.0, "steps": 1}, "steps is how many values to take, at least 2, not 1"),
            ({"commission": {"bps": [1]}}, "a name with dots stands in quotes"),
            (5, "write a list, a range"),
        ],
    )
    def test_an_axis_that_cannot_be_read(self, axis, message):
        with pytest.raises(JobError, match=message) as e:
            job(parameters={"fast": axis})
        assert e.value.field == "sweep.parameters.fast"

    @pytest.mark.parametrize(
        ("sweep", "field", "message"),
        [
            ({"method": "gird"}, "sweep.method", "'grid', 'random', 'latin_hypercube' or 'adaptive'"),
            ({"method": "random"}, "sweep.points", "method random needs to know how many points"),
            ({"method": "adaptive"}, "sweep.points", "method adaptive needs to know how many points"),
            ({"method": "random", "points": 0}, "sweep.points", "greater than or equal to 1"),
            ({"seeds": 3}, "sweep.seeds", "no such setting; did you mean 'seed'?"),
            ({"seed": -1}, "sweep.seed", "greater than or equal to 0"),
            ({"objective": []}, "sweep.objective", "name each figure once, and at least one"),
            ({"objective": ["sharpe", "-sharpe"]}, "sweep.objective", "name each figure once"),
            ({"parameters": {}}, "sweep.parameters", "is empty; name at least one"),
            ({"parameters": {"fa st": [1]}}, "sweep.parameters", "'fa st' is no name"),
            ({"parameters": {"use": ["SmaCross"]}}, "sweep.parameters", "use cannot be swept: strategies have"),
            ({"parameters": {"data.files": ["a"]}}, "sweep.parameters", "all points read the same prices"),
            ({"parameters": {"run.block": [1]}}, "sweep.parameters", "nothing in run changes a result"),
            ({"parameters": {"sweep.seed": [1]}}, "sweep.parameters", "a sweep does not change itself"),
            ({"parameters": {"strategy.fast": [1], "fast": [2]}}, "sweep.parameters", "strategy.fast is there twice"),
            (
                {"parameters": {"portfolio.sizing": [{"model": "equal_weight"}], "portfolio.sizing.percent": [1]}},
                "sweep.parameters",
                "portfolio.sizing.percent is a part of portfolio.sizing; sweep one of them",
            ),
            (
                {"parameters": {"fast": {"low": 1, "high": 5}}},
                "sweep.parameters",
                "fast is a distribution; on a grid add steps",
            ),
        ],
    )
    def test_a_search_that_cannot_be(self, sweep, field, message):
        error = mistake(**{"parameters": {"fast": [1]}, **sweep})
        assert error.field == field
        assert message in str(error)

    def test_a_search_without_parameters(self):
        assert str(mistake(method="grid")).startswith("sweep.parameters: is empty; name at least one parameter")


class Picky(Strategy):
    kind: str = param(choices=["up", "down"])
    width: float = param(1.0, gt=0)

    def signals(self, bars: Any) -> Any:
        return self.hold_long(True)


def check(the_job: Job, strategy: type[Strategy] = SmaCross) -> None:
    assert the_job.sweep is not None
    check_names(Space(the_job.sweep), the_job, strategy)


class TestNamesAndValues:
    @pytest.mark.parametrize(
        ("name", "values", "message"),
        [
            ("fsat", [1], "SmaCross has no such parameter; did you mean 'fast'?"),
            ("fast", [1, "x"], "must be a valid integer"),
            ("fast", [5, 0], "greater than or equal to 1, not 0"),
            ("fast", {"from": 1, "to": 2, "step": 0.5}, "valid integer"),
            ("fast", {"low": 2.0, "high": 8.0, "steps": 3}, None),
            ("fast", {"low": 2.0, "high": 8.0, "steps": 4}, None),
            ("fast", {"low": 2.0, "high": 8.0, "steps": 5}, "valid integer"),
            ("short", ["maybe"], "valid boolean"),
            ("execution.commision.bps", [1], "did you mean 'commission'? (it is about execution.commision)"),
            ("execution.commission.bps", [1], "known here: model (its model is 'none' in this job)"),
            ("portfolio.chas", [1], "did you mean 'cash'?"),
            ("portfolio.cash", [1, -1], "must be greater than 0, not -1"),
            ("portfolio.cash.x", [1], "'cash' is a value, not a table"),
            ("portfolio.sizing", [{"model": "equal_weight"}, {"model": "half"}], "unknown model; choose one of"),
            ("portfolio.sizing", [{"model": "percent_of_equity", "percent": 0}], "must be greater than 0, not 0"),
            ("fast", [40, 50], None),  # not below slow: points that fail, no mistake
            ("portfolio.size_at", ["open", "close"], None),
        ],
    )
    def test_each_value_is_tried(self, name, values, message):
        one = job(parameters={name: values})
        if message is None:
            check(one)
            return
        with pytest.raises(JobError) as e:
            check(one)
        assert e.value.field == f"sweep.parameters.{name}"
        assert message in str(e.value)

    def test_a_parameter_that_only_the_sweep_gives(self):
        check(job(parameters={"kind": ["up", "down"]}), Picky)
        with pytest.raises(JobError, match=r"sweep\.parameters\.kind: must be one of 'up', 'down', not 'left'"):
            check(job(parameters={"kind": ["up", "left"]}), Picky)

    def test_a_parameter_that_nobody_gives(self):
        with pytest.raises(JobError, match=r"strategy\.kind: Picky needs this parameter"):
            check(job(parameters={"width": [1.0, 2.0]}), Picky)

    def test_of_two_mistakes_one_is_told(self):
        with pytest.raises(JobError, match=r"sweep\.parameters\.kind"):
            check(job(parameters={"width": [-1.0], "kind": ["left"]}), Picky)

    def test_a_fixed_parameter_that_is_wrong(self):
        with pytest.raises(JobError, match=r"^strategy\.slwo: .*did you mean 'slow'"):
            check(job({"slwo": 3}, parameters={"fast": [5]}))

    def test_ends_and_inside_of_a_distribution_are_tried(self):
        good = {"method": "random", "points": 5}
        check(job(**good, parameters={"fast": {"low": 2, "high": 9}}))
        with pytest.raises(JobError, match="fractional part"):
            check(job(**good, parameters={"fast": {"low": 2.0, "high": 9.0}}))
        with pytest.raises(JobError, match="greater than or equal to 1, not 0"):
            check(job(**good, parameters={"fast": {"low": 0, "high": 9}}))

    def test_a_long_range_is_tried_at_both_ends(self):
        with pytest.raises(JobError, match="not 0"):
            check(job(parameters={"fast": {"from": 100_000, "to": 0, "step": -1}}))

    @pytest.mark.parametrize(
        ("objective", "message"),
        [
            ("shrap", "there is no figure 'shrap'; did you mean 'sharpe'?"),
            (["sharpe", "-trunover"], "there is no figure 'trunover'; did you mean 'turnover'?"),
            ("qqqq", "there are final_equity, total_return"),
            ("alpha", "alpha compares with a benchmark; name one in performance.benchmark"),
        ],
    )
    def test_an_objective_is_a_figure_of_the_report(self, objective, message):
        with pytest.raises(JobError, match=r"sweep\.objective") as e:
            check(job(parameters={"fast": [5]}, objective=objective))
        assert message in str(e.value)


@pytest.mark.parametrize(("name", "points"), [("sma_grid", 174), ("optuna", 200)])
def test_the_examples_are_searches_that_fit(name, points):
    one = Job.load(Path(__file__).parents[2] / "examples" / f"{name}.toml")
    assert one.sweep is not None
    check(one)
    assert len(Space(one.sweep)) == points
