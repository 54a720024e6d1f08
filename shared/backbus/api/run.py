"""``run``: a job in this process, from its files to its report, without a stack."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.api.result import Result
from backbus.engine.inputs import Progress, complete, files_of, load_inputs
from backbus.job.job import Job
from backbus.runs.folder import Ran, files_beside_tables, now
from backbus.runs.hashes import hashes_of
from backbus.runs.receipt import made_here, receipt_of_run
from backbus.runs.sources import as_it_ran, hashes_of_texts, sources_of
from backbus.settings import RUNS

if TYPE_CHECKING:
    from backbus.strategy import Strategy


def run(
    job: Job | Mapping[str, Any] | str | Path,
    data: Any = None,
    *,
    strategy: Strategy | None = None,
    folder: Path | None = None,
    keep: bool = True,
    progress: Progress | None = None,
) -> Result:
    """Run a job in this process.

    ``job`` is a Job, a mapping of its fields, or the path of its file. ``data`` stands for ``data.files``: a Panel, a
    pandas frame (open, high, low, close, volume by time) or frames by symbol. ``strategy`` stands for ``strategy.use``.
    Artifacts are written to ``folder`` (``var/runs/<job>``) unless ``keep`` is False.
    Raises JobError, DataError or StrategyError; nothing is left half written.
    """
    from backbus.engine.run import Engine
    from backbus.performance.artifacts import ArtifactWriter

    started, begun_at = time.perf_counter(), now()
    if isinstance(job, str | Path):
        job = Job.load(job)
    elif not isinstance(job, Job):
        job = Job.parse(job)
    job = complete(job)
    handed_over = strategy
    job, inputs, strategy = load_inputs(job, data, strategy)
    source = inputs.source
    job_id = uuid.uuid4().hex[:12]
    rows = len(source)

    def tell(done: int) -> None:
        inputs.release(done)
        if progress is not None:
            progress(done, rows)

    if not keep:
        report = Engine(job, source, strategy).run(tell)
        return Result(job_id, report, {}, Ran("local", begun_at, time.perf_counter() - started))
    folder = folder if folder is not None else RUNS / job_id
    ours = not folder.exists()
    try:
        with ArtifactWriter(folder, source.layout.symbols) as writer, ThreadPoolExecutor(1) as beside:
            read = beside.submit(hashes_of, {} if data is not None else files_of(job))
            engine = Engine(job, source, strategy, sink=writer.write)
            report = engine.run(tell)
            sources = sources_of(job, handed_over)
            job = as_it_ran(job, handed_over, sources)
            receipt = receipt_of_run(
                report, engine.marks, job.plain(), hashes_of_texts(sources), read.result(), made_here()
            )
            ran = Ran("local", begun_at, time.perf_counter() - started, folder=str(job.folder.resolve()))
            artifacts = writer.close(report, files_beside_tables(folder, job, report, receipt, ran, sources))
    except BaseException:
        if ours and folder.is_dir():
            folder.rmdir()
        raise
    return Result(job_id, report, artifacts, ran, receipt)
