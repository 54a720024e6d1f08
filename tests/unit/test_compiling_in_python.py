"""What Python says of a first compilation: once, where it happens, and nothing of functions of a user's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backbus import run, run_sweep
from backbus.api import compiling

PROGRAM = """
import numba
from backbus.api.compiling import say_when_compiling

say_when_compiling()
say_when_compiling()

def made(module):
    def loop(x):
        return x + 1.0
    loop.__module__ = module
    return numba.njit(loop)

for module in {modules}:
    made(module)(1.0)
"""


def said(*modules: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}
    program = PROGRAM.format(modules=modules)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_it_is_said_once_when_the_engines_loops_are_compiled() -> None:
    assert said("backbus.engine.loop", "backbus.engine.points") == compiling.compiling_line("a minute or two")


def test_of_a_users_functions_nothing_is_said() -> None:
    assert said("__main__", "mine") == ""


def test_a_run_has_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr("backbus.api.run.say_when_compiling", lambda: heard.append("run"))
    close = np.linspace(10.0, 11.0, 8)
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close))
    frame.index = pd.bdate_range("2024-01-02", periods=8)
    run({"strategy": {"use": "BuyAndHold"}}, frame, tables=False)
    assert heard == ["run"]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sweep_whose_workers_compile_has_it_said_here(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(compiling, "are_compiled_for", heard.append)
    monkeypatch.setattr(compiling, "_say", lambda: heard.append("said"))
    bars = "".join(f"2024-01-{day:02},9,40,8,{day}\n" for day in range(9, 30))
    (tmp_path / "A.csv").write_text("date,open,high,low,close\n" + bars)
    job = {"data": {"files": [str(tmp_path / "A.csv")]}, "strategy": {"use": "SmaCross", "fast": 2, "slow": 3}}
    run_sweep({**job, "sweep": {"parameters": {"fast": [2]}}}, workers=workers)
    assert heard == (["sweep", "said"] if workers else [])
