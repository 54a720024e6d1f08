"""What a run's folder holds beside its tables: the job, the sources that it ran, the receipt, and the report.

``job.toml`` runs again as it lies there: its paths start from the folder, and it takes the sources that are in it.
"""

from __future__ import annotations

import datetime
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from backbus.errors import DataError
from backbus.folders import RUNS
from backbus.job.job import Job
from backbus.json_files import read_object
from backbus.performance.artifacts import REPORT_FILE
from backbus.performance.report import Report
from backbus.runs.library import remove_unfinished
from backbus.runs.receipt import Receipt
from backbus.sweep.files import SUMMARY_FILE, summary_text

JOB_FILE, RECEIPT_FILE, SOURCES = "job.toml", "receipt.json", "source"
_FILES = (("data", "files"), ("data", "database"), ("data", "universe"), ("performance", "risk_free", "file"))
"""Settings that name files."""


@dataclass(frozen=True, config=ConfigDict(strict=True))
class Ran:
    """Where and when a run was computed: of no weight for what came out."""

    mode: str
    """``local``: this process; ``stack``: the members of one; else the kind of cluster, such as ``dask``."""
    begun_at: str
    """ISO 8601, UTC."""
    elapsed_s: float
    attempts: int = 1
    cached: bool = False
    folder: str = ""
    """What the job's relative paths started from."""


def now() -> str:
    """The clock, as ``Ran`` has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def new_id() -> str:
    """A name for a job that was computed here."""
    return uuid.uuid4().hex[:12]


def new_folder() -> Path:
    """Where commands put what they compute; what runs that were killed have left beside it is removed."""
    remove_unfinished(RUNS)
    return RUNS / new_id()


def files_beside_tables(
    folder: Path, job: Job, report: Report, receipt: Receipt, ran: Ran, sources: Mapping[str, str]
) -> dict[str, str]:
    """Texts by their place in a run's folder, the report's last; ``sources`` are the strategy's by name."""
    return {
        **{f"{SOURCES}/{name}": text for name, text in sources.items()},
        JOB_FILE: job_text(job, folder, sources),
        RECEIPT_FILE: receipt.to_json(),
        REPORT_FILE: report_text(report, receipt, ran),
    }


def files_beside_table(
    folder: Path, job: Job, summary: Mapping[str, Any], receipt: Receipt, ran: Ran, sources: Mapping[str, str]
) -> dict[str, str]:
    """The same of a sweep, whose summary is the last."""
    whole = {**summary, "receipt": receipt.hashes(), "ran": asdict(ran)}
    return {
        **{f"{SOURCES}/{name}": text for name, text in sources.items()},
        JOB_FILE: job_text(job, folder, sources),
        RECEIPT_FILE: receipt.to_json(),
        SUMMARY_FILE: summary_text(whole),
    }


def report_text(report: Report, receipt: Receipt, ran: Ran) -> str:
    """The report, with what it was made of."""
    told = report.model_dump(mode="json")
    whole = {**told, "settings": receipt.job, "receipt": receipt.hashes(), "ran": asdict(ran)}
    return json.dumps(whole, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def job_text(job: Job, folder: Path, sources: Mapping[str, str]) -> str:
    """A job as TOML that runs from ``folder``, whose files of the strategy are ``sources``."""
    import tomli_w

    fields = without_nothing(job.plain())
    change_paths(fields, lambda written: _from(folder, job.folder, written))
    if sources:
        _change_uses(fields, lambda use: _beside(use, sources))
    head = f"# {job.name}, as it was resolved: defaults and changed settings are in it. Paths start from this folder.\n"
    if job.reads_files and not any(fields["data"].get(name) for name in ("files", "dataset", "query")):
        head += "# Its bars were handed over from Python: name files of them before it runs from here.\n"
    return f"{head}\n{tomli_w.dumps(fields)}"


def change_paths(fields: dict[str, Any], change: Callable[[str], str]) -> None:
    """Change each path of a file in a job's plain values."""
    for path in _FILES:
        _change(fields, path, change)


def without_nothing(value: Any) -> Any:
    """Plain values without those that are None, which TOML cannot say, or empty: leaving them out says the same."""
    if isinstance(value, dict):
        told = {name: without_nothing(one) for name, one in value.items()}
        return {name: one for name, one in told.items() if one is not None and one not in ({}, [])}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def _change(fields: dict[str, Any], path: tuple[str, ...], change: Any) -> None:
    *tables, last = path
    for name in tables:
        inner = fields.get(name)
        if not isinstance(inner, dict):
            return
        fields = inner
    found = fields.get(last)
    if isinstance(found, str):
        fields[last] = change(found)
    elif isinstance(found, list):
        fields[last] = [change(one) for one in found]


def _from(folder: Path, base: Path, written: str) -> str:
    if Path(written).expanduser().is_absolute():
        return written
    return Path(os.path.relpath(base.resolve() / written, folder.resolve())).as_posix()


def _change_uses(value: Any, change: Any) -> None:
    """Change each ``use``, wherever a job names one."""
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _change_uses(one, change)
    if isinstance(value, dict) and isinstance(value.get("use"), str):
        value["use"] = change(value["use"])


def _beside(use: str, sources: Mapping[str, str]) -> str:
    written, parted, name = use.partition(":")
    place = Path(written).name
    return f"{SOURCES}/{place}{parted}{name}" if written.endswith(".py") and place in sources else use


def read_report(folder: Path) -> tuple[Report, dict[str, Any]]:
    """A run's report, and all that its file says. Raises DataError."""
    path = folder / REPORT_FILE
    try:
        said = read_object(path, "the report of a run")
        return Report.model_validate(said), said
    except FileNotFoundError:
        raise DataError("there is no report, so no run ended here", file=str(path)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        problem = f"cannot be read as the report of a run: {where}: {first['msg']}; run the job again"
        raise DataError(problem, file=str(path)) from None
