"""``backbus compile`` from nothing, as after an installation: into an empty folder, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.measure import Check, Hold, Line, duration, seconds_of
from benchmarks.stack import BACKBUS

ROW = "compile"
LIMIT_S = 45.0


def run(bench: Bench) -> Iterator[Line | Check]:
    """Once: it takes both cores for minutes."""
    with tempfile.TemporaryDirectory(prefix="backbus-bench-") as folder:
        # the first is where numba keeps code, the second where we note that all of it is there
        places = {"NUMBA_CACHE_DIR": folder, "BACKBUS_CACHE": folder}
        said: list[str] = []

        def compile_all() -> None:
            done = subprocess.run(
                [str(BACKBUS), "compile"],
                env={**os.environ, **places},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"backbus compile failed: {done.stderr.strip()[-500:]}")
            said.append(done.stderr)

        bench.say("compiling all kernels into an empty folder")
        taken = seconds_of(compile_all)
        kept = len(list(Path(folder).rglob("*.nbc")))
        hold = Hold(taken, LIMIT_S, "s", at_most=True)
        yield Line(ROW, "backbus compile into an empty folder", duration(taken), hold=hold, runs=([taken],))
        again = seconds_of(compile_all)
    yield Check(
        ROW,
        f"{kept} loops were compiled; the second time none, in {duration(again)}",
        kept > 0 and "were compiled" in said[0] and "are compiled" in said[1],
    )
