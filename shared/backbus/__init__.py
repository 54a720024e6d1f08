"""backbus: a distributed, event-driven backtester. One process or many, one answer.

::

    from backbus import Strategy, param, Job, Client, run

What is named here is loaded when it is first used, so that importing backbus costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backbus.client import Client as Client
    from backbus.errors import BackbusError as BackbusError
    from backbus.job.job import Job as Job
    from backbus.local import run as run
    from backbus.lookahead import check as check
    from backbus.result import Result as Result
    from backbus.settings import Settings as Settings
    from backbus.strategy import Strategy as Strategy
    from backbus.strategy import param as param
    from backbus.sweep.here import run_sweep as run_sweep
    from backbus.sweep.result import SweepResult as SweepResult

__version__ = "0.1.0"
__all__ = [
    "BackbusError",
    "Client",
    "Job",
    "Result",
    "Settings",
    "Strategy",
    "SweepResult",
    "check",
    "param",
    "run",
    "run_sweep",
]

_HOMES = {
    "BackbusError": "backbus.errors",
    "Client": "backbus.client",
    "Job": "backbus.job.job",
    "Result": "backbus.result",
    "Settings": "backbus.settings",
    "Strategy": "backbus.strategy",
    "SweepResult": "backbus.sweep.result",
    "check": "backbus.lookahead",
    "param": "backbus.strategy",
    "run": "backbus.local",
    "run_sweep": "backbus.sweep.here",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'backbus' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
