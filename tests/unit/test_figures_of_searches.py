"""Figures of searches beside their tables, their summaries, and other people's analysis of variance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.formula.api import ols
from typer.testing import CliRunner

from backbus import run, run_sweep
from backbus.api.sweep_result import SweepResult
from backbus.cli.app import app
from backbus.errors import UsageError
from backbus.figures.points import PointsTable, sampled
from backbus.figures.registry import NothingToShow, figures
from backbus.figures.selection import density_of_maximum
from backbus.performance.summary import FORMS, title_of
from backbus.sweep.statistics.importance import main_effects
from backbus.sweep.statistics.sharpe import expected_maximum
from tests.unit.made_bars import days

SMA = {"strategy": {"use": "SmaCross", "fast": 3, "slow": 9}}
GRID = {"fast": [2, 3, 5, 8], "slow": [10, 20, 30], "execution.commission.bps": [1.0, 20.0]}
COSTS = {"execution": {"commission": {"model": "bps", "bps": 1.0}}}
GBM = [{"symbol": "A", "path": {"model": "gbm", "volatility": 0.2}}]
MARKET = days(300)


def searched(**sweep: Any) -> SweepResult:
    return run_sweep({**SMA, **COSTS, "sweep": {"parameters": GRID, **sweep}}, MARKET)


@pytest.fixture(scope="module")
def grid() -> SweepResult:
    return searched()


@pytest.fixture(scope="module")
def random() -> SweepResult:
    axes = {"fast": {"low": 2, "high": 60}, "slow": {"low": 61, "high": 150}}
    return searched(method="random", points=60, parameters=axes)


@pytest.fixture(scope="module")
def walk() -> SweepResult:
    return searched(walk_forward={"train": 100, "test": 50})


@pytest.fixture(scope="module")
def crossed() -> SweepResult:
    return searched(cpcv={"groups": 5, "test_groups": 2})


@pytest.fixture(scope="module")
def markets() -> SweepResult:
    simulated = {"simulator": {"rows": 300, "assets": GBM}}
    return run_sweep({**SMA, **simulated, "sweep": {"monte_carlo": {"markets": 12}}})


# --- points -----------------------------------------------------------------------------------------------------------


def test_a_heat_map_is_the_table_s_median_or_best_by_two_fields(grid: SweepResult) -> None:
    table = grid.table
    for by in ("median", "best"):
        drawn = grid.figures.draw("heat_map", by=by).data[0]
        some = table.groupby(["strategy.slow", "strategy.fast"])["sharpe"]
        expected = (some.median() if by == "median" else some.max()).unstack("strategy.fast")
        np.testing.assert_allclose(np.array(drawn.z, float), expected.to_numpy())
        assert [int(name) for name in drawn.x] == list(expected.columns)
        assert [int(name) for name in drawn.y] == list(expected.index)
        assert (np.array(drawn.customdata) == 2).all()
    found = grid.figures["heat_map"]
    assert found.layout.title.text == "Sharpe by fast and slow: the median of up to 2 points of a cell"


def test_a_heat_map_is_of_the_fields_that_are_asked_for(grid: SweepResult) -> None:
    drawn = grid.figures.draw("heat_map", x="bps", y="fast").data[0]
    assert list(drawn.x) == ["1", "20"] and len(drawn.y) == 4 and (np.array(drawn.customdata) == 3).all()
    best = grid.summary["best"]
    star = grid.figures.draw("heat_map", x="bps", y="fast").data[1]
    assert star.x[0] == f"{best['params']['execution.commission.bps']:g}"
    assert star.y[0] == f"{best['params']['strategy.fast']:g}"
    with pytest.raises(UsageError, match="no swept field 'speed'; choose one of strategy"):
        grid.figures.draw("heat_map", x="speed")
    with pytest.raises(UsageError, match="the median or the best of its points, not 'mean'"):
        grid.figures.draw("heat_map", by="mean")


def test_one_parameter_is_a_line_and_none_that_varies_is_words() -> None:
    one = searched(parameters={"fast": [5, 2, 3]})
    drawn = one.figures["heat_map"].data[0]
    ordered = one.table.sort_values("strategy.fast")
    assert list(drawn.x) == [2, 3, 5]
    np.testing.assert_array_equal(drawn.y, ordered["sharpe"])
    alone = searched(parameters={"fast": [5]})
    for name in ("heat_map", "importance"):
        with pytest.raises(NothingToShow):
            figures("sweep")[name].draw(alone)


def test_parallel_lines_are_all_points_with_those_that_failed_at_the_bottom() -> None:
    some = searched(parameters={"fast": [3, 40], "slow": [10, 20]})  # 40 is not below either
    drawn = some.figures["parallel"].data[0]
    by_label = {one.label: np.asarray(one["values"]) for one in drawn.dimensions}
    assert list(by_label["outcome"]) == [0.0, 0.0, 1.0, 1.0]
    sharpe = some.table["sharpe"].to_numpy()
    np.testing.assert_array_equal(by_label["Sharpe"], np.where(np.isnan(sharpe), np.nanmin(sharpe), sharpe))
    assert "those without Sharpe lie at its bottom" in some.figures["parallel"].layout.title.text


def test_a_sample_of_many_points_holds_the_best_and_some_that_failed() -> None:
    class Many(PointsTable):
        def __init__(self, objective: np.ndarray) -> None:
            self.sign = 1.0
            self.__dict__["objective"] = objective

    objective = np.random.default_rng(1).normal(size=20_000)
    objective[::50] = np.nan
    chosen = sampled(Many(objective), 5000)
    assert 4900 < len(chosen) <= 5000 and len(np.unique(chosen)) == len(chosen)
    top = set(np.argsort(np.where(np.isnan(objective), -9.0, objective))[-1000:])
    assert top <= set(chosen.tolist()) and np.isnan(objective[chosen]).sum() == 400
    assert len(sampled(Many(objective[:10]), 5000)) == 10


# --- importance -------------------------------------------------------------------------------------------------------


def test_importance_over_a_grid_is_the_sums_of_squares_of_an_analysis_of_variance(grid: SweepResult) -> None:
    table = grid.table.rename(columns={"strategy.fast": "f", "strategy.slow": "s", "execution.commission.bps": "c"})
    anova = sm.stats.anova_lm(ols("sharpe ~ C(f) + C(s) + C(c)", data=table).fit())
    shares = anova["sum_sq"] / anova["sum_sq"].sum()
    drawn = grid.figures["importance"].data[0]
    told = dict(zip(drawn.y, drawn.x, strict=True))
    for name, term in (
        ("fast", "C(f)"),
        ("slow", "C(s)"),
        ("bps", "C(c)"),
        ("all else: together, and chance", "Residual"),
    ):
        assert told[name] == pytest.approx(shares[term]), name


def test_importance_of_drawn_points_takes_off_what_chance_gives() -> None:
    dice = np.random.default_rng(5)
    x, noise = dice.uniform(size=4000), dice.uniform(size=4000)
    found = main_effects({"x": x, "noise": noise}, 3.0 * x + dice.normal(size=4000), grid=False)
    assert isinstance(found, dict)
    whole = (9.0 / 12.0) / (9.0 / 12.0 + 1.0)  # of a uniform x; eight stretches lose a 64th of it
    assert found["x"] == pytest.approx(whole * 63 / 64, abs=0.03) and found["noise"] == pytest.approx(0.0, abs=0.005)
    few = main_effects({"x": x[:2]}, x[:2], grid=False), main_effects({"x": x}, np.ones(4000), grid=False)
    assert few == ("fewer than three points have an objective", "the objective is the same in all points")


# --- selection --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["grid", "random"])
def test_neighbours_are_those_of_the_search_s_own_statistics(kind: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(kind)
    drawn, near, everywhere = result.figures["stability"].data
    told = result.summary["statistics"]["stability"]
    around = np.asarray(drawn.x)[1:]
    assert len(around) == told["neighbours"] and around.min() == told["neighbour_worst"]
    assert near.x[0] == np.median(around) == pytest.approx(told["neighbour_median"])
    assert drawn.x[0] == np.nanmax(result.table["sharpe"]) and everywhere.x[0] == np.nanmedian(result.table["sharpe"])
    assert told["shape"] in result.figures["stability"].layout.title.text


@pytest.mark.parametrize("trials", [2, 10, 500])
def test_the_best_of_many_without_skill_is_spread_as_drawn(trials: int) -> None:
    at = np.linspace(-8.0, 12.0, 20_001)
    density = density_of_maximum(at, trials, 2.0)
    assert np.trapezoid(density, at) == pytest.approx(1.0, abs=1e-6)
    drawn = stats.norm.rvs(scale=2.0, size=(20_000, trials), random_state=1).max(axis=1)
    mean = np.trapezoid(at * density, at)
    assert mean == pytest.approx(drawn.mean(), abs=0.04)
    assert mean == pytest.approx(2.0 * expected_maximum(trials), rel=0.1 if trials == 2 else 0.03)


def test_luck_shows_the_statistics_of_the_summary(grid: SweepResult) -> None:
    found = grid.figures["luck"]
    told = grid.summary["statistics"]
    assert found.layout.shapes[0].x0 == told["sharpe"]
    assert f"p-value (SPA): {told['spa_consistent']:.3g}" in found.layout.title.text
    np.testing.assert_array_equal(found.data[0].x, grid.table["sharpe"])
    curve = found.data[1]
    expected = density_of_maximum(np.asarray(curve.x), told["trials_sweep"], told["sharpe_deviation"])
    np.testing.assert_array_equal(curve.y, expected)
    lone = searched(parameters={"fast": [5]})
    with pytest.raises(NothingToShow, match="fewer than two points"):
        figures("sweep")["luck"].draw(lone)


# --- folds, paths, markets --------------------------------------------------------------------------------------------


def test_folds_are_where_the_table_says_with_their_objectives(walk: SweepResult) -> None:
    bars, dots, test_bars, test_dots = walk.figures["folds"].data
    table = walk.table
    for trace, spots, span, part in (
        (bars, dots, "train", "in_sample"),
        (test_bars, test_dots, "test", "out_of_sample"),
    ):
        begin, end = (pd.to_datetime(table[f"{span}_{edge}"]) for edge in ("start", "end"))
        assert [pd.Timestamp(one) for one in trace.base] == list(begin)
        lengths = pd.to_timedelta(np.asarray(trace.x), unit="ms")
        assert list(begin + lengths - pd.Timedelta("1D")) == list(end)
        np.testing.assert_array_equal(spots.x, table[f"{part}.sharpe"])


def test_test_ranges_joined_come_to_the_summary_s_return(walk: SweepResult) -> None:
    line = walk.figures["out_of_sample"].data[0]
    assert line.y[-1] - 1.0 == pytest.approx(walk.summary["figures"]["total_return"])
    assert len(line.y) == walk.count("table") + 1


def test_paths_and_splits_are_their_tables(crossed: SweepResult) -> None:
    boxes = crossed.figures["paths"].data
    paths = crossed.frame("paths") if hasattr(crossed, "frame") else crossed.tables.frame("paths")
    for box, name in zip(boxes, ("sharpe", "total_return", "max_drawdown"), strict=True):
        np.testing.assert_array_equal(box.y, paths[name])
    dots = crossed.figures["splits"].data[0]
    np.testing.assert_array_equal(dots.x, crossed.table["in_sample.sharpe"])
    np.testing.assert_array_equal(dots.y, crossed.table["out_of_sample.sharpe"])
    chance = crossed.summary["degradation"]["overfitting_probability"]
    assert f"in {100 * chance:.0f} % of them" in crossed.figures["splits"].layout.title.text


def test_markets_spread_as_their_table_and_fan_out_as_theirs(markets: SweepResult) -> None:
    found = markets.figures["spread"]
    columns = {title_of(name): markets.table[name].dropna() for name in FORMS}
    assert {trace.name for trace in found.data} >= {"Final equity", "Sharpe"}
    for trace in found.data:
        np.testing.assert_array_equal(trace.x, columns[trace.name])
    marks = [shape.x0 for shape in found.layout.shapes[:3]]
    told = markets.summary["distribution"]["final_equity"]
    assert marks == pytest.approx([told["q05"], told["q50"], told["q95"]])
    fan = markets.tables.frame("fan")
    lines = {trace.name: trace.y for trace in markets.figures["fan"].data}
    np.testing.assert_array_equal(lines["median"], fan["q50"])


@pytest.mark.parametrize("kind", ["grid", "random", "walk", "crossed", "markets"])
def test_every_figure_of_a_search_draws(kind: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(kind)
    assert len(result.figures)
    for name in result.figures:
        assert result.figures[name].data, name


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    MARKET["A"].to_csv("A.csv", index_label="date")
    files = {"data": {"files": ["A.csv"]}}
    run_sweep({**SMA, **COSTS, **files, "sweep": {"parameters": GRID}}, folder=tmp_path / "var/runs/aaa", workers=0)
    run({**SMA, **files}, folder=tmp_path / "var/runs/bbb")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "title"),
    [
        (["results", "aaa"], "Sharpe by fast and slow"),
        (["results", "aaa", "--draw", "luck"], "The best of many, and luck"),
        (["show", "bbb"], "below the top"),
        (["show", "bbb", "--draw", "price"], "A: prices and fills"),
        (["show", "aaa", "--draw", "importance"], "What Sharpe varies by"),
    ],
)
def test_commands_draw_the_main_figure_or_the_one_that_is_named(kept: Path, command: list[str], title: str) -> None:
    done = CliRunner().invoke(app, [*command, "--figure", "out.html"])
    assert done.exit_code == 0, done.output
    assert json.dumps(title)[1:-1] in (kept / "out.html").read_text()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["results", "aaa", "--draw", "luck"], "--figure FILE where it goes"),
        (
            ["results", "aaa", "--draw", "folds", "--figure", "a.html"],
            "no figure 'folds' of a sweep; choose one of heat_map",
        ),
        (["show", "bbb", "--draw", "trades_by_hour", "--figure", "a.html"], "shows nothing of this: a bar is a whole"),
        (["show", "bbb", "--figure", "a.gif"], "ends in .html"),
    ],
)
def test_commands_refuse_a_figure_that_cannot_be_drawn(kept: Path, command: list[str], says: str) -> None:
    done = CliRunner().invoke(app, command)
    assert done.exit_code != 0 and says in str(done.exception)
    assert not list(kept.glob("a.*"))
