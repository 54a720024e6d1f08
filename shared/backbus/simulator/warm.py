"""A market of all models and scenarios, for the sake of the code that it compiles or loads."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.job.simulator import SimulatorSettings
from backbus.market.panel import Block, Layout, Panel
from backbus.market.timeframes import DAY_NS
from backbus.simulator.market import Market

ROWS = 64
_MODELS: tuple[dict[str, Any], ...] = (
    {"model": "random_walk", "volatility": 0.2},
    {"model": "gbm", "volatility": 0.2},
    {"model": "merton", "volatility": 0.2, "jumps": 50.0, "jump_deviation": 0.1},
    {"model": "heston", "volatility": 0.2, "reversion": 2.0, "volatility_of_variance": 0.5},
    {"model": "garch", "volatility": 0.2, "alpha": 0.1, "beta": 0.8},
    {"model": "ornstein_uhlenbeck", "reversion": 2.0, "volatility": 0.2},
    {"model": "regimes", "regimes": [{"volatility": 0.1, "rows": 5}, {"volatility": 0.4, "rows": 5}]},
    {"model": "bootstrap", "of": "A", "block": 5},
)


def warm_market() -> None:
    """Simulate a few rows of every model, correlated, under the scenarios that have code of their own."""
    settings = SimulatorSettings.model_validate(
        {
            "rows": ROWS,
            "assets": [{"symbol": path["model"], "path": path} for path in _MODELS],
            "correlation": {"every": -0.1},
            "scenarios": [
                {"scenario": "range", "row": 10, "rows": 10, "width": 0.05},
                {"scenario": "price_limits", "row": 20, "rows": 10, "limit": 0.05},
                {"scenario": "bubble", "row": 30, "rows": 5, "height": 0.5, "burst": 5},
            ],
        }
    )
    for _ in Market(settings, _history()).blocks(ROWS // 2):
        pass


def _history() -> Panel:
    days = np.arange(20, dtype=np.int64)
    prices = 100.0 + np.sin(days.astype(np.float64))[:, None]
    block = Block(0, (days + 1) * DAY_NS, days, prices, prices + 1.0, prices - 1.0, prices, np.ones((20, 1)))
    return Panel(Layout(("A",), 20, 0, DAY_NS), block)
