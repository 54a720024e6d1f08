"""A thousand workers that compute nothing: connections of the real protocol from one process, and what they see."""

from __future__ import annotations

import random
import resource
import time
import uuid
from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import zmq

from backbus.jit.sources import identity
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport import control_codec

BEAT_S = 0.5
CHUNK_POINTS = 64
"""Points of a chunk: the workers say that a point takes 1/64 s."""
BYTES = 17_000 + 540 * CHUNK_POINTS
"""As large as a chunk with 500 resamples is."""


@dataclass
class Worker:
    """One connection."""

    name: str
    socket: zmq.Socket[Any]
    beat_at: float
    lease: c.Lease | None = None
    done_at: float = 0.0
    wanted_at: float = 0.0
    chunks: int = 0
    said: dict[str, float] = field(default_factory=dict)
    """When each result was sent that is not acknowledged yet."""


class Workers:
    """So many workers, each busy for ``work_s`` with a chunk."""

    def __init__(self, settings: Settings, count: int, work_s: float) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16_384)), hard))
        self._work_s = work_s
        self._context: zmq.Context[Any] = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, count + 10)
        self._poller = zmq.Poller()
        self._by_socket: dict[zmq.Socket[Any], Worker] = {}
        self.recorded: set[tuple[int, int]] = set()
        """Chunks that were acknowledged."""
        self.lease_s: list[float] = []
        """From WANT to LEASE."""
        self.kept_s: list[float] = []
        """From CHUNK to OK."""
        self._dice = random.Random(1)
        self._result = b"\0" * BYTES
        now = time.monotonic()
        for number in range(count):
            socket = self._context.socket(zmq.DEALER)
            name = f"optimizer-{uuid.uuid4().hex[:12]}"
            socket.setsockopt_string(zmq.IDENTITY, name)
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(settings.orchestrator)
            self._poller.register(socket, zmq.POLLIN)
            worker = self._by_socket[socket] = Worker(name, socket, now + BEAT_S * number / count)
            hello = c.Hello(id="hello", role="optimizer", instance=name, host="bench", pid=number, version=identity())
            socket.send(control_codec.pack(hello))
            self._want(worker)

    def close(self) -> None:
        """Leave."""
        for socket in self._by_socket:
            socket.close(0)
        self._context.term()

    def run(self, seconds: float) -> None:
        """Work for so long."""
        until = time.monotonic() + seconds
        workers = self._by_socket.values()
        busy = [worker for worker in workers if worker.lease is not None]
        due = sorted(busy, key=lambda worker: worker.done_at)
        beats = deque(sorted(workers, key=lambda worker: worker.beat_at))
        while (now := time.monotonic()) < until:
            for socket, _ in self._poller.poll(2):
                self._hear(self._by_socket[socket], due)
            while due and due[0].done_at <= now:
                self._say(due.pop(0))
            while beats[0].beat_at <= now:
                worker = beats.popleft()
                worker.beat_at += BEAT_S
                beats.append(worker)
                self._beat(worker)

    def _share(self, worker: Worker) -> float:
        """How much of its work a chunk takes: the first ones are spread, so that not all end at once for ever."""
        worker.chunks += 1
        return 1.0 if worker.chunks > 1 else self._dice.random()

    def _want(self, worker: Worker) -> None:
        worker.wanted_at = time.monotonic()
        worker.socket.send(control_codec.pack(c.Want(id="want", instance=worker.name, prepared=["sweep"])))

    def _beat(self, worker: Worker) -> None:
        lease = worker.lease
        run, number = (lease.job, lease.number) if lease is not None else (None, 0)
        moves = int(time.monotonic() * 20)
        beat = c.Heartbeat(id="beat", instance=worker.name, run=run, attempt=number, rows=moves)
        worker.socket.send(control_codec.pack(beat))

    def _hear(self, worker: Worker, due: list[Worker]) -> None:
        while True:
            try:
                order = control_codec.read_order(worker.socket.recv(zmq.NOBLOCK))
            except zmq.Again:
                return
            now = time.monotonic()
            if isinstance(order, c.Lease) and order.work == "points":
                if worker.lease is None:
                    self.lease_s.append(now - worker.wanted_at)
                    worker.lease, worker.done_at = order, now + self._work_s * self._share(worker)
                    insort(due, worker, key=lambda one: one.done_at)
            elif order.id in worker.said:
                if isinstance(order, c.Error):
                    raise RuntimeError(f"a chunk was refused: {order.message}")
                self.kept_s.append(now - worker.said.pop(order.id))
                first, stop = map(int, order.id.split("-"))
                self.recorded.add((first, stop))

    def _say(self, worker: Worker) -> None:
        lease = worker.lease
        assert lease is not None
        name = f"{lease.first}-{lease.stop}"
        worker.said[name] = time.monotonic()
        worker.socket.send(
            control_codec.pack(
                c.PutChunk(
                    id=name,
                    instance=worker.name,
                    job=lease.job,
                    first=lease.first,
                    stop=lease.stop,
                    seconds=(lease.stop - lease.first) / CHUNK_POINTS,
                    failed=0,
                    best_point=lease.first,
                    best_score=1.0,
                    result=self._result,
                )
            )
        )
        worker.lease = None
        self._want(worker)
