"""``backbus compile``: every loop ahead of its first use, at set-up and in the image.

What is compiled is kept on disk under a hash of the sources, so the next time this takes a second. The first time, two
processes compile at once where there are processors for it: the engine's loops take as long as all others. numba keeps
code by the place of its source, too, so each installation has a first time.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from contextlib import suppress

import typer


def compile_() -> None:
    """Compile the kernels, where they are not compiled yet."""
    from backbus.stack import kernels

    done = kernels.marker()
    fresh = not done.exists()
    started = time.monotonic()
    if fresh:
        sys.stderr.write(f"compiling the kernels, once for each state of the sources: {kernels.how_long()} ...\n")
        if (os.cpu_count() or 1) > 1:
            _compile_engine_beside_others()
    _engine()
    _others()
    took = time.monotonic() - started
    done.parent.mkdir(parents=True, exist_ok=True)
    if fresh:
        done.write_text(f"{took:.0f}\n", encoding="utf-8")
    sys.stderr.write(f"the kernels {'were compiled' if fresh else 'are compiled'} ({took:.1f} s)\n")


def _compile_engine_beside_others() -> None:
    """What one of them did not keep is compiled afterwards."""
    beside = multiprocessing.get_context("spawn").Process(target=_beside, daemon=True)
    beside.start()
    try:
        _engine()
        beside.join()
    finally:
        beside.terminate()


def _beside() -> None:
    """Ctrl-C reaches both processes; the other one tells of it."""
    with suppress(KeyboardInterrupt):
        _others()


def _engine() -> None:
    from backbus.engine.warm import warm_engine

    warm_engine()


def _others() -> None:
    from backbus.engine.warm import warm_handlers, warm_points
    from backbus.simulator.warm import warm_market
    from backbus.sweep.warm import warm_sweep

    warm_handlers()
    warm_points()
    warm_sweep()
    warm_market()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compile")(compile_)
