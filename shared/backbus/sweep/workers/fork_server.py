"""The process that children are forked from: ``python -P -m backbus.sweep.workers.fork_server CONTROL``.

It loads every loop but a strategy's own, once, and runs no strategy: a child that is forked from it is there at once,
and shares its memory. ``CONTROL`` is the descriptor of its end of a pair of sockets. In: ``FORK`` a child under a
number, with its descriptors, and ``END`` one; out: ``TOLD``. It goes, and its children with it, when the other end is
closed; without a child, by itself after a while.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import sys
import warnings
from typing import NamedTuple

from backbus.loading import loading

with loading():
    from backbus.engine.warm import warm_engine, warm_points
    from backbus.sweep.warm import warm_sweep
    from backbus.sweep.workers import child
    from backbus.sweep.workers.forking import ASKED, END, FORK, NOT_FORKED, TOLD, Descriptors

LATER = ("pyarrow.csv", "pyarrow.parquet", "backbus.data.files", "backbus.data.panels.frame")
"""What is loaded by whoever reads prices, and takes longest to load."""
IDLE_S = 600.0
"""How long it waits for another child when it has none."""


class Born(NamedTuple):
    """What a child begins with."""

    descriptors: Descriptors
    failure: Exception | None
    """What went wrong before it was forked."""


def main(control: socket.socket) -> None:
    """Serve until the other end is closed; in a child, be that child."""
    born = _serve(control)
    if born is not None:
        child.main(born.descriptors, born.failure)


def _serve(control: socket.socket) -> Born | None:
    """None at the end of the server; in each child what it begins with."""
    failure = _prepare()
    server, children = os.getpid(), dict[int, int]()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        control.send(TOLD.pack(0, 0))
        control.settimeout(IDLE_S)
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(control, ASKED.size, len(Descriptors._fields))
            except TimeoutError:
                if children:
                    continue
                break
            if not data:
                break
            asked, number = ASKED.unpack(data)
            if asked == END:
                control.send(TOLD.pack(number, _end(children.pop(number, None))))
                continue
            assert asked == FORK
            for each in descriptors:
                os.set_inheritable(each, False)
            pid = _fork()
            if pid == 0:
                control.close()
                child.belong_to(server)
                return Born(Descriptors(*descriptors), failure)
            if pid is not None:
                children[number] = pid
            for each in descriptors:
                os.close(each)
    for pid in children.values():
        _kill(pid)
    return None


def _prepare() -> Exception | None:
    """Load everything that children share. What goes wrong is theirs to tell."""
    try:
        with loading():  # what is there now is there for good, and no child copies it to look at it
            for module in LATER:
                importlib.import_module(module)
            warm_engine(strategies=False)
            warm_points(strategies=False)
            warm_sweep()
    except Exception as error:
        return error
    return None


def _fork() -> int | None:
    """As ``os.fork``; None where there can be no other process, which its owner sees by the end of its output."""
    with warnings.catch_warnings():
        # Of threads: those of numerical libraries, which look after themselves when a process is forked.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return os.fork()
        except OSError:
            return None


def _end(pid: int | None) -> int:
    """End a child and what it has started; its exit status."""
    if pid is None:
        return NOT_FORKED
    _kill(pid)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _kill(pid: int) -> None:
    # Nobody has asked about its end yet, so that no other process has its number; it may not lead its group yet.
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    try:
        main(socket.socket(fileno=int(sys.argv[1])))
    except SystemExit as end:
        # Threads that a strategy left behind must not keep its process.
        os._exit(end.code if isinstance(end.code, int) else 1)
