"""Start a service at most once a second: ``python -m backbus.stack.respawn PID_FILE COMMAND [ARG ...]``.

The supervisor restarts whatever dies, for ever and without a pause, so a service that dies at once would eat a
processor. Its own growing pauses have no upper bound, which would leave a stack that has healed waiting for minutes.
This process notes its id, waits where the last start was a moment ago, and then becomes the service.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

PAUSE_S = 1.0


def main(arguments: list[str]) -> None:
    """Become the service; does not return."""
    pid_file, command = Path(arguments[0]), arguments[1:]
    try:
        age = time.time() - pid_file.stat().st_mtime
    except FileNotFoundError:
        age = PAUSE_S
    pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
    if 0 <= age < PAUSE_S:
        time.sleep(PAUSE_S - age)
        os.utime(pid_file)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
