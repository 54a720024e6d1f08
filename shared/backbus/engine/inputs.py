"""What a run starts from: its market, read from files, made of what was handed over or simulated, and its strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.job.job import Job

if TYPE_CHECKING:
    from backbus.market.panel import Panel, Source
    from backbus.strategy import Strategy

PANEL_FILE = "panel.arrow"
"""What a market is called that is handed to another process as a whole."""

Progress = Callable[[int, int], None]
"""Called with the rows done and all rows."""


def as_panel(data: Any, job: Job) -> Panel:
    """A panel from what a Python user hands over: a panel, a pandas frame, or frames by symbol."""
    from backbus.data import panel_from_frame
    from backbus.market.panel import Panel

    return data if isinstance(data, Panel) else panel_from_frame(data, settings=job.data)


@dataclass(frozen=True)
class Inputs:
    """The market of a job, and how to let go of the memory of its rows before a given one."""

    source: Source
    release: Callable[[int], None]

    @cached_property
    def panel(self) -> Panel:
        """All of it in memory."""
        from backbus.market.panel import whole

        return whole(self.source)


def load_inputs(job: Job, data: Any = None, strategy: Strategy | None = None) -> tuple[Job, Inputs, Strategy]:
    """The job with its own models' functions, its market and its strategy: read from its files, or the ones handed
    over."""
    from backbus.models.loading import files_of_job, with_functions
    from backbus.strategy import load_strategy, make_strategy

    files = files_of_job(job, strategy)
    if strategy is None:
        made = make_strategy(load_strategy(job.strategy.use, files), job.strategy.params)
        return with_functions(job, files), open_inputs(job, data), made
    return with_functions(job, files, strategy), open_inputs(job, data), strategy


def open_inputs(job: Job, data: Any = None) -> Inputs:
    """The job's market: read from its files, made of what was handed over, or simulated."""
    if data is not None:
        if job.simulator is None:
            return _inputs(as_panel(data, job), job)
        return simulated(job, as_panel(data, job))
    return inputs_of(job, files_of(job))


def complete(job: Job) -> Job:
    """The job with what its dataset settles, which results depend on."""
    if job.data.dataset is None:
        return job
    from backbus.data import Catalog
    from backbus.settings import Settings

    return job.on_calendar(Catalog(Settings().datasets).calendar(job.data.dataset))


def files_of(job: Job) -> dict[str, Path]:
    """The files that a job's market is read from, by the names that messages use: none where it needs none."""
    from backbus.data import Catalog, resolve_files
    from backbus.settings import Settings

    if not job.reads_files:
        return {}
    if job.data.dataset is not None:
        return Catalog(Settings().datasets).file(job.data.dataset)
    if job.data.query is not None:
        from backbus.data.catalog.query import answer
        from backbus.jit.sources import cache_home

        return answer(job.data, job.folder, cache_home() / "queries")
    return resolve_files(job.data, job.folder)


def inputs_of(job: Job, files: Mapping[str, Path]) -> Inputs:
    """The job's market, from its files wherever they lie now."""
    from backbus.data import open_source
    from backbus.market.panel import whole

    if not job.reads_files:
        return simulated(job, None)
    source = open_source(job.data, files)
    if job.simulator is not None:
        return simulated(job, whole(source))
    return _inputs(source, job)


def _inputs(source: Source, job: Job) -> Inputs:
    from backbus.engine.volumes import refuse_without_volume
    from backbus.market.spacing import measured
    from backbus.market.timeframe_ends import framed

    if job.simulator is None:
        refuse_without_volume(job, source)
        source = measured(source)
    release = getattr(source, "release", lambda row: None)
    return Inputs(framed(source, job.data.timeframes), release)


def simulated(job: Job, history: Panel | None) -> Inputs:
    """The market that a job describes, over the bars of its history where it needs any."""
    from backbus.simulator import Market

    assert job.simulator is not None
    return _inputs(Market(job.simulator, history), job)
