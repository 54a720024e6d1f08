"""Chunks computed by child processes of this one: a worker is a watcher and a child, a pool is several workers.

Points and a setup flow in, chunks flow out; nothing that a strategy does to its process can hurt this one, and the
chunks are those that ``Chunks`` computes here, to the last byte.
"""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from backbus.errors import BackbusError, ProtocolError
from backbus.sweep.search.plan import plan_for, search_of
from backbus.sweep.search.search import PointsAfter
from backbus.sweep.statistics import Plan
from backbus.sweep.trials import Family
from backbus.sweep.workers.chunk import KILLED, TOO_LONG, TOO_MUCH, Chunk, Failure, Given, Values
from backbus.sweep.workers.chunk_sizes import ChunkSizes
from backbus.sweep.workers.process import Child, InHand, PointLimits, Setup, error_of
from backbus.sweep.workers.watcher import Death, Watcher
from backbus.sweep.workers.wire import chunk_of

AHEAD_S = 0.12
"""How long before it ends a chunk's worker is given the next one: twice as long as nobody may look."""
LOOK_EVERY_S = 0.05
"""How often the limits of a child are looked at."""
WAIT_FACTOR = 10.0
"""How much longer than its processor time a point may take by the clock."""
STARTS = 3
"""Children that may die before they are ready, one after the other, until that is an error."""

PointsBetween = Callable[[int, int], Sequence[Values]]


@dataclass
class _Chunk:
    """Points on their way."""

    points: Given
    watcher: Watcher | None = None
    """None until a child is there that knows how many sessions there are."""


class Worker:
    """A child that is watched, and followed by another one when it dies. It goes on with the next chunk at once.

    The loop around it waits until ``fileno`` is readable, for ``LOOK_EVERY_S`` at most, and calls ``work``.
    """

    def __init__(self, setup: Setup, limits: PointLimits | None = None) -> None:
        self._setup, self._limits = setup, limits or PointLimits.of(search_of(setup.job))
        self._plan: Plan | None = None
        self._chunks: deque[_Chunk] = deque()
        """The one in hand, and the one that follows."""
        self._done: deque[Chunk] = deque()
        self._finish: tuple[Path, Path, Family] | None = None
        self._finish_s = 0.0
        self.finished: dict[str, Any] | None = None
        """What came of ``finish``: ``summary``, and ``files`` by name; None until then."""
        self._unready = 0
        """Children in a row that died before they were ready: not by anything of theirs, unless all do."""
        self._start()

    def _start(self) -> None:
        self._child = Child(self._setup, self._limits)
        self.facts: dict[str, Any] | None = None
        """What the child said of its panel when it was ready; None until then."""
        self._sent = self._followed = False
        """Whether the child has something to do, and the chunk that follows it."""
        self._looked = 0.0
        self._at = InHand(0, 0, 0)
        self._since_cpu_s, self._since_s = 0.0, time.monotonic()
        self._memory_bytes = 0

    @property
    def pid(self) -> int:
        """The child's process id; 0 until it is there."""
        return self._child.pid

    def fileno(self) -> int:
        """Another one after ``work``, where the child has died."""
        return self._child.fileno()

    @property
    def ready(self) -> bool:
        """Whether the child can be given points."""
        return self.facts is not None

    @property
    def busy(self) -> bool:
        """Whether it has something to do."""
        return bool(self._chunks) or self._finish is not None

    @property
    def room(self) -> bool:
        """Whether it can be given points: it may have a chunk in hand and one that follows."""
        return self._finish is None and len(self._chunks) < 2

    def give(self, points: Given) -> None:
        """Compute a chunk of at least one point, after the one that it has."""
        if not self.room or not points:
            raise ValueError("a worker has two chunks at a time, of at least one point each")
        self._chunks.append(_Chunk(points))
        self._go_on()

    def finish(self, chunks: Path, folder: Path, family: Family, runs: int) -> None:
        """Make the sweep's files in ``folder`` of a file of all chunks, with ``runs`` backtests; see ``finished``."""
        if self.busy:
            raise ValueError("a worker does one thing at a time")
        self._finish, self.finished = (chunks, folder, family), None
        self._finish_s = self._limits.start_s + runs * self._limits.point_s
        self._go_on()

    def work(self) -> Chunk | None:
        """Take what the child has sent and look at its limits; the chunk, once it is done.

        Raises the error of a child that cannot start, and BackbusError where our own code failed in it or where it did
        not survive ``finish``.
        """
        if not self._done:
            self._hear()
            if self._child.ended:
                self._bury(KILLED, f"its process {self._child.how_it_ended()}")
            elif time.monotonic() - self._looked >= LOOK_EVERY_S:
                self._look()
            self._go_on()
        return self._done.popleft() if self._done else None

    def abandon(self) -> None:
        """Forget what it has to do."""
        if self.busy:
            self._finish = None
            self._chunks.clear()
            self._done.clear()
            self._child.close()
            self._start()

    def close(self) -> None:
        """End the child."""
        self._child.close()

    def _go_on(self) -> None:
        if not self.ready:
            return
        if self._sent:
            self._follow_up()
            return
        if self._finish is not None:
            self._begin()
            self._child.finish(*self._finish)
            return
        if self._chunks:
            self._begin()
            self._send(self._chunks[0])

    def _follow_up(self) -> None:
        """Let the child know what follows, where that is a few bytes: it reads no more before it is through."""
        if len(self._chunks) < 2 or self._followed or not isinstance(self._chunks[1].points, range):
            return
        watcher = self._chunks[0].watcher
        if watcher is not None and watcher.last:
            self._followed = True
            self._send(self._chunks[1])

    def _send(self, chunk: _Chunk) -> None:
        if chunk.watcher is None:
            assert self._plan is not None
            chunk.watcher = Watcher(len(chunk.points), self._plan)
        given = chunk.watcher.give()
        self._child.send(chunk.points[given.start : given.stop])

    def _begin(self) -> None:
        self._sent, self._at = True, InHand(0, 0, 0)
        self._since_cpu_s, self._since_s = self._child.cpu_s(), time.monotonic()

    def _hear(self) -> None:
        for message in self._child.receive():
            if "ready" in message:
                self.facts = message["ready"]
                self._setup = replace(self._setup, check=False)  # whoever follows need not look again
                if self._plan is None:
                    job = self._setup.job.measured_by(float(self.facts["year"]))
                    self._plan = plan_for(job, int(self.facts["sessions"]))
                self._unready = 0
                self._memory_bytes = self._child.memory_bytes()
            elif "error" in message:
                self._child.close()
                raise error_of(message["error"])
            elif "memory" in message:
                self._bury(TOO_MUCH, f"took more than {_shown(self._limits.memory_bytes)} of memory")
                return
            elif "finished" in message:
                if self._finish is not None:
                    self._finish, self._sent, self.finished = None, False, message["finished"]
            elif self._chunks and self._sent:
                try:
                    self._take(self._chunks[0].watcher, message)
                except (ProtocolError, LookupError, TypeError, ValueError):
                    self._bury(KILLED, "its process said what cannot be understood")
                    return

    def _take(self, watcher: Watcher | None, message: dict[str, Any]) -> None:
        assert watcher is not None
        chunk = chunk_of(message["chunk"], points=message["points"], resamples=watcher.resamples)
        watcher.part(message["first"], chunk)
        if not message["done"]:
            return
        self._sent, self._followed = self._followed, False
        self._finish_chunk(watcher)

    def _finish_chunk(self, watcher: Watcher) -> None:
        if watcher.next is None:
            self._chunks.popleft()
            self._done.append(watcher.chunk())

    def _look(self) -> None:
        """Kill a child that is over its limits."""
        now = self._looked = time.monotonic()
        if self.ready and not self._sent:
            return
        limits, child = self._limits, self._child
        at, cpu_s = child.in_hand(), child.cpu_s()
        if at != self._at:
            self._at, self._since_cpu_s, self._since_s = at, cpu_s, now
        if self._finish is not None:
            limit_s = self._finish_s
        else:
            limit_s = limits.point_s * max(1, at.points) if self.ready else limits.start_s
        # Memory first: it says more of whoever takes too much of both, however late this process comes to look.
        if self.ready and child.memory_bytes() - self._memory_bytes > limits.memory_bytes:
            self._bury(TOO_MUCH, f"took more than {_shown(limits.memory_bytes)} of memory")
        elif cpu_s - self._since_cpu_s > limit_s:
            self._bury(TOO_LONG, f"took more than {limit_s:g} s of processor time", sure=at.points == 1)
        elif now - self._since_s > WAIT_FACTOR * limit_s:
            self._bury(TOO_LONG, f"was not done after {WAIT_FACTOR * limit_s:g} s")

    def _bury(self, kind: str, message: str, sure: bool = False) -> None:
        """End the child, take what it has still said, and start another one.

        ``sure`` says that the point in hand is to blame, and so says a lack of memory at a child's very first point.
        """
        child = self._child
        child.kill()
        if not self.ready:
            child.close()
            self._unready += 1
            if kind != KILLED or self._unready == STARTS:
                raise BackbusError(f"a process that computes points was not ready: {message}")
            self._start()
            return
        if not child.ended:
            self._hear()
        at = child.in_hand()
        child.close()
        if self._finish is not None:
            self._finish = None
            self._start()
            raise BackbusError(f"making the sweep's table failed: {message}")
        watcher = self._chunks[0].watcher if self._sent and self._chunks else None
        if watcher is not None:
            sure = sure or (kind == TOO_MUCH and at.points == 1 and at.begun == 0)
            watcher.died(Death(Failure(kind, message), sure, at.first, at.points))
            self._finish_chunk(watcher)
        self._start()


def _shown(size: int) -> str:
    return f"{size / 2**30:.3g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"


@dataclass
class _Share:
    """A chunk that a worker has."""

    first: int
    points: int
    since: float
    """When it was begun, or will have been once those before it are done."""


class Pool:
    """Workers on this machine. A context manager: leaving it ends and reaps their processes, however it is left."""

    def __init__(self, setup: Setup, children: int, limits: PointLimits | None = None) -> None:
        # One child alone looks whether the strategy may be swept at all.
        self._workers = [Worker(replace(setup, check=first), limits) for first in (True, *[False] * (children - 1))]
        self._sizes = ChunkSizes(children)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all children."""
        for worker in self._workers:
            worker.close()
        self._workers = []

    @property
    def pids(self) -> list[int]:
        """Process ids of the children, as far as they are there."""
        return [worker.pid for worker in self._workers if worker.pid]

    def run(self, count: int, points: PointsBetween) -> Iterator[tuple[int, Chunk]]:
        """All of ``count`` points as chunks with the number of their first point, in the order in which they are done.

        ``points(begin, stop)`` gives their values. A chunk takes about a second. May be called again when it is
        through; whoever breaks it off ends the pool.
        """
        begin = 0
        cut = points.given if isinstance(points, PointsAfter) else points
        given: list[deque[_Share]] = [deque() for _ in self._workers]
        try:
            while begin < count or any(given):
                for place in self._places(given):
                    if begin < count:
                        stop = min(begin + self._sizes.next(count - begin), count)
                        self._workers[place].give(cut(begin, stop))
                        given[place].append(_Share(begin, stop - begin, time.monotonic()))
                        begin = stop
                self._wait()
                for place, chunk in self._work():
                    share, now = given[place].popleft(), time.monotonic()
                    self._sizes.took(share.points, now - share.since)
                    for follower in given[place]:
                        follower.since = now
                    yield share.first, chunk
        except BaseException:
            self.close()
            raise

    def _places(self, given: list[deque[_Share]]) -> list[int]:
        """Who is to be given a chunk: first who has none, then who is about to end the one that he has."""
        now, point_s = time.monotonic(), self._sizes.point_s
        ready = [place for place, worker in enumerate(self._workers) if worker.ready and worker.room]
        ending = [
            place
            for place in ready
            if len(given[place]) == 1 and given[place][0].since + given[place][0].points * point_s - now < AHEAD_S
        ]
        return [place for place in ready if not given[place]] + (ending if point_s else [])

    def _work(self) -> list[tuple[int, Chunk]]:
        done = []
        for place, worker in enumerate(self._workers):
            while (chunk := worker.work()) is not None:
                done.append((place, chunk))
        return done

    def _wait(self) -> None:
        poll = select.poll()
        for worker in self._workers:
            poll.register(worker.fileno(), select.POLLIN)
        poll.poll(LOOK_EVERY_S * 1000)
