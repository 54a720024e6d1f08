"""Ends what a run of the tests has left running: ``python -m tests.reaper NAME=value``.

Started by the run, in a session of its own. When the run is over, killed or not, its end of the pipe on standard input
closes; then every process that carries this mark in its environment is ended, until there is none: supervisors, which
restart what dies, and what they have restarted meanwhile, too.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress

from backbus.stack.processes import marked

GRACE_S = 2.0
"""What belongs to a process that has just ended may be ending by itself."""
LOOK_S = 0.05
LOOK_AT_PARENT_S = 1.0
"""A forked child of the run would hold the pipe open; a parent that is gone tells the same."""


def main(mark: str) -> None:
    """Wait until the run is over, then end what is left of it, and say how much that was."""
    run = os.getppid()
    while os.getppid() == run and not select.select([sys.stdin], [], [], LOOK_AT_PARENT_S)[0]:
        pass
    limit = time.monotonic() + GRACE_S
    while marked(mark) and time.monotonic() < limit:
        time.sleep(LOOK_S)
    ended: set[int] = set()
    while left := marked(mark):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended.update(left)
        time.sleep(LOOK_S)
    if ended:
        sys.stderr.write(f"tests: ended {len(ended)} processes that were left running\n")


if __name__ == "__main__":
    main(sys.argv[1])
