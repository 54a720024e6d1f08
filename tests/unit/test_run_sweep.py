"""A sweep on this machine, from job file to table: what it writes, what it hashes, what comes again."""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from backbus.api.rerun import rerun
from backbus.api.run import run
from backbus.api.run_sweep import run_sweep
from backbus.api.sweep_result import SweepResult
from backbus.engine.inputs import inputs_of, open_inputs
from backbus.errors import BackbusError, JobError, StrategyError
from backbus.jit.sources import cache_home
from backbus.job.job import Job
from backbus.performance.metrics import FIGURES
from backbus.runs.folder import new_folder
from backbus.runs.library import find_sweep
from backbus.sweep.outcome import Points, gather, table_sha256
from backbus.sweep.results import top_points
from backbus.sweep.search.plan import plan_of, points_between
from backbus.sweep.space.space import Space, point_job
from backbus.sweep.workers.chunk import Chunk
from backbus.sweep.workers.pool import Pool
from backbus.sweep.workers.process import Setup
from tests.processes import own_cache
from tests.unit.kept_runs import answer_in
from tests.unit.small_prices import write_prices

JOB = """
name = "grid"
[data]
files = "prices.csv"
[strategy]
use = "{use}"
[portfolio]
sizing = {{ model = "equal_weight" }}
[execution]
commission = {{ model = "bps", bps = 1.0 }}
[sweep]
objective = "{objective}"
resamples = 20
{more}
[sweep.parameters]
{parameters}
"""
GRID = "fast = [2, 3, 5]\nslow = [4, 5, 9]\n"
LEAK = """
import numpy as np
from backbus import Strategy, param

class Leak(Strategy):
    fast: int = param(2, ge=1)

    def signals(self, bars):
        return self.hold_long(np.roll(bars.close.values, -1, axis=0) > bars.close.values)
"""

DEADLY = """
import os
from backbus import Strategy, param

class Deadly(Strategy):
    fast: int = param(2, ge=1)

    def signals(self, bars):
        if self.fast == 4:
            os._exit(3)
        return self.hold_long(bars.sma(self.fast) > bars.sma(9))
"""


def write_job(
    folder: Path, *, use: str = "SmaCross", objective: str = "sharpe", parameters: str = GRID, more: str = ""
) -> Path:
    path = folder / "job.toml"
    path.write_text(JOB.format(use=use, objective=objective, parameters=parameters, more=more), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_prices(tmp_path, 120)
    return tmp_path


def swept(folder: Path, **job: str) -> SweepResult:
    return run_sweep(write_job(folder, **job), workers=0, folder=new_folder())


def test_each_row_is_the_run_of_its_point(folder: Path) -> None:
    result = swept(folder)
    rows = pq.read_table(result.artifacts["table"]).to_pylist()
    assert [(row["strategy.fast"], row["strategy.slow"]) for row in rows] == [
        (fast, slow) for fast in (2, 3, 5) for slow in (4, 5, 9)
    ]
    failed = [row for row in rows if row["failure"] is not None]
    assert [(row["point"], row["failure"]) for row in failed] == [(6, "refused"), (7, "refused")]
    assert all(row[name] is None for row in failed for name in ("fingerprint", *FIGURES))
    assert "must be below slow" in failed[0]["message"]
    job = Job.load(folder / "job.toml")
    for row in rows:
        if row["failure"] is None:
            alone = run(point_job(job, Space(job.sweep).values(row["point"])), tables=False)  # type: ignore[arg-type]
            assert {"fingerprint": alone.fingerprint, **alone.metrics} == {
                name: row[name] for name in ("fingerprint", *FIGURES)
            }
    assert (result.summary["points"], result.summary["failed"]) == (9, 2)
    assert result.summary["failures"] == {"refused": 2}


def test_the_best_point_is_the_objectives(folder: Path) -> None:
    largest, least = swept(folder), swept(folder, objective="-turnover")
    rows = [row for row in pq.read_table(largest.artifacts["table"]).to_pylist() if row["failure"] is None]
    assert largest.summary["best"]["point"] == max(rows, key=lambda row: row["sharpe"])["point"]
    assert least.summary["best"]["point"] == min(rows, key=lambda row: row["turnover"])["point"]
    assert least.summary["table_sha256"] == largest.summary["table_sha256"]
    assert largest.summary["statistics"]["best"] == largest.summary["best"]["point"]


def test_the_table_hash_is_what_its_definition_says(folder: Path) -> None:
    result = swept(folder)
    rows = pq.read_table(result.artifacts["table"]).to_pylist()
    names = ["strategy.fast", "strategy.slow"]
    text = json.dumps([names, list(FIGURES)]).encode()
    for row in rows:
        text += json.dumps([row[name] for name in names], separators=(",", ":")).encode() + b"\n"
    figures = [[np.nan if row[name] is None else row[name] for name in FIGURES] for row in rows]
    text += (np.array(figures) + 0.0).tobytes()
    text += b"".join(bytes.fromhex(row["fingerprint"] or "00" * 16) for row in rows)
    text += b"6 refused\n7 refused\n"
    assert result.summary["table_sha256"] == hashlib.sha256(text).hexdigest()


def test_the_same_sweep_again_has_the_same_files_but_more_is_a_larger_family(folder: Path) -> None:
    first, again = swept(folder), swept(folder)
    assert first.artifacts["table"].read_bytes() == again.artifacts["table"].read_bytes()
    assert answer_in(first.artifacts["summary"]) == answer_in(again.artifacts["summary"])
    assert first.receipt == again.receipt and first.receipt is not None
    assert again.summary["statistics"]["trials_family"] == 9
    other = swept(folder, parameters="fast = [2]\nslow = [5, 6]\n")
    assert other.summary["statistics"]["trials_sweep"] == 2
    assert other.summary["statistics"]["trials_family"] == 11
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    assert again.summary["trials_family_told"].endswith(f"in 1 search since {today}")
    assert other.summary["trials_family_told"].endswith(f"in 2 searches since {today}")


def test_any_point_comes_again_and_a_changed_input_is_noticed(folder: Path) -> None:
    result = swept(folder)
    name = result.artifacts["table"].parent.name
    assert find_sweep(name[:5]) == find_sweep(str(result.artifacts["table"].parent)).resolve().relative_to(folder)
    assert rerun(find_sweep(name)).fingerprint == result.summary["best"]["fingerprint"]
    assert rerun(find_sweep(name), 4).summary.counts.orders > 0
    for point, message in ((6, r"point 6 failed \(refused\)"), (9, "points 0 to 8, not 9")):
        with pytest.raises(JobError, match=message):
            rerun(find_sweep(name), point)
    prices = folder / "prices.csv"
    prices.write_text(prices.read_text(encoding="utf-8").replace(",1000\n", ",1000\n", 1).replace("A,", "A,9", 1))
    with pytest.raises(BackbusError):
        rerun(find_sweep(name))
    with pytest.raises(JobError, match="there is no run 'nothing'"):
        find_sweep("nothing")


def test_the_best_points_are_in_order(folder: Path) -> None:
    place = swept(folder).artifacts["table"].parent
    sharpes = [row["sharpe"] for row in top_points(place, 4)]
    assert sharpes == sorted(sharpes, reverse=True)
    assert len(top_points(place, 100)) == 7
    trades = [row["trades"] for row in top_points(place, 100, "-trades")]
    assert trades == sorted(trades)


@pytest.mark.slow
def test_a_strategy_that_looks_ahead_is_not_swept_unless_told(folder: Path) -> None:
    (folder / "leak.py").write_text(LEAK, encoding="utf-8")
    with pytest.raises(StrategyError, match="does not pass `backbus check`"):
        swept(folder, use="leak.py:Leak", parameters="fast = [2, 3]\n")
    job = write_job(folder, use="leak.py:Leak", parameters="fast = [2, 3]\n")
    with pytest.raises(StrategyError, match="does not pass `backbus check`"):
        run_sweep(job, workers=1)
    allowed = Job.load(job, overrides=["sweep.allow_look_ahead=true"])
    assert run_sweep(allowed, workers=0).summary["failed"] == 0


MISTAKES: dict[str, tuple[dict[str, str], str]] = {
    "no such figure": ({"objective": "sharp"}, "sharp"),
    "no such parameter": ({"parameters": "fest = [1, 2]\n"}, "fast"),
    "all refused": ({"parameters": "fast = [20, 30]\nslow = [4, 5]\n"}, "must be below slow"),
    "nothing left": ({"more": 'constraints = ["fast > slow"]', "parameters": "fast = [1, 2]\nslow = [4]\n"}, "reject"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_error_and_leaves_nothing(folder: Path, name: str) -> None:
    job, message = MISTAKES[name]
    with pytest.raises(JobError, match=message):
        swept(folder, **job)
    assert not (folder / "var").exists()


def test_a_job_without_a_search_says_how_to_write_one(folder: Path) -> None:
    with pytest.raises(JobError, match=r"add \[sweep.parameters\]"):
        run_sweep({"strategy": {"use": "SmaCross"}, "data": {"files": "prices.csv"}})


def small_chunk(points: int, value: float) -> Chunk:
    from backbus.sweep.statistics import Observer, make_plan

    observer = Observer(make_plan(20), points)
    return Chunk(
        np.full((points, len(FIGURES)), value),
        np.full((points, 16), int(value), dtype=np.uint8),
        {},
        observer.rows,
        observer.maxima,
    )


def test_chunks_come_in_any_order_and_each_point_once() -> None:
    from backbus.sweep.statistics import make_plan

    plan, parts = make_plan(20), [(0, small_chunk(3, 1.0)), (3, small_chunk(2, 2.0)), (5, small_chunk(4, 3.0))]
    values: list[list[Any]] = [[point] for point in range(9)]

    def hashed(points: Points) -> str:
        return table_sha256(["strategy.fast"], values, points)

    assert hashed(gather(9, plan, parts)) == hashed(gather(9, plan, parts[::-1]))
    with pytest.raises(BackbusError, match="counted twice"):
        gather(9, plan, [*parts, parts[1]])
    with pytest.raises(BackbusError, match="2 of 9 points have no result"):
        gather(9, plan, [parts[0], parts[2]])


def test_a_random_search_and_a_grid_of_costs_are_sweeps_too(folder: Path) -> None:
    costs = '"execution.commission.bps" = { low = 0.5, high = 50.0, scale = "log" }'
    drawn = swept(
        folder,
        parameters=f"fast = {{ low = 2, high = 4 }}\n{costs}\nslow = [9]\n",
        more='method = "random"\npoints = 12\nseed = 3',
    )
    rows = pq.read_table(drawn.artifacts["table"]).to_pylist()
    assert len(rows) == 12
    assert drawn.summary["failed"] == 0
    fees = [row["fees"] / row["execution.commission.bps"] for row in rows if row["strategy.fast"] == 2]
    assert max(fees) - min(fees) < 0.2 * max(fees)
    assert plan_of(Job.load(folder / "job.toml"), _panel(folder)).sessions == 120
    search = Job.load(folder / "job.toml").sweep
    assert search is not None
    assert points_between(Space(search), 3, 5)[0]["strategy.slow"] == 9


@pytest.mark.slow
def test_processes_make_the_same_table_and_take_what_a_strategy_does_to_them(folder: Path) -> None:
    (folder / "deadly.py").write_text(DEADLY, encoding="utf-8")
    job = write_job(folder, use="deadly.py:Deadly", parameters="fast = [2, 3, 4, 5, 6]\n")
    found = run_sweep(job, workers=2, folder=new_folder())
    rows = pq.read_table(found.artifacts["table"]).to_pylist()
    assert [row["failure"] for row in rows] == [None, None, "killed", None, None]
    again = run_sweep(write_job(folder, parameters="fast = [2, 3]\nslow = [5, 9]\n"), workers=2, folder=new_folder())
    assert (
        again.summary["table_sha256"]
        == swept(folder, parameters="fast = [2, 3]\nslow = [5, 9]\n").summary["table_sha256"]
    )


def test_an_adaptive_search_follows_its_results_and_any_of_its_points_comes_again(folder: Path) -> None:
    sizings = '"portfolio.sizing" = [{ model = "equal_weight" }, { model = "percent_of_equity", percent = 50 }]'
    search = {
        "parameters": f"fast = {{ low = 2, high = 8 }}\n{sizings}\nshort = [true, false]\nslow = [9]\n",
        "more": 'method = "adaptive"\npoints = 20\ngeneration = 6\nseed = 4',
    }
    one, two = swept(folder, **search), swept(folder, **search)
    assert one.summary["table_sha256"] == two.summary["table_sha256"]
    rows = pq.read_table(one.artifacts["table"]).to_pylist()
    assert len(rows) == 20
    assert len({row["portfolio.sizing"] for row in rows}) == 2
    for point in (0, 7, 19):
        assert rerun(one.artifacts["table"].parent, point).fingerprint == rows[point]["fingerprint"]
    shorter = swept(folder, **search | {"more": search["more"].replace("20", "12")})
    first = pq.read_table(shorter.artifacts["table"]).to_pylist()
    assert first == rows[:12]


def _panel(folder: Path) -> Any:
    from backbus.engine.inputs import open_inputs

    return open_inputs(Job.load(folder / "job.toml")).panel


@pytest.mark.slow
def test_processes_are_handed_the_prices_that_were_read_and_read_no_text_again(folder, monkeypatch):
    monkeypatch.setenv("BACKBUS_CACHE", str(own_cache(folder / "of_its_own")))
    given = []

    class Watched(Pool):
        def __init__(self, setup: Setup, workers: int) -> None:
            panel = inputs_of(setup.job, setup.data).panel
            given.append((setup.job.data, list(setup.data), panel.layout, panel.block.close.tobytes()))
            (folder / "prices.csv").write_text("gone")
            super().__init__(setup, workers)

    job = Job.load(write_job(folder, more='method = "grid"'))
    job = job.model_copy(update={"data": job.data.model_copy(update={"holes": "carry", "timeframes": ("1w",)})})
    expected = open_inputs(job).panel
    alone = run_sweep(job, workers=0, folder=folder / "runs" / "alone")
    monkeypatch.setattr("backbus.api.run_sweep.Pool", Watched)
    left_by_a_killed_one = cache_home() / "panels" / "sweep-0a1b_2cd"
    left_by_a_killed_one.mkdir(parents=True)
    (left_by_a_killed_one / "panel.arrow").touch()
    result = run_sweep(job, workers=1, folder=folder / "runs" / "one")
    assert result.summary["table_sha256"] == alone.summary["table_sha256"]
    ((data, files, layout, close),) = given
    assert files == ["panel.arrow"] == list(data.files)
    assert (layout, close) == (expected.layout, expected.block.close.tobytes())
    assert not list((cache_home() / "panels").glob("sweep-*"))
