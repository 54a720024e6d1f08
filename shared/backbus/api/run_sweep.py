"""``run_sweep``: all points of a job's search on this machine, from its files to its table, without a stack."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backbus.api.arguments import AnyJob, class_of, job_of, with_parameters
from backbus.api.compiling import say_when_compiling, say_when_workers_compile
from backbus.api.sweep_result import SweepResult
from backbus.data import MappedSource, write_panel
from backbus.engine.inputs import PANEL_FILE, Inputs, Progress, complete, files_of, open_inputs
from backbus.errors import UsageError
from backbus.jit.sources import cache_home
from backbus.job.job import Job
from backbus.kinds import FUNCTION, HEARS, PATH, TEXT, WHOLE, takes
from backbus.market.panel import Panel
from backbus.market.timeframe_ends import Framed
from backbus.models.loading import files_of_job, with_functions
from backbus.performance.metrics import FIGURES
from backbus.runs.folder import Ran, files_beside_table, new_id, now
from backbus.runs.hashes import hashes_of
from backbus.runs.receipt import made_here, receipt_of_sweep
from backbus.runs.replacing import refuse_another
from backbus.runs.sources import as_it_ran, hashes_of_texts, sources_of
from backbus.runs.tables import Tables
from backbus.strategy import Strategy, load_strategy
from backbus.sweep.clusters.cluster import Cluster
from backbus.sweep.clusters.registry import cluster_at
from backbus.sweep.outcome import gather
from backbus.sweep.search.kinds import search_for
from backbus.sweep.search.plan import search_of, sessions_of
from backbus.sweep.search.search import PointsAfter, Search
from backbus.sweep.space.checking import check_names, refuse_look_ahead
from backbus.sweep.trials import TRIALS_FILE, Trials, market_of
from backbus.sweep.unfinished import FOLDER, Unfinished, name_of
from backbus.sweep.workers.chunk import Chunk
from backbus.sweep.workers.in_process import InThisProcess
from backbus.sweep.workers.pool import Pool
from backbus.sweep.workers.process import Setup
from backbus.together import passing_folder, text_file, write_together

Opening = Callable[[], AbstractContextManager[Cluster]]


@takes(folder=PATH, workers=WHOLE, on=TEXT, progress=HEARS, say=FUNCTION)
def run_sweep(
    job: AnyJob,
    data: Any = None,
    *,
    strategy: Strategy | type[Strategy] | None = None,
    overrides: Mapping[str, Any] | None = None,
    folder: Path | str | None = None,
    workers: int | None = None,
    on: str | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> SweepResult:
    """Run a job's sweep on this machine, or from here on a cluster.

    ``job``, ``data``, ``strategy``, ``overrides`` and ``folder`` are those of ``run``; of a strategy's instance the
    search starts from its parameters. Points are computed by ``workers`` processes, as many as cores where left out,
    within the limits that the job's ``[sweep]`` sets; in this process, without limits, where prices or a strategy are
    handed over, or ``workers`` is 0. ``on`` is the address of a cluster that computes them instead, such as
    ``dask://host:8786``. ``progress`` hears how many points are done, and of how many. A search that was stopped goes
    on where it was when it is begun again with the same job, files and code, beside the same folder; ``say`` hears of
    it. Raises JobError, DataError, StrategyError or UsageError; nothing is left half written.
    """
    started, begun_at = time.perf_counter(), now()
    say_when_compiling()
    job = job_of(job, overrides, strategy)
    if strategy is not None:
        job, strategy = with_parameters(job, strategy), class_of(strategy)
    if on is not None and (workers is not None or data is not None or strategy is not None):
        raise UsageError("a sweep on a cluster takes prices and strategy from the job's files, and no workers here")
    cluster = None if on is None else cluster_at(on)
    search_of(job)
    job = complete(job)
    opened, handed_over = open_inputs(job, data), strategy
    panel = opened.panel
    files = files_of_job(job, strategy)
    job = with_functions(job, files, strategy).measured_by(panel.layout.year)
    strategy = strategy or load_strategy(job.strategy.use, files)
    search = search_for(job, sessions_of(panel))
    search.source = opened.source
    check_names(search.space, job, strategy)
    if data is not None or handed_over is not None or workers == 0:
        refuse_look_ahead(job, panel, search.space, strategy)
        opening: Opening = partial(InThisProcess, search.computes(panel, strategy))
    else:
        setup = Setup(job, {}, files, search.plan.sessions)
        if cluster is None:
            opening = partial(_pool, setup, opened, workers or os.cpu_count() or 1)
        else:
            opening = partial(cluster, replace(setup, data=files_of(job)))
    by_files = data is None and handed_over is None and folder is not None
    sources = sources_of(job, handed_over)
    ran_job = as_it_ran(job, handed_over, sources)
    read = files_of(ran_job) if data is None else {}
    if folder is not None:
        texts = hashes_of_texts(sources)
        refuse_another(Path(folder), "sweep", ran_job.plain(), texts, partial(hashes_of, read))
    unfinished = Unfinished(search, _place(Path(folder), job, files) if by_files and folder else None, say)
    computed = _computed(search, opening, unfinished)
    counted = None if folder is None else Path(folder).parent / TRIALS_FILE
    trials = Trials(counted, job, strategy, market_of(job, panel))
    with unfinished, closing(computed):
        points = gather(len(search), search.plan, _told(computed, len(search), progress, trials), search.width)
    mode = "local" if on is None else on.partition(":")[0]
    with _folder(folder) as place:
        summary, artifacts = search.conclude(place, panel, strategy, points, trials.family(len(search)))
        job = ran_job
        receipt = receipt_of_sweep(summary, job.plain(), hashes_of_texts(sources), hashes_of(read), made_here())
        ran = Ran(mode, begun_at, time.perf_counter() - started, folder=str(job.folder.resolve()))
        tables = Tables({name: path for name, path in artifacts.items() if name != "summary"})
        if folder is None:
            return SweepResult(new_id(), summary, tables.held(), ran, receipt, market=partial(_panel, opened))
        texts = files_beside_table(place, job, summary, receipt, ran, sources)
        write_together(place, {name: text_file(text) for name, text in texts.items()})
    unfinished.remove()
    return SweepResult(place.name, summary, tables, ran, receipt, place, partial(_panel, opened))


def _panel(opened: Inputs) -> Panel:
    return opened.panel


@contextmanager
def _folder(folder: Path | str | None) -> Iterator[Path]:
    """Where a search puts its files; without one, for as long as it takes to read them into memory."""
    if folder is not None:
        yield Path(folder).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="backbus-") as passing:
        yield Path(passing)


Computed = Generator[tuple[int, Chunk], None, None]


def _place(folder: Path, job: Job, files: Mapping[str, Path]) -> Path:
    """Where what a search has computed is kept until it ends."""
    return folder.parent / FOLDER / f"{name_of(job, hashes_of(files_of(job)), hashes_of(files))}.chunks"


def _computed(search: Search, opening: Opening, unfinished: Unfinished) -> Computed:
    with opening() as cluster:
        while points := search.next():
            figures = np.empty((len(points), len(FIGURES)))
            left, at = [], points.start
            for first, chunk in unfinished.taken(points):
                figures[first - points.start :][: len(chunk.figures)] = chunk.figures
                left.append(range(at, first))
                at = first + len(chunk.figures)
                yield first, chunk
            for gap in filter(None, [*left, range(at, points.stop)]):
                for begin, chunk in cluster.run(len(gap), PointsAfter(search, gap.start)):
                    first = gap.start + begin
                    figures[first - points.start :][: len(chunk.figures)] = chunk.figures
                    unfinished.keep(first, chunk)
                    yield first, chunk
            search.tell(figures)


@contextmanager
def _pool(setup: Setup, opened: Inputs, workers: int) -> Iterator[Pool]:
    """Processes that compute points. Prices that were read from text are handed to them as one file, which they map:
    none of them reads the text again."""
    say_when_workers_compile()
    job = setup.job
    source = opened.source.source if isinstance(opened.source, Framed) else opened.source
    if job.simulator is not None or isinstance(source, MappedSource):
        with Pool(replace(setup, data=files_of(job)), workers) as pool:
            yield pool
        return
    with passing_folder(cache_home() / "panels", "sweep-") as folder:
        path = folder / PANEL_FILE
        write_panel(opened.panel, path, sync=False)
        mapped = job.model_copy(update={"data": job.data.of_panel(PANEL_FILE)})
        with Pool(replace(setup, job=mapped, data={PANEL_FILE: path}), workers) as pool:
            yield pool


def _told(
    chunks: Iterable[tuple[int, Chunk]], points: int, progress: Progress | None, trials: Trials
) -> Iterator[tuple[int, Chunk]]:
    done = 0
    try:
        for first, chunk in chunks:
            done += len(chunk.figures)
            trials.count(done)
            if progress is not None:
                progress(done, points)
            yield first, chunk
    finally:
        if 0 < done < points:  # it was stopped: what it tried counts
            trials.family(done)
