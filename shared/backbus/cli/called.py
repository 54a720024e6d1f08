"""``python -P -m backbus.cli.called CALLER PROGRESS WORDS...``: the command ``backbus WORDS...``, called by a program.

In: the process id of who calls, and a descriptor of a file. Out: the command's own output, alone: whatever else is
written to standard output, by a library or by a program that a strategy starts, goes to standard error. ``PROGRESS`` at
the beginning of the file says how far the command is. It is interrupted when its caller ends, however that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

from backbus.cli import app, listening
from backbus.mcp.progress import PROGRESS

PR_SET_PDEATHSIG = 1


def main(caller: int, progress: int, words: list[str]) -> None:
    """Run the command; ends the process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been ignored by who started the caller
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != caller:
        sys.exit(130)
    own = os.dup(1)  # nobody who is started from here has it
    os.dup2(2, 1)
    sys.stdout = open(own, "w", encoding="utf-8")  # noqa: PTH123, SIM115  (as long as the process)
    os.set_inheritable(progress, False)

    listening.caller = lambda done, of: _tell(progress, done, of)
    sys.argv = ["backbus", *words]
    app.main()


def _tell(progress: int, done: int, of: int) -> None:
    with contextlib.suppress(OSError):
        os.pwrite(progress, PROGRESS.pack(done, of), 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
