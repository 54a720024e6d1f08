"""Models of a user's own on a stack: the answer of one process, one attempt where they are wrong, the limits of users'
code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backbus import run
from backbus.errors import JobFailed
from backbus.job.job import Job
from tests.unit.order_market import bars

if TYPE_CHECKING:
    from tests.stacks import Stack

FILE = """
import os
from backbus import Strategy

class Mine(Strategy):
    def signals(self, bars):
        return self.hold_long(bars.close.pct_change(1) > 0.0)

def compiled(order, market, parameters):
    return order.price * (1.0 + parameters.by if order.quantity > 0.0 else 1.0 - parameters.by)

def as_text(order, market, parameters):
    return float(f"{compiled(order, market, parameters):.4f}")

def of_its_process(order, market, parameters):
    return order.price + os.getpid() * 1e-9

def raises(order, market, parameters):
    if market.asset >= 0.0 and market.time > 0.0 and order.price > 100.5:
        raise ValueError("too dear")
    return order.price

def endless(order, market, parameters):
    while order.price > 100.5 and market.time < 1e8:
        pass
    return order.price

def greedy(order, market, parameters):
    if order.price > 100.5 and market.time < 1e8:
        return float(len(bytearray(1 << 30)))
    return order.price
"""
WAVES = bars(*[(100.0 + row % 3, 103.0, 99.0, 100.0 + (row * 7) % 4) for row in range(60)])


@pytest.fixture
def job_with(tmp_path: Path) -> Any:
    """What makes jobs whose slippage is a function of the file."""
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")

    def made(name: str, by: float = 0.01, **more: Any) -> Job:
        slippage = {"model": "own", "use": name, "parameters": {"by": by}}
        job = Job.parse({"strategy": {"use": "mine.py:Mine"}, "execution": {"slippage": slippage}, **more})
        job.come_from(tmp_path)
        return job

    return made


@pytest.mark.parametrize("name", ["compiled", "as_text"])
def test_a_stack_gives_the_answer_of_one_process(stack: Stack, job_with: Any, tmp_path: Path, name: str) -> None:
    here = run(job_with(name), WAVES, tables=False).summary
    with stack.client() as client:
        there = client.run(job_with(name, run={"block": 7}), WAVES, fresh=True, folder=tmp_path / "out")
    assert there.summary.fingerprint == here.fingerprint
    assert there.attempts == 1
    said = [
        [note.partition(":")[0] for note in report.warnings if "plain Python" in note]
        for report in (here, there.summary)
    ]
    assert said[0] == said[1]
    assert len(said[0]) == (name == "as_text")


def test_the_same_file_is_answered_from_the_store_and_another_one_is_not(
    stack: Stack, job_with: Any, tmp_path: Path
) -> None:
    with stack.client() as client:
        first = client.run(job_with("compiled", by=0.003), WAVES, folder=tmp_path / "first")
        again = client.run(job_with("compiled", by=0.003), WAVES, folder=tmp_path / "again")
        (tmp_path / "mine.py").write_text(FILE.replace("1.0 + parameters.by", "2.0 + parameters.by"), encoding="utf-8")
        other = client.run(job_with("compiled", by=0.003), WAVES, folder=tmp_path / "other")
    assert (again.cached, other.cached) == (True, False)
    assert again.summary == first.summary
    assert other.summary.fingerprint != first.summary.fingerprint


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("of_its_process", {}, r"slippage of_its_process \(execution\.slippage\.use, by = 0\.01\) gives two answers: "),
        ("raises", {}, "slippage raises of mine.py raised ValueError: too dear, for Deal"),
        ("endless", {"run": {"stall_s": 3.0}}, "a model of the user's own, in "),
        ("greedy", {"run": {"memory_mib": 300}}, "slippage greedy of mine.py raised MemoryError"),
    ],
)
def test_a_model_that_is_wrong_fails_its_job_after_one_attempt(
    stack: Stack, job_with: Any, tmp_path: Path, name: str, more: dict[str, Any], says: str
) -> None:
    with stack.client() as client:
        submitted = client.submit(job_with(name, **more), WAVES, fresh=True)
        shown = client.wait(submitted["job"])
        with pytest.raises(JobFailed, match=says):
            client.result(shown, folder=tmp_path / "out")
    assert len(shown["attempts"]) == 1


def test_a_fleet_sweeps_over_a_parameter_of_a_model(stack: Stack, job_with: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    search = {"parameters": {"execution.slippage.parameters.by": [0.0, 0.01, 0.02]}, "objective": "total_return"}
    with stack.client() as client:
        swept = client.run(job_with("compiled", sweep=search), WAVES, fresh=True, folder=tmp_path / "out")
    table = next(path for path in swept.artifacts.values() if path.suffix == ".parquet")
    found = pq.read_table(table)["fingerprint"].to_pylist()
    expected = [run(job_with("compiled", by=by), WAVES, tables=False).summary.fingerprint for by in (0.0, 0.01, 0.02)]
    assert found == expected
