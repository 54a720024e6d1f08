"""Any point of a finished sweep run whole again, or any fold or split: what it was must come again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backbus.api.result import Result
from backbus.api.run import run
from backbus.engine.inputs import Progress
from backbus.errors import BackbusError, DataError, JobError
from backbus.job.job import Job
from backbus.kinds import HEARS, PATH, WHOLE, takes
from backbus.performance.table_files import read_table_file
from backbus.sweep.files import TABLE_FILE
from backbus.sweep.results import load_summary, points_summary, values_of
from backbus.sweep.search import cross_validation, walk_forward
from backbus.sweep.space.space import point_job


@takes(sweep=PATH, point=WHOLE, folder=PATH, progress=HEARS)
def rerun(
    sweep: Path | str, point: int | None = None, *, folder: Path | str | None = None, progress: Progress | None = None
) -> Result:
    """Run one point of a finished sweep whole, the best where none is named; its row of the table must come again.

    ``sweep`` is the sweep's folder, ``folder`` that of the run, which is in memory without one. BackbusError where the
    run differs from the row: the code or the data is another.
    """
    sweep = Path(sweep)
    summary = points_summary(sweep)
    if point is None:
        if summary["best"] is None:
            raise JobError("the sweep has no best point: none has its objective")
        point = int(summary["best"]["point"])
    if not 0 <= point < summary["points"]:
        raise JobError(f"the sweep has points 0 to {summary['points'] - 1}, not {point}")
    job = Job.parse(summary["job"])
    job.come_from(Path(summary["folder"]))
    assert job.sweep is not None
    rows = read_table_file(sweep / TABLE_FILE, "table", filters=[("point", "=", point)]).to_pylist()
    if not rows:
        raise DataError(
            f"has no row of point {point}: it is not whole; run the sweep again", file=str(sweep / TABLE_FILE)
        )
    row = rows[0]
    if row["failure"] is not None:
        raise JobError(f"point {point} failed ({row['failure']}): {row['message']}")
    result = run(point_job(job, values_of(job.sweep, row)), folder=folder, progress=progress)
    told: dict[str, Any] = {"fingerprint": result.fingerprint, **result.metrics}
    differing = [name for name, value in told.items() if row[name] != value]
    if differing:
        raise BackbusError(
            f"point {point} did not come again: {', '.join(differing[:5])} differ from the table; "
            "the strategy, the data or backbus is not what it was"
        )
    return result


@takes(sweep=PATH, number=WHOLE, folder=PATH, progress=HEARS)
def rerun_fold(
    sweep: Path | str, number: int, *, folder: Path | str | None = None, progress: Progress | None = None
) -> Result:
    """Run the test range of a fold whole, as a job of its own; figures and fingerprint of its row must come again."""
    sweep = Path(sweep)
    summary = load_summary(sweep)
    if summary.get("kind") != walk_forward.KIND:
        raise JobError(f"{sweep} holds no walk-forward, and only those have folds")
    folds = summary["folds"]
    if not 0 <= number < len(folds):
        raise JobError(f"the walk-forward has folds 0 to {len(folds) - 1}, not {number}")
    fold = folds[number]
    if fold["failure"] is not None:
        raise JobError(f"fold {number} failed ({fold['failure']}): {fold['message']}")
    job = Job.parse(summary["job"])
    job.come_from(Path(summary["folder"]))
    test = {"data.start": fold["test_start"], "data.end": fold["test_end"]}
    result = run(point_job(job, {**fold["params"], **test}), folder=folder, progress=progress)
    told = {"fingerprint": fold["fingerprint"], **fold["out_of_sample"]}
    again = {"fingerprint": result.fingerprint, **result.metrics}
    differing = [name for name, value in told.items() if again[name] != value]
    if differing:
        raise BackbusError(
            f"fold {number} did not come again: {', '.join(differing[:5])} differ from the table; "
            "the strategy, the data or backbus is not what it was"
        )
    return result


@takes(sweep=PATH, number=WHOLE, group=WHOLE, folder=PATH, progress=HEARS)
def rerun_split(
    sweep: Path | str,
    number: int,
    group: int | None = None,
    *,
    folder: Path | str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run a split's best over one of its test groups, the first where left out; its fingerprint must come again."""
    sweep = Path(sweep)
    summary = load_summary(sweep)
    if summary.get("kind") != cross_validation.KIND:
        raise JobError(f"{sweep} holds no cross-validation, and only those have splits")
    splits = summary["splits"]
    if not 0 <= number < len(splits):
        raise JobError(f"the cross-validation has splits 0 to {len(splits) - 1}, not {number}")
    split = splits[number]
    group = split["test"][0] if group is None else group
    if split["point"] is None:
        raise JobError(f"no point has the objective in the train sessions of split {number}")
    if group not in split["test"]:
        raise JobError(f"split {number} tests groups {', '.join(map(str, split['test']))}, not {group}")
    job = Job.parse(summary["job"])
    job.come_from(Path(summary["folder"]))
    start, end = summary["groups"][group]
    result = run(
        point_job(job, {**split["params"], "data.start": start, "data.end": end}), folder=folder, progress=progress
    )
    if result.fingerprint != split["fingerprints"][split["test"].index(group)]:
        raise BackbusError(
            f"group {group} of split {number} did not come again: the strategy, the data or backbus is not what it was"
        )
    return result
