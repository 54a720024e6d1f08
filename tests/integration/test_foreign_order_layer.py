"""A stack whose order layer is another program, written by docs/protocol.md: the example and its script."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus import Job, run
from backbus.jit.sources import cache_folder
from backbus.transport.curve import init_keys
from tests.processes import ROOT, CommandLine, alone, own_cache, running, wait_for
from tests.stacks import Stack, as_variables, compile_once

pytestmark = [pytest.mark.timeout(900), pytest.mark.shares("the other order layer")]

OTHERS = ("orchestrator", "broker", "data", "strategy", "portfolio", "performance")
LINE = re.compile(r"([^\n]{30}) ([0-9a-f]{32})(?:, attempts: (\d+))?$", re.MULTILINE)


def test_its_script_shows_four_facts_and_leaves_nothing_behind(examples: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    compile_once(cache_folder())
    environment = {**os.environ, "TMPDIR": str(made), "BACKBUS_CACHE": str(own_cache(tmp_path))}
    with alone():
        done = subprocess.run(
            [sys.executable, str(examples / "foreign_order_layer" / "run.py")],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    told = {title.strip(): (fingerprint, attempts) for title, fingerprint, attempts in LINE.findall(done.stdout)}
    here, same, silent, said = told.values()
    assert list(told) == ["backbus run", "with this order layer", "with --fee 1", "with --fee 1 --careful"]
    assert here[0] == run(examples / "foreign_order_layer" / "job.toml", tables=False).summary.fingerprint
    assert same == (here[0], "1")
    assert silent == (said[0], "2")
    assert said[1] == "1"
    assert said[0] != here[0]
    (reason,) = re.findall(r"^    (.*)$", done.stdout, re.MULTILINE)
    assert re.fullmatch(
        r"portfolio: record 0 of FILL differs, row \d+ \(OPEN_MATCH\), IBM: "
        r"execution said fee 1\.0, portfolio had worked out fee 2\.0",
        reason,
    )
    page = (examples / "foreign_order_layer" / "README.md").read_text(encoding="utf-8")
    assert f"```text\n{done.stdout}```" in page, done.stdout
    assert list(made.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "made"]
    assert running(f"TMPDIR={made}") == []


# --- a stack that asks for keys -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Nobody fills orders there."""
    folder = tmp_path_factory.mktemp("others")
    init_keys(folder / "keys")
    with Stack(folder, OTHERS, keys=folder / "keys", by_tcp=True, dead_s=1.5) as running_stack:
        yield running_stack


@contextmanager
def order_layer(stack: Stack, *options: str) -> Iterator[Stack]:
    """The stack, with the other order layer while it lasts."""
    program = [sys.executable, str(ROOT / "examples" / "foreign_order_layer" / "order_layer.py"), *options]
    told = {name: getattr(stack.settings, name) for name in ("orchestrator", "bus_in", "bus_out", "keys")}
    with subprocess.Popen(program, env={**os.environ, **as_variables(told)}) as layer:
        try:
            wait_for(lambda: "execution" in roles(stack), "the order layer to be known")
            yield stack
        finally:
            layer.terminate()
    wait_for(lambda: "execution" not in roles(stack), "the order layer to be forgotten")


@pytest.fixture
def stack(bare: Stack) -> Iterator[Stack]:
    """With the other order layer in place of an execution service of ours."""
    with order_layer(bare) as whole:
        yield whole


def roles(stack: Stack) -> set[str]:
    return {member["role"] for member in (stack.status() or {"members": []})["members"]}


def prices_with_holes(rows: int = 400) -> dict[str, pd.DataFrame]:
    """Three assets that miss a day in four, each its own."""
    random = np.random.default_rng(5)
    days = pd.date_range("2020-01-01", periods=rows, freq="D")
    frames = {}
    for symbol in "ABC":
        close = 50.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, rows)))
        start = np.concatenate(([50.0], close[:-1])) * 1.001
        columns = {
            "open": start,
            "high": np.maximum(start, close),
            "low": np.minimum(start, close),
            "close": close,
            "volume": np.full(rows, 1e6),
        }
        frame = pd.DataFrame(columns, index=days)
        frames[symbol] = frame[random.random(rows) < 0.75]
    return frames


def job(**execution: Any) -> Job:
    return Job.parse(
        {
            "name": "others fill",
            "strategy": {"use": "SmaCross", "fast": 3, "slow": 7},
            "portfolio": {"cash": 1e5, "shorts": True, "sizing": {"model": "equal_weight"}},
            "execution": execution,
            "run": {"block": 32, "window": 64},
        }
    )


@pytest.mark.parametrize(
    "commission",
    [
        {"model": "none"},
        {"model": "bps", "bps": 7.3, "order": 0.1},
        {"model": "per_order", "fee": 1.5},
        {"model": "per_share", "fee": 0.01, "order": 0.2, "minimum": 1.0, "maximum": 9.0, "maximum_percent": 0.05},
    ],
    ids=lambda model: model["model"],
)
def test_assets_with_holes_and_every_commission_that_it_knows_have_the_answer_of_one_process(
    stack: Stack, tmp_path: Path, commission: dict[str, Any]
) -> None:
    prices, wanted = prices_with_holes(), job(commission=commission)
    expected = run(wanted, prices, tables=False).summary
    assert expected.counts.fills > 100
    with stack.client() as client:
        result = client.run(wanted, prices, fresh=True, folder=tmp_path)
    assert result.summary == expected
    assert result.attempts == 1


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"fill": "close"}, "leave execution.fill out"),
        ({"slippage": {"model": "bps", "bps": 1.0}}, "leave execution.slippage out"),
        ({"commission": {"model": "preset", "name": "ibkr_tiered"}}, "leave execution.commission out"),
        ({"fill": "close", "volume_cap": 0.5}, "leave execution.fill, execution.volume_cap out"),
    ],
)
def test_a_job_that_asks_for_more_fails_at_once_in_one_sentence(
    stack: Stack, asked: dict[str, Any], sentence: str
) -> None:
    with stack.client() as client:
        shown = client.wait(client.submit(job(**asked), prices_with_holes(), fresh=True)["job"])
    assert shown["state"] == "failed"
    assert len(shown["attempts"]) == 1
    assert shown["error"].startswith("execution: this order layer fills plain market orders at the open")
    assert sentence in shown["error"]


def test_an_order_of_another_kind_fails_its_job_where_it_comes(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "limits.py"
    file.write_text(
        "from backbus import Strategy\n\n\nclass Limits(Strategy):\n    def on_bar(self, bar):\n"
        "        if bar.row == 50:\n            self.order(1, limit=bar.close * 0.9)\n",
        encoding="utf-8",
    )
    wanted = job().model_copy(update={"strategy": Job.parse({"strategy": {"use": f"{file}:Limits"}}).strategy})
    with stack.client() as client:
        shown = client.wait(client.submit(wanted, prices_with_holes(), fresh=True)["job"])
    assert shown["state"] == "failed"
    assert len(shown["attempts"]) == 1
    assert re.search(r"order \d+ of asset \d in row 50 is another \(type 1, ", shown["error"]), shown["error"]


def test_it_greets_an_orchestrator_that_was_started_anew_and_works_for_it(stack: Stack, tmp_path: Path) -> None:
    epoch = stack.status()["epoch"]  # type: ignore[index]
    stack.send("orchestrator", signal.SIGKILL)
    wait_for(lambda: (stack.status() or {"epoch": epoch})["epoch"] > epoch, "another orchestrator")
    wait_for(lambda: "execution" in roles(stack), "the order layer to be known to it")
    prices, wanted = prices_with_holes(), job()
    with stack.client() as client:
        result = client.run(wanted, prices, fresh=True, folder=tmp_path)
    assert result.summary == run(wanted, prices, tables=False).summary


def test_who_waits_for_a_job_is_told_why_it_took_several_attempts(
    bare: Stack, backbus: CommandLine, examples: Path, tmp_path: Path
) -> None:
    file = examples / "foreign_order_layer" / "job.toml"
    environment = {**bare.user(), "BACKBUS_KEYS": str(bare.settings.keys), "COLUMNS": "300"}
    with order_layer(bare, "--fee", "1"):
        done = backbus("submit", file, "--wait", "--fresh", cwd=tmp_path, env=environment)
        again = backbus("submit", file, "--wait", "--fresh", "--json", cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^attempt 1: .*: portfolio: record 0 of FILL differs, row \d+ \(OPEN_MATCH\), IBM: execution said fee 1\.0",
        done.stdout,
        re.MULTILINE,
    ), done.stdout
    assert "by the stack, attempts: 2" in done.stdout
    own = json.loads(again.stdout)
    assert own["attempts"] == 2
    # What came of another's fees is no answer to whoever asks for the same job by our rules.
    for options in ((), ("--fee", "1", "--careful"), ()):
        with order_layer(bare, *options):
            fresh = ("--fresh",) if options else ()
            done = backbus("submit", file, "--wait", "--json", *fresh, cwd=tmp_path, env=environment)
        told = json.loads(done.stdout)
        assert (told["fingerprint"] == own["fingerprint"]) == bool(options)
    assert told["cached"], "the first answer by our rules is known"
