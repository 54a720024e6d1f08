"""One child process that computes chunks, as whoever watches it sees it: frames, what it has in hand, what it takes."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import signal
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from backbus.errors import BackbusError, DataError, JobError, ProtocolError, StrategyError
from backbus.job.job import Job
from backbus.job.sweep import SweepSettings
from backbus.sweep.trials import Family
from backbus.sweep.workers.chunk import Given
from backbus.sweep.workers.forking import NOT_FORKED, WORDS, Descriptors, fork, surroundings
from backbus.sweep.workers.wire import FrameReader, pack_frame

REAP_S = 10.0
_ERRORS: dict[str, type[BackbusError]] = {each.__name__: each for each in (DataError, JobError, StrategyError)}


@dataclass(frozen=True)
class PointLimits:
    """What a point may take before its process is killed."""

    point_s: float = 60.0
    """Processor time. By the clock it is ten times as long, for who waits and computes nothing."""
    memory_bytes: int = 2 << 30
    """Memory beyond what the process had when it was ready."""
    start_s: float = 600.0
    """Processor time until the process is ready: to read the data, and to compile what is not compiled yet. As long,
    besides the backtests in it, may what is done once at the end of a sweep take."""

    @classmethod
    def of(cls, search: SweepSettings) -> PointLimits:
        """Those that a job sets."""
        return cls(search.point_s, search.memory_mib << 20)


@dataclass(frozen=True)
class Setup:
    """What a child needs for a sweep."""

    job: Job
    data: Mapping[str, Path]
    """Price files by the name that messages use, as ``resolve_files`` gives them."""
    strategy: Mapping[str, Path]
    """The strategy's files by relative name, as ``bundle`` gives them."""
    sessions: int | None = None
    """How many the data must have to trade; None where nobody has counted them yet."""
    check: bool = False
    """Whether parameters that the strategy lacks, and a strategy that knows the future, are refused."""

    def plain(self, limits: PointLimits) -> dict[str, Any]:
        """The frame that says all this."""
        return {
            "job": self.job.plain(),
            "folder": str(self.job.folder.absolute()),
            "data": {name: str(path.absolute()) for name, path in self.data.items()},
            "strategy": {name: str(path.absolute()) for name, path in self.strategy.items()},
            "sessions": self.sessions,
            "check": self.check,
            "memory_mib": limits.memory_bytes >> 20,
        }


class InHand(NamedTuple):
    """What a child says that it works on."""

    begun: int
    """Points that its process had begun before."""
    first: int
    """Place of the first point in hand, in the chunk that it was sent."""
    points: int
    """How many are; 0 before the first."""


PIPE_BYTES = 2**20


class Child:
    """A child process: asked for at once, ready when ``receive`` has given ``ready``."""

    def __init__(self, setup: Setup, limits: PointLimits) -> None:
        incoming, outgoing = _pipe(), _pipe()
        self._in, self._out = incoming[1], outgoing[0]
        os.set_blocking(self._out.fileno(), False)
        with incoming[0] as theirs_in, outgoing[1] as theirs_out, tempfile.TemporaryFile() as words:
            words.write(bytes(WORDS.size))
            words.flush()
            self._words = mmap.mmap(words.fileno(), WORDS.size)
            self._forked = fork(Descriptors(theirs_in.fileno(), theirs_out.fileno(), words.fileno(), 2))
        self._reader = FrameReader()
        self.ended = False
        """Whether it has closed its output: nothing will come any more."""
        self.pid = 0
        """Its process id; 0 until it has said it."""
        self._killed = False
        self._status: int | None = None
        self._began = time.monotonic()
        self._server_cpu_s = _cpu_s(self._forked.server) or 0.0
        self._write({**setup.plain(limits), **surroundings()})

    def fileno(self) -> int:
        """Readable when frames have come, or the end."""
        return self._out.fileno()

    def send(self, points: Given) -> None:
        """Give it points. It computes them when it is through with those before."""
        if isinstance(points, range):
            self._write({"numbers": [points.start, points.stop]})
        else:
            self._write({"points": list(points)})

    def finish(self, chunks: Path, folder: Path, family: Family) -> None:
        """Have it make the sweep's files in ``folder``, from a file of chunks as ``wire.write_chunks`` writes it."""
        places = {"chunks": str(chunks.absolute()), "folder": str(folder.absolute())}
        self._write({"finish": {**places, **family._asdict()}})

    def _write(self, message: dict[str, Any]) -> None:
        left = memoryview(pack_frame(message))
        with contextlib.suppress(BrokenPipeError):  # its end is noticed where it is read
            while left:
                left = left[os.write(self._in.fileno(), left) :]

    def receive(self) -> list[dict[str, Any]]:
        """The messages that have come. A child that sends anything else counts as ended."""
        found: list[dict[str, Any]] = []
        while not self.ended:
            try:
                data = os.read(self._out.fileno(), PIPE_BYTES)
                for message in self._reader.feed(data):
                    if "born" in message:
                        self.pid = message["born"]
                    else:
                        found.append(message)
            except BlockingIOError:
                break
            except ProtocolError:
                data = b""
            self.ended = not data
        return found

    def in_hand(self) -> InHand:
        """What it works on at this moment, or worked on when it died."""
        return InHand(*WORDS.unpack_from(self._words))

    def cpu_s(self) -> float:
        """Processor time that it has taken, or whoever is to fork it since; by the clock where there is no /proc."""
        cpu_s = _cpu_s(self.pid or self._forked.server)
        if cpu_s is None:
            return time.monotonic() - self._began
        return cpu_s if self.pid else cpu_s - self._server_cpu_s

    def memory_bytes(self) -> int:
        """Resident memory without that of mapped files; 0 where there is no /proc."""
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
            lines = (line.split() for line in status.splitlines() if line.startswith(("RssAnon:", "RssShmem:")))
            return 1024 * sum(int(line[1]) for line in lines)
        return 0

    def kill(self) -> None:
        """End it and whatever it has started. What it has sent before can still be received."""
        if not self._killed:
            self._killed, self._status = True, self._forked.end()

    def how_it_ended(self) -> str:
        """In words, after ``kill`` or its own end."""
        self.kill()
        status = self._status
        if status is None:
            return "ended with the one that it is forked from"
        if status == NOT_FORKED:
            return "found no room on this machine: have fewer workers, or allow more processes or memory"
        if status >= 0:
            return f"ended with status {status}"
        try:
            return f"was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"was ended by signal {-status}"

    def close(self) -> None:
        """End it and let go of it."""
        self.kill()
        self._in.close()
        self._out.close()
        self._words.close()


def _pipe() -> tuple[FileIO, FileIO]:
    """Its reading end and its writing end. A chunk goes over in one piece where that many bytes are to be had."""
    reading, writing = os.pipe()
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return FileIO(reading, "r"), FileIO(writing, "w")


def _cpu_s(pid: int) -> float | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def error_of(plain: Mapping[str, Any]) -> BackbusError:
    """The error that a child told of."""
    message, kind = str(plain["message"]), str(plain["type"])
    if kind not in _ERRORS:
        return BackbusError(f"a process that computes points failed: {kind}: {message}\n{plain['traceback'] or ''}")
    error = _ERRORS[kind](message)
    if isinstance(error, JobError):
        error.field = plain["field"]
    if isinstance(error, StrategyError):
        error.traceback = plain["traceback"]
    return error
