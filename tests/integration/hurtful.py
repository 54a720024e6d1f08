"""A strategy whose points hurt the process that computes them, each in its way, and a sweep's inputs with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backbus.data import resolve_files
from backbus.engine.inputs import inputs_of
from backbus.job.job import Job
from backbus.strategy import bundle, load_strategy
from backbus.sweep.search.plan import plan_of, sessions_of
from backbus.sweep.workers.chunk import KILLED, RAISED, REFUSED, TOO_LONG, TOO_MUCH, Chunks
from backbus.sweep.workers.process import Setup
from tests.unit.small_prices import write_prices

STRATEGY = """
import mmap
import os
import signal
import sys
import time

import numpy as np

from backbus import Strategy, param

KEPT = []


class Hurtful(Strategy):
    length: int = param(3, ge=2)
    harm: int = param(0, ge=0, le=20)

    def signals(self, bars):
        harm = self.harm
        if harm == 1:
            raise ValueError("not this one \\udc80")
        if harm == 2:
            while True:
                pass
        if harm == 3:
            KEPT.append(np.ones(1 << 27))
        if harm == 4:
            os._exit(3)
        if harm == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        if harm == 6:
            print("garbage")
            os.write(1, b"\\xff" * 9)
            sys.stdout.flush()
        if harm == 11 and (sys.stdin.read() or os.read(0, 1)):
            raise ValueError("there is something to read")
        if harm == 7:
            room = mmap.mmap(-1, 1 << 29)
            ones = bytes([1]) * (1 << 20)  # much at once: memory is to be up before time is
            while True:
                for begin in range(0, 1 << 29, len(ones)):
                    room[begin : begin + len(ones)] = ones
        if harm == 8:
            time.sleep(3600)
        if harm == 10:
            np.kept = [*getattr(np, "kept", []), np.ones(6_000_000)]  # not much, but kept, and not in this file
        return self.hold_long(bars.close > bars.sma(self.length))
"""
KINDS = {1: RAISED, 2: TOO_LONG, 3: TOO_MUCH, 4: KILLED, 5: KILLED, 7: TOO_MUCH, 8: TOO_LONG, 21: REFUSED}


def write_inputs(folder: Path, strategy: str = STRATEGY) -> Job:
    """Prices, the strategy and a sweep over it in ``folder``."""
    write_prices(folder, 300, parts=64)
    (folder / "hurtful.py").write_text(strategy, encoding="utf-8")
    sweep = {"objective": "sharpe", "resamples": 20, "parameters": {"length": [2, 3]}}
    job = Job.parse({"data": {"files": "prices.csv"}, "strategy": {"use": "hurtful.py"}, "sweep": sweep})
    job.come_from(folder)
    return job


def setup_of(job: Job) -> Setup:
    """What a child that computes points is given."""
    files = resolve_files(job.data, job.folder)
    return Setup(job, files, bundle(job.strategy.use, job.folder), sessions_of(inputs_of(job, files).panel))


def here(setup: Setup) -> Chunks:
    """The same, to be computed in this process."""
    job = setup.job
    panel = inputs_of(job, setup.data).panel
    return Chunks(job, panel, load_strategy(job.strategy.use, setup.strategy), plan_of(job, panel))


def values_of(harms: list[int]) -> list[dict[str, Any]]:
    """Points that do these harms."""
    return [{"strategy.length": 2 + place % 40, "strategy.harm": harm} for place, harm in enumerate(harms)]
