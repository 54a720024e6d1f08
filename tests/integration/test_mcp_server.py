"""A client of the SDK and ``backbus mcp``, over standard input and output: what an agent sees, and what is left when it
goes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp
import pytest
import typer
from anyio.from_thread import start_blocking_portal
from mcp.client.stdio import StdioServerParameters, stdio_client

from backbus.cli.app import app
from backbus.mcp.limits import ANSWER, Bounds
from backbus.mcp.refusals import CallRefused
from backbus.mcp.serving import Desk
from tests.processes import RUN_MARK, alive, running, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.shares("mcp")]
PLAIN = {"NUMBA_DISABLE_JIT": "1", "BACKBUS_ORCHESTRATOR": "tcp://127.0.0.1:1"}
"""Runs of a few rows, and a stack that is not there."""
SERVE = ("-P", "-m", "backbus", "mcp")
JOB = """
name = "small"
[data]
files = "prices/*.csv"
[strategy]
use = "SmaCross"
fast = 2
slow = 5
[sweep.parameters]
fast = [1, 2, 3, 4]
slow = [5, 6, 7]
"""
PRINTS = """
import os
from backbus import Strategy

print("printed when loaded")

class Prints(Strategy):
    def signals(self, bars):
        print('{"jsonrpc": "2.0", "id": 1, "result": {}}')
        os.write(1, b'{"jsonrpc": "2.0", "id": 2, "result": {}}\\n')
        os.system("echo from a shell")
        return self.hold_long(bars.close > 0)
"""
RAISES = """
from backbus import Strategy

class Raises(Strategy):
    def signals(self, bars):
        print("so far so good")
        raise ValueError("no such luck")
"""
STAYS = """
import subprocess, sys, time
from pathlib import Path
from backbus import Strategy

class Stays(Strategy):
    into: str = "pid"

    def signals(self, bars):
        stays = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        Path(self.into + ".part").write_text(str(stays.pid))
        Path(self.into + ".part").rename(self.into)
        time.sleep(600)
"""
Calls = Callable[..., Any]


def prices(rows: int, first: float = 100.0) -> str:
    lines = ["date,open,high,low,close,volume"]
    for row in range(rows):
        close = first + (row * 7) % 11
        lines.append(f"2020-{1 + row // 28:02}-{1 + row % 28:02},{close},{close + 1},{close - 1},{close},1000")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("agent")
    for name, text in {
        "job.toml": JOB,
        "wrong.toml": JOB.replace("slow = 5\n", "slow = 5\nslwo = 6\n", 1),
        "prices/ACME.csv": prices(60),
        "bad/ACME.csv": prices(9).replace("106.0", "a lot"),
        "prints.py": PRINTS,
        "raises.py": RAISES,
        "stays.py": STAYS,
    }.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    (home / "many").mkdir()
    for number in range(300):
        (home / "many" / f"A_SYMBOL_WITH_A_RATHER_LONG_NAME_{number:03}.csv").write_text(prices(6))
    return home


@contextmanager
def client(folder: Path, *options: str) -> Iterator[Calls]:
    """What calls a method of a client that a server of its own serves; it closes standard input at the end."""
    words = [*SERVE, "--folder", str(folder), *options]
    told = StdioServerParameters(command=sys.executable, args=words, env={**os.environ, **PLAIN})
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(mcp.Client(stdio_client(told))) as one,
    ):

        def call(method: str, *arguments: Any) -> Any:
            return portal.call(getattr(one, method), *arguments)

        call.client, call.portal = one, portal  # type: ignore[attr-defined]
        yield call


@pytest.fixture(scope="module")
def agent(folder: Path) -> Iterator[Calls]:
    with client(folder, "--max-points", "10") as call:
        yield call


def asked(agent: Calls, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """What tools answer that are called at once."""

    async def all_of_them() -> list[Any]:
        found: list[Any] = [None] * len(calls)

        async def one(place: int) -> None:
            found[place] = await agent.client.call_tool(*calls[place])  # type: ignore[attr-defined]

        async with anyio.create_task_group() as group:
            for place in range(len(calls)):
                group.start_soon(one, place)
        return found

    told: list[Any] = agent.portal.call(all_of_them)  # type: ignore[attr-defined]
    for one in told:
        assert json.loads(one.content[0].text) == one.structured_content
    return told


def errors_of(agent: Calls, *calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    told = asked(agent, *calls)
    assert all(one.is_error for one in told)
    errors = [one.structured_content["error"] for one in told]
    assert all(one["message"] and one["next"] for one in errors)
    return errors


def test_an_agent_runs_shows_explains_and_verifies(agent: Calls, folder: Path) -> None:
    tools = {one.name: one for one in agent("list_tools").tools}
    assert {"check", "run", "sweep", "results", "runs", "show", "explain", "verify", "diff", "strategies"} <= set(tools)
    assert {"compare", "report"} <= set(tools)
    assert "submit" not in tools and "jobs" not in tools
    assert tools["run"].output_schema["properties"]["fingerprint"]["type"] == "string"
    assert tools["verify"].annotations.read_only_hint and not tools["run"].annotations.destructive_hint
    heard: list[float] = []

    async def hears(done: float, _: float | None, __: str | None) -> None:
        heard.append(done)

    settings = {"job": "job.toml", "settings": ["strategy.fast=3"]}
    ran = agent("call_tool", "run", settings, None, hears).structured_content
    assert ran["settings"]["strategy"]["fast"] == 3
    assert ran["fills"] > 0 and (folder / "var" / "runs" / ran["job"] / "report.json").is_file()
    assert heard == sorted(set(heard))
    shown, told, again = asked(
        agent, ("show", {"run": ran["job"]}), ("explain", {"run": ran["job"]}), ("verify", {"run": ran["job"]})
    )
    assert shown.structured_content["fingerprint"] == ran["fingerprint"]
    assert told.structured_content["orders"] == ran["orders"]
    assert again.structured_content["same"] and again.structured_content["fingerprint"] == ran["fingerprint"]


def test_what_a_strategy_prints_is_told_apart_and_a_job_needs_no_file(agent: Calls, folder: Path) -> None:
    text = JOB.replace('use = "SmaCross"\nfast = 2\nslow = 5', 'use = "prints.py"')
    before = set(folder.rglob("*.toml"))
    (told,) = asked(agent, ("run", {"job_toml": text, "settings": ["name=inline"]}))
    answer = told.structured_content
    assert not told.is_error and answer["name"] == "inline"
    assert '"id": 1' in answer["printed"] and '"id": 2' in answer["printed"] and "from a shell" in answer["printed"]
    assert {path.parent.parent.name for path in set(folder.rglob("*.toml")) - before} == {"runs"}


def test_each_error_has_its_code_and_what_to_do(agent: Calls) -> None:
    wrong, data, raised, unknown, outside, mistyped, large = errors_of(
        agent,
        ("run", {"job": "wrong.toml"}),
        ("run", {"job": "job.toml", "settings": ["data.files=bad/*.csv"]}),
        ("run", {"job_toml": JOB.replace('use = "SmaCross"\nfast = 2\nslow = 5', 'use = "raises.py"')}),
        ("show", {"run": "nothing"}),
        ("run", {"job": "../job.toml"}),
        ("shown", {}),
        ("sweep", {"job": "job.toml"}),
    )
    assert wrong["code"] == "job.wrong" and "slwo" in wrong["message"]
    assert data["code"] == "data.wrong" and data["file"].endswith("ACME.csv") and data["line"] > 1
    assert raised["code"] == "strategy.failed" and "no such luck" in raised["traceback"]
    assert raised["printed"] == "so far so good"
    assert unknown["code"] == "not_found" and "nothing" in unknown["message"]
    assert large["code"] == "too_large" and "12 points" in large["message"] and "10 pass" in large["message"]
    assert outside["code"] == "not_allowed" and mistyped["code"] == "arguments.wrong"


def test_an_answer_of_many_assets_is_bounded_and_says_what_is_left_out(agent: Calls, folder: Path) -> None:
    symbols = [path.stem for path in (folder / "many").iterdir()]
    job = f'[data]\nfiles = "many/*.csv"\nsymbols = {json.dumps(symbols)}\n[strategy]\nuse = "BuyAndHold"\n'
    (told,) = asked(agent, ("run", {"job_toml": job}))
    answer = told.structured_content
    assert answer["assets"] == 300 and len(told.content[0].text) <= ANSWER
    cuts = {one["what"]: one for one in answer["left_out"]}
    assert cuts["settings.data.symbols"]["of"] == 300
    assert answer["settings"]["data"]["symbols"] == symbols[: cuts["settings.data.symbols"]["kept"]]


def test_a_call_that_is_cancelled_ends_with_all_that_it_started(agent: Calls, folder: Path) -> None:
    job = JOB.replace('use = "SmaCross"\nfast = 2\nslow = 5', 'use = "stays.py"\ninto = "cancelled"')
    before = set((folder / "var" / "runs").iterdir()) if (folder / "var").exists() else set()

    async def given_up() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(agent.client.call_tool, "run", {"job_toml": job})  # type: ignore[attr-defined]
            while not (folder / "cancelled").exists():
                await anyio.sleep(0.05)
            group.cancel_scope.cancel()

    agent.portal.call(given_up)  # type: ignore[attr-defined]
    pid = int((folder / "cancelled").read_text())
    wait_for(lambda: not alive(pid) and not called(), "the end of a call that was cancelled")
    assert set((folder / "var" / "runs").iterdir()) == before
    assert not asked(agent, ("runs", {}))[0].is_error


def called() -> list[int]:
    """The living processes of calls that this run of the tests has made."""
    return running(f"{RUN_MARK}={os.environ[RUN_MARK]}", "backbus.cli.called")


def calling(folder: Path, into: str, **options: Any) -> subprocess.Popen[bytes]:
    """A server, and a client that has called a job that stays."""
    server = subprocess.Popen(
        (sys.executable, *SERVE, "--folder", folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **PLAIN},
        **options,
    )
    assert server.stdin is not None
    job = JOB.replace('use = "SmaCross"\nfast = 2\nslow = 5', f'use = "stays.py"\ninto = "{into}"')
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    for message in (
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {
            "id": 2,
            "method": "tools/call",
            "params": {"name": "run", "arguments": {"job_toml": job}, "_meta": {"progressToken": 1}},
        },
    ):
        server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        server.stdin.flush()
    return server


def test_a_server_that_ends_leaves_no_call_behind(folder: Path) -> None:
    ends = {"input": 0, "interrupt": 130, "kill": -signal.SIGKILL}
    servers = {how: calling(folder, how) for how in ends}
    stays = {}
    for how in ends:
        wait_for((folder / how).exists, "a strategy that runs")
        stays[how] = int((folder / how).read_text())
    for how, server in servers.items():
        assert server.stdin is not None and server.stdout is not None
        if how == "input":
            server.stdin.close()
        else:
            server.send_signal(signal.SIGINT if how == "interrupt" else signal.SIGKILL)
        assert server.wait(60) == ends[how]
        said = [json.loads(line) for line in server.stdout.read().splitlines()]
        assert [one["id"] for one in said if "result" in one] == [1]
        server.stdout.close()
    wait_for(lambda: not called(), "the end of its calls")
    # Who is killed cannot look for what his calls have started in sessions of their own.
    assert [how for how, pid in stays.items() if alive(pid)] == ["kill"]
    os.kill(stays["kill"], signal.SIGKILL)


@pytest.mark.parametrize("gone", [("stdout",), ("stdout", "stdin"), ("stdin", "stdout")], ids=" and ".join)
def test_a_client_that_dies_in_a_call_is_the_end_without_a_word(folder: Path, gone: tuple[str, ...]) -> None:
    into = "_".join(("died", *gone))
    server = calling(folder, into, stderr=subprocess.PIPE)
    assert server.stderr is not None
    wait_for((folder / into).exists, "a strategy that runs")
    for name in gone:
        getattr(server, name).close()
    assert server.wait(60) == 0
    assert server.stderr.read() == b""
    server.stderr.close()
    wait_for(lambda: not alive(int((folder / into).read_text())) and not called(), "the end of its calls")


def test_a_call_that_takes_too_long_is_ended(folder: Path) -> None:
    job = JOB.replace('use = "SmaCross"\nfast = 2\nslow = 5', 'use = "stays.py"\ninto = "late"')
    commands = getattr(typer.main.get_command(app), "commands", {})

    async def called_once() -> None:
        async def hears(_: float, __: str) -> None:
            pass

        await Desk(Bounds(folder, max_seconds=0.5), commands).call("run", {"job_toml": job}, hears)

    with pytest.raises(CallRefused) as told:
        anyio.run(called_once)
    assert told.value.code == "time_limit" and "longer than 0.5 s" in told.value.message
    assert "--max-seconds" in told.value.plain()["next"]
    assert not called()


def test_jobs_are_submitted_only_where_the_server_was_started_for_a_stack(folder: Path) -> None:
    with client(folder, "--stack") as agent:
        assert {"submit", "jobs"} <= {one.name for one in agent("list_tools").tools}
        listed, sent = errors_of(agent, ("jobs", {}), ("submit", {"job": "job.toml"}))
    assert listed["code"] == sent["code"] == "no_stack"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        (sys.executable, *SERVE, "--folder", tmp_path / "none"), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no folder" in done.stderr and "--folder" in done.stderr
