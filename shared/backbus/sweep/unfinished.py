"""What a search has computed when it is stopped, so that the same search goes on from there.

Chunks flow in as they are computed, and are appended to a file that is named by all that they follow from: the job, the
bytes of its files and of its strategy, the library and what it computes with. When the same search is begun again they
flow out, round by round, and only the rest is computed: the table has the same bytes. A search whose points follow from
results is told the same results, and so asks for the same points; each chunk knows which it was computed for.

The file is gone once its search has ended. What is torn or damaged in it is computed again, and so is what failed for
want of time or memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

from backbus.errors import ProtocolError
from backbus.jit.sources import identity
from backbus.job.job import Job
from backbus.sweep.search.plan import resamples_of
from backbus.sweep.search.search import Search
from backbus.sweep.workers.chunk import RAISED, REFUSED, Chunk
from backbus.sweep.workers.wire import pack_chunk, pack_frame, read_frame, unpack_chunk

FOLDER = ".unfinished"
"""Beside the folders of runs, which are listed without it."""
DAYS = 30
"""After so long what nobody went on with is removed."""
_FOLLOWS_FROM_THE_POINT = (REFUSED, RAISED)

Say = Callable[[str], None]


class _KeptChunk(NamedTuple):
    """A chunk in the file."""

    stop: int
    offset: int
    values: str
    """The hash of its points' values, where they follow from results."""


def name_of(job: Job, data: Mapping[str, str], sources: Mapping[str, str]) -> str:
    """The name of a search: a hash of all that its points follow from. ``data`` and ``sources`` are hashes of files by
    their names."""
    fields = job.plain()
    del fields["run"]  # nothing there changes a result
    told = json.dumps([fields, dict(sorted(data.items())), dict(sorted(sources.items())), identity()], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


class Unfinished:
    """The chunks of one search in a file; without a place, nothing is kept. A context, in which it is computed."""

    def __init__(self, search: Search, place: Path | None, say: Say | None = None) -> None:
        self._search, self._say = search, say or (lambda _: None)
        self._resamples = resamples_of(search.job)
        self._file = None if place is None else _opened(place)
        self._place = None if self._file is None else place  # what another process has is not ours to remove
        self._kept: dict[int, _KeptChunk] = {}
        self._done = 0
        if self._file is None:
            return
        damaged = self._read(self._file)
        self._done = found = sum(kept.stop - first for first, kept in self._kept.items())
        if damaged:
            self._say(f"{place}: {damaged} bytes of what was kept are damaged; those points are computed again")
        if found:
            self._say(f"goes on: {found} of {len(search)} points were done")

    def __enter__(self) -> Unfinished:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """What was computed stays, and that is said where somebody stopped it."""
        if kind is not None and self._file is not None:
            if not self._done:
                self.remove()
            elif issubclass(kind, KeyboardInterrupt):
                self._say(
                    f"stopped: {self._done} of {len(self._search)} points are kept; the same sweep goes on from there"
                )
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """The search has ended, and has files of its own."""
        if self._place is not None:
            self._place.unlink(missing_ok=True)
            with suppress(OSError):  # others lie there
                self._place.parent.rmdir()

    def taken(self, points: range) -> Iterator[tuple[int, Chunk]]:
        """Chunks of a round that were computed before, each with its first point's number, in order."""
        at = points.start
        for first, kept in sorted(self._kept.items()):
            if first < at or kept.stop > points.stop or kept.values != self._values(first, kept.stop):
                continue
            assert self._file is not None
            self._file.seek(kept.offset)
            frame = read_frame(self._file)
            assert frame is not None
            yield first, unpack_chunk(frame["chunk"], points=kept.stop - first, resamples=self._resamples)
            at = kept.stop

    def keep(self, first: int, chunk: Chunk) -> None:
        """A chunk was computed."""
        if self._file is None or any(one.kind not in _FOLLOWS_FROM_THE_POINT for one in chunk.failures.values()):
            return
        stop = first + len(chunk.figures)
        packed = pack_chunk(chunk)
        frame = {"first": first, "stop": stop, "values": self._values(first, stop), "chunk": packed}
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(pack_frame({**frame, "check": _check(frame)}))
            self._file.flush()
        except OSError as error:  # a full disk: the search goes on without
            self._say(f"{self._place}: nothing more is kept: {error.strerror or error}")
            self._file.close()
            self._file = None
            return
        self._done += stop - first

    def _values(self, first: int, stop: int) -> str:
        if self._search.settings.method != "adaptive":
            return ""  # they follow from their numbers, and from the job, by which the file is named
        told = json.dumps(self._search.values(first, stop), sort_keys=True, default=str)
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    def _read(self, file: BinaryIO) -> int:
        """Find the chunks; how many bytes at the end are none, which are cut off."""
        size, offset = file.seek(0, os.SEEK_END), 0
        file.seek(0)
        while offset < size:
            try:
                frame = read_frame(file)
                if frame is None or frame.pop("check") != _check(frame):
                    break
                first, stop = int(frame["first"]), int(frame["stop"])
                unpack_chunk(frame["chunk"], points=stop - first, resamples=self._resamples)
            except (ProtocolError, LookupError, TypeError, ValueError):
                break
            self._kept[first] = _KeptChunk(stop, offset, str(frame["values"]))
            offset = file.tell()
        file.truncate(offset)
        return size - offset


def _check(frame: Mapping[str, Any]) -> bytes:
    told = json.dumps([frame["first"], frame["stop"], frame["values"]]).encode()
    return hashlib.blake2b(told + bytes(frame["chunk"]), digest_size=16).digest()


def _opened(place: Path) -> BinaryIO | None:
    """The file, which this process alone has; None where another one computes the same, or nothing can be written."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for other in place.parent.iterdir():
            if time.time() - other.stat().st_mtime > DAYS * 86_400:
                other.unlink(missing_ok=True)
        file = place.open("a+b")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
