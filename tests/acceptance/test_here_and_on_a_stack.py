"""A job has one answer: in one process and on a stack, however its rows are cut, compiled or not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from backbus import Job, run
from backbus.performance.report import Report

if TYPE_CHECKING:
    from tests.plain_python import PlainPython
    from tests.processes import CommandLine
    from tests.stacks import Stack

STRATEGIES = Path(__file__).resolve().parents[2] / "examples" / "strategies"
USES = {
    "buy and hold": 'use = "BuyAndHold"',
    "moving averages": 'use = "SmaCross"\nfast = 10\nslow = 40\nshort = true',
    "rsi": 'use = "RsiReversion"',
    "donchian": 'use = "donchian_breakout"\nshort = true',
    "momentum": 'use = "CrossSectionalMomentum"\nperiod = 120\ntop = 2',
    "array style and a file beside it": 'use = "mine/mean_reversion.py:MeanReversion"',
    "event style": 'use = "mine/three_up_days.py:ThreeUpDays"\nstreak = 2',
    "event style with the book": 'use = "mine/cut_losses.py:CutLosses"',
}
JOB = """
name = "{name}"
[data]
files = "data/*.csv"
adjust = "adj_close"
calendar = "XNYS"
[strategy]
{use}
[portfolio]
sizing = {{ model = "equal_weight" }}
shorts = true
[execution]
slippage = {{ model = "bps", bps = 2 }}
commission = {{ model = "per_share", fee = 0.005, minimum = 1.0 }}
[performance]
benchmark = "IBM"
"""
KEYS = {
    "job",
    "name",
    "mode",
    "fingerprint",
    "rows",
    "assets",
    "orders",
    "fills",
    "final_equity",
    "metrics",
    "attempts",
    "cached",
    "elapsed_s",
    "artifacts",
}
TABLES = {"equity", "fills", "order_ends", "orders", "signals"}
FEW_ROWS = ("data.start=2011-06-01", "data.end=2012-06-01", "data.warmup=150")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, sample_data: Path) -> Path:
    """A user's folder: prices, job files, and strategies with a module beside them."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(sample_data, folder / "data")
    shutil.copytree(STRATEGIES, folder / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    for name, use in USES.items():
        job_file(folder, name).write_text(JOB.format(name=name, use=use), encoding="utf-8")
    return folder


def job_file(project: Path, name: str) -> Path:
    return project / f"{name.replace(' ', '_')}.toml"


@pytest.fixture(scope="module")
def answers(project: Path) -> dict[str, Report]:
    """What each job comes to in one process."""
    return {name: run(job_file(project, name), tables=False).summary for name in USES}


def test_every_job_trades_enough_to_prove_something(answers: dict[str, Report]) -> None:
    assert all(report.counts.fills >= 4 for report in answers.values())
    assert sum(report.counts.fills > 50 for report in answers.values()) >= 6
    assert len({report.fingerprint for report in answers.values()}) == len(USES)


@pytest.mark.parametrize("name", USES)
def test_the_size_of_blocks_does_not_show_in_the_report(project: Path, answers: dict[str, Report], name: str) -> None:
    for block in (1, 7, 256, answers[name].rows):
        job = Job.load(job_file(project, name), overrides=[f"run.block={block}"])
        assert run(job, tables=False).summary == answers[name], f"block {block}"


@pytest.mark.parametrize("name", USES)
def test_the_stack_reports_what_one_process_reports(
    project: Path, answers: dict[str, Report], stack: Stack, tmp_path: Path, name: str
) -> None:
    with stack.client() as client:
        for number, overrides in enumerate(([], ["run.block=100", "run.window=300"])):
            job = Job.load(job_file(project, name), overrides=overrides)
            result = client.run(job, fresh=True, folder=tmp_path / str(number))
            assert result.summary == answers[name], overrides
            assert (result.mode, result.cached, result.attempts) == ("stack", False, 1)


def test_a_file_of_rates_and_trailing_stops_from_a_profit_are_the_same_there(
    project: Path, stack: Stack, tmp_path: Path
) -> None:
    (project / "rates.csv").write_text("date,rate\n2011-01-03,0.1\n2011-11-01,1.5\n", encoding="utf-8")
    exits = ["stop_loss=0.05", "trail=0.04", "trail_from=0.03", "trail_then=0.01"]
    more = [*(f"portfolio.exits.{exit}" for exit in exits), *FEW_ROWS]
    rates = ['performance.risk_free={ file = "rates.csv", unit = "percent" }']
    path = job_file(project, "moving averages")
    job, plain = (Job.load(path, overrides=[*more, *some]) for some in (rates, []))
    expected = run(job, folder=tmp_path / "here")
    with stack.client() as client:
        found = client.run(job, fresh=True, folder=tmp_path / "there")
    assert found.summary == expected.summary
    for table in ("fills", "trades", "orders"):
        assert found.frame(table).equals(expected.frame(table))
    assert any("trailing stop" in rule for rule in found.frame("fills")["rule"])
    assert run(plain, tables=False).metrics["sharpe"] != expected.metrics["sharpe"]
    assert any("that of rates.csv: 0.1 % to 1.5 % a year" in note for note in found.summary.notes)


@pytest.mark.parametrize(("block", "window", "rows"), [(1, 2, FEW_ROWS), (7, 15, ()), (4096, 1, ())])
def test_the_stack_takes_any_block_and_window(
    project: Path, stack: Stack, tmp_path: Path, block: int, window: int, rows: tuple[str, ...]
) -> None:
    path = job_file(project, "moving averages")
    expected = run(Job.load(path, overrides=rows), tables=False).summary
    assert expected.counts.fills > 4
    with stack.client() as client:
        job = Job.load(path, overrides=[f"run.block={block}", f"run.window={window}", *rows])
        assert client.run(job, fresh=True, folder=tmp_path).summary == expected


def reports_of(paths: list[str]) -> dict[str, Any]:
    """The reports of these jobs over a few of their rows, by file."""
    return {
        path: run(Job.load(path, overrides=FEW_ROWS), tables=False).summary.model_dump(mode="json") for path in paths
    }


def test_plain_python_computes_what_compiled_code_computes(project: Path, plain_python: PlainPython) -> None:
    paths = [str(job_file(project, name)) for name in USES]
    reports = reports_of(paths)
    assert plain_python(__name__, "reports_of", paths) == json.loads(json.dumps(reports))
    assert len({report["fingerprint"] for report in reports.values()}) == len(USES)


def one_object(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", ["array style and a file beside it", "event style with the book"])
def test_the_command_line_gives_one_answer_here_and_there(
    project: Path, answers: dict[str, Report], stack: Stack, backbus: CommandLine, tmp_path: Path, name: str
) -> None:
    file = os.path.relpath(job_file(project, name), tmp_path)
    here = one_object(backbus("run", file, "--json", "--block", 7, cwd=tmp_path))
    there = one_object(backbus("submit", file, "--wait", "--fresh", "--json", cwd=tmp_path, env=stack.user_elsewhere()))
    assert (here["mode"], there["mode"]) == ("local", "stack")
    for told in (here, there):
        assert told.keys() >= KEYS
        assert told["fingerprint"] == answers[name].fingerprint
        assert (told["rows"], told["assets"]) == (answers[name].rows, 4)
        assert (told["orders"], told["fills"]) == (answers[name].counts.orders, answers[name].counts.fills)
        assert told["final_equity"] == answers[name].final_equity
        assert told["metrics"] == answers[name].metrics.model_dump(mode="json")
        assert told["artifacts"].keys() >= TABLES | {"report"}
        for path in told["artifacts"].values():
            assert Path(path).parent == tmp_path.resolve() / "var" / "runs" / told["job"]  # wherever one is by then
        written = json.loads((tmp_path / told["artifacts"]["report"]).read_text(encoding="utf-8"))
        assert written["fingerprint"] == told["fingerprint"]
    for table in TABLES:
        ours, theirs = (pq.read_table(tmp_path / told["artifacts"][table]) for told in (here, there))
        assert ours.equals(theirs)
    assert pq.read_table(tmp_path / there["artifacts"]["fills"]).num_rows == there["fills"]
    assert pq.read_table(tmp_path / there["artifacts"]["equity"]).num_rows == there["rows"]


def test_a_known_answer_comes_from_the_store_unless_it_is_asked_for_fresh(
    project: Path, stack: Stack, backbus: CommandLine, tmp_path: Path
) -> None:
    file = job_file(project, "rsi")
    env = stack.user_elsewhere()
    # A cash that no other test uses: the question is new, whatever ran on this stack before.
    new = ("--set", "portfolio.cash=98765")
    told = [
        one_object(backbus("submit", file, *new, "--wait", "--json", *more, cwd=tmp_path, env=env))
        for more in ([], [], ["--fresh"], ["--set", "run.block=50"])
    ]
    assert [one["cached"] for one in told] == [False, True, False, True]
    assert len({one["fingerprint"] for one in told}) == 1
    assert len({one["job"] for one in told}) == 4
    assert all((tmp_path / path).is_file() for one in told for path in one["artifacts"].values())


def test_jobs_show_and_cancel_tell_of_a_job(project: Path, stack: Stack, backbus: CommandLine, tmp_path: Path) -> None:
    env = stack.user_elsewhere()

    def ask(*arguments: object) -> subprocess.CompletedProcess[str]:
        return backbus(*arguments, cwd=tmp_path, env=env)

    (tmp_path / "slow.py").write_text(
        "import time\nfrom backbus import Strategy\n\n\n"
        "class Slow(Strategy):\n    def on_bar(self, bar):\n        time.sleep(0.05)\n",
        encoding="utf-8",
    )
    slow = tmp_path / "slow.toml"
    text = job_file(project, "rsi").read_text(encoding="utf-8").replace('"RsiReversion"', '"slow.py:Slow"')
    slow.write_text(text.replace('"data/*.csv"', f'"{project}/data/*.csv"'), encoding="utf-8")
    submitted = one_object(ask("submit", slow, "--json", "--set", "run.block=10"))
    job = submitted["job"]
    assert (submitted["state"], submitted["cached"]) == ("queued", False)
    assert one_object(ask("show", job[:8], "--json"))["state"] in ("queued", "running")
    assert job in ask("show", job).stdout
    assert one_object(ask("cancel", job, "--json")) == {"job": job, "state": "cancelled"}
    assert one_object(ask("show", job, "--json"))["error"] == "cancelled"
    assert [one["state"] for one in one_object(ask("jobs", "--json"))["jobs"] if one["job"] == job] == ["cancelled"]
    listed = ask("jobs", "--limit", 5)
    assert listed.returncode == 0
    assert job in listed.stdout
    assert ask("cancel", "no-such-job").returncode == 2


def test_the_exit_status_tells_a_failed_job_from_bad_usage(
    project: Path, stack: Stack, backbus: CommandLine, tmp_path: Path
) -> None:
    env = stack.user_elsewhere()
    file = job_file(project, "rsi")
    raises = tmp_path / "raises.toml"
    (tmp_path / "raises.py").write_text(
        "from backbus import Strategy\n\n\n"
        "class Raises(Strategy):\n    def on_bar(self, bar):\n        raise ValueError('no such luck')\n",
        encoding="utf-8",
    )
    raises.write_text(
        f'[data]\nfiles = "{project}/data/*.csv"\n[strategy]\nuse = "raises.py:Raises"\n', encoding="utf-8"
    )
    for command in (["run", raises], ["submit", raises, "--wait"]):
        done = backbus(*command, "--json", cwd=tmp_path, env=env)
        error = json.loads(done.stdout)["error"]
        assert (done.returncode, "no such luck" in error["message"]) == (1, True)
        assert "no such luck" in done.stderr
    for command in (
        ["run", file, "--set", "portfolio.cash=-1"],
        ["submit", file, "--set", "strategy.period=0"],
        ["run", tmp_path / "absent.toml"],
        ["submit", file, "--set", "strategy.use=SmaCros"],
        ["show", "no-such-job"],
        ["run"],
        ["run", file, "--block", 0],
    ):
        done = backbus(*command, cwd=tmp_path, env=env)
        assert (done.returncode, done.stdout) == (2, ""), command
        assert done.stderr
    nobody = {**env, "BACKBUS_ORCHESTRATOR": "tcp://127.0.0.1:9"}
    done = backbus("show", "any", cwd=tmp_path, env=nobody)
    assert done.returncode == 1
    assert "no answer from the orchestrator" in done.stderr
    assert not [path for path in tmp_path.glob("var/**/*") if path.is_file()]


def test_four_jobs_submitted_at_once_each_get_their_own_answer(
    project: Path, answers: dict[str, Report], stack: Stack, tmp_path: Path
) -> None:
    names = ["moving averages", "rsi", "array style and a file beside it", "momentum"]

    def ask(name: str) -> Report:
        with stack.client() as client:
            return client.run(Job.load(job_file(project, name)), fresh=True, folder=tmp_path / name).summary

    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(ask, names)) == [answers[name] for name in names]


MEMBERS = """symbol,from,to
AAPL,2000-01-03,2004-05-28
AAPL,2007-01-02,
GOOG,2006-04-03,
IBM,2000-01-03,
MSFT,2002-01-02,2009-06-05
"""
OF_SOME = {
    "members who are closed": ('data.universe="members.csv"',),
    "members who are kept": ('data.universe="members.csv"', 'data.leaving="keep"'),
    "two markets": ('data.calendars={XLON="IBM"}', "data.align=true"),
}


@pytest.mark.parametrize("some", OF_SOME)
@pytest.mark.parametrize("name", ["momentum", "event style with the book"])
def test_members_and_markets_are_the_same_on_a_stack(
    project: Path, answers: dict[str, Report], stack: Stack, tmp_path: Path, name: str, some: str
) -> None:
    import pandas as pd

    (project / "members.csv").write_text(MEMBERS, encoding="utf-8")
    job = Job.load(job_file(project, name), overrides=OF_SOME[some])
    expected = run(job, tables=False).summary
    assert expected.counts.fills > 50
    assert expected.fingerprint != answers[name].fingerprint
    with stack.client() as client:
        assert client.run(job, fresh=True, folder=tmp_path / "files").summary == expected
        frames = {path.stem: pd.read_csv(path) for path in sorted((project / "data").glob("*.csv"))}
        there = client.run(job, frames, fresh=True, folder=tmp_path / "frames").summary
    assert there.fingerprint == expected.fingerprint
    assert there.metrics == expected.metrics
