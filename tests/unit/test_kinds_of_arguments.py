"""What public functions are given of a wrong kind is told by one error of ours, not from within them."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import backbus
from backbus import BackbusError, Strategy, StrategyError, UsageError, param

WRONG: tuple[Any, ...] = (None, 5, -1, "x", object(), [], True, 1.5, {}, Path("nowhere"), (1, 2))
DAYS = pd.bdate_range("2024-01-02", periods=20, tz="UTC")
JOB: dict[str, Any] = {"name": "kinds"}
SWEEP = {**JOB, "sweep": {"parameters": {"every": [2, 3]}}}
Called = tuple[Callable[..., Any], dict[str, Any]]


class Turns(Strategy):
    """In and out, by a count of bars."""

    every: int = param(5, ge=2)

    def on_bar(self, bar: Any) -> None:
        """Long in even stretches."""
        self.go_long() if bar.row // self.every % 2 == 0 else self.go_flat()


def prices() -> pd.DataFrame:
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.001, 0.01, len(DAYS))))
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1e6}, index=DAYS)


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Called]]:
    """Public functions and methods, each with arguments that are right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("kinds"))
        first = backbus.run(JOB, prices(), strategy=Turns, folder="first")
        second = backbus.run(JOB, prices(), strategy=Turns(every=3))
        swept = backbus.run_sweep(SWEEP, prices(), strategy=Turns, folder="swept")
        panel = backbus.panel_from_frame(prices())
        backbus.write_panel(panel, "panel.arrow")
        catalog = backbus.Catalog("datasets")
        plain = backbus.Job.parse({**JOB, "strategy": {"use": "BuyAndHold"}})
        both = backbus.compare(first, second)
        of_run = {"job": JOB, "data": prices(), "strategy": Turns, "overrides": {}}
        ended = {"job": "a", "state": "failed", "error": "x"}
        with closing(backbus.Client(backbus.Settings(orchestrator="tcp://127.0.0.1:1"), timeout_s=0.05)) as client:
            yield {
                "run": (backbus.run, {**of_run, "folder": None, "progress": None}),
                "run_sweep": (
                    backbus.run_sweep,
                    {**of_run, "job": SWEEP, "folder": None, "workers": 0, "on": None, "progress": None, "say": None},
                ),
                "check": (backbus.check, {"job": JOB, "data": prices(), "strategy": Turns, "rows": 5}),
                "compare": (backbus.compare, {"0": first, "1": second}),
                "explain": (backbus.explain, {"folder": "first", "order": None, "asset": None, "date": None}),
                "read_run": (backbus.read_run, {"folder": "first"}),
                "rerun": (backbus.rerun, {"sweep": "swept", "point": 0, "folder": None, "progress": None}),
                "rerun_fold": (backbus.rerun_fold, {"sweep": "swept", "number": 0}),
                "rerun_split": (backbus.rerun_split, {"sweep": "swept", "number": 0, "group": None}),
                "sentences": (lambda told: list(backbus.sentences(told)), {"told": backbus.explain("first")}),
                "map_panel": (backbus.map_panel, {"path": "panel.arrow"}),
                "read_panel": (backbus.read_panel, {"path": "panel.arrow", "name": None}),
                "write_panel": (backbus.write_panel, {"panel": panel, "path": "again.arrow"}),
                "panel_from_frame": (backbus.panel_from_frame, {"frame": prices(), "symbol": "A", "settings": None}),
                "open_inputs": (backbus.open_inputs, {"job": plain, "data": prices()}),
                "bars_figure": (backbus.bars_figure, {"panel": panel, "title": None}),
                "fan_figure": (backbus.fan_figure, {"table": None, "cash": 1.0}),
                "fit_figure": (backbus.fit_figure, {"data": {"A": np.ones(3)}, "models": {"A": {}}, "title": None}),
                "figure": (backbus.figure, {"name": "nothing", "meaning": "at all", "of": "run"}),
                "figure(…)": (backbus.figure("nothing", "at all"), {"draw": lambda run: None}),
                "grid_figure": (
                    backbus.grid_figure,
                    {"panels": {"a": panel}, "beside": None, "columns": 3, "title": None},
                ),
                "write_figure": (backbus.write_figure, {"figure": None, "path": "figure.html"}),
                "find_sweep": (backbus.find_sweep, {"name": "swept"}),
                "top_points": (backbus.top_points, {"folder": "swept", "top": 1, "by": None}),
                "Client": (lambda settings: backbus.Client(settings, timeout_s=0.05).close(), {"settings": None}),
                "param": (
                    backbus.param,
                    {"default": 5, "ge": None, "gt": None, "le": None, "lt": None, "choices": None},
                ),
                "Job": (backbus.Job, {"name": "a", "strategy": {"use": "BuyAndHold"}, "data": {}}),
                "Job.load": (backbus.Job.load, {"path": "nowhere", "overrides": (), "text": None}),
                "Job.parse": (backbus.Job.parse, {"fields": plain.plain(), "file": None}),
                "Settings": (backbus.Settings, {"orchestrator": "tcp://127.0.0.1:1", "beat_s": 0.5}),
                "Strategy": (Turns, {"every": 5}),
                "Result.frame": (first.frame, {"table": "equity"}),
                "Result.column": (first.column, {"table": "equity", "name": "equity"}),
                "Result.count": (first.count, {"table": "equity"}),
                "Result.rolling": (first.rolling, {"window": 5, "risk_free": 0.0}),
                "Result.report": (first.report, {"path": "none/page.html"}),
                "SweepResult.report": (swept.report, {"path": "none/page.html"}),
                "SweepResult.column": (swept.column, {"table": "table", "name": "point"}),
                "Comparison.report": (both.report, {"path": "none/page.html"}),
                "figures": (first.figures.draw, {"name": "exposure"}),
                "figures of a sweep": (swept.figures.draw, {"name": "heat_map"}),
                "price": (lambda asset: first.figures.draw("price", asset=asset), {"asset": "ASSET"}),
                "Client.jobs": (client.jobs, {"limit": 5}),
                "Client.show": (client.show, {"job": "a", "wait_s": 0.0}),
                "Client.cancel": (client.cancel, {"job": "a"}),
                "Client.pause": (client.pause, {"job": "a"}),
                "Client.resume": (client.resume, {"job": "a"}),
                "Client.result": (client.result, {"shown": ended, "folder": None, "elapsed_s": 0.0}),
                "Client.submit": (client.submit, {"job": SWEEP, "data": prices(), "strategy": None, "overrides": {}}),
                "Client.run": (client.run, {"job": SWEEP, "folder": None, "progress": None}),
                "Catalog": (backbus.Catalog, {"folder": "datasets"}),
                "Catalog.add": (catalog.add, {"name": "a", "files": {}, "settings": plain.data, "progress": None}),
                **{
                    f"Catalog.{name}": (getattr(catalog, name), {"name": "a"})
                    for name in ("about", "calendar", "check", "file", "path", "remove")
                },
            }


NAMES = [
    "run", "run_sweep", "check", "compare", "explain", "read_run", "rerun", "rerun_fold", "rerun_split",
    "sentences", "map_panel", "read_panel", "write_panel", "panel_from_frame", "open_inputs", "bars_figure",
    "fan_figure", "fit_figure", "figure", "figure(…)", "grid_figure", "write_figure", "find_sweep",
    "top_points", "Client", "param", "Job", "Job.load", "Job.parse", "Settings", "Strategy", "Result.frame",
    "Result.column", "Result.count", "Result.rolling", "Result.report", "SweepResult.report",
    "SweepResult.column", "Comparison.report", "figures", "price", "Client.jobs", "Client.show",
    "Client.cancel", "Client.pause", "Client.resume", "Client.result", "Client.submit", "Client.run",
    "Catalog", "Catalog.add", "Catalog.about", "Catalog.calendar", "Catalog.check", "Catalog.file",
    "Catalog.path", "Catalog.remove",
]  # fmt: skip
VALUES = {"Bar", "Bars", "Book", "Comparison", "Panel", "Result", "Stream", "SweepResult", "NothingToShow"}
"""What nobody makes by hand."""


def told(function: Callable[..., Any], given: dict[str, Any]) -> BaseException | None:
    """What is raised that is neither an error of ours nor Python's word on the call itself."""
    try:
        function(*given.values()) if "0" in given else function(**given)
    except BackbusError as error:
        assert str(error) and "pydantic" not in str(error)
    except TypeError as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        return error if any(frame.name not in ("checked", "<lambda>") for frame in frames) else None
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("name", [*NAMES, "figures of a sweep"])
def test_a_wrong_kind_is_told_in_our_words(name: str, called: dict[str, Called]) -> None:
    function, right = called[name]
    found = [
        f"{key}={value!r}: {type(error).__name__}: {error}"
        for key in right
        for value in WRONG
        if (error := told(function, {**right, key: value})) is not None
    ]
    assert not found


def test_all_that_is_public_is_looked_at(called: dict[str, Called]) -> None:
    errors = {name for name in backbus.__all__ if isinstance(getattr(backbus, name), type)}
    errors = {name for name in errors if issubclass(getattr(backbus, name), BackbusError)}
    public = set(backbus.__all__) - errors - VALUES
    assert not public - set(called)


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("run", {"progress": True}, r"run: progress is a function .*progress=lambda done, of: .*; it is True here"),
        ("run", {"folder": 5}, r"run: folder is the path of a file or a folder, .*; it is 5 here"),
        ("compare", {"1": 5}, r"compare: a run is a Result, or a run of var/runs .*; one is of type int here"),
        ("Result.rolling", {"window": "a"}, r"Result\.rolling: window is a whole number; it is 'a' here"),
        ("explain", {"date": 20240102}, r"explain: date is a text; it is 20240102 here"),
        ("grid_figure", {"panels": {}}, r"grid_figure draws one panel or more in one column or more"),
        ("Client.jobs", {"limit": 0}, r"Client\.jobs: limit is a whole number from 1 to 10000; it is 0 here"),
        ("sentences", {"told": {}}, r"told is what explain has found"),
    ],
)
def test_the_words_name_function_argument_and_what_it_is(
    name: str, wrong: dict[str, Any], words: str, called: dict[str, Called]
) -> None:
    function, right = called[name]
    with pytest.raises(UsageError, match=words):
        function(*(right | wrong).values()) if "0" in right else function(**(right | wrong))


def test_a_choice_that_a_figure_does_not_have_is_told_with_the_near_one(called: dict[str, Called]) -> None:
    draw = called["figures"][0]
    with pytest.raises(UsageError, match=r"the figure 'price' has no choice 'aset'; did you mean 'asset'\?"):
        draw("price", aset="ASSET")
    with pytest.raises(UsageError, match=r"the figure 'exposure' has no choice 'asset'; it has none"):
        draw("exposure", asset="ASSET")


def test_parameters_are_given_by_name() -> None:
    with pytest.raises(StrategyError, match=r"Turns takes its parameters by name: Turns\(every=7\)"):
        Turns(7)  # type: ignore[call-arg]


def test_a_job_that_is_made_by_hand_is_told_like_one_that_is_read() -> None:
    with pytest.raises(backbus.JobError, match=r"portfolio\.cash: must be a valid number") as found:
        backbus.Job(strategy={"use": "BuyAndHold"}, portfolio={"cash": "much"})
    assert found.value.field == "portfolio.cash"


def test_paths_are_texts_as_well_and_signatures_stay(called: dict[str, Called]) -> None:
    assert backbus.read_panel("panel.arrow").symbols == ("ASSET",)
    assert list(inspect.signature(backbus.run).parameters)[:2] == ["job", "data"]
    with pytest.raises(TypeError, match=r"run\(\) got an unexpected keyword argument 'progres'"):
        backbus.run(JOB, progres=print)  # type: ignore[call-arg]
    checked = backbus.check(data=prices(), strategy=Turns, rows=5)
    assert checked.clean
