"""A job with prices and a strategy of its own, and runs of it that are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus import run
from backbus.folders import RUNS
from backbus.job.job import Job

STRATEGY = """
from helping import above

from backbus import Strategy, param


class Own(Strategy):
    n: int = param(5)

    def signals(self, bars):
        return self.hold_long(above(bars, self.n))
"""
HELPING = """
def above(bars, n):
    return bars.close > bars.sma(n)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    dice = np.random.default_rng(3)
    (tmp_path / "data").mkdir()
    for name in ("A", "B"):
        price = 100 * np.exp(np.cumsum(dice.normal(0, 0.01, 80)))
        lines = ["Date,Open,High,Low,Close,Volume"]
        days = np.busday_offset("2020-01-01", np.arange(80), roll="forward")
        lines += [f"{day},{p:.2f},{p:.2f},{p:.2f},{p:.2f},1000" for day, p in zip(days, price, strict=True)]
        (tmp_path / "data" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "own.py").write_text(STRATEGY)
    (tmp_path / "helping.py").write_text(HELPING)
    job = 'name = "mine"\n[data]\nfiles = ["data/*.csv"]\n[strategy]\nuse = "own.py:Own"\nn = 4\n'
    (tmp_path / "job.toml").write_text(job)
    return tmp_path


def ran(home: Path, place: str, *overrides: str) -> Path:
    folder = home / RUNS / place
    run(Job.load(home / "job.toml", overrides=overrides), folder=folder)
    return folder


def answer_in(path: Path) -> dict[str, Any]:
    """What a sweep's summary says but for when it was computed."""
    return {name: value for name, value in json.loads(path.read_text()).items() if name != "ran"}
