"""The job that every row runs: long while the 10-bar average is above the 30-bar one, a fixed quantity at a time.

A fixed quantity and a fee of a tenth of a basis point: the account stays solvent through forty thousand trades, and
every engine sizes its orders alike, so that their results can be compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.performance.report import Report
from backbus.strategy import bundle, load_strategy, make_strategy
from benchmarks.peers.serve import CASH, FAST, FEE, QUANTITY, SLOW, SPARSE, WINDOWS

STRATEGIES = Path(__file__).parent / "strategies"


def job(use: str = "SmaCross", **params: Any) -> Job:
    """A job over any panel: a built-in strategy, or a class in a file of ``benchmarks/strategies``."""
    if use == "SmaCross":
        params = {"fast": FAST, "slow": SLOW}
    return Job.parse(_written(use, params))


def rebalance_job() -> Job:
    """Once a month into the assets that have risen most, sized and filled at the next open, in any fraction."""
    return Job.parse(
        {
            "name": "rebalance",
            "strategy": {"use": str(STRATEGIES / "top.py:Top")},
            "portfolio": {"cash": CASH, "lot": 0, "size_at": "open"},
        }
    )


def sweep(
    use: str = "SmaCross",
    resamples: int = 0,
    points: int | None = None,
    files: str | None = None,
    *,
    sparse: bool = False,
    exits: bool = False,
) -> Job:
    """A sweep of the cross over all pairs of windows, or over so many random ones; ``sparse``: of windows whose
    averages cross seldom; with ``exits`` over a stop and a target for each entry.

    Sessions are of all days of the year, as vectorbt counts them.
    """
    fast, slow = (
        {"from": chosen[0], "to": chosen[-1], "step": 1} for chosen in (SPARSE if sparse else (WINDOWS, WINDOWS))
    )
    drawn = {} if points is None else {"method": "random", "points": points}
    return Job.parse(
        {
            **(_with_exits(_written(use, {})) if exits else _written(use, {})),
            **({} if files is None else {"data": {"files": files}}),
            "performance": {"periods_per_year": 365},
            "sweep": {
                **drawn,
                "parameters": {"fast": fast, "slow": slow},
                "constraints": "fast < slow",
                "resamples": resamples,
            },
        }
    )


def _with_exits(written: dict[str, Any]) -> dict[str, Any]:
    exits = {"stop_loss": 0.02, "take_profit": 0.04}
    return {**written, "portfolio": {**written["portfolio"], "exits": exits}}


def _written(use: str, params: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "benchmark",
        "strategy": {"use": str(STRATEGIES / use) if ".py:" in use else use, **params},
        "portfolio": {"cash": CASH, "sizing": {"model": "fixed_quantity", "quantity": QUANTITY}},
        "execution": {"commission": {"model": "bps", "bps": FEE * 1e4}},
    }


class Run:
    """A job over a panel in memory, ready to be timed again and again in this process."""

    def __init__(self, panel: Panel, job: Job) -> None:
        self.job, self._panel = job, panel
        use = job.strategy.use
        self._strategy = make_strategy(load_strategy(use, bundle(use, job.folder)), job.strategy.params)
        self.report = self()

    def __call__(self) -> Report:
        """One run, from the panel to statistics and fingerprint."""
        return Engine(self.job, self._panel, self._strategy).run()
