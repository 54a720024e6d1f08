"""A call of a command: a process of its own, which ends in time with all that it has started.

In: words, and what to read. Out: what it printed, bounded. Its output goes to files without a name, so that nobody
waits for somebody who holds a pipe open, and whatever a strategy prints stays there. Whoever is interrupted cleans up
behind himself; who does not end then is killed, and so is every process that carries the call's mark in its
environment, in whichever session it is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO

from backbus.mcp.arguments import Typed
from backbus.stack.processes import marked

COMMAND = (sys.executable, "-P", "-m", "backbus.cli.called")
MARK = "CALL_OF_BACKBUS_MCP"
GRACE_S = 1.0
"""Between an interrupt and a kill: clients give a server two seconds to end."""
LOOK_S = 0.02
MOST_PRINTED = 64 << 20
"""Bytes of each output; a call that prints more is ended."""
END_OF_PRINTED = 2000


class AgentCall:
    """One of them, begun. ``end`` must be called."""

    def __init__(self, typed: Typed, folder: Path) -> None:
        self.begun = time.monotonic()
        self._mark = uuid.uuid4().hex
        self._out, self._errors, self._progress = (_nameless() for _ in range(3))
        with _file_of(typed.read) as read:
            self._process = subprocess.Popen(
                (*COMMAND, str(os.getpid()), str(self._progress.fileno()), *typed.words),
                cwd=folder,
                env={**os.environ, MARK: self._mark},
                stdin=read,
                stdout=self._out,
                stderr=self._errors,
                pass_fds=(self._progress.fileno(),),
                start_new_session=True,  # Ctrl-C is for the server, which ends its calls
            )

    @property
    def over(self) -> bool:
        """Whether the command has ended."""
        return self._process.poll() is not None

    @property
    def status(self) -> int | None:
        """Its exit status."""
        return self._process.poll()

    @property
    def prints_too_much(self) -> bool:
        """Whether an output is larger than it may be."""
        return any(os.fstat(each.fileno()).st_size > MOST_PRINTED for each in (self._out, self._errors))

    @property
    def progress(self) -> bytes:
        """What the command says of how far it is, as ``called`` packs it."""
        return os.pread(self._progress.fileno(), 64, 0)

    def interrupt(self) -> None:
        """Ask it to end, as Ctrl-C does."""
        if not self.over:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Kill what is left of it, until nothing is."""
        mark = f"{MARK}={self._mark}"
        limit = time.monotonic() + GRACE_S
        if not self.over:
            self._process.kill()
        while (left := marked(mark)) and time.monotonic() < limit:
            for pid in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._process.poll()
            time.sleep(LOOK_S)
        self._process.wait()

    def close(self) -> None:
        """Let its files go."""
        for each in (self._out, self._errors, self._progress):
            each.close()

    def output(self) -> str:
        """What it wrote to standard output."""
        return os.pread(self._out.fileno(), MOST_PRINTED, 0).decode(errors="replace")

    def printed(self) -> str:
        """The end of what it wrote to standard error."""
        size = os.fstat(self._errors.fileno()).st_size
        told = os.pread(self._errors.fileno(), END_OF_PRINTED, max(size - END_OF_PRINTED, 0))
        return told.decode(errors="replace").strip()


def _file_of(text: str | None) -> IO[bytes]:
    """What the command reads: the text, or nothing."""
    if text is None:
        return open(os.devnull, "rb")  # noqa: PTH123  (no path of anybody's)
    file = _nameless()
    file.write(text.encode())
    file.seek(0)
    return file


def _nameless() -> IO[bytes]:
    """A file that goes when nobody has it open any longer."""
    return tempfile.TemporaryFile()
