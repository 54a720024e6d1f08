"""What a user waits for at the keyboard: whole processes, from start to exit."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.environments import ROOT
from benchmarks.measure import Check, Hold, Line, duration, interleaved, median, seconds_of
from benchmarks.stack import BACKBUS

ROW = "commands"
REPEATS = 5
SAMPLE = ROOT / "examples" / "sma_crossover.toml"


def run(bench: Bench) -> Iterator[Line | Check]:
    """``backbus --help`` and ``backbus run`` on the sample."""
    subprocess.run([sys.executable, str(ROOT / "examples" / "sample_data.py")], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="backbus-bench-") as folder:

        def command(*words: str) -> float:
            return seconds_of(
                lambda: subprocess.run(
                    [str(BACKBUS), *words],
                    cwd=folder,
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )

        bench.say(f"{REPEATS} whole processes of each command")
        command("run", str(SAMPLE))
        asked, ran = interleaved(REPEATS, lambda: command("--help"), lambda: command("run", str(SAMPLE)))
    for what, taken, limit in (("backbus --help", asked, 0.2), ("backbus run on the sample, warm", ran, 1.2)):
        hold = Hold(median(taken), limit, "s", at_most=True)
        yield Line(ROW, what, duration(median(taken)), hold=hold, runs=(taken,))
