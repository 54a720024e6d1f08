"""backbus: a distributed, event-driven backtester. One process or many, one answer.

::

    from backbus import Strategy, param, Job, Client, run

What is named here is all that a user of Python needs. Each name is loaded when it is first used, so that importing
backbus costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backbus.api.check import check as check
    from backbus.api.client import Client as Client
    from backbus.api.compare import Comparison as Comparison
    from backbus.api.compare import compare as compare
    from backbus.api.explain import explain as explain
    from backbus.api.kept import read_run as read_run
    from backbus.api.rerun import rerun as rerun
    from backbus.api.rerun import rerun_fold as rerun_fold
    from backbus.api.rerun import rerun_split as rerun_split
    from backbus.api.result import Result as Result
    from backbus.api.run import run as run
    from backbus.api.run_sweep import run_sweep as run_sweep
    from backbus.api.sentences import sentences as sentences
    from backbus.api.sweep_result import SweepResult as SweepResult
    from backbus.data import Catalog as Catalog
    from backbus.data import map_panel as map_panel
    from backbus.data import panel_from_frame as panel_from_frame
    from backbus.data import read_panel as read_panel
    from backbus.data import write_panel as write_panel
    from backbus.engine.inputs import open_inputs as open_inputs
    from backbus.errors import BackbusError as BackbusError
    from backbus.errors import DataError as DataError
    from backbus.errors import JobError as JobError
    from backbus.errors import JobFailed as JobFailed
    from backbus.errors import StackError as StackError
    from backbus.errors import StrategyError as StrategyError
    from backbus.errors import UsageError as UsageError
    from backbus.figures import bars_figure as bars_figure
    from backbus.figures import fan_figure as fan_figure
    from backbus.figures import fit_figure as fit_figure
    from backbus.figures import grid_figure as grid_figure
    from backbus.figures import write_figure as write_figure
    from backbus.job.job import Job as Job
    from backbus.market.panel import Panel as Panel
    from backbus.runs.library import find_sweep as find_sweep
    from backbus.settings import Settings as Settings
    from backbus.strategy import Strategy as Strategy
    from backbus.strategy import param as param
    from backbus.strategy.bar import Bar as Bar
    from backbus.strategy.bars import Bars as Bars
    from backbus.strategy.book import Book as Book
    from backbus.strategy.streams import Stream as Stream
    from backbus.sweep.results import top_points as top_points

__version__ = "0.1.0"
__all__ = [
    "BackbusError",
    "Bar",
    "Bars",
    "Book",
    "Catalog",
    "Client",
    "Comparison",
    "DataError",
    "Job",
    "JobError",
    "JobFailed",
    "Panel",
    "Result",
    "Settings",
    "StackError",
    "Strategy",
    "StrategyError",
    "Stream",
    "SweepResult",
    "UsageError",
    "bars_figure",
    "check",
    "compare",
    "explain",
    "fan_figure",
    "find_sweep",
    "fit_figure",
    "grid_figure",
    "map_panel",
    "open_inputs",
    "panel_from_frame",
    "param",
    "read_panel",
    "read_run",
    "rerun",
    "rerun_fold",
    "rerun_split",
    "run",
    "run_sweep",
    "sentences",
    "top_points",
    "write_figure",
    "write_panel",
]

_HOMES = {
    "backbus.api.check": "check",
    "backbus.api.client": "Client",
    "backbus.api.compare": "Comparison compare",
    "backbus.api.explain": "explain",
    "backbus.api.kept": "read_run",
    "backbus.api.rerun": "rerun rerun_fold rerun_split",
    "backbus.api.result": "Result",
    "backbus.api.run": "run",
    "backbus.api.run_sweep": "run_sweep",
    "backbus.api.sentences": "sentences",
    "backbus.api.sweep_result": "SweepResult",
    "backbus.data": "Catalog map_panel panel_from_frame read_panel write_panel",
    "backbus.engine.inputs": "open_inputs",
    "backbus.errors": "BackbusError DataError JobError JobFailed StackError StrategyError UsageError",
    "backbus.figures": "bars_figure fan_figure fit_figure grid_figure write_figure",
    "backbus.job.job": "Job",
    "backbus.market.panel": "Panel",
    "backbus.runs.library": "find_sweep",
    "backbus.settings": "Settings",
    "backbus.strategy": "Strategy param",
    "backbus.strategy.bar": "Bar",
    "backbus.strategy.bars": "Bars",
    "backbus.strategy.book": "Book",
    "backbus.strategy.streams": "Stream",
    "backbus.sweep.results": "top_points",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'backbus' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
