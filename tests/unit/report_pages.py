"""Runs whose pages are looked at: minutes with many orders, some with exits that trail and end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from backbus import run
from backbus.api.result import Result
from backbus.job.job import Job
from tests.unit.panels import panel_of

JOB: dict[str, Any] = {
    "name": "minutes <&> more",
    "strategy": {"use": "SmaCross", "fast": 2, "slow": 5},
    "portfolio": {"cash": 100_000, "sizing": {"model": "fixed_quantity", "quantity": 100}, "shorts": True},
    "execution": {
        "commission": {"model": "bps", "bps": 1},
        "slippage": {"model": "bps", "bps": 2},
        "volume_cap": 0.1,
    },
}
EXITS = {"take_profit": 0.004, "stop_loss": 0.003, "trail": 0.006, "trail_from": 0.002}


def minutes(folder: Path | None, rows: int, *, exits: bool = False) -> Result:
    """A run over so many bars of a random walk, 390 in a session."""
    dice = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(dice.normal(0.0, 1e-3, (rows, 1)), axis=0))
    opens = np.vstack((close[:1], close[:-1]))
    high, low = np.maximum(opens, close) * 1.0005, np.minimum(opens, close) * 0.9995
    panel = panel_of(opens, high, low, close, dice.integers(500, 5000, (rows, 1)).astype(float), per_session=390)
    portfolio = {**JOB["portfolio"], **({"exits": EXITS} if exits else {})}
    return run(Job.parse({**JOB, "portfolio": portfolio}), panel, folder=folder)


def told_in(page: str, name: str = "told") -> Any:
    """What a page says to its script, or its receipt."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])
