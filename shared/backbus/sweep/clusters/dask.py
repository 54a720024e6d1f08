"""The points of a sweep computed by a Dask cluster that is there already."""

from __future__ import annotations

import contextlib
import logging
import queue
import time
import uuid
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import msgpack

from backbus.errors import BackbusError, UsageError
from backbus.extras import install
from backbus.jit.sources import identity
from backbus.sweep.clusters import agent
from backbus.sweep.clusters.cluster import Address, Opening, Parcel, differing, read_answer
from backbus.sweep.workers.chunk import Chunk, Values
from backbus.sweep.workers.chunk_sizes import ChunkSizes
from backbus.sweep.workers.pool import PointsBetween

DASK_PORT = 8786
CONNECT_S = 10.0
TASKS_PER_THREAD = 2
"""Tasks that the cluster has at once: one in hand, and one that waits where it will be computed."""
COUNT_EVERY_S = 2.0
"""How often the cluster's threads are counted: workers come and go."""
NO_WORKER_S = 60.0
"""How long a cluster may be without any worker."""
TRIES = 5
"""How often files are sent for one chunk until that is an error."""


class _Given(NamedTuple):
    first: int
    points: int
    tries: int


def connect(address: Address) -> Opening:
    """How to open the cluster at ``address``; UsageError where Dask is not installed."""
    _distributed()
    scheduler = f"{address.protocol or 'tcp'}://{address.host}:{address.port or DASK_PORT}"
    return lambda setup: DaskCluster(scheduler, Parcel(setup))


class DaskCluster:
    """A client of the cluster at ``address``, as Dask writes it. Leaving it cancels what it has asked for."""

    def __init__(self, address: str, parcel: Parcel) -> None:
        distributed = _distributed()
        self._address, self._parcel = address, parcel
        # What becomes of the connection is told by our errors.
        self._logger = logging.getLogger("distributed.client")
        self._level = self._logger.level
        self._logger.setLevel(logging.CRITICAL)
        try:
            self._client: Any = distributed.Client(address, timeout=CONNECT_S, set_as_default=False, name="backbus")
        except (OSError, ValueError, RuntimeError) as error:
            self._logger.setLevel(self._level)
            raise BackbusError(f"there is no Dask scheduler at {address} that can be reached: {error}") from None
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._tasks: dict[str, Any] = {}
        self._name = f"backbus-{uuid.uuid4().hex[:12]}"
        self._number = 0
        self._sizes = ChunkSizes(1)
        self._counted = self._had_workers = -1.0
        self._sent = False

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what is under way, end the children that compute it, and disconnect."""
        client, self._client = self._client, None
        if client is None:
            return
        # Whatever fails here has failed before, or is not ours any more.
        with contextlib.suppress(Exception):
            if client.status == "running":
                client.cancel(list(self._tasks.values()), force=True)
                client.run(agent.leave, self._parcel.spec, on_error="ignore")
        self._tasks = {}
        with contextlib.suppress(Exception):
            client.close(timeout=CONNECT_S)
        self._logger.setLevel(self._level)

    def run(self, count: int, points: PointsBetween) -> Iterator[tuple[int, Chunk]]:
        """All of ``count`` points as chunks with the number of their first point, in the order in which they are done.

        A task whose worker is lost is computed by another one. Whoever breaks it off closes the connection.
        """
        begin = 0
        given: dict[str, _Given] = {}
        try:
            if not self._sent:
                self._send_files()
                self._sent = True
            while begin < count or given:
                while begin < count and len(given) < TASKS_PER_THREAD * self._threads():
                    stop = min(begin + self._sizes.next(count - begin), count)
                    given[self._submit(points(begin, stop))] = _Given(begin, stop - begin, 1)
                    begin = stop
                future = self._next()
                if future is None:
                    continue
                first, size, tries = given.pop(future.key)
                answer = self._result(future, first, size)
                if answer is not None:
                    chunk, took_s = answer
                    self._sizes.took(size, took_s)
                    yield first, chunk
                    continue
                # A worker that came later, or has lost what it had.
                if tries == TRIES:
                    raise BackbusError(f"Dask workers of {self._address} do not keep the files that they are sent")
                self._send_files()
                given[self._submit(points(first, first + size))] = _Given(first, size, tries + 1)
        except BaseException:
            self.close()
            raise

    def _submit(self, points: Sequence[Values]) -> str:
        self._number += 1
        key = f"{self._name}-{self._number}"
        packed: bytes = msgpack.packb(list(points))
        future = self._asked("submit", agent.compute_points, self._parcel.spec, packed, key=key, pure=False)
        self._tasks[key] = future
        future.add_done_callback(self._done.put)
        return key

    def _next(self) -> Any:
        """A task that is done; None where none is for a moment."""
        try:
            return self._done.get(timeout=1.0)
        except queue.Empty:
            self._threads()
            return None

    def _result(self, future: Any, first: int, size: int) -> tuple[Chunk, float] | None:
        try:
            answer = future.result()
        except Exception as error:
            self._require_cluster()
            raise BackbusError(
                f"the Dask cluster at {self._address} has given up points {first} to {first + size - 1}: "
                f"{type(error).__name__}: {error}"
            ) from None
        del self._tasks[future.key]
        future.release()
        return read_answer(answer, points=size, resamples=self._parcel.resamples)

    def _threads(self) -> int:
        """Threads of the cluster, at least 1; BackbusError where it has been without any for too long."""
        now = time.monotonic()
        if self._counted < 0 or now - self._counted > COUNT_EVERY_S:
            threads = sum(self._asked("nthreads").values())
            self._counted = now
            if threads or self._had_workers < 0:
                self._had_workers = now
            if now - self._had_workers > NO_WORKER_S:
                raise BackbusError(f"the Dask cluster at {self._address} has had no worker for {NO_WORKER_S:g} s")
            self._sizes.workers = max(1, threads)
        return self._sizes.workers

    def _require_cluster(self, error: Exception | None = None) -> None:
        if error is not None or self._client.status != "running":
            why = f": {error}" if error is not None else ""
            raise BackbusError(f"the connection to the Dask scheduler at {self._address} is lost{why}") from None

    def _asked(self, method: str, *arguments: Any, **options: Any) -> Any:
        """What a method of Dask's client returns."""
        self._require_cluster()
        try:
            return getattr(self._client, method)(*arguments, **options)
        except (OSError, RuntimeError) as error:
            return self._require_cluster(error)

    def _send_files(self) -> None:
        """Send to all workers what they lack; BackbusError where one of them would compute something else."""
        lacking: dict[str, set[str]] = {}
        for worker, answer in self._called(agent.greet, self._parcel.blobs).items():
            if "failed" in answer:
                raise BackbusError(f"the Dask worker {worker} {answer['failed']}")
            if answer["identity"] != identity():
                raise BackbusError(
                    f"the Dask worker {worker} has another installation of backbus, and might find other results: "
                    f"{differing(answer['identity'])}; install the same one everywhere"
                )
            for blob in answer["lacking"]:
                lacking.setdefault(blob, set()).add(worker)
        for parts in self._parcel.parts(list(lacking)):
            workers = sorted(set().union(*(lacking[part[0]] for part in parts)))
            for worker, told in self._called(agent.take, parts, workers=workers).items():
                if told is not None:
                    raise BackbusError(f"the Dask worker {worker} cannot take a file: {told}")

    def _called(self, function: Any, *arguments: Any, workers: list[str] | None = None) -> dict[str, Any]:
        """What a function returns on each worker; a worker that is lost meanwhile is left out."""
        answers = self._asked("run", function, *arguments, workers=workers, on_error="return")
        for worker, answer in answers.items():
            if isinstance(answer, BaseException) and not isinstance(answer, OSError):
                raise BackbusError(
                    f"the Dask worker {worker} cannot run backbus: {type(answer).__name__}: {answer}; "
                    "install the same version there as here"
                )
        return {worker: answer for worker, answer in answers.items() if not isinstance(answer, BaseException)}


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise UsageError(f"a sweep on Dask needs its client: {install('dask')}") from None
    return distributed
