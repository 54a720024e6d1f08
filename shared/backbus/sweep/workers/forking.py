"""Children without a start of their own: forked from a process that has loaded what they need, the *fork server*.

All threads of a process share one, ``fork`` starts it with the first child. It is started anew where it has gone, or
where what it has read of the environment is not so any more, and it ends with this process. ``fork_server.py`` is the
process itself.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

ASKED = struct.Struct("=cq")
"""What the server is to do, and a child's number."""
FORK, END = b"F", b"E"
TOLD = struct.Struct("=qq")
"""What it says: number 0 when it is ready; then of each child that it has ended, number and exit status, negative for
the signal that it died of, or ``NOT_FORKED``."""
NOT_FORKED = 1 << 16
"""No exit status is so large."""
WORDS = struct.Struct("=qqq")
"""What a child says at every moment: points begun before the ones in hand, since the process started; place in the
chunk of the first one in hand; how many are."""
READ_ONCE = ("BACKBUS_", "NUMBA_", "PYTHON", "LD_", "OMP_", "OPENBLAS_", "MKL_", "MALLOC_", "TZ")
"""What names of variables begin with that are read while modules are loaded."""
ANSWER_S = 10.0
"""How long the end of a child may take that was killed."""


class Descriptors(NamedTuple):
    """What a child is given."""

    incoming: int
    """Where it reads frames."""
    outgoing: int
    """Where it writes them."""
    words: int
    """A file for ``WORDS``, shared with its watcher."""
    errors: int
    """Where all goes that its strategy prints."""


class Forked:
    """A child that was asked for. It says its process id itself."""

    def __init__(self, server: ForkServer, number: int) -> None:
        self._server, self._number = server, number

    @property
    def server(self) -> int:
        """Process id of the one that it is forked from."""
        return self._server.pid

    def end(self) -> int | None:
        """End it and whatever it has started; its exit status, or None where nobody knows it. Once."""
        return self._server.end(self._number)


class ForkServer:
    """A fork server, started at once. It reads what it is asked when it is ready, in that order."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-P", "-m", "backbus.sweep.workers.fork_server", str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # not ended by Ctrl-C before its owner knows
            )
        self._control = ours
        self._environment = _read_once()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._children: set[int] = set()
        self._ready = self._left = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def fits(self) -> bool:
        """Whether children that were forked now would be as if they had been started now."""
        return self._process.poll() is None and self._environment == _read_once()

    def fork(self, descriptors: Descriptors) -> Forked:
        """A child with copies of these. OSError where the server has gone."""
        with self._lock:
            number = next(self._numbers)
            socket.send_fds(self._control, [ASKED.pack(FORK, number)], descriptors)
            self._children.add(number)
        return Forked(self, number)

    def end(self, number: int) -> int | None:
        """See ``Forked.end``. A server that is not ready is not waited for, and ended where nobody else waits."""
        with self._lock:
            self._children.discard(number)
            with contextlib.suppress(OSError):
                ready = self._is_ready()
                if not ready and not self._children:
                    self._process.kill()
                self._control.sendall(ASKED.pack(END, number))
                status = self._answer(number) if ready else None
                if self._left and not self._children:
                    self.close()
                return status
        return None

    def leave(self) -> None:
        """It is not asked for children any more, and goes with the last of them."""
        with self._lock:
            self._left = True
            if not self._children:
                self.close()

    def close(self) -> None:
        """End it, and its children."""
        self._control.close()
        if not self._ready:
            self._process.kill()
        try:
            self._process.wait(ANSWER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def let_go(self) -> None:
        """Forget it, in a process that is a copy of its owner."""
        self._control.close()
        self._process.returncode = 0  # whose end is not for us to wait for

    def _is_ready(self) -> bool:
        if not self._ready:
            with contextlib.suppress(BlockingIOError):
                self._ready = len(self._control.recv(TOLD.size, socket.MSG_DONTWAIT)) == TOLD.size
        return self._ready

    def _answer(self, number: int) -> int | None:
        """The exit status of a child; the ends of others, which nobody has waited for, are passed over."""
        self._control.settimeout(ANSWER_S)
        while len(told := self._control.recv(TOLD.size, socket.MSG_WAITALL)) == TOLD.size:
            of, status = TOLD.unpack(told)
            if of == number:
                return int(status)
        return None


class _Shared:
    """The one of this process, if there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: ForkServer | None = None

    def fork(self, descriptors: Descriptors) -> Forked:
        """A child, by a new server where the one that is there does not do."""
        with self._lock:
            if self._server is not None and self._server.fits:
                with contextlib.suppress(OSError):  # it has gone meanwhile, having had nothing to do
                    return self._server.fork(descriptors)
            if self._server is not None:
                self._server.leave()
            self._server = ForkServer()
            return self._server.fork(descriptors)

    def close(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def forget(self) -> None:
        """In a copy of this process: it is not ours."""
        if self._server is not None:
            self._server.let_go()
        self._lock, self._server = threading.Lock(), None


_SHARED = _Shared()
atexit.register(_SHARED.close)
os.register_at_fork(after_in_child=_SHARED.forget)


def fork(descriptors: Descriptors) -> Forked:
    """A child, there as soon as the fork server is ready."""
    return _SHARED.fork(descriptors)


def surroundings() -> dict[str, object]:
    """Environment and folder of this process, in which its children are to be."""
    return {"environment": list(os.environb.items()), "at": os.fsencode(Path.cwd())}


def _read_once() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(READ_ONCE)}
