"""What commands show fits 60, 80 and 200 columns with every number of it whole, and a pipe has plain lines."""

from __future__ import annotations

import json
import re
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backbus.cli.app import app
from backbus.cli.printed import screen
from backbus.cli.printed.screen import Screen
from backbus.cli.printed.stack_tables import print_job, print_jobs
from backbus.job.job import Job
from backbus.performance.metrics import FIGURES
from backbus.performance.summary import FORMS, written
from tests.processes import own_cache

WIDTHS = (60, 80, 200)
NUMBER = re.compile(r"(?<![\w.,])[-+]?\d[\d,]*(?:\.\d+)?(?: %)?(?![\w])|\d{4}-\d\d-\d\d|[0-9a-f]{12,}")
JOB = """
name = "market of one"
[simulator]
rows = 260
[[simulator.assets]]
symbol = "ACME"
path = { model = "gbm", drift = 0.1, volatility = 0.2 }
[strategy]
use = "SmaCross"
fast = 3
slow = 10
[portfolio]
sizing = { model = "percent_of_equity", percent = 90 }
"""
GRID = "[sweep]\nresamples = 20\n[sweep.parameters]\nfast = [2, 3]\nslow = [8, 12]\n"
FOLDS = GRID + "[sweep.walk_forward]\ntrain = 100\ntest = 50\n"
SPLITS = GRID + "[sweep.cpcv]\ngroups = 4\ntest_groups = 2\n"
MARKETS = "[sweep.monte_carlo]\nmarkets = 4\n"
SEARCHES = {"grid": GRID, "folds": FOLDS, "splits": SPLITS, "markets": MARKETS}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a run, other runs and a search of each kind, a dataset, and jobs."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("BACKBUS_CACHE", str(own_cache(folder)))
        (folder / "job.toml").write_text(JOB)
        (folder / "other.toml").write_text(JOB.replace("slow = 10", "slow = 20"))
        for name, text in SEARCHES.items():
            (folder / f"{name}.toml").write_text(JOB + text)
        lines = ["Date,Open,High,Low,Close,Volume"]
        lines += [f"2020-01-{day:02d},{day},{day + 1},{day},{day},1000" for day in range(1, 30)]
        (folder / "prices").mkdir()
        (folder / "prices" / "ACME.csv").write_text("\n".join(lines))
        yield folder


@pytest.fixture(scope="module")
def ids(home: Path) -> dict[str, str]:
    """What was run, by name."""
    found = {name: json.loads(typed("run", f"{name}.toml", "--json"))["job"] for name in ("job", "other")}
    typed("run", "job.toml", "--set", "portfolio.cash=5000.0", "--json")
    for name in SEARCHES:
        found[name] = json.loads(typed("sweep", f"{name}.toml", "--workers", "0", "--json"))["job"]
    typed("data", "import", "prices", "--name", "sample")
    return found


def typed(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def at(width: int | None, show: Callable[[], str]) -> str:
    """What is shown on a screen of this width."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "screen_of", lambda stream: Screen(width, False))
        return show()


COMMANDS = {
    "run": ("show", "job"),
    "grid": ("results", "grid"),
    "folds": ("results", "folds"),
    "splits": ("results", "splits"),
    "markets": ("results", "markets"),
    "runs": ("runs",),
    "data list": ("data", "list"),
    "data check": ("data", "check", "sample"),
    "files": ("data", "check", "prices"),
    "check": ("check", "job.toml"),
    "strategies": ("strategies",),
    "verify": ("verify", "job"),
    "diff": ("diff", "job", "other"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_number_that_a_command_tells_is_whole_at_any_width(home: Path, ids: dict[str, str], name: str) -> None:
    words = [ids.get(word, word) for word in COMMANDS[name]]
    if name == "check":
        (home / "check.toml").write_text(JOB.replace("rows = 260", "rows = 60"))
        words = ["check", "check.toml"]
    whole = at(None, lambda: typed(*words))
    for width in WIDTHS:
        shown = at(width, lambda: typed(*words))
        assert_all_is_told(whole, shown, width)


def assert_all_is_told(whole: str, shown: str, width: int) -> None:
    gone = re.search(r"left out for want of room: (.*?); a wider", " ".join(shown.split()))
    expected = NUMBER.findall(without(whole, gone[1].split(", ")) if gone else whole)
    assert expected
    missing = [number for number in expected if number not in shown]
    assert not missing, (width, missing)
    for line in shown.splitlines():
        assert len(line) <= width or len(line.split()[-1]) > width - 30 or " " not in line.strip(), (width, line)


def without(table: str, gone: list[str]) -> str:
    """A table of a pipe without some of its columns."""
    title, *rows = table.splitlines()
    starts = [(title.index(name), title.index(name) + len(name)) for name in gone]
    ends = [0, *(found.end() for found in re.finditer(r"\S(?=  |$)", title)), 10_000]

    def cut(row: str) -> str:
        kept = row
        for first, last in starts:
            # a column reaches from the end of the title before it, or from its own begin, to where the next one begins
            before = max(end for end in ends if end <= first)
            after = next((found.start() for found in re.finditer(r"(?<=  )\S", title) if found.start() >= last), None)
            kept = kept[:before] + " " * ((after or len(row)) - before) + (row[after:] if after else "")
        return kept

    return "\n".join(map(cut, rows))


def test_figures_of_a_run_are_those_of_its_json_and_written_alike_everywhere(ids: dict[str, str]) -> None:
    told = json.loads(typed("show", ids["job"], "--json"))
    assert told["metrics"]["total_return"]
    for width in WIDTHS:
        shown = at(width, lambda: typed("show", ids["job"]))
        for name, value in told["metrics"].items():
            if value is not None and not name.startswith("benchmark"):
                assert written(name, value) in shown, (width, name)
        assert f"{told['settings']['portfolio']['cash']:,.2f}" in shown
        assert "SmaCross, fast 3, slow 10" in shown
        assert "percent_of_equity, percent 90" in shown
    listed = at(200, lambda: typed("runs"))
    assert written("total_return", told["metrics"]["total_return"]) in listed


def test_figures_of_a_grid_are_those_of_its_json(ids: dict[str, str]) -> None:
    told = json.loads(typed("results", ids["grid"], "--json"))
    for width in WIDTHS:
        shown = at(width, lambda: typed("results", ids["grid"]))
        for point in told["top"]:
            for name in ("total_return", "sharpe", "max_drawdown", "trades"):
                assert written(name, point[name]) in shown
        assert "total_return" not in shown and "Total" in shown
        for name in ("probabilistic_sharpe", "overfitting_probability", "reality_check"):
            assert told["statistics"][name] is None or f"{told['statistics'][name]:.3f}" in shown


def test_every_figure_has_a_name_and_a_form() -> None:
    assert set(FORMS) == set(FIGURES)
    assert len({form.title for form in FORMS.values()}) == len(FORMS)


LISTED: dict[str, Any] = {
    "job": "43975713c5ca", "name": "sma crossover", "kind": "walk_forward", "state": "running", "cached": False,
    "paused": False, "points": 174, "error": None, "created_at": 1.7e9, "ended_at": 1.7e9 + 12.5, "attempts": 3,
    "progress": {"done": 50, "of": 200}, "total_return": 2.2129, "sharpe": -0.63,
}  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
def test_jobs_fit_with_kind_progress_and_headline(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    def show() -> str:
        print_jobs([LISTED, {**LISTED, "state": "done", "cached": True, "progress": None}])
        return capsys.readouterr().out

    whole, shown = at(None, show), at(width, show)
    assert "walk forward" in whole and "running 25 %" in whole and "221.29 %" in whole and "-0.63" in whole
    assert_all_is_told(whole, shown, width)
    if width >= 80:
        assert "running 25 %" in shown and "-0.63" in shown and "221.29 %" in shown
        head = shown.split("left out")[0].splitlines()
        assert len(head) <= 5, "a row wraps"


def job_shown(**other: Any) -> dict[str, Any]:
    attempts = [
        {"number": 1, "started_at": 1.7e9, "ended_at": 1.7e9 + 2.5, "reason": "execution died"},
        {"number": 2, "started_at": 1.7e9 + 3, "ended_at": 1.7e9 + 9, "reason": "ValueError: too low"},
    ]
    return {
        "job": "43975713c5ca", "name": "mine", "state": "failed", "cached": False, "points": None, "report": None,
        "error": "the strategy raised ValueError: too low",
        "traceback": 'Traceback\n  File "a.py"\nValueError: too low',
        "created_at": 1.7e9, "ended_at": 1.7e9 + 10, "attempts": attempts, "settings": {}, **other,
    }  # fmt: skip


class StandIn:
    """A stack's client that tells what is known here."""

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def jobs(self, limit: int) -> list[dict[str, Any]]:
        return [LISTED, {**LISTED, "ended_at": None}]

    def show(self, job: str) -> dict[str, Any]:
        return job_shown()


def test_the_json_of_a_stack_s_jobs_tells_times_in_utc_as_all_other_json_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backbus.api.client.Client", StandIn)
    ended, working = json.loads(typed("jobs", "--json"))["jobs"]
    begun = "2023-11-14T22:13:20.000+00:00"
    assert (ended["created_at"], ended["ended_at"]) == (begun, "2023-11-14T22:13:32.500+00:00")
    assert working["ended_at"] is None and ended["attempts"] == 3
    shown = json.loads(typed("show", "43975713c5ca", "--json"))
    assert (shown["created_at"], shown["ended_at"]) == (begun, "2023-11-14T22:13:30.000+00:00")
    times = [(one["started_at"], one["ended_at"]) for one in shown["attempts"]]
    assert times[0] == (begun, "2023-11-14T22:13:22.500+00:00")
    assert {**shown, "created_at": 0, "ended_at": 0, "attempts": 0} == {
        **job_shown(), "created_at": 0, "ended_at": 0, "attempts": 0
    }  # fmt: skip


def test_a_failure_is_said_once_with_attempts_and_times(capsys: pytest.CaptureFixture[str]) -> None:
    print_job(job_shown())
    text = capsys.readouterr().out
    assert text.count("too low") == 1
    assert "execution died" in text and 'File "a.py"' in text
    assert re.search(r"attempt 1: begun 2023-11-14 22:13:20 UTC, 2.5 s: execution died", text)
    assert "after 10.0 s" in text
    print_job(job_shown(state="cancelled", error="cancelled", traceback=None, attempts=[]))
    assert capsys.readouterr().out.count("cancelled") == 1


def test_an_error_of_several_lines_has_several(capsys: pytest.CaptureFixture[str]) -> None:
    error = "the strategy raised ValueError\nthe last events of the job:\n  0.1 s before: submitted"
    print_job(job_shown(error=error, traceback=None, attempts=[]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == [
        "error: the strategy raised ValueError",
        "the last events of the job:",
        "0.1 s before: submitted",
    ]


def searching(sweep: str, best: dict[str, float]) -> dict[str, Any]:
    """What a stack shows of a search under way."""
    job = Job.model_validate(tomllib.loads(JOB + sweep))
    progress = {"done": 2, "of": 4, "failed": 0, "rate": 1.0, "workers": 1, "seconds_left": 2.0, "paused": False}
    return job_shown(
        state="running", error=None, traceback=None, attempts=[], points=4, ended_at=None,
        settings=job.model_dump(mode="json"), progress={**progress, "best": best},
    )  # fmt: skip


def test_the_best_so_far_is_told_with_its_parameters_where_its_number_says_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_job(searching(GRID, {"point": 2, "score": 0.5}))
    assert "best so far: point 2 (fast 3, slow 8) with Sharpe 0.50\n" in capsys.readouterr().out
    print_job(searching(GRID.replace("[sweep]", '[sweep]\nobjective = "-volatility"'), {"point": 1, "score": -0.125}))
    assert "best so far: point 1 (fast 2, slow 12) with Volatility 12.50 %\n" in capsys.readouterr().out
    print_job(searching(FOLDS, {"point": 2, "score": 0.5}))
    assert "best so far: point 2 with 0.5\n" in capsys.readouterr().out


def test_times_of_jobs_are_in_utc_whatever_zone_the_machine_is_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    request.addfinalizer(time.tzset)
    request.addfinalizer(monkeypatch.undo)
    time.tzset()
    print_jobs([LISTED])
    text = capsys.readouterr().out
    assert "Submitted, UTC" in text and "2023-11-14 22:13:20" in text
    print_job(job_shown())
    assert "submitted 2023-11-14 22:13:20 UTC, ended 2023-11-14 22:13:30 UTC" in capsys.readouterr().out


def test_a_finished_sweep_of_a_stack_tells_its_best_point_its_statistics_and_the_next_step(
    ids: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    summary = json.loads((Path("var/runs") / ids["grid"] / "sweep.json").read_text())
    print_job(job_shown(state="done", error=None, traceback=None, points=4, report=summary, job=ids["grid"]))
    text = capsys.readouterr().out
    best = summary["best"]
    assert f"Best: point {best['point']}" in text
    assert re.search(rf"slow +{best['params']['strategy.slow']}\n", text)
    assert written("sharpe", best["metrics"]["sharpe"]) in text
    assert "How much of it may be luck" in text
    assert f"backbus fetch {ids['grid']}" in text and f"backbus rerun {ids['grid']} --best" in text
