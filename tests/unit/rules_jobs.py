"""Jobs of every kind on small panels, for a process of its own: what they answer, and what they compile.

``python -m tests.unit.rules_jobs`` prints the signatures that each loop had after the warm-up and had gained when all
jobs were done, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.engine.warm import small_panel, warm_engine, warm_handlers, warm_points
from backbus.jit.decorators import LOOPS
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.strategy import Strategy
from backbus.strategy.builtins import BuyAndHold, CrossSectionalMomentum, DonchianBreakout, RsiReversion, SmaCross
from tests.simulation.cases import some_case
from tests.simulation.traders import BookReader, Chatter, EveryRow

BUILTINS: dict[str, Strategy] = {
    "BuyAndHold": BuyAndHold(),
    "CrossSectionalMomentum": CrossSectionalMomentum(period=3, top=1, every=4),
    "DonchianBreakout": DonchianBreakout(entry=4, exit=2, short=True),
    "RsiReversion": RsiReversion(period=4, low=45.0),
    "SmaCross": SmaCross(fast=2, slow=5, short=True),
}
SIZINGS: tuple[dict[str, Any], ...] = (
    {"model": "fixed_quantity", "quantity": 10},
    {"model": "fixed_cash", "cash": 5000},
    {"model": "percent_of_equity", "percent": 50},
    {"model": "target_weight", "weight": 0.3},
    {"model": "equal_weight"},
    {"model": "volatility_target", "target": 0.2, "lookback": 3},
)


def job(sizing: dict[str, Any], **execution: Any) -> Job:
    """Shorts, leverage and costs, so that every rule has a say."""
    costs = {"slippage": {"model": "bps", "bps": 5}, "commission": {"model": "per_share", "fee": 0.01, "minimum": 1}}
    account = {"sizing": sizing, "shorts": True, "leverage": 1.5, "cash": 20_000.0}
    return Job.parse({"strategy": {"use": "None"}, "portfolio": account, "execution": costs | execution})


def answers() -> dict[str, str]:
    """Fingerprints of each built-in strategy and of some random cases, in the engine and in the handlers."""
    panel = small_panel(64, 3)
    found = {}
    runs: list[tuple[str, Job, Panel, Strategy]] = [
        (f"{name} {sizing['model']}", job(sizing), panel, strategy)
        for name, strategy in BUILTINS.items()
        for sizing in SIZINGS[2:]
    ]
    cases = [(seed, some_case(seed)) for seed in range(12)]
    runs += [(f"case {seed}", case.job, case.panel, case.strategy) for seed, case in cases]
    for name, one, market, strategy in runs:
        report = Engine(one, market, strategy).run()
        found[f"{name}, engine"] = report.fingerprint
        found[f"{name}, handlers"] = run_handlers(one, market, strategy).fingerprint
        assert report.rows, name
    return found


def runs_of_every_kind() -> Iterator[tuple[Job, Panel, Strategy]]:
    """Panels of one and three assets, cut and uncut; every style of strategy; every sizing; both moments of filling."""
    for assets in (1, 3):
        panel = small_panel(40, assets)
        for sizing in SIZINGS:
            for strategy in (BookReader(), Chatter(), EveryRow(), SmaCross(fast=2, slow=3)):
                yield job(sizing), panel, strategy
                yield job(sizing, fill="close"), panel, strategy
    for seed in range(40):
        case = some_case(seed)
        yield case.job, case.panel, case.strategy


def compiled() -> dict[str, list[int]]:
    """For each loop, how many signatures it had after the warm-up, and how many runs added to it."""
    warm_engine()
    warm_points()
    warm_handlers()
    before = [len(loop.signatures) for loop in LOOPS]
    for one, panel, strategy in runs_of_every_kind():
        Engine(one, panel, strategy).run()
        run_handlers(one, panel, strategy, block=5, window=16)
    return {
        f"{loop.py_func.__module__}.{loop.py_func.__name__}": [count, len(loop.signatures) - count]
        for loop, count in zip(LOOPS, before, strict=True)
    }


if __name__ == "__main__":
    print(json.dumps(compiled()))
