"""What clients ask for: to submit, show, pause and cancel jobs, and to know how the stack is."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backbus.errors import JobError, StackError
from backbus.job.job import Job
from backbus.services.orchestrator.runs.shell import Runs
from backbus.services.orchestrator.store import ENDED, Store
from backbus.services.orchestrator.submission import family_of, job_key, points_of
from backbus.services.orchestrator.sweeps.shell import Sweeps
from backbus.settings import Settings
from backbus.streams.topology import PERFORMANCE
from backbus.transport import control as c
from backbus.transport.blobs import BlobFolder


@dataclass
class Asking:
    """A client that waits for a job to end."""

    identity: bytes
    request: str
    until: float


class Requests:
    """The requests of one orchestrator's clients."""

    def __init__(
        self,
        store: Store,
        blobs: BlobFolder,
        settings: Settings,
        runs: Runs,
        sweeps: Sweeps,
        send: Callable[[bytes, c.Message], None],
        log: Any,
    ) -> None:
        self._store, self._blobs, self._settings = store, blobs, settings
        self._runs, self._sweeps = runs, sweeps
        self._send, self._log = send, log
        self._asking: dict[str, list[Asking]] = {}

    def answer(self, sender: bytes, request: Any) -> None:
        """Do what a client asks, and answer; who waits for a job to end is answered later."""
        value: Any = None
        match request:
            case c.Submit():
                value = self._submit(request)
            case c.Jobs():
                value = {"jobs": [self._listed(row) for row in self._store.latest(request.limit)]}
            case c.Show():
                value = self._show(self._known(request.job))
                if request.wait_s > 0 and value["state"] not in ENDED:
                    until = time.monotonic() + request.wait_s
                    self._asking.setdefault(value["job"], []).append(Asking(sender, request.id, until))
                    return
            case c.Cancel():
                value = self._cancel(request.job)
            case c.Pause() | c.Resume():
                value = self._pause(request.job, request.kind == "PAUSE")
        self._send(sender, c.Ok(id=request.id, value=value))

    # --- jobs ------------------------------------------------------------------------------------------------------

    def take_up(self, row: dict[str, Any], job: Job) -> None:
        """Have a job of the store worked on."""
        self._machine(row).take_up(row, job)

    def _machine(self, row: dict[str, Any]) -> Runs | Sweeps:
        return self._runs if row["points"] is None else self._sweeps

    def _submit(self, request: c.Submit) -> dict[str, Any]:
        known = self._store.by_submission(request.submission)
        if known is not None:
            return {"job": known["id"], "state": known["state"], "cached": known["cached"]}
        job = Job.parse(request.job)
        data, fields = request.data, request.job
        if job.data.dataset is not None and not data:
            data = self._dataset(job.data.dataset)
            from backbus.data.catalog.catalog import Catalog

            job = job.on_calendar(Catalog(self._settings.datasets).calendar(job.data.dataset))
            fields = job.plain()
        self._require_inputs(job, data, request.strategy)
        points = points_of(job)
        key = job_key(job, data, request.strategy)
        answer = None if request.fresh else self._store.done_with_key(key)
        job_id = hashlib.blake2b(request.submission.encode(), digest_size=6).hexdigest()
        self._store.add(
            job_id=job_id,
            submission=request.submission,
            name=job.name,
            key=key,
            job=fields,
            data=data,
            strategy=request.strategy,
            answer=answer,
            points=points,
            family=family_of(job, data),
        )
        self._log.info("accepted", job=job_id, name=job.name, cached=answer is not None)
        if answer is None:
            self.take_up(self._row(job_id), job)
        return {"job": job_id, "state": "queued" if answer is None else "done", "cached": answer is not None}

    def _dataset(self, dataset: str) -> dict[str, str]:
        """A dataset of this machine's catalog, for who submits a job with its name alone."""
        blobs = {}
        from backbus.data.catalog.catalog import Catalog

        for name, path in Catalog(self._settings.datasets).file(dataset).items():
            blobs[name] = path.stem
            self._blobs.take(path.stem, path)
        return blobs

    def _require_inputs(self, job: Job, data: dict[str, str], strategy: dict[str, str]) -> None:
        inputs = {**data, **{f"strategy/{name}": blob for name, blob in strategy.items()}}
        missing = [name for name, blob in inputs.items() if not self._blobs.has(blob)]
        if missing:
            raise StackError(f"inputs were not uploaded: {', '.join(missing[:5])}")
        if not data and job.reads_files:
            if job.data.query is not None:
                raise JobError("is run by the client that submits it, never here: upload its rows", field="data.query")
            raise JobError("a job needs prices; name files", field="data.files")

    def _known(self, name: str) -> dict[str, Any]:
        """The job that has this id, or whose id alone begins so."""
        found = self._store.find(name)
        if name in found:
            return self._row(name)
        if len(found) != 1:
            problem = "several jobs' ids begin with" if found else "there is no job"
            raise JobError(f"{problem} {name!r}; backbus jobs lists them")
        return self._row(found[0])

    def _row(self, job_id: str) -> dict[str, Any]:
        row = self._store.job(job_id)
        assert row is not None
        return row

    def _show(self, row: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {"job": row["id"]}
        for field in ("name", "state", "cached", "error", "traceback", "report", "artifacts", "created_at", "ended_at"):
            shown[field] = row[field]
        for field in ("attempts", "points", "paused", "data", "strategy"):
            shown[field] = row[field]
        shown["settings"] = row["job"]
        return shown | self._machine(row).shown(row)

    def _listed(self, row: dict[str, Any]) -> dict[str, Any]:
        """A job as a list has it, with how far it is while it is worked on."""
        shown = self._machine(row).shown(row) if row["state"] == "running" else {}
        progress = shown.get("progress")
        listed = {"job": row["id"], **{field: value for field, value in row.items() if field != "id"}}
        if progress is None:
            return {**listed, "progress": None}
        done = progress["rows"].get(PERFORMANCE, 0) if row["points"] is None else progress["done"]
        return {**listed, "progress": {"done": done, "of": progress["of"]}}

    def _pause(self, name: str, paused: bool) -> dict[str, Any]:
        row = self._known(name)
        if row["points"] is None:
            raise JobError(f"{row['id']} is a single run, and only sweeps can be paused; cancel it, or let it end")
        if row["state"] not in ENDED:
            self._sweeps.pause(row["id"], paused)
        return {"job": row["id"], "state": row["state"], "paused": paused}

    def _cancel(self, name: str) -> dict[str, Any]:
        row = self._known(name)
        self._machine(row).cancel(row["id"])
        return {"job": row["id"], "state": self._row(row["id"])["state"]}

    # --- clients that wait -----------------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Time has passed: who has waited as long as he wanted is told how far his job is."""
        for job_id, asking in list(self._asking.items()):
            due = [one for one in asking if one.until <= now]
            self._asking[job_id] = [one for one in asking if one.until > now]
            if not self._asking[job_id]:
                del self._asking[job_id]
            self._tell(due, job_id)

    def over(self, job_id: str) -> None:
        """A job has ended: who waits for it is told."""
        self._tell(self._asking.pop(job_id, []), job_id)

    def _tell(self, asking: list[Asking], job_id: str) -> None:
        if asking:
            value = self._show(self._row(job_id))
            for one in asking:
                self._send(one.identity, c.Ok(id=one.request, value=value))
