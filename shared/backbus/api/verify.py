"""``verify``: run again what a receipt tells of, and say whether the same comes out, or what differs first."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbus.engine.inputs import Progress, inputs_of
from backbus.errors import DataError, UsageError
from backbus.folders import RUNS
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.performance.artifacts import REPORT_FILE, ArtifactWriter
from backbus.performance.marks import Marks, differing
from backbus.performance.report import Report
from backbus.runs.differences import (
    RunDifference,
    bar_told,
    files_apart,
    first_row_apart,
    reports_apart,
    settings_apart,
    versions_apart,
)
from backbus.runs.embedded import PAGE, RECEIPT_ID, SOURCE_ID, embedded, put_sources
from backbus.runs.finding import FoundFiles, find_files
from backbus.runs.folder import RECEIPT_FILE, SOURCES, read_report
from backbus.runs.hashes import hashes_of
from backbus.runs.library import kept_runs
from backbus.runs.receipt import Receipt, job_hash, made_here
from backbus.runs.trust import ran_here
from backbus.settings import Settings

THEN_AND_NOW = ("then", "now")


@dataclass(frozen=True)
class Verified:
    """What came of it."""

    receipt: Receipt
    fingerprint: str
    """That of the run that was made now."""
    differences: tuple[RunDifference, ...]
    """In the order in which they matter: what is damaged or was changed in the files of the run, backbus, sources,
    data, the first bar, the first fill, figures of its report; empty where all is the same."""

    @property
    def same(self) -> bool:
        """Whether the same came out of the same: another backbus alone does not matter if its answer is the same."""
        return self.came_again and all(one.of == "backbus" for one in self.differences)

    @property
    def came_again(self) -> bool:
        """Whether the same came out."""
        return self.fingerprint == self.receipt.fingerprint

    def plain(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "same": self.same,
            "came_again": self.came_again,
            "name": self.receipt.name,
            "fingerprint": self.fingerprint,
            "told": self.receipt.fingerprint,
            "differences": [{**one._asdict(), "told": one.told(*THEN_AND_NOW)} for one in self.differences],
        }


def verify(
    place: Path,
    *,
    data: Path | None = None,
    strategy: Path | None = None,
    trust: bool = False,
    progress: Progress | None = None,
) -> Verified:
    """Run again what the receipt of a run tells of. ``place`` is the run's folder, its ``receipt.json``, or a report
    (HTML) that holds one.

    Prices and the strategy are found by their hashes: where the job names them from here or from where it ran, in the
    catalog, under ``data`` and ``strategy``. Sources that may have been sent are run only where they are ``trust``ed:
    those beside the receipt or in the report, and, of a run that is none of those in ``var/runs``, all that are neither
    under ``strategy`` nor, with the same bytes, below the current folder while the receipt lies elsewhere. Raises
    DataError for a receipt that cannot be read and files that are missing; JobError, StrategyError.
    """
    with tempfile.TemporaryDirectory(prefix="backbus-verify-") as passing:
        folder, receipt = _opened(place, Path(passing))
        return _verify(place, folder, receipt, data, strategy, trust, progress)


def _verify(
    place: Path,
    folder: Path,
    receipt: Receipt,
    data: Path | None,
    strategy: Path | None,
    trust: bool,
    progress: Progress | None,
) -> Verified:
    from backbus.engine.run import Engine
    from backbus.models.loading import with_functions
    from backbus.strategy import load_strategy, make_strategy

    if receipt.kind != "run":
        raise UsageError(f"{place} is of a {receipt.kind}; verify runs single runs again, and rerun a sweep's points")
    said, damaged = _report_of(folder)
    found = [*damaged, *settings_apart(receipt.job, said.get("settings", receipt.job))]
    job = Job.parse(receipt.job)
    bases = [Path(), *_home(said)]
    prices = _prices(receipt, bases, data)
    sources = _sources(receipt, place, folder, bases, strategy, trust)
    found += versions_apart(receipt, receipt.model_copy(update=made_here().model_dump()))
    found += files_apart("strategy", receipt.strategy, {**receipt.strategy, **hashes_of(sources.changed)})
    found += files_apart("data", receipt.data, {**receipt.data, **hashes_of(prices.changed)})
    files = {**sources.same, **sources.changed}
    made = make_strategy(load_strategy(job.strategy.use, files), job.strategy.params)
    job = with_functions(job, files)
    inputs = inputs_of(job, {**prices.same, **prices.changed})
    source = inputs.source

    def tell(done: int) -> None:
        if progress is not None:
            progress(done, len(source))

    with tempfile.TemporaryDirectory(prefix="backbus-verify-") as again:
        with ArtifactWriter(Path(again), source.layout.symbols) as writer:
            engine = Engine(job, source, made, sink=writer.write)
            report = engine.run(tell)
            writer.close(report)
        found += _bars_apart(receipt, report, engine.marks, inputs.panel)
        if report.fingerprint != receipt.fingerprint and (folder / "fills.parquet").is_file():
            fill = first_row_apart("fills", folder, Path(again))
            found += [] if fill is None else [fill]
    if report.fingerprint == receipt.fingerprint and all(one.of != "backbus" for one in found):
        found += reports_apart(said, report.model_dump(mode="json"))
    return Verified(receipt, report.fingerprint, tuple(found))


def _opened(place: Path, passing: Path) -> tuple[Path, Receipt]:
    """The folder that a receipt is of, and the receipt. A report's sources are put into a folder that passes, unless
    the run that it is of lies here."""
    if place.is_dir():
        return place, read_receipt(place / RECEIPT_FILE)
    receipt = read_receipt(place)
    if place.suffix != PAGE:
        return place.parent, receipt
    kept = next((run.folder for run in kept_runs(RUNS) if run.fingerprint == receipt.fingerprint), None)
    if kept is not None and read_receipt(kept / RECEIPT_FILE) == receipt:
        return kept, receipt
    sources = embedded(_text(place), SOURCE_ID)
    if sources is not None:
        put_sources(passing, sources, receipt.strategy, str(place))
    return passing, receipt


def read_receipt(path: Path) -> Receipt:
    """A receipt: its file, or the one in a report. Raises DataError."""
    text = _text(path)
    if path.suffix == PAGE:
        found = embedded(text, RECEIPT_ID)
        if found is None:
            problem = "holds no receipt: it is no report of this backbus, or was cut; write it again"
            raise DataError(problem, file=str(path))
        text = found
    return _receipt_of(text, path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError("there is no receipt; runs of before had none: run the job again", file=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", file=str(path)) from None


def _receipt_of(text: str, path: Path) -> Receipt:
    try:
        receipt = Receipt.model_validate_json(text)
    except ValueError as error:
        problem = f"is no receipt that this backbus reads ({str(error).splitlines()[0]}); run the job again"
        raise DataError(problem, file=str(path)) from None
    if receipt.job_hash != job_hash(receipt.job):
        raise DataError("its job is not the one that its hash is of: it was changed after the run", file=str(path))
    return receipt


def _report_of(folder: Path) -> tuple[dict[str, Any], list[RunDifference]]:
    """What the report in a run's folder says, and that it is damaged where it cannot be read; nothing where a receipt
    lies alone."""
    if not (folder / REPORT_FILE).exists():
        return {}, []
    try:
        return read_report(folder)[1], []
    except DataError as error:
        return {}, [RunDifference("damaged", REPORT_FILE, None, str(error))]


def _home(said: Mapping[str, Any]) -> list[Path]:
    """Where the job's paths started from, if the run's report says."""
    ran = said.get("ran")
    home = ran.get("folder") if isinstance(ran, dict) else None
    return [Path(home)] if isinstance(home, str) and home else []


def _prices(receipt: Receipt, bases: list[Path], data: Path | None) -> FoundFiles:
    from backbus.data import Catalog

    job = Job.parse(receipt.job)
    if not job.data.files and not receipt.data and receipt.market is not None:
        if job.reads_files:
            raise DataError(
                "its bars were handed over from Python, and nothing says where they are: run it again from there, and"
                " compare fingerprints"
            )
    catalog = Catalog(Settings().datasets)
    objects = {blob: catalog.object(blob) for blob in receipt.data.values()}
    found = find_files(receipt.data, bases, [] if data is None else [data], objects)
    if found.missing:
        raise DataError(f"cannot find {', '.join(found.missing)}: name the folder that has them by --data")
    return found


def _sources(
    receipt: Receipt, place: Path, folder: Path, bases: list[Path], strategy: Path | None, trust: bool
) -> FoundFiles:
    """The files of the strategy. Of a run of somewhere else those only that the user names, or has in the folder where
    it is asked for: nothing that may have come with the receipt is run, nor anything else to which it leads."""
    if not receipt.strategy:
        return FoundFiles({}, {}, ())
    use = Path(str(receipt.job["strategy"]["use"]).partition(":")[0]).parent
    named = [] if strategy is None else [strategy]
    all_ = find_files(receipt.strategy, [base / use for base in bases], named, {})
    if trust or ran_here(folder):
        found = all_
    else:
        found = find_files(receipt.strategy, [], named, {}, _came_along(place, strategy))
        if _is_users(use, place):
            found = _and(found, find_files(receipt.strategy, [use], [], {}).same)
    if not found.missing and not found.changed:
        return found
    beside = folder / SOURCES
    kept = find_files(receipt.strategy, [beside], [], {})
    names = ", ".join(dict.fromkeys((*found.missing, *found.changed)))
    if not kept.missing and trust:
        return kept
    if not kept.missing:
        raise UsageError(
            f"{names} is not as it was anywhere but in {beside}: look at it, and run it with --trust, or name the"
            " folder that has it by --strategy"
        )
    if not found.missing:
        return found
    if all_.same.keys() >= set(found.missing):
        where = ", ".join(str(all_.same[name]) for name in found.missing)
        raise UsageError(
            f"{where} may have come with the receipt: look at it, and run it with --trust, or name the folder of your"
            " own by --strategy"
        )
    raise DataError(f"cannot find {', '.join(found.missing)}: name the folder that has it by --strategy")


def _came_along(place: Path, named: Path | None) -> Path | None:
    """The folder in which a run or a receipt lies, where the folder that the user names is one around it: who names
    his own sources does not mean those that were sent."""
    folder = (place if place.is_dir() else place.parent).resolve()
    return None if named is None or named.resolve().is_relative_to(folder) else folder


def _is_users(use: Path, place: Path) -> bool:
    """Whether a path below the current folder is the user's own: the receipt has come to another place."""
    here = Path.cwd()
    inside = not use.is_absolute() and (here / use).resolve().is_relative_to(here)
    return inside and not place.resolve().is_relative_to(here)


def _and(found: FoundFiles, more: dict[str, Path]) -> FoundFiles:
    same = {**more, **found.same}
    changed = {name: path for name, path in found.changed.items() if name not in same}
    return FoundFiles(same, changed, tuple(name for name in found.missing if name not in same))


def _bars_apart(receipt: Receipt, report: Report, marks: Marks | None, panel: Panel) -> list[RunDifference]:
    if receipt.market is None or marks is None:
        return []
    if receipt.symbols != report.symbols:
        return [RunDifference("data", "symbols", ", ".join(receipt.symbols), ", ".join(report.symbols))]
    apart = differing(receipt.market, marks)
    if apart is None:
        return []
    if apart.first >= len(panel):
        return [RunDifference("data", "rows", receipt.market.rows, marks.rows)]
    row = panel.block.rows(apart.first, apart.first + 1)
    now = bar_told(row, report.symbols, apart.assets)
    last = min(apart.stop, len(panel)) - 1
    where = f"row {apart.first}" if last <= apart.first else f"rows {apart.first} to {last}"
    return [RunDifference("bar", where, None, now)]
