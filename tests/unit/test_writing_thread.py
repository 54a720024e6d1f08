"""Tables that are written while the run goes on: the same files, or an error and none."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from backbus.performance import artifacts
from backbus.performance.artifacts import ArtifactWriter
from backbus.performance.handler import PerformanceHandler
from backbus.performance.report import Report
from backbus.performance.tables import Piece
from backbus.services.performance import writing_thread
from backbus.services.performance.writing_thread import WritingThread
from tests.processes import wait_for
from tests.unit.performance_run import events_of, interleaved, some_run

RUN = some_run()


def bursts() -> tuple[list[list[Piece]], Report]:
    rng = np.random.default_rng(0)
    handler = PerformanceHandler(RUN.job, RUN.layout, 10)
    found = []
    for event in interleaved(events_of(RUN, rng), rng):
        handler.receive(event)
        found.append(handler.take_pieces())
    return found, handler.report()


def thread_in(folder: Path) -> WritingThread:
    return WritingThread(ArtifactWriter(folder, RUN.layout.symbols))


def test_the_files_are_those_that_are_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "GROUP_ROWS", 64)
    pieces, report = bursts()
    with ArtifactWriter(tmp_path / "at once", RUN.layout.symbols) as writer:
        for burst in pieces:
            writer.write(burst)
        writer.close(report)
    thread = thread_in(tmp_path / "beside")
    for burst in pieces:
        thread.write(burst)
    thread.end()
    paths = thread.close(report)
    thread.abort()
    assert sorted(path.name for path in paths.values()) == sorted(p.name for p in (tmp_path / "at once").iterdir())
    for path in paths.values():
        assert path.read_bytes() == (tmp_path / "at once" / path.name).read_bytes(), path.name


class Slow(ArtifactWriter):
    """Writes when it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, RUN.layout.symbols)
        self.go, self.written = threading.Event(), 0

    def write(self, pieces: object) -> None:
        """Count."""
        assert self.go.wait(30.0)
        self.written += 1


def test_who_brings_more_than_can_be_written_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_thread, "WAITING", 2)
    pieces, report = bursts()
    burst = next(burst for burst in pieces if burst)
    slow = Slow(tmp_path)
    thread = WritingThread(slow)
    brought: list[int] = []

    def bring() -> None:
        for number in range(10):
            thread.write(burst)
            brought.append(number)

    bringing = threading.Thread(target=bring)
    bringing.start()
    wait_for(lambda: len(brought) == 3, "two bursts to wait, and one to be in work")
    bringing.join(0.1)
    assert (len(brought), slow.written) == (3, 0)
    slow.go.set()
    bringing.join(30.0)
    thread.end()
    thread.close(report)
    assert slow.written == 10


@pytest.mark.parametrize("told", ["by the next pieces", "at the end"])
def test_what_goes_wrong_is_told_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    def full(self: ArtifactWriter, pieces: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ArtifactWriter, "write", full)
    pieces, report = bursts()
    burst = next(burst for burst in pieces if burst)
    thread = thread_in(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        if told == "at the end":
            thread.write(burst)
            thread.end()
            thread.close(report)
        for _ in range(1000):  # more than can wait: who brings pieces is not kept waiting by an error
            thread.write(burst)
    thread.abort()
    assert not list(tmp_path.iterdir())


def test_an_attempt_that_ends_in_its_middle_leaves_neither_a_file_nor_a_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    thread = thread_in(tmp_path)
    for burst in bursts()[0][:20]:
        thread.write(burst)
    assert list(tmp_path.iterdir()) and threading.active_count() == before + 1
    thread.abort()
    thread.abort()
    assert not list(tmp_path.iterdir()) and threading.active_count() == before


def test_what_waits_is_not_written_once_the_attempt_is_over(tmp_path: Path) -> None:
    slow = Slow(tmp_path)
    thread = WritingThread(slow)
    burst = next(burst for burst in bursts()[0] if burst)
    for _ in range(3):
        thread.write(burst)
    ending = threading.Thread(target=thread.abort)
    ending.start()
    slow.go.set()
    ending.join(30.0)
    assert not ending.is_alive() and slow.written <= 3 and not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_more_is_told_in_the_systems_words_and_nothing_stays(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
import numpy as np
from backbus.performance import artifacts
from backbus.services.performance.writing_thread import WritingThread

artifacts.GROUP_ROWS = rows = 20_000
folder = Path(sys.argv[1])
thread = WritingThread(artifacts.ArtifactWriter(folder, ["A"], hashed=True))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
count, noise = np.arange(rows), np.random.default_rng(0).random(rows)
columns = {"row": count, "time": count, "session": count, "equity": noise, "cash": noise, "gross": noise}
try:
    thread.write([("equity", columns)])
    thread.end()
    thread.close(None)
except OSError as error:
    print(error)
thread.abort()
print(list(folder.iterdir()))
"""
    command = [sys.executable, "-P", "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[Errno 27] File too large", "[]"]
