"""Points by number: hand-counted grids, draws that know no slices."""

from __future__ import annotations

import itertools
import math
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.errors import JobError
from backbus.job.axes import Distribution, Range
from backbus.job.job import Job
from backbus.sweep.space.axes import at_position, range_values, values_of
from backbus.sweep.space.space import Space, point_job, split, uniform

PINNED_RANDOM = [
    (0.303568034307, 8, 0.415556253685),
    (0.848708749686, 98, 0.517502525526),
    (0.156134778043, 94, 0.118524753544),
]
PINNED_CUBE = [
    (0.0899915263694, 33, 1.47150444402),
    (0.937346316202, 35, 0.110642957975),
    (0.609789545981, 99, 8.51306798529),
]


def job(**sweep: Any) -> Job:
    return Job.parse({"strategy": {"use": "SmaCross"}, "sweep": sweep})


def space(**sweep: Any) -> Space:
    settings = job(**sweep).sweep
    assert settings is not None
    return Space(settings)


def points(of: Space) -> list[tuple[Any, ...]]:
    columns = of.columns(0, len(of))
    return list(zip(*(columns[name] for name in of.names), strict=True))


def mistake(**sweep: Any) -> str:
    with pytest.raises(JobError) as raised:
        space(**sweep)
    return str(raised.value)


class TestAxes:
    def test_decimals_are_rounded_once(self):
        assert values_of(Range(0.1, 0.5, 0.1)).tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
        assert values_of(Range(1, 2, 0.25)).tolist() == [1.0, 1.25, 1.5, 1.75, 2.0]
        assert values_of(Range(0.3, -0.1, -0.1)).tolist() == [0.3, 0.2, 0.1, 0.0, -0.1]

    def test_whole_numbers_stay_whole(self):
        found = values_of(Range(5, 20, 5)).tolist()
        assert found == [5, 10, 15, 20] and all(type(value) is int for value in found)

    @given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(0, 8), st.integers(0, 10**6))
    def test_a_value_is_the_double_nearest_to_its_decimal(self, first, step, digits, number):
        axis = Range(float(Fraction(first, 10**digits)), 1e12, float(Fraction(step, 10**digits)))
        found = range_values(axis, np.array([number]))[0]
        assert found == float(Fraction(first + number * step, 10**digits))

    def test_steps_of_a_distribution(self):
        assert values_of(Distribution(0.0, 1.0, "uniform", 5)).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
        assert values_of(Distribution(0.1, 10.0, "log", 5)).tolist() == [0.1, 0.316227766017, 1.0, 3.16227766017, 10.0]
        whole = values_of(Distribution(1, 8, "log", 10)).tolist()
        assert whole == sorted(set(whole)) and whole[0] == 1 and whole[-1] == 8

    @given(
        st.floats(1e-9, 1e9),
        st.floats(1.0001, 1e12),
        st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
    )
    def test_a_log_scale_agrees_with_exp(self, low, factor, positions):
        axis = Distribution(low, low * factor, "log")
        found = at_position(axis, np.array(positions))
        for value, position in zip(found.tolist(), positions, strict=True):
            assert math.isclose(value, low * math.exp(position * math.log(low * factor / low)), rel_tol=6e-12)
            assert axis.low <= value <= axis.high

    def test_a_drawn_value_prints_as_it_is(self):
        for scale in ("uniform", "log"):
            drawn = at_position(Distribution(0.1, 10.0, scale), np.arange(1000) / 1000.0)
            assert all(float(f"{value:.12g}") == value for value in drawn.tolist())

    @given(st.floats(-9e15, 9e15), st.floats(1e-14, 9e15))
    def test_twelve_digits_are_enough_to_write_a_drawn_value(self, low, width):
        axis = Distribution(low, low + width)
        for value in at_position(axis, np.array([0.123456, 0.5, 0.987])).tolist():
            assert value in (float(f"{value:.12g}"), axis.low, axis.high)

    @given(st.integers(-1000, 1000), st.integers(1, 1000), st.sampled_from(["uniform", "log"]))
    def test_whole_draws_reach_both_ends_and_nothing_else(self, low, width, scale):
        low = abs(low) + 1 if scale == "log" else low
        drawn = at_position(Distribution(low, low + width, scale), np.arange(20_000) / 20_000.0)
        assert drawn[0] == low and drawn[-1] == low + width
        assert (np.diff(drawn) >= 0).all()


class TestGrids:
    def test_rows_in_the_order_of_the_file_the_last_fastest(self):
        grid = space(parameters={"slow": [50, 100], "fast": {"from": 5, "to": 15, "step": 5}})
        assert grid.names == ("strategy.slow", "strategy.fast")
        assert points(grid) == [(50, 5), (50, 10), (50, 15), (100, 5), (100, 10), (100, 15)]
        assert grid.coordinates(2, 5).tolist() == [[0, 2], [1, 0], [1, 1]]
        assert grid.axes == ([50, 100], [5, 10, 15])

    def test_rejected_combinations_take_no_number(self):
        fast, slow = {"from": 5, "to": 50, "step": 5}, {"from": 20, "to": 200, "step": 10}
        grid = space(parameters={"fast": fast, "slow": slow}, constraints=["fast < slow"])
        by_hand = [(f, s) for f in range(5, 51, 5) for s in range(20, 201, 10) if f < s]
        assert points(grid) == by_hand
        assert (len(grid), grid.rejected) == (174, 16)
        assert grid.values(173) == {"strategy.fast": 50, "strategy.slow": 200}

    def test_values_are_plain_python(self):
        sizes = [{"model": "equal_weight"}, {"model": "percent_of_equity", "percent": 50}]
        mixed = space(parameters={"short": [True, False], "portfolio.sizing": sizes, "fast": [1, 2.5, 3]})
        assert mixed.values(1) == {"strategy.short": True, "portfolio.sizing": sizes[0], "strategy.fast": 2.5}
        assert [type(value) for value in mixed.values(0).values()] == [bool, dict, int]

    @given(
        st.lists(st.integers(1, 5), min_size=1, max_size=4),
        st.integers(0, 60),
        st.integers(0, 60),
        st.integers(-3, 14),
    )
    def test_a_grid_is_the_product_of_its_axes_and_any_slices_make_it(self, sizes, one, other, least):
        names = "abcd"[: len(sizes)]
        parameters = {name: list(range(size)) for name, size in zip(names, sizes, strict=True)}
        kept = [row for row in itertools.product(*map(range, sizes)) if sum(row) >= least]
        sweep = {"parameters": parameters, "constraints": [f"{' + '.join(names)} >= {least}"]}
        if not kept:
            assert f"reject all {math.prod(sizes)} points" in mistake(**sweep)
            return
        grid = space(**sweep)
        assert points(grid) == kept
        begin, stop = sorted((one % (len(grid) + 1), other % (len(grid) + 1)))
        for name in grid.names:
            parts = [grid.columns(*part)[name] for part in ((0, begin), (begin, stop), (stop, len(grid)))]
            assert list(itertools.chain(*parts)) == grid.columns(0, len(grid))[name]

    def test_a_slice_outside_is_no_slice(self):
        with pytest.raises(IndexError, match="points 0 to 4 of 3"):
            space(parameters={"fast": [1, 2, 3]}).columns(0, 4)

    def test_ten_million_combinations_take_seconds(self):
        wide = {"from": 1, "to": 3163, "step": 1}
        began = time.process_time()
        grid = space(parameters={"fast": wide, "slow": wide}, constraints=["fast < slow", "slow - fast >= 3000"])
        assert time.process_time() - began < 20
        assert len(grid) == sum(range(1, 164))

    def test_a_billion_points_are_refused_unmade(self):
        message = mistake(parameters={"fast": {"from": 1, "to": 10**9, "step": 1}})
        assert "has 1 000 000 000 points, which take about 28 hours on one core at 10000 points/s" in message
        assert 'more than 1000000 are refused: take coarser steps, or method = "random"' in message

    def test_many_combinations_with_a_constraint_are_estimated(self):
        wide = {"from": 1, "to": 10**5, "step": 1}
        message = mistake(parameters={"fast": wide, "slow": wide}, constraints=["fast < slow"])
        assert "about 5 00" in message or "about 4 99" in message

    def test_combinations_beyond_64_bits(self):
        axes = {name: {"from": 1, "to": 10**5, "step": 1} for name in "abcde"}
        assert "1.0e+25 points" in mistake(parameters=axes)
        assert "1.0e+25 points" in mistake(parameters=axes, constraints=["a < b"])

    def test_a_limit_counts_points_and_not_combinations(self):
        wide = {"from": 1, "to": 100, "step": 1}
        assert len(space(parameters={"a": wide, "b": wide}, constraints=["a == b"], limit=100)) == 100
        assert "more than 99 are refused" in mistake(parameters={"a": wide, "b": wide}, constraints="a == b", limit=99)
        assert len(space(parameters={"a": wide, "b": wide}, limit=10_000)) == 10_000


class TestRandom:
    SWEEP: dict[str, Any] = {  # noqa: RUF012
        "method": "random",
        "points": 500,
        "seed": 5,
        "constraints": ["fast < slow", "leverage <= 0.3 or short"],
        "parameters": {
            "fast": {"low": 2, "high": 200},
            "slow": {"from": 10, "to": 200, "step": 10},
            "leverage": {"low": 0.1, "high": 10.0, "scale": "log"},
            "short": [True, False],
        },
    }

    def test_constraints_hold_for_every_point(self):
        drawn = points(space(**self.SWEEP))
        assert len(drawn) == 500
        assert all(fast < slow and (leverage <= 0.3 or short) for fast, slow, leverage, short in drawn)

    @pytest.mark.slow
    @given(st.integers(0, 500), st.integers(0, 500))
    def test_a_slice_needs_no_other(self, one, other):
        begin, stop = sorted((one, other))
        whole, part = space(**self.SWEEP).columns(0, 500), space(**self.SWEEP).columns(begin, stop)
        assert part == {name: values[begin:stop] for name, values in whole.items()}

    def test_more_points_leave_the_first_ones_as_they_were(self):
        more = space(**{**self.SWEEP, "points": 700})
        assert more.columns(0, 500) == space(**self.SWEEP).columns(0, 500)

    def test_a_seed_decides(self):
        assert points(space(**self.SWEEP)) == points(space(**self.SWEEP))
        assert points(space(**self.SWEEP)) != points(space(**{**self.SWEEP, "seed": 6}))

    def test_these_very_values(self):
        """The same on every machine and with every version: numpy promises Philox's words."""
        parameters = {
            "a": {"low": 0.0, "high": 1.0},
            "b": {"low": 1, "high": 99},
            "c": {"low": 0.1, "high": 10.0, "scale": "log"},
        }
        for method, wanted in (("random", PINNED_RANDOM), ("latin_hypercube", PINNED_CUBE)):
            assert points(space(method=method, points=3, seed=1, parameters=parameters)) == wanted

    def test_all_values_of_a_list_have_the_same_share(self):
        drawn = space(method="random", points=9000, parameters={"a": ["x", "y", "z"]}).columns(0, 9000)["strategy.a"]
        assert all(abs(drawn.count(value) - 3000) < 200 for value in "xyz")

    def test_a_range_without_end_is_not_made(self):
        drawn = space(method="random", points=3, parameters={"a": {"from": 0, "to": 10**15, "step": 1}})
        assert len(drawn) == 3 and drawn.values(0)["strategy.a"] > 1000

    @pytest.mark.slow
    def test_impossible_constraints(self):
        assert "reject 20000 draws of point 0" in mistake(
            method="random", points=5, parameters={"a": [1, 2]}, constraints=["a > 2"]
        )

    def test_too_many(self):
        assert "has 5 000 000 points, which take about 8 minutes" in mistake(
            method="random", points=5_000_000, parameters={"a": [1, 2]}
        )


class TestLatinHypercubes:
    @given(st.integers(1, 200), st.integers(0, 2**62), st.integers(1, 4))
    def test_each_stratum_of_each_axis_has_one_point(self, count, seed, axes):
        parameters = {name: {"low": 0.0, "high": 1.0} for name in "abcd"[:axes]}
        cube = space(method="latin_hypercube", points=count, seed=seed, parameters=parameters)
        for values in cube.columns(0, count).values():
            # Values are rounded to twelve digits: one at the edge of its stratum may show the edge itself.
            ordered = sorted(values)
            for number, value in enumerate(ordered):
                assert number / count - 1e-12 <= value <= (number + 1) / count + 1e-12

    def test_a_list_is_dealt_out_evenly(self):
        cube = space(
            method="latin_hypercube", points=30, parameters={"a": ["x", "y", "z"], "b": {"low": 1, "high": 10}}
        )
        columns = cube.columns(0, 30)
        assert all(columns["strategy.a"].count(value) == 10 for value in "xyz")
        assert all(columns["strategy.b"].count(value) == 3 for value in range(1, 11))

    @pytest.mark.slow
    @given(st.integers(0, 100), st.integers(0, 100))
    def test_a_slice_needs_no_other(self, one, other):
        sweep = {
            "method": "latin_hypercube",
            "points": 100,
            "constraints": "a < b",
            "parameters": {"a": {"low": 0.0, "high": 1.0}, "b": {"low": 0.0, "high": 1.0}},
        }
        cube = space(**sweep)
        begin, stop = sorted((min(one, len(cube)), min(other, len(cube))))
        assert cube.columns(begin, stop) == {n: v[begin:stop] for n, v in space(**sweep).columns(0, len(cube)).items()}

    def test_points_that_constraints_reject_are_lost_and_counted(self):
        sweep = {"method": "latin_hypercube", "points": 50, "parameters": {"a": {"low": 0.0, "high": 1.0}}}
        whole = [value for (value,) in points(space(**sweep))]
        left = space(**sweep, constraints=["a < 0.8"])
        assert [value for (value,) in points(left)] == [value for value in whole if value < 0.8]
        assert (len(left), left.rejected) == (40, 10)
        assert "reject all 50 points" in mistake(**sweep, constraints=["a > 2"])


def test_a_stream_is_entered_anywhere():
    whole = uniform(3, 1, 0, 0, 0, 100)
    for begin, stop in itertools.combinations(range(0, 100, 7), 2):
        assert (uniform(3, 1, 0, 0, begin, stop) == whole[begin:stop]).all()
    assert ((whole >= 0) & (whole < 1)).all()
    for other in (uniform(4, 1, 0, 0, 0, 100), uniform(3, 2, 0, 0, 0, 100), uniform(3, 1, 1, 0, 0, 100)):
        assert not (other == whole).any()


class TestPointsAsJobs:
    def test_a_point_is_a_job_without_a_search(self):
        base = job(parameters={"fast": [5]})
        made = point_job(
            base,
            {
                "strategy.fast": 5,
                "portfolio.sizing": {"model": "fixed_cash", "cash": 50},
                "data.repair.missing": "hole",
            },
        )
        assert made.sweep is None
        assert made.strategy.params == {"fast": 5}
        assert made.portfolio.sizing.model == "fixed_cash"
        assert made.data.repair.missing == "hole"
        by_hand = {"use": "SmaCross", "fast": 5}
        assert made == Job.parse(
            {
                "strategy": by_hand,
                "portfolio": {"sizing": {"model": "fixed_cash", "cash": 50}},
                "data": {"repair": {"missing": "hole"}},
            }
        )

    def test_its_paths_start_where_those_of_its_job_start(self, tmp_path):
        (tmp_path / "job.toml").write_text('strategy.use = "SmaCross"\nsweep.parameters.fast = [5]\n')
        base = Job.load(tmp_path / "job.toml")
        assert point_job(base, {"strategy.fast": 5}).folder == tmp_path

    def test_values_that_do_not_go_together(self):
        with pytest.raises(JobError, match="the close comes first"):
            point_job(job(parameters={"fast": [5]}), {"portfolio.size_at": "open", "execution.fill": "close"})

    def test_parameters_of_the_strategy_are_told_from_other_fields(self):
        assert split({"strategy.fast": 5, "portfolio.cash": 9}) == ({"fast": 5}, {"portfolio.cash": 9})


def test_an_adaptive_space_has_no_points_of_its_own():
    adaptive = space(method="adaptive", points=9, parameters={"fast": [1, 2]}, constraints="fast > 1")
    assert len(adaptive) == 9
    assert adaptive.accepts({"strategy.fast": 2}) and not adaptive.accepts({"strategy.fast": 1})
    with pytest.raises(ValueError, match="ask for them"):
        adaptive.columns(0, 1)
    with pytest.raises(ValueError, match="only a grid"):
        adaptive.coordinates(0, 1)
    with pytest.raises(ValueError, match="only a grid"):
        _ = adaptive.axes
    adaptive.record([{"strategy.fast": 2}, {"strategy.fast": 1}])
    assert adaptive.values(1) == {"strategy.fast": 1}
    with pytest.raises(ValueError, match="ask for them"):
        adaptive.columns(1, 3)
    with pytest.raises(ValueError, match="only the points of an adaptive search"):
        space(parameters={"fast": [1]}).record([{"strategy.fast": 1}])
