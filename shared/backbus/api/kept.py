"""A run that lies in a folder, as the result that it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.api.result import Result
from backbus.api.sweep_result import SweepResult
from backbus.api.verify import read_receipt
from backbus.errors import DataError
from backbus.kinds import PATH, takes
from backbus.performance.artifacts import REPORT_FILE
from backbus.performance.tables import TABLES
from backbus.runs.folder import JOB_FILE, RECEIPT_FILE, Ran, read_report
from backbus.runs.library import kept_run
from backbus.runs.receipt import Receipt
from backbus.runs.tables import Tables
from backbus.runs.trust import ran_here
from backbus.sweep.files import SUMMARY_FILE, TABLE_FILE
from backbus.sweep.results import load_summary
from backbus.sweep.search.cross_validation import SPLITS_FILE
from backbus.sweep.search.walk_forward import FOLDS_FILE

if TYPE_CHECKING:
    from backbus.market.panel import Panel
    from backbus.strategy import Strategy

_OWN = "only those of runs in var/runs are"
MAIN_TABLES = (TABLE_FILE, FOLDS_FILE, SPLITS_FILE)


@takes(folder=PATH)
def read_run(folder: Path | str) -> Result | SweepResult:
    """The result in a folder. Raises DataError where there is none, or none that is whole."""
    folder = Path(folder).resolve()
    if (folder / SUMMARY_FILE).is_file() or (folder / REPORT_FILE).is_file():
        kept_run(folder)  # what the list of runs calls damaged is damaged
    if (folder / SUMMARY_FILE).is_file():
        return _sweep(folder)
    report, said = read_report(folder)
    there = {name: folder / f"{name}.parquet" for name in TABLES if (folder / f"{name}.parquet").is_file()}
    return Result(
        folder.name,
        report,
        Tables(there),
        _ran(said, folder),
        _receipt(folder),
        folder,
        _market(folder),
        _strategy(folder),
    )


def _sweep(folder: Path) -> SweepResult:
    summary = load_summary(folder)
    ran = _ran(summary, folder)
    told = {name: value for name, value in summary.items() if name not in ("ran", "receipt")}
    tables = sorted(folder.glob("*.parquet"))
    table = next((path for path in tables if path.name in MAIN_TABLES), None)
    if table is None:
        raise DataError("has no table beside its summary: it is not whole; run the sweep again", file=str(folder))
    others = {path.stem: path for path in tables if path != table}
    held = Tables({"table": table, **others})
    return SweepResult(folder.name, told, held, ran, _receipt(folder), folder, _market(folder))


def _market(folder: Path) -> Callable[[], Panel]:
    """What reads the bars again, by the job that lies there."""

    def opened() -> Panel:
        from backbus.engine.inputs import complete, open_inputs
        from backbus.job.job import Job

        job = Job.load(folder / JOB_FILE)
        if job.data.query is not None and not ran_here(folder):
            raise DataError(f"a query that may have been sent is not made: {_OWN}", file=str(folder / JOB_FILE))
        return open_inputs(complete(job)).panel

    return opened


def _strategy(folder: Path) -> Callable[[], Strategy]:
    """What makes the strategy again, of the sources that lie there."""

    def made() -> Strategy:
        from backbus.job.job import Job
        from backbus.models.loading import files_of_job
        from backbus.strategy import load_strategy, make_strategy

        job = Job.load(folder / JOB_FILE)
        files = files_of_job(job)
        if files and not ran_here(folder):
            raise DataError(f"sources that may have been sent are not run: {_OWN}")
        return make_strategy(load_strategy(job.strategy.use, files), job.strategy.params)

    return made


def _ran(said: dict[str, Any], folder: Path) -> Ran:
    if "ran" not in said:
        return Ran("local", "", 0.0)  # one of before
    try:
        return Ran(**said["ran"])
    except (TypeError, ValueError):
        raise DataError("does not say when and where it ran; run the job again", file=str(folder)) from None


def _receipt(folder: Path) -> Receipt | None:
    return read_receipt(folder / RECEIPT_FILE) if (folder / RECEIPT_FILE).is_file() else None
