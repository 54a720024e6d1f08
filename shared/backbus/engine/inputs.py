"""What a run starts from: its market, read from files, made of what was handed over or simulated, and its strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.errors import JobError
from backbus.job.job import Job
from backbus.job.performance import RiskFree
from backbus.kinds import an, takes

if TYPE_CHECKING:
    from backbus.market.panel import Layout, Panel, Source
    from backbus.strategy import Strategy

PANEL_FILE = "panel.arrow"
"""What a market is called that is handed to another process as a whole."""

Progress = Callable[[int, int], None]
"""Called with the rows done and all rows."""


def as_panel(data: Any, job: Job) -> Panel:
    """A panel from what a Python user hands over: a panel, a pandas frame, or frames by symbol."""
    from backbus.data import panel_from_frame
    from backbus.market.panel import Panel

    panel = data if isinstance(data, Panel) else panel_from_frame(data, settings=job.data)
    if job.data.universe is None:
        return panel
    from backbus.data.files import universe_file, within_universe

    chosen = within_universe(panel, job.data, universe_file(job.data, job.folder))
    assert isinstance(chosen, Panel)
    return chosen


def bars_told(layout: Layout) -> str:
    """How much a market is, in words."""
    some = ", ".join(layout.symbols[:5]) + (f" and {layout.assets - 5} more" if layout.assets > 5 else "")
    return f"{layout.rows} rows of {some}"


@dataclass(frozen=True, repr=False)
class Inputs:
    """The market of a job, and how to let go of the memory of its rows before a given one."""

    source: Source
    release: Callable[[int], None]

    def __repr__(self) -> str:
        return f"<Inputs: {bars_told(self.source.layout)}>"

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


@takes(job=an("Job", "a Job, as Job.parse and Job.load give it"))
def open_inputs(job: Job, data: Any = None) -> Inputs:
    """The job's market: read from its files, made of what was handed over, or simulated."""
    from backbus.market.kept_sessions import keep_sessions

    keep_sessions()
    if data is not None:
        if job.simulator is None:
            return _inputs(as_panel(data, job), job)
        return simulated(job, as_panel(data, job))
    return inputs_of(job, files_of(job))


def complete(job: Job) -> Job:
    """The job with what its dataset settles, and with the rates that it names, which results depend on."""
    job = _with_rates(job)
    if job.data.dataset is None:
        return job
    from backbus.data.catalog.catalog import Catalog
    from backbus.settings import Settings

    return job.on_calendar(Catalog(Settings().datasets).calendar(job.data.dataset))


def _with_rates(job: Job) -> Job:
    if not isinstance(job.performance.risk_free, RiskFree):
        return job
    from backbus.data.rates import read_rates

    read = read_rates(job.performance.risk_free, job.folder)
    return job.model_copy(update={"performance": job.performance.model_copy(update={"risk_free": read})})


def files_of(job: Job) -> dict[str, Path]:
    """The files that a job's market is read from, by the names that messages use: none where it needs none."""
    from backbus.data.files import resolve_files, universe_file

    if not job.reads_files:
        return {}
    table = universe_file(job.data, job.folder)
    if job.data.dataset is not None:
        from backbus.data.catalog.catalog import Catalog
        from backbus.settings import Settings

        return {**Catalog(Settings().datasets).file(job.data.dataset), **table}
    if job.data.query is not None:
        from backbus.data.catalog.query import answer
        from backbus.jit.sources import cache_home

        return {**answer(job.data, job.folder, cache_home() / "queries"), **table}
    return {**resolve_files(job.data, job.folder), **table}


def inputs_of(job: Job, files: Mapping[str, Path]) -> Inputs:
    """The job's market, from its files wherever they lie now."""
    from backbus.data.files import open_source
    from backbus.market.kept_sessions import keep_sessions
    from backbus.market.panel import whole

    keep_sessions()
    if not job.reads_files:
        return simulated(job, None)
    source = open_source(job.data, files)
    if job.simulator is not None:
        return simulated(job, whole(source))
    return _inputs(source, job)


def _inputs(source: Source, job: Job) -> Inputs:
    from backbus.engine.hindsight import of_today, with_note
    from backbus.engine.volumes import refuse_without_volume
    from backbus.market.spacing import measured
    from backbus.market.timeframe_ends import framed

    if source.layout.rows <= source.layout.warmup:
        raise JobError("all rows are warm-up, and none is left to trade: name data that goes on longer", field="data")
    if job.simulator is None:
        refuse_without_volume(job, source)
        source = measured(source)
        source = with_note(source, of_today(job, source.layout))
    release = getattr(source, "release", lambda row: None)
    return Inputs(framed(source, job.data.timeframes), release)


def simulated(job: Job, history: Panel | None) -> Inputs:
    """The market that a job describes, over the bars of its history where it needs any."""
    from backbus.simulator import Market

    assert job.simulator is not None
    return _inputs(Market(job.simulator, history), job)
