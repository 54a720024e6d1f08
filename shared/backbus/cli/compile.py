"""``backbus compile``: every loop ahead of its first use, at set-up and in the image.

What is compiled is kept on disk under a hash of the sources, so the next time this takes a second.
"""

from __future__ import annotations

import sys
import time

import typer


def compile_() -> None:
    """Compile the kernels, where they are not compiled yet."""
    from backbus.jit.sources import cache_folder

    fresh = not cache_folder().exists()
    if fresh:
        sys.stderr.write("compiling the step functions (once for each state of the sources; about two minutes) ...\n")
    started = time.monotonic()
    from backbus.engine.warm import warm_engine, warm_handlers
    from backbus.simulator.warm import warm_market
    from backbus.sweep.warm import warm_sweep

    warm_engine()
    warm_handlers()
    warm_sweep()
    warm_market()
    took = time.monotonic() - started
    sys.stderr.write(f"step functions {'compiled' if fresh else 'are compiled'} ({took:.1f} s)\n")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compile")(compile_)
