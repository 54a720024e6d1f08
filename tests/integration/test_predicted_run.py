"""A run in which members work out what others will say, on a stack: its answer is that of a careful one and of one
process, whoever is killed in its middle."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backbus import Job, run
from tests.integration.test_faults import done_share, prices, reach_a_fifth, reasons
from tests.processes import wait_for

if TYPE_CHECKING:
    from tests.stacks import Stack

pytestmark = pytest.mark.timeout(900)

STRATEGIES = """
import time
from backbus import Strategy, param


class Apart(Strategy):
    '''Reads no book; sleeps for every thousand bars, a block's at once.'''

    pause_s: float = param(0.0, ge=0)

    def signals(self, bars):
        time.sleep(len(bars) / 1000 * self.pause_s)
        return self.hold_long(bars.sma(20) > bars.sma(50))


class WithBook(Strategy):
    '''What it does follows from what was filled, and at which price; sleeps every thousand bars.'''

    pause_s: float = param(0.0, ge=0)

    def on_bar(self, bar, book):
        if bar.row % 1000 == 0:
            time.sleep(self.pause_s)
        if not book.position():
            if bar.close > bar.open:
                self.target_weight(0.5)
        elif abs(bar.close / book.average_cost() - 1.0) > 0.01:
            self.target_weight(0.0)
"""
ROWS, SHORT = 300_000, 8_000
PAUSE_S = 0.04
"""300 times: a run takes twelve seconds of sleep at least."""


def job_of(folder: Path, name: str, *, predict: bool = True, pause_s: float = 0.0) -> Job:
    file = folder / "mine.py"
    file.write_text(STRATEGIES, encoding="utf-8")
    return Job.parse(
        {
            "name": name,
            "strategy": {"use": f"{file}:{name}", "pause_s": pause_s},
            "portfolio": {"cash": 1e6},
            "execution": {"commission": {"model": "bps", "bps": 1.0}, "slippage": {"model": "bps", "bps": 1.0}},
            "run": {"predict": predict},
        }
    )


def care(stack: Stack, job: str) -> list[bool]:
    """Whether each attempt at a job began as a careful one, as the orchestrator's log has it."""
    lines = [line for line in stack.log("orchestrator").splitlines() if "attempt begins" in line and job in line]
    return [re.search(r"careful\W+True", line, re.IGNORECASE) is not None for line in lines]


@pytest.mark.parametrize("name", ["Apart", "WithBook"])
def test_a_run_has_one_answer_whether_its_members_predict_or_wait(stack: Stack, name: str, tmp_path: Path) -> None:
    expected = run(job_of(tmp_path, name), prices(SHORT), tables=False).summary
    assert expected.counts.fills > 100
    for predict in (True, False):
        job = job_of(tmp_path, name, predict=predict)
        with stack.client() as client:
            shown = client.wait(client.submit(job, prices(SHORT), fresh=True)["job"])
            result = client.result(shown, folder=tmp_path / str(predict))
        assert result.summary == expected
        assert result.attempts == 1
        assert care(stack, shown["job"]) == [not predict]


@pytest.mark.parametrize("name", ["Apart", "WithBook"])
def test_whoever_is_killed_in_the_middle_of_a_predicted_run_its_answer_stays(
    stack_to_break: Stack, name: str, tmp_path: Path
) -> None:
    stack, market = stack_to_break, prices(ROWS)
    expected = run(job_of(tmp_path, name), market, tables=False).summary
    assert expected.counts.fills > 1000
    victims = ("strategy", "portfolio", "execution", "performance", "data", "broker")
    with stack.client() as client:
        job = client.submit(job_of(tmp_path, name, pause_s=PAUSE_S), market, fresh=True)["job"]
        for victim in victims:
            reach_a_fifth(stack, job)
            killed = stack.send(victim, signal.SIGKILL)
            wait_for(lambda v=victim, k=killed: stack.pid(v) != k, f"another {victim}")
            wait_for(lambda: done_share(stack, job) < 0.2, f"the attempt to end after the death of {victim}")
        shown = client.wait(job)
        result = client.result(shown, folder=tmp_path / "result")
    assert result.summary == expected
    told = reasons(shown)
    # A killed broker may cost two attempts: one by the gap that it leaves, one when its successor appears.
    assert len(victims) <= len(told) <= len(victims) + 1, told
    for victim in victims[:-1]:
        assert any(f"{victim} died" in reason for reason in told), told
    assert any("broker" in reason or "expected record" in reason for reason in told), told
    assert not any("differs" in reason for reason in told), told
    assert care(stack, job) == [False] * len(shown["attempts"])
