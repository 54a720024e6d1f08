"""The best point's neighbours: who they are, and what its surroundings are called."""

from __future__ import annotations

import numpy as np
import pytest

from backbus.market.panel import Floats
from backbus.sweep.statistics.stability import Stability, grid_neighbours, nearest_neighbours, stability

GRID = np.array([(fast, slow) for fast in (5, 10, 20, 50) for slow in (50, 100, 200)], dtype=np.float64)


def test_neighbours_on_a_grid_are_one_step_of_one_parameter_away() -> None:
    assert GRID[grid_neighbours(GRID, 4)].tolist() == [[5, 100], [10, 50], [10, 200], [20, 100]]
    assert GRID[grid_neighbours(GRID, 0)].tolist() == [[5, 100], [10, 50]]


def test_a_grid_with_points_left_out_has_fewer_neighbours() -> None:
    parameters = GRID[[0, 2, 4, 5, 7]]
    assert parameters[grid_neighbours(parameters, 2)].tolist() == [[10, 200], [20, 100]]


def test_a_parameter_of_one_value_is_no_direction() -> None:
    parameters = np.column_stack((GRID, np.ones(len(GRID))))
    assert grid_neighbours(parameters, 4).tolist() == grid_neighbours(GRID, 4).tolist()


def test_nearest_neighbours_do_not_depend_on_units() -> None:
    draws = np.random.default_rng(1).uniform(1.0, 2.0, (200, 3))
    near = nearest_neighbours(draws, 17)
    assert len(near) == 6
    assert 17 not in near
    stretched = np.column_stack((draws[:, 0] * 1e6, draws[:, 1] ** 5, np.log(draws[:, 2])))
    assert nearest_neighbours(stretched, 17).tolist() == near.tolist()


def test_twins_of_the_best_point_are_not_its_neighbours() -> None:
    parameters = np.array([[1.0], [1.0], [2.0], [3.0], [4.0]])
    assert nearest_neighbours(parameters, 0).tolist() == [2, 3]


def landscape(width: float) -> tuple[Floats, Floats]:
    """A hill of this width in a 21 × 21 grid, and its parameters."""
    parameters = np.array([(row, column) for row in range(21) for column in range(21)], dtype=np.float64)
    distance = np.hypot(*(parameters - 10.0).T)
    return np.exp(-((distance / width) ** 2)), parameters


@pytest.mark.parametrize(("width", "shape"), [(5.0, "plateau"), (1.2, "slope"), (0.4, "spike")])
@pytest.mark.parametrize("grid", (True, False))
def test_the_shape_is_how_much_one_step_costs(width: float, shape: str, grid: bool) -> None:
    objective, parameters = landscape(width)
    found = stability(objective, parameters, int(objective.argmax()), grid=grid)
    assert isinstance(found, Stability)
    assert found.neighbours == 4
    assert found.shape == shape
    assert found.drop == pytest.approx((1 - found.neighbour_median) / (1 - np.median(objective)), rel=1e-12)


def test_failed_neighbours_are_counted_and_left_out() -> None:
    objective, parameters = landscape(5.0)
    objective[220 + 1] = np.nan
    found = stability(objective, parameters, 220, grid=True)
    assert isinstance(found, Stability)
    assert (found.neighbours, found.failed_neighbours) == (3, 1)


def test_surroundings_that_say_nothing_say_why() -> None:
    one = np.array([1.0])
    assert stability(one, one[:, None], 0, grid=True) == "the best point has no neighbour with an objective"
    flat = np.ones(12)
    assert stability(flat, GRID, 4, grid=True) == "the best point is no better than the median point"
    with pytest.raises(ValueError, match="for 11 points"):
        stability(flat[:11], GRID, 4, grid=True)
