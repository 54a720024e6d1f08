"""The look-ahead check for every strategy: those that read the book are run with a portfolio, by the engine.

The portfolio is a job's own, or one that gives each asset an equal share and may be short.
"""

from __future__ import annotations

import numpy as np

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.performance.tables import Piece
from backbus.strategy import Strategy
from backbus.strategy.finding import Checked, Finding
from backbus.strategy.look_ahead import QUICK, USUAL, Effort, Speak, Voice, check, speak
from backbus.trading.records import SIGNAL, Records

PLAIN_JOB = Job.parse(
    {"strategy": {"use": "checked"}, "portfolio": {"sizing": {"model": "equal_weight"}, "shorts": True}}
)


def check_strategy(
    strategy: Strategy,
    panel: Panel,
    *,
    job: Job | None = None,
    effort: Effort = USUAL,
    seed: int = 1,
    voice: Voice | None = None,
) -> Checked:
    """Try a strategy on a panel; ``job`` gives the portfolio that a reader of the book sees. What it prints is heard
    once, or not at all where ``voice`` was heard before. Raises StrategyError."""
    return check(strategy, panel, effort=effort, speak=speaker(strategy, job), seed=seed, voice=voice)


def quick_finding(strategy: Strategy, panel: Panel, *, job: Job | None = None) -> Finding | None:
    """What a sweep asks of each of its points: few cuts over at most 5000 rows. Raises StrategyError."""
    return check_strategy(strategy, panel, job=job, effort=QUICK).finding


def speaker(strategy: Strategy, job: Job | None = None) -> Speak:
    """What runs this strategy: alone, or beside the book that it reads."""
    return _with_book(PLAIN_JOB if job is None else job) if strategy.reads_book else speak


def _with_book(job: Job) -> Speak:
    def with_book(strategy: Strategy, panel: Panel, block: int) -> Records:
        parts: list[Records] = []

        def keep(pieces: list[Piece]) -> None:
            for name, columns in pieces:
                if name == "signals":
                    records = np.empty(len(columns["logical_time"]), SIGNAL)
                    records["tick"], records["asset"] = columns["logical_time"], columns["symbol"]
                    records["kind"], records["value"] = columns["kind"], columns["value"]
                    parts.append(records)

        cut = job.model_copy(update={"run": job.run.model_copy(update={"block": block})})
        Engine(cut, panel, strategy, sink=keep).run()
        return np.concatenate(parts) if parts else np.empty(0, SIGNAL)

    return with_book
