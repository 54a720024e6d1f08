"""``backbus compile``: every loop ahead of its first use, at set-up and in the image.

What is compiled is kept on disk under a hash of the sources, so the next time this takes a second. The first time, two
processes compile at once where there are processors for it: lists of orders take as long as all else. numba keeps
code by the place of its source, too, so each installation has a first time. ``python -m backbus.cli.compile PART``
compiles one part, and Ctrl-C ends whoever waits for it at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial

import typer

from backbus.errors import StackError


def compile_() -> None:
    """Compile the kernels, where they are not compiled yet."""
    from backbus.api import compiled
    from backbus.stack import kernels

    done = compiled.marker()
    fresh = not done.exists()
    started = time.monotonic()
    if fresh:
        sys.stderr.write(f"compiling the kernels, once for each state of the sources: {kernels.how_long()} ...\n")
        sys.stderr.flush()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the parts end, too
        if (os.cpu_count() or 1) > 1:
            kernels.apart([kernels.part_command("engine"), kernels.part_command("others")])
        # What one of them did not keep is compiled now, and what they met is told.
        if not kernels.apart([kernels.part_command("all")], said=True):
            raise StackError("the kernels could not be compiled; the reason is printed above")
    else:
        _all()
    took = time.monotonic() - started
    done.parent.mkdir(parents=True, exist_ok=True)
    if fresh:
        done.write_text(f"{took:.0f}\n", encoding="utf-8")
    sys.stderr.write(f"the kernels {'were compiled' if fresh else 'are compiled'} ({took:.1f} s)\n")


def _engine() -> None:
    from backbus.engine.warm import warm_handlers, warm_run

    warm_run(lists=True)
    warm_handlers()


def _others() -> None:
    from backbus.data.readers.warm import warm_readers
    from backbus.engine.warm import warm_points, warm_run
    from backbus.simulator.warm import warm_market
    from backbus.sweep.warm import warm_sweep

    warm_run()
    warm_points(strategies=False)
    warm_sweep()
    warm_market()
    warm_readers()


def _all() -> None:
    from backbus.engine.warm import warm_engine, warm_points

    _engine()
    _others()
    warm_engine()
    warm_points()


def _run(lists: bool = False) -> None:
    from backbus.engine.warm import warm_run

    warm_run(lists)


def _sweep(lists: bool = False) -> None:
    from backbus.engine.warm import warm_groups, warm_point

    warm_point(lists)
    if not lists:
        warm_groups()


def _check() -> None:
    from backbus.engine.warm import warm_signals

    warm_signals()


PARTS: dict[str, Callable[[], None]] = {
    "engine": _engine,
    "others": _others,
    "all": _all,
    "run": _run,
    "run_lists": partial(_run, lists=True),
    "sweep": _sweep,
    "sweep_lists": partial(_sweep, lists=True),
    "check": _check,
}
"""What is compiled by itself: in two processes at once, or because a command cannot do without it."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compile")(compile_)


if __name__ == "__main__":
    PARTS[sys.argv[1]]()
