"""Combinatorial purged cross-validation against the book's counts and a computation by hand."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.api.rerun import rerun, rerun_split
from backbus.api.run_sweep import run_sweep
from backbus.api.sweep_result import SweepResult
from backbus.data import load_panel, resolve_files
from backbus.engine.run import Engine
from backbus.errors import BackbusError, JobError
from backbus.job.job import Job
from backbus.job.sweep import CrossValidationSettings
from backbus.market.panel import Floats
from backbus.runs.folder import new_folder
from backbus.strategy import load_strategy, make_strategy
from backbus.sweep.outcome import Points
from backbus.sweep.results import top_points
from backbus.sweep.search import cross_validation
from backbus.sweep.search.cross_validation import CrossValidation, _degradation, _distribution
from backbus.sweep.search.folds import figures_of_many, groups_of, session_figures, train_sessions
from backbus.sweep.space.space import point_job
from backbus.sweep.statistics import POINT
from tests.unit.small_prices import write_prices

FIELDS: dict[str, Any] = {
    "data": {"files": "prices.csv", "warmup": 20},
    "strategy": {"use": "SmaCross"},
    "portfolio": {"sizing": {"model": "equal_weight"}},
    "sweep": {
        "parameters": {"fast": [2, 3, 5], "slow": [4, 9]},
        "constraints": ["fast < slow"],
        "cpcv": {"groups": 6, "test_groups": 2, "purge": 3, "embargo": 2},
    },
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_prices(tmp_path, 150)
    return tmp_path


def validated(workers: int = 0, **sweep: Any) -> SweepResult:
    return run_sweep({**FIELDS, "sweep": {**FIELDS["sweep"], **sweep}}, workers=workers, folder=new_folder())


def settings_of(groups: int, test: int, purge: int = 0, embargo: int = 0) -> CrossValidationSettings:
    return CrossValidationSettings(groups=groups, test_groups=test, purge=purge, embargo=embargo)


def test_six_groups_tested_by_twos_make_15_splits_and_5_paths_as_in_the_book(folder: Path) -> None:
    summary = validated().summary
    assert (len(summary["splits"]), len(summary["paths"])) == (15, 5)
    tested = Counter(group for split in summary["splits"] for group in split["test"])
    assert tested == dict.fromkeys(range(6), 5)
    used = Counter(
        (number, group) for path in summary["paths"] for group, number in enumerate(path["splits"])
    )  # each test of a group is in one path
    assert used == {(n, group): 1 for n, split in enumerate(summary["splits"]) for group in split["test"]}


@given(
    st.integers(3, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1))),
    st.integers(16, 300),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_no_session_near_a_test_is_trained_on(groups: tuple[int, int], sessions: int, purge: int, embargo: int) -> None:
    settings = settings_of(*groups, purge, embargo)
    spans = groups_of(sessions, settings)
    assert [spans[0].start, *(span.stop for span in spans)] == [0, *(span.start for span in spans[1:]), sessions]
    lengths = {span.stop - span.start for span in spans}
    assert max(lengths) - min(lengths) <= 1
    for test in itertools.combinations(range(groups[0]), groups[1]):
        train = set(np.flatnonzero(train_sessions(spans, test, settings)).tolist())
        tested = {session for group in test for session in range(*spans[group])}
        banned = {s + by for s in tested for by in range(-purge, purge + 1)}
        banned |= {spans[group].stop - 1 + by for group in test for by in range(purge + embargo + 1)}
        assert train == set(range(sessions)) - tested - banned


def test_everything_follows_from_runs_over_the_groups(folder: Path) -> None:
    """By hand: each point run over each group, Sharpe ratios by plain sums, the best chosen, paths put together."""
    result = validated()
    job = Job.parse(FIELDS)
    assert job.sweep is not None
    points = [(fast, slow) for fast in (2, 3, 5) for slow in (4, 9) if fast < slow]
    dates = result.summary["groups"]
    returns: dict[tuple[int, int], list[float]] = {}
    for (number, (fast, slow)), (group, (start, end)) in itertools.product(enumerate(points), enumerate(dates)):
        one = point_job(job, {"data.start": start, "data.end": end})
        panel = load_panel(one.data, resolve_files(one.data, folder))
        engine = Engine(one, panel, make_strategy(load_strategy("SmaCross", {}), {"fast": fast, "slow": slow}))
        print_of = engine.run().fingerprint
        found = engine.returns()
        assert found is not None
        returns[number, group] = found.tolist()
        for split in result.summary["splits"]:
            if split["point"] == number and group in split["test"]:
                assert split["fingerprints"][split["test"].index(group)] == print_of

    def sharpe(values: list[float]) -> float:
        mean = math.fsum(values) / len(values)
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))
        return mean / deviation * math.sqrt(365)  # its days are all those of a week

    length = 25
    for split in result.summary["splits"]:
        keep = [all(not (25 * g - 3 <= s < 25 * g + length + 3 + 2) for g in split["test"]) for s in range(6 * length)]
        trained = []
        for number in range(len(points)):
            whole = [value for group in range(6) for value in returns[number, group]]
            trained.append(sharpe([value for value, kept in zip(whole, keep, strict=True) if kept]))
        assert split["point"] == max(range(len(points)), key=lambda number: trained[number])
        assert split["in_sample"]["sharpe"] == pytest.approx(max(trained), rel=1e-9)
        tested = [
            sharpe([value for group in split["test"] for value in returns[number, group]])
            for number in range(len(points))
        ]
        assert split["out_of_sample"]["sharpe"] == pytest.approx(tested[split["point"]], rel=1e-9)
        others = [value for number, value in enumerate(tested) if number != split["point"]]
        assert split["rank"] == pytest.approx(sum(v < tested[split["point"]] for v in others) / len(others))
    for path in result.summary["paths"]:
        whole = [
            value
            for group, number in enumerate(path["splits"])
            for value in returns[result.summary["splits"][number]["point"], group]
        ]
        assert path["sharpe"] == pytest.approx(sharpe(whole), rel=1e-9)
        assert path["total_return"] == pytest.approx(math.prod(1 + value for value in whole) - 1, rel=1e-9)
    told = result.summary["distribution"]["sharpe"]
    assert told["mean"] == pytest.approx(sum(path["sharpe"] for path in result.summary["paths"]) / 5)
    assert told["q50"] == pytest.approx(sorted(path["sharpe"] for path in result.summary["paths"])[2])


@pytest.mark.slow
def test_processes_come_to_the_same(folder: Path) -> None:
    one, two = validated(), validated(workers=2)
    assert one.summary == two.summary
    assert one.tables.read("table").equals(two.tables.read("table"))
    assert one.tables.read("paths").num_rows == 5


def test_a_test_group_comes_again_and_what_is_not_there_is_told(folder: Path) -> None:
    place = validated().artifacts["table"].parent
    split = rerun_split(place, 3, 4)
    assert split.summary.fingerprint
    for wrong, text in (((99,), "splits 0 to 14"), ((3, 5), "tests groups 0, 4")):
        with pytest.raises(JobError, match=text):
            rerun_split(place, *wrong)
    for by in (None, "sharpe"):
        with pytest.raises(JobError, match="folds of a cpcv"):
            top_points(place, 3, by)
    with pytest.raises(JobError, match="folds of a cpcv"):
        rerun(place)
    prices = folder / "prices.csv"
    prices.write_text(prices.read_text(encoding="utf-8").replace("2020-01-05,A,", "2020-01-05,A,1", 1))
    with pytest.raises(BackbusError):
        rerun_split(place, 3)


def test_a_point_that_fails_wins_nowhere(folder: Path) -> None:
    result = validated(parameters={"fast": [2, 5], "slow": [4, 9]}, constraints=[])
    assert result.summary["failed_points"] == 1
    params = [split["params"] for split in result.summary["splits"]]
    assert all(one["strategy.fast"] < one["strategy.slow"] for one in params)
    nobody = validated(parameters={"fast": [2], "slow": [600, 700]})
    assert nobody.summary["failed"] == 15
    assert nobody.summary["distribution"]["sharpe"] is None


@pytest.mark.parametrize(
    ("sweep", "field"),
    [
        ({"cpcv": {"groups": 4, "test_groups": 4}}, "cpcv.test_groups"),
        ({"cpcv": {"groups": 50, "test_groups": 25}}, "cpcv.test_groups"),
        ({"cpcv": {"groups": 2}}, "cpcv.groups"),
        ({"walk_forward": {"train": 5, "test": 5}}, "cpcv"),
        ({"method": "adaptive", "points": 5}, "cpcv"),
        ({"objective": "win_rate"}, "objective"),
        ({"method": "random", "points": 800_000, "constraints": [], "parameters": {"fast": [2, 3]}}, "parameters"),
        (
            {
                "method": "random",
                "points": 20_000,
                "constraints": [],
                "parameters": {"fast": [2, 3]},
                "cpcv": {"groups": 16, "test_groups": 5},
            },
            "cpcv.groups",
        ),
        ({"cpcv": {"groups": 6, "purge": 80}}, "cpcv.purge"),
        ({"cpcv": {"groups": 50, "test_groups": 1}, "parameters": {"fast": [2]}}, None),
    ],
)
def test_what_does_not_fit_is_one_error(folder: Path, sweep: dict[str, Any], field: str | None) -> None:
    if field is None:
        assert validated(**{**sweep, "constraints": []}).summary["splits"]
        return
    with pytest.raises(JobError) as caught:
        validated(**sweep)
    assert caught.value.field == f"sweep.{field}"
    assert not (folder / "var").exists()


def crossed(returns: Floats, points: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Splits and paths of points with these returns in each of six groups of 25 sessions."""
    fields = {**FIELDS["sweep"], "parameters": {"fast": list(range(2, 2 + points)), "slow": [9000]}}
    search = CrossValidation(Job.parse({**FIELDS, "sweep": fields}), 150)
    prints = np.zeros((6 * points, 16), np.uint8)
    nothing = np.zeros((6 * points, 1))
    points_of = Points(nothing, prints, {}, np.zeros(6 * points, POINT), nothing, returns)
    parts = search._returns(points_of)
    splits = [search._split(test, parts, points_of) for test in search._splits]
    return splits, search._paths(splits, parts)


def test_what_has_no_figures_in_test_is_counted() -> None:
    """The best of all loses everything in group 3: no split that trains on it takes that point, all others do."""
    returns = np.random.default_rng(1).normal(0, 0.01, (12, 25))
    returns[::2] += 0.01
    returns[6] = np.nan
    splits, paths = crossed(returns, 2)
    assert [split["point"] for split in splits] == [0 if 3 in split["test"] else 1 for split in splits]
    told = _degradation(splits, "sharpe")
    assert told is not None
    assert told["of"] == 10
    assert _distribution(paths, "sharpe") is None
    paths[0]["sharpe"], paths[1]["sharpe"] = -1.0, 3.0
    some = _distribution(paths, "sharpe")
    assert some is not None
    assert (some["of"], some["mean"], some["negative"]) == (2, 1.0, 0.5)


def test_one_point_degrades_though_it_has_no_rival() -> None:
    splits, _ = crossed(np.random.default_rng(2).normal(0, 0.01, (6, 25)), 1)
    told = _degradation(splits, "sharpe")
    assert told is not None
    assert told["overfitting_probability"] is None
    assert told["out_of_sample"] == pytest.approx(sum(split["out_of_sample"]["sharpe"] for split in splits) / 15)


def test_points_in_batches_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = np.random.default_rng(3).normal(0, 0.01, (6 * 7, 25))
    whole = crossed(returns, 7)
    monkeypatch.setattr(cross_validation, "BATCH_POINTS", 3)
    assert crossed(returns, 7) == whole


def test_more_groups_than_sessions_allow(folder: Path) -> None:
    with pytest.raises(JobError, match="50 groups of at least 2 sessions need 100, and the data has 60"):
        groups_of(60, settings_of(50, 1))


def test_figures_of_many_are_those_of_each() -> None:
    returns = np.random.default_rng(5).normal(0, 0.01, (7, 90))
    returns[3, 8] = np.nan
    many = figures_of_many(returns, 1000.0, 252.0, np.array([0.0001]))
    for run in range(7):
        one = session_figures(returns[run], 1000.0, 252.0, np.array([0.0001]))
        assert {name: None if np.isnan(many[name][run]) else many[name][run] for name in one} == one
    assert np.isnan(many["sharpe"][3])
