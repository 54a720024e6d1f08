"""The command line. Each file has one group of commands; nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import sys

from backbus.loading import loading


def main() -> None:
    """The command ``backbus``; or what a shell may complete, where one asks."""
    try:
        asked = os.environ.get("_BACKBUS_COMPLETE")
        if asked is not None:
            from backbus.cli import completion

            status = completion.answer(asked)
            if status is not None:
                sys.exit(status)
        with loading():
            from backbus.cli.app import main as run

        run()
    except KeyboardInterrupt:  # while it was loaded
        sys.stderr.write("interrupted\n")
        sys.exit(130)


__all__ = ["main"]
