"""What is killed, frozen or stuck, one process after another, while a job runs: its answer stays the same.

The jobs take at least ten seconds wherever they run: their strategies sleep, which is no part of an answer.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import zmq

from backbus import Job, run
from backbus.errors import StackError
from tests.processes import wait_for

if TYPE_CHECKING:
    from backbus.performance.report import Report
    from tests.stacks import Stack

pytestmark = pytest.mark.timeout(900)

STRATEGIES = """
import time
from backbus import Strategy, param


class Crosses(Strategy):
    '''Array style, a decision every few rows; sleeps once a block.'''

    pause_s: float = param(0.0, ge=0)

    def signals(self, bars):
        time.sleep(self.pause_s)
        return self.hold_long(bars.sma(2) > bars.sma(3))


class Careful(Strategy):
    '''Event style with the book, in step with the portfolio row by row; sleeps at every bar.'''

    pause_s: float = param(0.0, ge=0)

    def on_bar(self, bar, book):
        time.sleep(self.pause_s)
        if not book.position():
            if bar.close > bar.open:
                self.target_weight(0.5)
        elif bar.close < book.average_cost() * 0.998 or bar.close > book.average_cost() * 1.002:
            self.target_weight(0.0)


class Raises(Strategy):
    def on_bar(self, bar):
        if bar.row == 500:
            luck = None
            luck.run_out()


class Loops(Strategy):
    def signals(self, bars):
        while True:
            pass


class LoopsAtABar(Strategy):
    def on_bar(self, bar, book):
        while bar.row == 300:
            pass
"""
LOOPS_AT_IMPORT = "from backbus import Strategy\n\nwhile True:\n    pass\n"
ROWS = {"Crosses": 16_000, "Careful": 10_000}
RUN = {"block": 64, "window": 256, "stall_s": 60.0, "max_attempts": 10}
PAUSE_S = {"Crosses": 0.045, "Careful": 0.001}
"""250 blocks, or 10 000 rows: more than ten seconds of sleep."""


def prices(rows: int) -> pd.DataFrame:
    steps = np.random.default_rng(7).normal(0.0, 0.001, rows)
    close = 100.0 * np.exp(np.cumsum(steps))
    start = np.concatenate(([100.0], close[:-1]))
    columns = {
        "open": start,
        "high": np.maximum(start, close) * 1.0002,
        "low": np.minimum(start, close) * 0.9998,
        "close": close,
        "volume": np.full(rows, 1000.0),
    }
    return pd.DataFrame(columns, index=pd.date_range("2024-01-01", periods=rows, freq="min", tz="UTC"))


@pytest.fixture
def stack(stack_to_break: Stack) -> Stack:
    return stack_to_break


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("strategies")
    (place / "mine.py").write_text(STRATEGIES, encoding="utf-8")
    (place / "endless.py").write_text(LOOPS_AT_IMPORT, encoding="utf-8")
    return place


def job_of(
    folder: Path, name: str, *, file: str = "mine.py", stall_s: float = 60.0, made: bool = False, **params: Any
) -> Job:
    """A job over prices that are handed over, or over a market that is ``made``."""
    path = {"model": "gbm", "volatility": 1.0}
    market = {"rows": ROWS[name], "interval": "1m", "assets": [{"symbol": "A", "path": path}]} if made else None
    job = Job.parse(
        {
            "name": name,
            "simulator": market,
            "strategy": {"use": f"{folder}/{file}:{name}", **params},
            "portfolio": {"cash": 1e6},
            "run": RUN | {"stall_s": stall_s},
        }
    )
    return job


def engine_s_answer(folder: Path, name: str, made: bool = False) -> Report:
    report = run(job_of(folder, name, made=made), None if made else prices(ROWS[name]), tables=False).summary
    assert report.counts.fills > 200
    return report


def done_share(stack: Stack, job: str) -> float:
    """How much of its running attempt the portfolio has worked off; 0 where nothing runs or nobody answers."""
    try:
        with stack.client(timeout_s=2.0) as client:
            shown = client.show(job)
    except StackError:
        return 0.0
    assert shown["state"] in ("queued", "running"), (shown["state"], shown["error"])
    progress = shown.get("progress")
    return progress["rows"]["portfolio"] / progress["of"] if progress and progress["of"] else 0.0


def reach_a_fifth(stack: Stack, job: str) -> None:
    def between() -> bool:
        share = done_share(stack, job)
        assert share <= 0.8, "too late to prove anything: the job was faster than this test"
        return share >= 0.2

    wait_for(between, f"job {job} to be between 20 % and 80 %", 240.0)


def reasons(shown: dict[str, Any]) -> list[str]:
    return [attempt["reason"] for attempt in shown["attempts"] if attempt["reason"]]


@pytest.mark.parametrize(
    ("name", "victims", "made"),
    [
        ("Crosses", ("data", "portfolio", "broker", "performance"), False),
        ("Careful", ("strategy", "orchestrator", "execution"), False),
        ("Crosses", ("simulator",), True),
    ],
)
def test_a_job_survives_kill_9_of_each_process_in_its_middle(
    stack: Stack, folder: Path, name: str, victims: tuple[str, ...], made: bool, tmp_path: Path
) -> None:
    expected = engine_s_answer(folder, name, made)
    with stack.client() as client:
        one = job_of(folder, name, made=made, pause_s=PAUSE_S[name])
        job = client.submit(one, None if made else prices(ROWS[name]), fresh=True)["job"]
        for victim in victims:
            reach_a_fifth(stack, job)
            killed = stack.send(victim, signal.SIGKILL)
            wait_for(lambda v=victim, k=killed: stack.pid(v) != k, f"another {victim}")
            wait_for(lambda: done_share(stack, job) < 0.2, f"the attempt to end after the death of {victim}")
        shown = client.wait(job)
        result = client.result(shown, folder=tmp_path)
    assert result.summary == expected
    # A killed broker may cost two attempts: one by the gap that it leaves, one when its successor appears.
    told = reasons(shown)
    assert len(victims) <= len(told) <= len(victims) + ("broker" in victims), told
    assert result.attempts == len(told) + 1
    for victim in victims:
        if victim == "broker":
            assert any("broker" in reason or "expected record" in reason for reason in told), told
        else:
            assert any(victim in reason for reason in told), told
    last = shown["attempts"][-1]
    assert last["ended_at"] - last["started_at"] >= 10.0


def test_a_frozen_member_is_given_up_and_its_replacement_finishes(stack: Stack, folder: Path, tmp_path: Path) -> None:
    expected = engine_s_answer(folder, "Crosses")
    with stack.client() as client:
        submitted = client.submit(job_of(folder, "Crosses", pause_s=0.02), prices(ROWS["Crosses"]), fresh=True)
        job = submitted["job"]
        wait_for(lambda: done_share(stack, job) > 0.02, "the job to run")
        frozen = stack.send("execution", signal.SIGSTOP)
        wait_for(lambda: reasons(client.show(job)), "the attempt to end")
        assert "execution died (execution-" in reasons(client.show(job))[0]
        assert client.show(job)["state"] == "queued"
        stack.send("execution", signal.SIGKILL)
        wait_for(lambda: stack.pid("execution") != frozen, "the replacement")
        shown = client.wait(job)
        result = client.result(shown, folder=tmp_path)
    assert result.summary == expected
    assert result.attempts == 2


def test_a_member_that_was_frozen_for_a_while_serves_again(stack: Stack, folder: Path, tmp_path: Path) -> None:
    expected = engine_s_answer(folder, "Crosses")
    before = stack.pids()
    with stack.client() as client:
        submitted = client.submit(job_of(folder, "Crosses", pause_s=0.02), prices(ROWS["Crosses"]), fresh=True)
        job = submitted["job"]
        wait_for(lambda: done_share(stack, job) > 0.02, "the job to run")
        stack.send("portfolio", signal.SIGSTOP)
        wait_for(lambda: reasons(client.show(job)), "the attempt to end")
        stack.send("portfolio", signal.SIGCONT)
        result = client.result(client.wait(job), folder=tmp_path)
    assert result.summary == expected
    assert result.attempts == 2
    assert stack.pids() == before


def test_a_strategy_that_raises_fails_its_job_at_once_with_its_own_lines(stack: Stack, folder: Path) -> None:
    before = stack.pids()
    with stack.client() as client:
        shown = client.wait(client.submit(job_of(folder, "Raises"), prices(2000), fresh=True)["job"])
    assert shown["state"] == "failed"
    assert len(shown["attempts"]) == 1
    assert "Raises failed at row 500" in shown["error"]
    assert "AttributeError" in shown["error"]
    assert "luck.run_out()" in shown["traceback"]
    assert 'File "mine.py"' in shown["traceback"]
    assert stack.pids() == before


@pytest.mark.parametrize(
    ("name", "file", "place"),
    [
        ("Loops", "mine.py", "in signals"),
        ("LoopsAtABar", "mine.py", "in on_bar"),
        ("Endless", "endless.py", "endless.py"),
    ],
)
def test_a_strategy_that_never_returns_is_ended_and_the_next_job_is_served(
    stack: Stack, folder: Path, tmp_path: Path, name: str, file: str, place: str
) -> None:
    stuck = stack.pid("strategy")
    with stack.client() as client:
        if file == "endless.py":
            # Submitting loads the strategy to check it, so a file like this one comes only from a client that does not.
            job = job_of(folder, "Crosses", stall_s=4.0)
            job_id = submit_unchecked(stack, job, folder / file)
        else:
            job_id = client.submit(job_of(folder, name, file=file, stall_s=4.0), prices(2000), fresh=True)["job"]
        began = time.monotonic()
        shown = client.wait(job_id)
        assert shown["state"] == "failed", shown
        assert time.monotonic() - began < 60.0
        assert len(shown["attempts"]) == 1
        assert "the strategy did not return for" in shown["error"]
        assert "run.stall_s = 4" in shown["error"]
        assert place in shown["error"]
        expected = run(job_of(folder, "Crosses"), prices(2000), tables=False).summary
        result = client.run(job_of(folder, "Crosses"), prices(2000), fresh=True, folder=tmp_path)
    assert result.summary == expected
    assert stack.pid("strategy") != stuck, "the process that could not return ended itself and was started again"


def submit_unchecked(stack: Stack, job: Job, file: Path) -> str:
    """Submit a strategy file without loading it here; returns the job's id."""
    from backbus.data import panel_from_frame, write_panel
    from backbus.transport import control as c
    from backbus.transport.blobs import hash_of_file
    from backbus.transport.request import Requester

    panel = file.parent / "panel.arrow"
    write_panel(panel_from_frame(prices(2000), settings=job.data), panel)
    context: zmq.Context[Any] = zmq.Context()
    requester = Requester(context, stack.settings, timeout_s=30.0)
    try:
        hashes = {}
        for path in (panel, file):
            data = path.read_bytes()
            hashes[path.name] = hash_of_file(path)
            if requester.ask(c.HaveBlobs(hashes=[hashes[path.name]]))["missing"]:
                for offset in range(0, len(data), c.PART_BYTES):
                    part = data[offset : offset + c.PART_BYTES]
                    requester.ask(c.PutBlob(hash=hashes[path.name], size=len(data), offset=offset, data=part))
        fields = job.plain()
        fields["strategy"] = {"use": f"{file.name}:Endless"}
        fields["data"]["files"] = [panel.name]
        submitted = requester.ask(
            c.Submit(
                submission=f"endless-{time.monotonic_ns()}",
                job=fields,
                data={panel.name: hashes[panel.name]},
                strategy={file.name: hashes[file.name]},
                fresh=True,
            )
        )
        return str(submitted["job"])
    finally:
        requester.close()
        context.term()


def test_an_onlooker_that_never_reads_stalls_nobody(stack: Stack, folder: Path, tmp_path: Path) -> None:
    expected = engine_s_answer(folder, "Careful")
    context: zmq.Context[Any] = zmq.Context()
    onlooker = context.socket(zmq.SUB)
    onlooker.setsockopt(zmq.RCVHWM, 1)
    onlooker.setsockopt(zmq.RCVBUF, 4096)
    onlooker.subscribe(b"")
    onlooker.connect(stack.settings.bus_out)
    try:
        with stack.client() as client:
            result = client.run(job_of(folder, "Careful"), prices(ROWS["Careful"]), fresh=True, folder=tmp_path)
            assert onlooker.poll(10_000), "the onlooker was on the bus, and has read nothing of it"
    finally:
        onlooker.close(0)
        context.term()
    assert result.summary == expected
    assert result.attempts == 1


def test_a_frozen_onlooker_stalls_nobody(stack: Stack, folder: Path, tmp_path: Path) -> None:
    expected = engine_s_answer(folder, "Crosses")
    program = """
import sys, zmq
context = zmq.Context()
publisher, reader = context.socket(zmq.PUB), context.socket(zmq.SUB)
publisher.connect(sys.argv[1])
reader.connect(sys.argv[2])
reader.subscribe(b"")
while not reader.poll(50):
    publisher.send_multipart([b"onlooker/", b"is there"])
print("heard", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", program, stack.settings.bus_in, stack.settings.bus_out]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as onlooker:
        try:
            assert onlooker.stdout is not None
            assert onlooker.stdout.readline() == "heard\n"
            onlooker.send_signal(signal.SIGSTOP)
            with stack.client() as client:
                result = client.run(job_of(folder, "Crosses"), prices(ROWS["Crosses"]), fresh=True, folder=tmp_path)
        finally:
            onlooker.kill()
    assert result.summary == expected
    assert result.attempts == 1
