"""The process that computes chunks, and that may die of them: forked by ``fork_server.py``.

Frames come and go by two pipes that the strategy does not know: it reads nothing, and its prints go to standard error.
In: the setup, then ``{numbers}``, first and last of points that follow from these, or ``{points}``, their values, or
``{finish}``; it takes them in turn, however many wait. Out: ``{born}`` with the process id, ``{ready}`` or ``{error}``,
then for each chunk ``{first, points, chunk}`` of parts of it as they are done, the last one with ``{done}``, and for a
sweep's end ``{finished}``; or ``{memory}`` where memory ran out, after which this process ends. It also ends with its
input, and with the process that it was forked from.

A small shared file says at every moment which point is in hand (``WORDS``): what killed a process is known although
nobody is left to tell.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import random
import signal
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backbus.engine.inputs import inputs_of
from backbus.errors import BackbusError, DataError, JobError, StrategyError, lacks_memory
from backbus.job.job import Job
from backbus.limits import limit_memory
from backbus.models.loading import with_functions
from backbus.strategy import load_strategy
from backbus.sweep.outcome import gather
from backbus.sweep.search.kinds import search_for
from backbus.sweep.search.plan import sessions_of
from backbus.sweep.space.checking import check_names, refuse_look_ahead
from backbus.sweep.trials import Family
from backbus.sweep.workers.chunk import TOO_MUCH, Given, Values
from backbus.sweep.workers.forking import WORDS, Descriptors
from backbus.sweep.workers.wire import FrameReader, pack_frame, plain_of, read_chunks

PART_S = 0.2
"""How long the points of a part should take: what a death costs besides the point that it is due to."""
FIRST_PART, LARGEST_PART = 4, 1024
"""Points of the first part, and of the largest: beyond, what a part costs by itself is less than what it weighs."""
PR_SET_PDEATHSIG = 1
_MEMORY = pack_frame({"memory": True})


def main(descriptors: Descriptors, failure: Exception | None) -> None:
    """Serve until the input ends. A ``failure`` is what it comes to."""
    incoming, outgoing, words, errors = descriptors
    _keep_from_pipes(errors)
    with mmap.mmap(words, WORDS.size) as shared:
        os.close(words)
        messages = _Messages(incoming)
        setup = messages.next()
        if setup is None:
            return
        _write(outgoing, pack_frame({"born": os.getpid()}))
        _move_to(setup)
        try:
            if failure is not None:
                raise failure
            prepared = Prepared(setup)
        except Exception as error:
            _write(outgoing, pack_frame({"error": _plain(error)}))
            return
        gc.collect()
        gc.freeze()  # what is there now is there for good
        limit_memory(setup["memory_mib"], for_good=True)
        _write(outgoing, pack_frame({"ready": prepared.facts}))
        computing = _Computing(prepared, shared, outgoing)
        while (message := messages.next()) is not None:
            try:
                if "numbers" in message:
                    computing.run(range(*message["numbers"]))
                elif "points" in message:
                    computing.run(message["points"])
                else:
                    _write(outgoing, pack_frame({"finished": prepared.finish(**message["finish"])}))
            except MemoryError:
                _write(outgoing, _MEMORY)
                os._exit(1)
            except Exception as error:
                _write(outgoing, pack_frame({"error": _plain(error)}))


class Prepared:
    """Panel, strategy and plan of a setup, and what is told of them."""

    def __init__(self, setup: dict[str, Any]) -> None:
        started = time.monotonic()
        job = Job.parse(setup["job"])
        job.come_from(Path(setup["folder"]))
        inputs = inputs_of(job, {name: Path(path) for name, path in setup["data"].items()})
        self._panel = panel = inputs.panel
        limit_memory(setup["memory_mib"])  # from the first of the strategy's own lines on
        files = {name: Path(path) for name, path in setup["strategy"].items()}
        self._strategy = strategy = load_strategy(job.strategy.use, files)
        job = with_functions(job, files)
        sessions = sessions_of(panel)
        if setup["sessions"] not in (None, sessions):
            raise DataError(
                f"the data has {sessions} sessions where the sweep has {setup['sessions']}: it was changed meanwhile"
            )
        job = job.measured_by(panel.layout.year)
        self._search = search = search_for(job, sessions)
        search.source = inputs.source
        if setup["check"]:
            check_names(search.space, job, strategy)
            try:
                refuse_look_ahead(job, panel, search.space, strategy)
            except (BackbusError, MemoryError) as error:
                if not lacks_memory(error):
                    raise
                told = f"{strategy.__name__} took more than {setup['memory_mib']} MiB of memory while it was checked"
                raise StrategyError(
                    f"{told}: allow it more with sweep.memory_mib", traceback=getattr(error, "traceback", None)
                ) from None
        self.computes = search.computes(panel, strategy)
        self.facts = {
            "rows": panel.layout.rows,
            "assets": panel.layout.assets,
            "sessions": sessions,
            "year": panel.layout.year,
            "pid": os.getpid(),
            "prepare_s": round(time.monotonic() - started, 3),
        }

    def values(self, points: Given) -> Sequence[Values]:
        """The values of points."""
        return self._search.values(points.start, points.stop) if isinstance(points, range) else points

    def finish(self, chunks: str, folder: str, trials: int, told: str) -> dict[str, Any]:
        """Gather the chunks of a file and write the sweep's files; the summary, and the files by name."""
        search = self._search
        with Path(chunks).open("rb") as file:
            chunks_there = read_chunks(file, search.record, search.plan.resamples)
            points = gather(len(search), search.plan, chunks_there, search.width)
        summary, files = search.conclude(Path(folder), self._panel, self._strategy, points, Family(trials, told))
        return {"summary": summary, "files": {name: str(path) for name, path in files.items()}}


class _Computing:
    """Computes chunks in parts, and says which point is in hand."""

    def __init__(self, prepared: Prepared, shared: mmap.mmap, outgoing: int) -> None:
        self._values, self._computes = prepared.values, prepared.computes
        self._shared, self._outgoing = shared, outgoing
        self._begun = 0
        self._first = 0
        self._size = float(FIRST_PART)

    def run(self, points: Given) -> None:
        """Compute a chunk and send its parts."""
        self._first = 0
        while self._first < len(points):
            started = time.monotonic()
            part = self._values(points[self._first : self._first + int(self._size)])
            chunk = self._computes.compute(part, self._tell)
            for place, failure in sorted(chunk.failures.items()):
                if failure.kind == TOO_MUCH:
                    # Perhaps the points before it took what it lacks: let a new process say whether it can be had.
                    self._tell(place, 1)
                    raise MemoryError
            frame = {"first": self._first, "points": len(part), "chunk": plain_of(chunk)}
            self._first += len(part)
            self._begun += len(part)
            if self._first == len(points):
                self._tell(0, 0)  # what is in hand next may be of another chunk
            _write(self._outgoing, pack_frame({**frame, "done": self._first == len(points)}))
            took = max(time.monotonic() - started, 1e-6)
            self._size = min(max(len(part) * PART_S / took, 1.0), 2.0 * self._size, LARGEST_PART)

    def _tell(self, place: int, count: int) -> None:
        WORDS.pack_into(self._shared, 0, self._begun + place, self._first + place, count)


class _Messages:
    """Frames of the input, one by one."""

    def __init__(self, incoming: int) -> None:
        self._incoming, self._reader = incoming, FrameReader()
        self._waiting: list[dict[str, Any]] = []

    def next(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        while not self._waiting:
            data = os.read(self._incoming, 1 << 20)
            if not data:
                return None
            self._waiting = self._reader.feed(data)
        return self._waiting.pop(0)


def _write(outgoing: int, frame: bytes) -> None:
    left = memoryview(frame)
    while left:
        left = left[os.write(outgoing, left) :]


def _plain(error: Exception) -> dict[str, Any]:
    ours = isinstance(error, BackbusError)
    return {
        "type": type(error).__name__,
        "message": str(error),
        "field": error.field if isinstance(error, JobError) else None,
        "traceback": getattr(error, "traceback", None) if ours else "".join(traceback.format_exception(error)),
    }


def _keep_from_pipes(errors: int) -> None:
    """Whoever reads from now on finds nothing, and whoever prints does so where its watcher's errors go."""
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    os.close(errors)


def _move_to(setup: dict[str, Any]) -> None:
    """Be where the watcher is: in its folder, with its environment, and with dice of one's own."""
    os.environb.clear()
    os.environb.update(setup["environment"])
    with contextlib.suppress(OSError):
        os.chdir(setup["at"])
    random.seed()
    np.random.seed()


def belong_to(server: int) -> None:
    """End when the process that has forked this one does, and with all that is started here from now on."""
    os.setsid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(0)
