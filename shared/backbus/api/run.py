"""``run``: a job in this process, from its files to its report, without a stack."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.api.arguments import AnyJob, class_of, job_of
from backbus.api.compiling import say_when_compiling
from backbus.api.result import Result
from backbus.engine.inputs import Inputs, Progress, complete, files_of, load_inputs
from backbus.errors import UsageError
from backbus.job.job import Job
from backbus.kinds import HEARS, PATH, takes
from backbus.performance.tables import TABLES
from backbus.runs.folder import Ran, files_beside_tables, new_id, now
from backbus.runs.hashes import hashes_of
from backbus.runs.receipt import made_here, receipt_of_run
from backbus.runs.replacing import refuse_another, refuse_unlike
from backbus.runs.sources import as_it_ran, hashes_of_texts, parameters_of, sources_of, with_parameters_told
from backbus.runs.tables import Tables
from backbus.together import writing

if TYPE_CHECKING:
    from backbus.engine.run import Engine
    from backbus.market.panel import Panel
    from backbus.performance.report import Report
    from backbus.runs.receipt import Receipt
    from backbus.strategy import Strategy


@takes(folder=PATH, progress=HEARS)
def run(
    job: AnyJob,
    data: Any = None,
    *,
    strategy: Strategy | type[Strategy] | None = None,
    overrides: Mapping[str, Any] | None = None,
    folder: Path | str | None = None,
    tables: bool = True,
    progress: Progress | None = None,
) -> Result:
    """Run a job in this process.

    ``job`` is a Job, a mapping of its fields, or the path of its file; ``overrides`` are values by dotted setting.
    ``data`` stands for ``data.files``: a Panel, a pandas frame (open, high, low, close, volume by time) or frames by
    symbol. ``strategy`` stands for ``strategy.use``: a class, whose parameters the job gives, or an instance.
    Nothing is written, and the tables are in memory, unless a ``folder`` is given, where all files of a run go; one
    that holds another run is refused, and the same run again takes its place. With ``tables=False`` there is the
    summary alone: it takes no more memory however long the market is.
    Raises JobError, DataError, StrategyError or UsageError; nothing is left half written.
    """
    from backbus.engine.run import Engine
    from backbus.performance.arrow import HeldTables
    from backbus.performance.artifacts import ArtifactWriter

    started, begun_at = time.perf_counter(), now()
    say_when_compiling()
    made, handed_over = complete(job_of(job, overrides, strategy)), strategy
    if isinstance(strategy, type):
        from backbus.strategy import make_strategy

        strategy = make_strategy(class_of(strategy), made.strategy.params)
    made, inputs, strategy = load_inputs(made, data, strategy)
    source = inputs.source
    parameters = parameters_of(strategy)

    def tell(done: int) -> None:
        inputs.release(done)
        if progress is not None:
            progress(done, len(source))

    def ran() -> Ran:
        return Ran("local", begun_at, time.perf_counter() - started, folder=str(made.folder.resolve()))

    if not tables:
        if folder is not None:
            raise UsageError("a folder is for the tables of a run: leave out tables=False")
        report = Engine(made, source, strategy).run(tell)
        return Result(new_id(), report, Tables({}), ran(), market=partial(_panel, inputs))
    files = {} if data is not None else files_of(made)
    held = HeldTables(source.layout.symbols)
    with ThreadPoolExecutor(1) as beside:
        if folder is None:
            read = beside.submit(hashes_of, files)
            engine = Engine(made, source, strategy, sink=held.write)
            report = engine.run(tell)
            receipt = _made_of(made, handed_over, parameters, engine, report, read.result())[1]
            there = Tables({name: partial(held.table, name) for name in TABLES})
            return Result(new_id(), report, there, ran(), receipt, None, partial(_panel, inputs), strategy.fresh)
        folder = Path(folder)
        ours = not folder.exists()
        read = beside.submit(hashes_of, files)
        will_be, sources = _told(made, handed_over, parameters)
        refuse_another(folder, "run", will_be.plain(), hashes_of_texts(sources), read.result)
        try:
            with writing(folder), ArtifactWriter(folder, source.layout.symbols) as writer:
                engine = Engine(made, source, strategy, sink=writer.write)
                report = engine.run(tell)
                made, receipt, sources = _made_of(made, handed_over, parameters, engine, report, read.result())
                refuse_unlike(folder, receipt)
                took = ran()
                writer.close(report, files_beside_tables(folder, made, report, receipt, took, sources))
        except BaseException:
            if ours and folder.is_dir():
                folder.rmdir()
            raise
    folder = folder.resolve()
    places = Tables({name: folder / f"{name}.parquet" for name in TABLES})
    return Result(folder.name, report, places, took, receipt, folder, partial(_panel, inputs), strategy.fresh)


def _made_of(
    job: Job,
    handed_over: Strategy | type[Strategy] | None,
    parameters: Mapping[str, Any] | None,
    engine: Engine,
    report: Report,
    data: Mapping[str, str],
) -> tuple[Job, Receipt, dict[str, str]]:
    """The job as it ran, its receipt, and the texts of its strategy."""
    job, sources = _told(job, handed_over, parameters)
    return job, receipt_of_run(report, engine.marks, job.plain(), hashes_of_texts(sources), data, made_here()), sources


def _told(
    job: Job, handed_over: Strategy | type[Strategy] | None, parameters: Mapping[str, Any] | None
) -> tuple[Job, dict[str, str]]:
    """The job as it runs, and the texts of its strategy."""
    sources = sources_of(job, handed_over)
    return with_parameters_told(as_it_ran(job, handed_over, sources), parameters), sources


def _panel(inputs: Inputs) -> Panel:
    return inputs.panel
