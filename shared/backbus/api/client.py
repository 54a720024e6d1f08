"""The way to a running stack: submit a job with all that it needs, watch it, fetch what came of it.

Everything travels over the one connection to the orchestrator, by hash and in parts; no folder is shared. A
submission carries the client's own id, so that asking again after a lost answer does not submit twice.
"""

from __future__ import annotations

import datetime
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq
from pydantic import TypeAdapter, ValidationError

from backbus.api.arguments import AnyJob, from_its_file, job_of
from backbus.engine.inputs import PANEL_FILE, as_panel, complete, files_of
from backbus.errors import JobFailed, StackError, UsageError
from backbus.job.job import Job
from backbus.kinds import HEARS_OF_JOB, NUMBER, PATH, WHOLE, ArgumentKind, an, takes
from backbus.runs.tables import Tables
from backbus.settings import Settings
from backbus.streams.codec import Name
from backbus.together import text_file, write_together
from backbus.transport import control as c
from backbus.transport.blobs import BlobFolder, hash_of_file
from backbus.transport.request import Requester

if TYPE_CHECKING:
    from backbus.api.result import Result
    from backbus.api.sweep_result import SweepResult
    from backbus.strategy import Strategy

ENDED = ("done", "failed", "cancelled")
LOOK_EVERY_S = 1.0
LIMIT = ArgumentKind("a whole number from 1 to 10000", lambda one: WHOLE.fits(one) and 1 <= one <= 10_000)
WAIT = ArgumentKind("a number of seconds from 0 to 60", lambda one: NUMBER.fits(one) and 0.0 <= one <= 60.0)
SHOWN = ArgumentKind(
    "what wait(…) or show(…) has given of a job",
    lambda one: isinstance(one, Mapping) and {"job", "state"} <= one.keys(),
)


class Client:
    """A connection to an orchestrator. Use it in one thread, and close it or use ``with``."""

    @takes(settings=an("Settings", "the addresses and keys of a stack: Settings(…)"), timeout_s=NUMBER)
    def __init__(self, settings: Settings | None = None, *, timeout_s: float = 10.0) -> None:
        self._settings = settings or Settings()
        self._context: zmq.Context[Any] = zmq.Context()
        self._requester = Requester(self._context, self._settings, timeout_s=timeout_s, waits=False)

    def __repr__(self) -> str:
        return f"<Client of {self._settings.orchestrator}>"

    def close(self) -> None:
        """End the connection."""
        self._requester.close()
        self._context.term()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- asking ----------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Epoch, members by role, and how many jobs are in each state."""
        value: dict[str, Any] = self._requester.ask(c.Status())
        return value

    @takes(limit=LIMIT)
    def jobs(self, limit: int = 50) -> list[dict[str, Any]]:
        """The latest jobs, newest first."""
        jobs: list[dict[str, Any]] = self._requester.ask(c.Jobs(limit=limit))["jobs"]
        return jobs

    @takes(wait_s=WAIT)
    def show(self, job: str, *, wait_s: float = 0.0) -> dict[str, Any]:
        """One job; with ``wait_s``, answered when it ends or when that time is over."""
        value: dict[str, Any] = self._requester.ask(c.Show(job=_id(job), wait_s=wait_s), patience_s=wait_s)
        return value

    def cancel(self, job: str) -> dict[str, Any]:
        """End a job that has not ended; returns its id and state."""
        value: dict[str, Any] = self._requester.ask(c.Cancel(job=_id(job)))
        return value

    def pause(self, job: str) -> dict[str, Any]:
        """Lease no more points of a sweep; returns its id, state and whether it is paused."""
        value: dict[str, Any] = self._requester.ask(c.Pause(job=_id(job)))
        return value

    def resume(self, job: str) -> dict[str, Any]:
        """Go on with a sweep that was paused."""
        value: dict[str, Any] = self._requester.ask(c.Resume(job=_id(job)))
        return value

    # --- submitting ------------------------------------------------------------------------------------------------

    def submit(
        self,
        job: AnyJob,
        data: Any = None,
        *,
        strategy: Strategy | type[Strategy] | None = None,
        overrides: Mapping[str, Any] | None = None,
        fresh: bool = False,
    ) -> dict[str, Any]:
        """Upload what the job needs and submit it; returns ``{"job", "state", "cached"}``.

        ``job``, ``data``, ``strategy`` and ``overrides`` are those of ``run``; a strategy that is handed over is of a
        file, which travels. The strategy is loaded here first, so that a wrong parameter is told before anything
        travels. Raises JobError, StrategyError, StackError.
        """
        from backbus.models.loading import files_of_job, with_functions
        from backbus.strategy import load_strategy, make_strategy

        job = job_of(job, overrides, strategy)
        if strategy is not None:
            job = from_its_file(job, strategy)
        files = files_of_job(job)
        found = load_strategy(job.strategy.use, files)
        with_functions(job, files)
        if job.sweep is None:
            make_strategy(found, job.strategy.params)
        else:
            from backbus.sweep.space.checking import check_names
            from backbus.sweep.space.space import Space

            check_names(Space(job.sweep), job, found)
        uploaded = self._upload(files)
        job = complete(job)
        fields = job.plain()
        if data is None:
            inputs = self._upload(files_of(job))
        else:
            inputs = self._upload_panel(data, job)
            fields["data"] = job.data.of_panel(PANEL_FILE).model_dump(mode="json")
        value: dict[str, Any] = self._requester.ask(
            c.Submit(submission=uuid.uuid4().hex, job=fields, data=inputs, strategy=uploaded, fresh=fresh)
        )
        return value

    def _upload_panel(self, data: Any, job: Job) -> dict[str, str]:
        from backbus.data import write_panel

        with tempfile.TemporaryDirectory(prefix="backbus-") as folder:
            path = Path(folder) / PANEL_FILE
            write_panel(as_panel(data, job), path)
            return self._upload({PANEL_FILE: path})

    def _upload(self, files: Mapping[str, Path]) -> dict[str, str]:
        if not files:
            return {}
        hashes = {name: hash_of_file(path) for name, path in files.items()}
        missing = set(self._requester.ask(c.HaveBlobs(hashes=list(hashes.values())))["missing"])
        for name, path in files.items():
            if hashes[name] in missing:
                self._requester.put(hashes[name], path)
        return hashes

    # --- results ---------------------------------------------------------------------------------------------------

    @takes(progress=HEARS_OF_JOB)
    def wait(self, job: str, progress: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """The job once it has ended; ``progress`` hears of it about once a second. Survives a restarted stack."""
        silent_since: float | None = None
        while True:
            try:
                shown = self.show(job, wait_s=LOOK_EVERY_S)
                silent_since = None
            except StackError:
                # An orchestrator that was killed is back soon, and has kept the job.
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > 60.0:
                    raise
                continue
            if progress is not None:
                progress(shown)
            if shown["state"] in ENDED:
                return shown

    @takes(shown=SHOWN, folder=PATH, elapsed_s=NUMBER, job_folder=PATH)
    def result(
        self,
        shown: dict[str, Any],
        *,
        folder: Path | str | None = None,
        elapsed_s: float = 0.0,
        job_folder: Path | None = None,
    ) -> Result | SweepResult:
        """The result of an ended job, its artifacts downloaded to ``folder``, or into memory without one; a sweep has
        a ``SweepResult``.

        ``job_folder`` is what the paths of a sweep's job start from when one of its points is run again; the current
        folder, where left out. Raises JobFailed where there is no result, UsageError where the folder holds another.
        """
        if folder is not None:
            return self._result(shown, Path(folder).resolve(), elapsed_s, job_folder)
        with tempfile.TemporaryDirectory(prefix="backbus-") as passing:
            found = self._result(shown, Path(passing) / shown["job"], elapsed_s, job_folder)
            return replace(found, tables=found.tables.held(), folder=None)

    def _result(
        self, shown: dict[str, Any], folder: Path, elapsed_s: float, job_folder: Path | None
    ) -> Result | SweepResult:
        from backbus.api.result import Result
        from backbus.runs.folder import Ran, files_beside_table, files_beside_tables
        from backbus.runs.receipt import MadeWith, receipt_of_run, receipt_of_sweep
        from backbus.runs.replacing import refuse_unlike

        if shown["state"] != "done":
            text = f"job {shown['job']} {shown['state']}: {shown['error']}"
            if shown.get("traceback"):
                text += f"\n{shown['traceback']}"
            raise JobFailed(text.rstrip())
        told = dict(shown["report"])
        made_with = told.pop("made_with", None)
        if made_with is None:
            raise StackError("the stack does not say with what it computed this: it is of before; submit the job again")
        made = MadeWith.model_validate(made_with)
        begun_at = datetime.datetime.fromtimestamp(shown["created_at"], datetime.UTC).isoformat(timespec="milliseconds")
        home = (job_folder or Path()).resolve()
        ran = Ran("stack", begun_at, elapsed_s, len(shown["attempts"]), shown["cached"], str(home))
        job = Job.parse(shown["settings"])
        job.come_from(home)
        of = shown["settings"], shown["strategy"], shown["data"]
        if shown["points"] is not None:
            from backbus.api.sweep_result import SweepResult

            summary = {**told, "folder": str(home)}
            receipt = receipt_of_sweep(summary, *of, made)
            refuse_unlike(folder, receipt)
            artifacts = self._download(shown["artifacts"], folder)
            sources = self._texts(shown["strategy"], folder)
            _write(folder, files_beside_table(folder, job, summary, receipt, ran, sources))
            (_, table), *others = artifacts.items()
            return SweepResult(shown["job"], summary, Tables({"table": table, **dict(others)}), ran, receipt, folder)
        from backbus.performance.marks import Marks
        from backbus.performance.report import Report
        from backbus.runs.sources import with_parameters_told

        market = told.pop("market", None)
        job = with_parameters_told(job, told.pop("parameters", None))
        fields = {**shown["settings"], "strategy": job.plain()["strategy"]}
        report = Report.model_validate(told)
        receipt = receipt_of_run(
            report, None if market is None else Marks.model_validate(market), fields, *of[1:], made
        )
        refuse_unlike(folder, receipt)
        artifacts = self._download(shown["artifacts"], folder)
        sources = self._texts(shown["strategy"], folder)
        _write(folder, files_beside_tables(folder, job, report, receipt, ran, sources))
        tables = Tables({name: path for name, path in artifacts.items() if path.suffix == ".parquet"})
        return Result(shown["job"], report, tables, ran, receipt, folder)

    def _texts(self, blobs: Mapping[str, str], folder: Path) -> dict[str, str]:
        arriving = BlobFolder(folder / ".arriving")
        try:
            fetched = {name: self._requester.fetch(blob, arriving) for name, blob in blobs.items()}
            return {name: path.read_text(encoding="utf-8") for name, path in fetched.items()}
        finally:
            shutil.rmtree(arriving.folder, ignore_errors=True)

    def _download(self, blobs: Mapping[str, str], folder: Path) -> dict[str, Path]:
        folder.mkdir(parents=True, exist_ok=True)
        arriving = BlobFolder(folder / ".arriving")
        artifacts: dict[str, Path] = {}
        for name, blob in blobs.items():
            if Path(name).name != name or not name.strip("."):
                raise StackError(f"artifact {name!r} is not the name of a file")
            path = folder / name
            if not (path.is_file() and hash_of_file(path) == blob):
                self._requester.fetch(blob, arriving).replace(path)
            artifacts[path.stem] = path
        shutil.rmtree(arriving.folder, ignore_errors=True)
        return artifacts

    @takes(folder=PATH, progress=HEARS_OF_JOB)
    def run(
        self,
        job: AnyJob,
        data: Any = None,
        *,
        strategy: Strategy | type[Strategy] | None = None,
        overrides: Mapping[str, Any] | None = None,
        fresh: bool = False,
        folder: Path | str | None = None,
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> Result | SweepResult:
        """Submit, wait, download: to ``folder``, or without one into memory."""
        started = time.perf_counter()
        job = job_of(job, overrides, strategy)
        submitted = self.submit(job, data, strategy=strategy, fresh=fresh)
        shown = self.wait(submitted["job"], progress)
        elapsed_s = time.perf_counter() - started
        return self.result(shown, folder=folder, elapsed_s=elapsed_s, job_folder=job.folder)


def _id(job: str) -> str:
    """What was given as a job's id. Raises UsageError for what can be none."""
    try:
        return _NAME.validate_python(job)
    except ValidationError:
        raise UsageError(
            f"{job!r} is no id of a job, which has letters, digits, _, . and - alone, and there is no run here of that "
            "name; `backbus runs` lists the runs of this folder, `backbus jobs` those of the stack"
        ) from None


_NAME: TypeAdapter[str] = TypeAdapter(Name)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    write_together(folder, {place: text_file(text) for place, text in texts.items()})
