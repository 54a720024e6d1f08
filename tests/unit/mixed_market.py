"""A market of every model with every scenario in it, and what else it is compared with."""

from __future__ import annotations

import hashlib
import json

from backbus.jit.decorators import LOOPS
from backbus.market.panel import FIELDS
from backbus.simulator import Market
from tests.unit import strategy_market as sm
from tests.unit.simulated import settings

GBM = {"model": "gbm", "drift": 0.1, "volatility": 0.3}
HESTON = {"model": "heston", "volatility": 0.3, "reversion": 2.0, "volatility_of_variance": 0.5}
MIXED = (
    GBM,
    {"model": "merton", "volatility": 0.2, "jumps": 20.0, "jump_deviation": 0.1},
    HESTON,
    {"model": "garch", "volatility": 0.2, "alpha": 0.1, "beta": 0.8},
    {"model": "ornstein_uhlenbeck", "reversion": 2.0, "volatility": 0.2},
    {"model": "regimes", "regimes": [{"volatility": 0.1, "rows": 9}, {"volatility": 0.4, "rows": 5}]},
    {"model": "random_walk", "volatility": 0.2},
    {"model": "bootstrap", "of": "A", "block": 7},
    {"model": "bootstrap", "of": "B", "block": 7},
)
EVENTS = [
    {"scenario": "crash", "row": 20, "rows": 10, "depth": 0.4, "recovery": 15, "symbols": "A"},
    {"scenario": "flash_crash", "row": 50, "depth": 0.1, "rows": 3},
    {"scenario": "bubble", "row": 60, "rows": 10, "height": 1.0, "burst": 5},
    {"scenario": "trend", "row": 60, "rows": 50, "change": -0.2, "symbols": ["B", "C"]},
    {"scenario": "range", "row": 90, "rows": 60, "width": 0.05},
    {"scenario": "volatility_shock", "row": 100, "rows": 40, "factor": 3.0, "fades": True},
    {"scenario": "gap", "row": 120, "size": -0.1},
    {"scenario": "drought", "row": 130, "rows": 10, "factor": 0.1, "impact": 2.0},
    {"scenario": "halt", "row": 150, "rows": 12, "symbols": "D"},
    {"scenario": "price_limits", "row": 160, "rows": 30, "limit": 0.01},
    {"scenario": "correlation", "row": 165, "rows": 20, "value": 0.9},
    {"scenario": "delisting", "row": 180, "final": 0.5, "symbols": "E"},
    {"scenario": "replay", "row": 170, "rows": 10, "of": "B", "since": "1970-01-09", "symbols": "F"},
]
HISTORY = sm.market(60, 2, seed=3)
ALL = settings(*MIXED, rows=200, correlation={"every": 0.3}, scenarios=EVENTS, interval="1h", seed=9)
WHOLE = Market(ALL, HISTORY)


def digest() -> str:
    """Of the whole market, made in blocks."""
    columns = (getattr(block, field) for block in WHOLE.blocks(64) for field in FIELDS)
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()


def compiled() -> tuple[dict[str, int], dict[str, int]]:
    """For each kernel that makes markets, how many signatures it had after the warm-up, and after many markets."""
    from backbus.simulator.warm import warm_market

    warm_market()
    mine = [one for one in LOOPS if one.__module__.startswith("backbus.simulator") and "fitting" not in one.__module__]
    before = {loop.__name__: len(loop.signatures) for loop in mine}
    few = Market(settings(*MIXED[:3], rows=100, correlation={"loadings": [[0.5]] * 3}))
    for size in (64, 1000):
        for made in (WHOLE, few):
            for _ in made.blocks(size):
                pass
    return before, {loop.__name__: len(loop.signatures) for loop in mine}


if __name__ == "__main__":
    print(json.dumps(compiled()))
