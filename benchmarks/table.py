"""The table: on the terminal, as ``RESULTS.md`` and as plain values."""

from __future__ import annotations

import datetime
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.environments import PLACE, version_of
from benchmarks.measure import NOISY, Check, Line

HEAD = ("row", "what", "backbus", "beside it", "ratio", "spread", "to hold", "goal", "verdict")
LIBRARIES = ("numpy", "numba", "pyarrow", "pyzmq", "msgpack", "pydantic")
WIDTH = 160
"""Columns of text where there is no terminal to ask."""
PEERS = ("vectorbt", "vectorbt_rust", "raptorbt", "backtesting", "backtrader", "nautilus_trader")


def surroundings() -> dict[str, Any]:
    """What the figures depend on besides the code."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "model": _model(),
        "python_additions_a_second": round(_additions()),
        "libraries": {name: version(name) for name in LIBRARIES},
        "peers": {name: version_of(name) for name in PEERS if (PLACE / name / "made").exists()},
    }


def _model() -> str:
    """The processor's name, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines() if told.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _additions(count: int = 1_000_000) -> float:
    """How many numbers a plain loop adds in a second: machines differ in this by more than in what is compiled."""
    fastest = float("inf")
    for _ in range(5):
        began, total = time.perf_counter(), 0
        for number in range(count):
            total += number
        fastest = min(fastest, time.perf_counter() - began)
    return count / fastest


def cells(line: Line) -> tuple[str, ...]:
    """A line as texts, one for each column."""
    ratio = "" if line.ratio is None else f"{line.ratio:.3g} ×"
    held = ("", "", "") if line.hold is None else (str(line.hold), line.hold.wanted, line.hold.verdict)
    what = line.what if line.series is None else f"{line.what}, series {line.series}"
    return line.row, what, line.ours, line.peer, ratio, line.steadiness, *held


def arranged(lines: Sequence[Line]) -> list[Line]:
    """Row by row in the order in which they began, what was measured in several series side by side."""
    first: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(lines):
        for key in ((line.row,), (line.row, line.what, str(line.series is None))):
            first.setdefault(key, number)
    return sorted(lines, key=lambda line: (first[line.row,], first[line.row, line.what, str(line.series is None)]))


def in_each(lines: Sequence[Line]) -> list[str]:
    """Of each bound that is held against in several series, in how many it was held."""
    held: dict[tuple[str, str], list[bool]] = {}
    for line in lines:
        if line.series is not None and line.hold is not None:
            held.setdefault((line.row, line.what), []).append(line.hold.met)
    return [
        f"{row}, {what}: {'held in each of' if all(met) else f'held in {sum(met)} of'} {len(met)} series"
        for (row, what), met in held.items()
    ]


def show(lines: Sequence[Line], checks: Sequence[Check]) -> None:
    """Print the table and the checks."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    table = Table(*HEAD, box=box.SIMPLE_HEAD, expand=True)
    for line in arranged(lines):
        style = "" if line.hold is None else "green" if line.hold.met else "red"
        *texts, verdict = cells(line)
        table.add_row(*texts, f"[{style}]{verdict}[/{style}]" if style else verdict)
    console.print(table)
    for told in in_each(lines):
        console.print(told, highlight=False)
    for line in arranged(lines):
        if line.note:
            console.print(f"{line.row}: {cells(line)[1]}: {line.note}", highlight=False)
    for check in checks:
        console.print(f"{'ok ' if check.passed else '[red]NOT SO[/red] '} {check.row}: {check.what}", highlight=False)


def write(path: Path, lines: Sequence[Line], checks: Sequence[Check]) -> None:
    """Write ``RESULTS.md``; it appears whole."""
    around = surroundings()
    shown = ", ".join(f"{name} {number}" for name, number in around["libraries"].items())
    peers = ", ".join(f"{name} {number}" for name, number in around["peers"].items()) or "none"
    text = [
        "# Results of the benchmarks",
        "",
        "Written by `make bench`. Medians; where something stands beside a row, both were run in turns. Spread: the "
        f"middle half of the runs over their median, of ours / of what stands beside it; noisy beyond {NOISY:.0%}.",
        "",
        f"{around['date']}, Python {around['python']}, {around['processors']} processors ({around['machine']}"
        + (f", {around['model']}" if around["model"] else "")
        + f"); a loop in Python adds {around['python_additions_a_second'] / 1e6:.0f} M numbers a second.",
        f"{shown}.",
        f"Peers: {peers}.",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|{' --- |' * len(HEAD)}",
        *(f"| {' | '.join(cells(line))} |" for line in arranged(lines)),
        "",
    ]
    if series := in_each(lines):
        text += ["## In each series", "", *(f"- {told}." for told in series), ""]
    notes = [f"- {line.row}, {cells(line)[1]}: {line.note}." for line in arranged(lines) if line.note]
    if notes:
        text += ["## What was measured", "", *notes, ""]
    text += ["## That all did the same work", ""]
    text += [f"- {'' if check.passed else '**Not so:** '}{check.row}: {check.what}." for check in checks]
    part = path.with_suffix(".part")
    part.write_text("\n".join(text) + "\n", encoding="utf-8")
    part.replace(path)


def plain(lines: Sequence[Line], checks: Sequence[Check]) -> dict[str, Any]:
    """Everything as plain values."""
    return {
        **surroundings(),
        "lines": [line.plain() for line in arranged(lines)],
        "checks": [{"row": check.row, "what": check.what, "passed": check.passed} for check in checks],
    }
