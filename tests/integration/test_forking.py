"""Children are forked from one process, and are as if each had been started by itself, then and there."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from backbus.errors import BackbusError
from backbus.sweep.workers import fork_server
from backbus.sweep.workers.forking import ASKED, END, FORK, NOT_FORKED, TOLD
from backbus.sweep.workers.pool import Pool
from backbus.sweep.workers.wire import pack_chunk
from tests.integration.hurtful import here, setup_of, values_of, write_inputs
from tests.processes import ROOT, alive, wait_for

TELLS = """
import json
import os
import random
from pathlib import Path

import numpy as np

from backbus import Strategy, param



class Tells(Strategy):
    length: int = param(3, ge=2)
    harm: int = param(0, ge=0)

    def signals(self, bars):
        told = [os.getppid(), os.environ.get("TOLD"), os.getcwd(), random.random(), np.random.random()]
        (Path(os.environ["TOLD_TO"]) / str(os.getpid())).write_text(json.dumps(told))
        return self.hold_long(bars.close > bars.sma(self.length))
"""


@pytest.fixture
def told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "told"
    folder.mkdir()
    monkeypatch.setenv("TOLD_TO", str(folder))
    return folder


def told(folder: Path) -> list[list[Any]]:
    """What children have written, and forget it."""
    found = []
    for path in sorted(folder.iterdir()):
        found.append(json.loads(path.read_text()))
        path.unlink()
    return found


def compute(pool: Pool) -> None:
    """A point by each child."""
    points = values_of([0] * 4)
    wait_for(lambda: pool._work() or all(worker.ready for worker in pool._workers))
    for _ in pool.run(len(points), lambda begin, stop: points[begin:stop]):
        pass


def test_each_child_has_environment_folder_and_dice_of_its_own_and_all_one_server(
    tmp_path: Path, told_to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = setup_of(write_inputs(tmp_path, TELLS))
    found = []
    for value in ("one", "two"):
        folder = tmp_path / value
        folder.mkdir()
        monkeypatch.setenv("TOLD", value)
        monkeypatch.chdir(folder)
        with Pool(setup, 2) as pool:
            compute(pool)
        (first, second) = told(told_to)
        assert first[1:3] == second[1:3] == [value, str(folder)]
        found += [first, second]
    assert len({each[0] for each in found}) == 1
    assert len({each[3] for each in found}) == len({each[4] for each in found}) == 4


def test_what_modules_have_read_of_the_environment_is_read_anew_where_it_changed(
    tmp_path: Path, told_to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = setup_of(write_inputs(tmp_path, TELLS))
    with Pool(setup, 1) as pool:
        compute(pool)
        (before,) = told(told_to)
        monkeypatch.setenv("BACKBUS_SOMETHING", "else")
        with Pool(setup, 1) as other:
            compute(other)
        (after,) = told(told_to)
        assert before[0] != after[0]
        assert alive(before[0])  # it has a child
    wait_for(lambda: not alive(before[0]))
    assert alive(after[0])


def test_a_server_that_is_killed_takes_its_children_along_and_others_follow(tmp_path: Path, told_to: Path) -> None:
    setup = setup_of(write_inputs(tmp_path, TELLS))
    points = values_of([0] * 40)
    with Pool(setup, 2) as pool:
        compute(pool)
        server, pids = told(told_to)[0][0], pool.pids
        os.kill(server, signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in pids))
        found = dict(pool.run(len(points), lambda begin, stop: points[begin:stop]))
        assert not set(pids) & set(pool.pids)
    expected = here(setup)
    for first, chunk in found.items():
        assert pack_chunk(chunk) == pack_chunk(expected.compute(points[first : first + len(chunk.figures)]))


def test_a_copy_of_a_process_has_a_server_of_its_own(tmp_path: Path, told_to: Path) -> None:
    setup = setup_of(write_inputs(tmp_path, TELLS))
    with Pool(setup, 1) as pool:
        compute(pool)
        (ours,) = told(told_to)
        copy = os.fork()
        if copy == 0:
            try:
                with Pool(setup, 1) as its:
                    compute(its)
            finally:
                os._exit(0)
        os.waitpid(copy, 0)
        (theirs,) = told(told_to)
        assert ours[0] != theirs[0]
        wait_for(lambda: not alive(theirs[0]))
        compute(pool)
        assert told(told_to)[0][0] == ours[0]


def test_where_no_process_can_be_forked_it_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "_prepare", lambda: None)
    monkeypatch.setattr(fork_server, "_fork", lambda: None)
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with ours, theirs, ThreadPoolExecutor() as threads:
        serving = threads.submit(fork_server._serve, theirs)
        socket.send_fds(ours, [ASKED.pack(FORK, 1)], [writing] * 4)
        os.close(writing)
        assert os.read(reading, 1) == b""  # its output is closed
        ours.sendall(ASKED.pack(END, 1))
        assert [TOLD.unpack(ours.recv(TOLD.size, socket.MSG_WAITALL)) for _ in range(2)] == [(0, 0), (1, NOT_FORKED)]
        ours.close()
        assert serving.result(timeout=10) is None
    os.close(reading)


@pytest.fixture
def spoiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library's own loops cannot be loaded."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['backbus.sweep.warm'] = type(sys)('warm')\n"
        "def warm_sweep():\n    raise RuntimeError('no loop today')\n"
        "sys.modules['backbus.sweep.warm'].warm_sweep = warm_sweep\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")]))
    yield


@pytest.mark.usefixtures("spoiled")
def test_what_goes_wrong_before_there_is_a_child_is_told_once(tmp_path: Path) -> None:
    with Pool(setup_of(write_inputs(tmp_path)), 2) as pool, pytest.raises(BackbusError, match="no loop today"):
        compute(pool)
