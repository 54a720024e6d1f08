"""backbus as an agent in a process of another cluster: files are taken in, points computed by watched children.

The functions are called by name, each with plain values: ``greet``, ``take``, ``compute_points``, ``leave``. Files are
kept by their hashes in the cache folder and checked before they are opened.

A cluster's threads come and go, and take turns with the children of a sweep. A child lives until its sweep is over, or
nobody has asked it for anything for a while.
"""

from __future__ import annotations

import functools
import select
import threading
import time
import traceback
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgpack

from backbus.errors import BackbusError, DataError, JobError, StackError, StrategyError
from backbus.jit.sources import cache_home, identity
from backbus.job.job import Job
from backbus.sweep.workers.pool import LOOK_EVERY_S, Worker
from backbus.sweep.workers.process import Setup
from backbus.sweep.workers.wire import pack_chunk
from backbus.transport.blobs import BlobFolder, hash_of_file

IDLE_S = 60.0
"""How long a child waits for more points of its sweep: an adaptive one thinks between its generations."""

_OPENING, _TAKING = threading.Lock(), threading.Lock()
_SWEEPS: dict[str, _Sweep] = {}
"""By the hash of the specification."""


def greet(blobs: list[str]) -> dict[str, Any]:
    """The identity of this installation, and which of these blobs are not here."""
    try:
        folder = _folder()
        folder.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return {"identity": identity(), "failed": f"cannot keep files in {cache_home()}: {error}; set BACKBUS_CACHE"}
    return {"identity": identity(), "lacking": [blob for blob in blobs if not folder.has(blob)]}


def take(parts: list[tuple[str, int, int, bytes]]) -> str | None:
    """Take some bytes of files; says why where that fails."""
    try:
        folder = _folder()
        with _TAKING:
            for part in parts:
                folder.receive(*part)
    except (OSError, StackError) as error:
        return str(error)
    return None


def compute_points(spec: str, points: bytes) -> bytes:
    """Some points of a sweep, packed by msgpack as a list of maps; ``read_answer`` tells what may come of it."""
    try:
        sweep = _sweep(spec)
        if isinstance(sweep, dict):
            return _packed(sweep)
        worker = sweep.borrow()
        try:
            answer = sweep.computed(worker, msgpack.unpackb(points))
        except BaseException:
            sweep.close(worker)
            raise
        sweep.give_back(worker)
        return answer
    except Exception as error:
        return _failed(error)


def leave(spec: str) -> None:
    """End what a sweep has here. Its files stay for the next one."""
    _folder().path(spec).unlink(missing_ok=True)  # no other sweep has one of this name
    sweep = _SWEEPS.pop(spec, None)
    if sweep is not None:
        sweep.end()


class _Sweep:
    """A sweep in this process: what it needs, and its workers, as many as there were calls at once."""

    def __init__(self, spec: str, setup: Setup) -> None:
        self._spec, self._setup = spec, setup
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._workers = 0
        self._idle: dict[Worker, threading.Timer] = {}
        """Those that nobody has, each until its time is up."""

    def borrow(self) -> Worker:
        """A worker that nobody else has."""
        with self._lock:
            if self._idle:
                worker, timer = self._idle.popitem()
                timer.cancel()
                return worker
        worker = Worker(self._setup)
        with self._lock:
            self._workers += 1
        return worker

    def computed(self, worker: Worker, points: list[dict[str, Any]]) -> bytes:
        """Points by a worker; the answer as ``compute_points`` gives it."""
        while not worker.ready:
            worker.work()
            self._wait(worker)
        started = time.monotonic()
        worker.give(points)
        while (chunk := worker.work()) is None:
            self._wait(worker)
        return _packed({"chunk": pack_chunk(chunk), "took_s": time.monotonic() - started})

    def _wait(self, worker: Worker) -> None:
        if self._over.is_set():
            raise BackbusError("the sweep is over")
        poll = select.poll()
        poll.register(worker.fileno(), select.POLLIN)
        poll.poll(LOOK_EVERY_S * 1000)

    def give_back(self, worker: Worker) -> None:
        """It is free for the next call."""
        with self._lock:
            if not self._over.is_set():
                timer = self._idle[worker] = threading.Timer(IDLE_S, self._dismiss, (worker,))
                timer.daemon = True
                timer.start()
                return
        self.close(worker)

    def _dismiss(self, worker: Worker) -> None:
        with self._lock:
            if self._idle.pop(worker, None) is None:
                return  # somebody has just borrowed it
        self.close(worker)

    def close(self, worker: Worker) -> None:
        """End a worker that nobody has any more; the sweep is forgotten with the last one."""
        worker.close()
        with self._lock:
            self._workers -= 1
            if not self._workers and _SWEEPS.get(self._spec) is self:
                _SWEEPS.pop(self._spec, None)

    def end(self) -> None:
        """End all workers, those at work within a moment."""
        self._over.set()
        with self._lock:
            idle, self._idle = self._idle, {}
        for worker, timer in idle.items():
            timer.cancel()
            self.close(worker)


@functools.cache
def _folder() -> BlobFolder:
    """Shared with all processes of this machine; what this one is still receiving stays apart."""
    return BlobFolder(cache_home() / "blobs", writer=uuid.uuid4().hex)


def _sweep(spec: str) -> _Sweep | dict[str, Any]:
    """The sweep of a specification, opened here once; the answer where it cannot be."""
    with _OPENING:
        sweep = _SWEEPS.get(spec)
        if sweep is not None:
            return sweep
        folder = _folder()
        if not _whole(folder, spec):
            return {"lacking": True}
        plain = msgpack.unpackb(folder.path(spec).read_bytes())
        if plain["identity"] != identity():
            return {"identity": identity()}
        blobs = [blob for kind in ("data", "strategy") for blob in plain[kind].values()]
        if [blob for blob in blobs if not _whole(folder, blob)]:
            return {"lacking": True}
        sweep = _SWEEPS[spec] = _Sweep(spec, _setup(folder, plain))
        return sweep


def _whole(folder: BlobFolder, blob: str) -> bool:
    """Whether a blob is here as it should be; what was damaged since it came is removed."""
    path = folder.path(blob)
    try:
        if hash_of_file(path) == blob:
            return True
        path.unlink()
    except FileNotFoundError:
        pass
    return False


def _setup(folder: BlobFolder, plain: Mapping[str, Any]) -> Setup:
    def files(kind: str) -> dict[str, Path]:
        return {name: folder.path(blob) for name, blob in plain[kind].items()}

    return Setup(Job.parse(plain["job"]), files("data"), files("strategy"), plain["sessions"], check=True)


def _packed(answer: dict[str, Any]) -> bytes:
    packed: bytes = msgpack.packb(answer)
    return packed


def _failed(error: Exception) -> bytes:
    if isinstance(error, DataError | JobError | StrategyError):
        told = {
            "type": type(error).__name__,
            "message": str(error),
            "field": getattr(error, "field", None),
            "traceback": getattr(error, "traceback", None),
        }
        return _packed({"error": told})
    if isinstance(error, BackbusError):
        return _packed({"failed": str(error)})
    return _packed({"failed": "".join(traceback.format_exception(error))})
