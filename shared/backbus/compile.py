"""Compiles every loop ahead of its first use: at set-up and in the image. ``python -P -m backbus.compile``.

What is compiled is kept on disk under a hash of the sources, so the next time this takes a second.
"""

from __future__ import annotations

import sys
import time


def main() -> None:
    """Run the rehearsal, and say on standard error what takes so long."""
    from backbus.sources import cache_folder

    fresh = not cache_folder().exists()
    if fresh:
        sys.stderr.write("compiling the step functions (once for each state of the sources; about a minute) ...\n")
    started = time.monotonic()
    from backbus.engine.rehearsal import rehearse
    from backbus.simulator.rehearsal import rehearse_market
    from backbus.sweep.warm import rehearse_sweep

    rehearse()
    rehearse_sweep()
    rehearse_market()
    took = time.monotonic() - started
    sys.stderr.write(f"step functions {'compiled' if fresh else 'are compiled'} ({took:.1f} s)\n")


if __name__ == "__main__":
    main()
