"""How a run, a run of the services and a sweep grow with bars, assets and processes: one curve each.

What is found is kept in ``growth.json``, which ``tools/growth.py`` draws.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backbus.job.job import Job
from backbus.market.panel import Panel
from benchmarks import prices, table
from benchmarks.bench import Bench
from benchmarks.cross import Run, job
from benchmarks.measure import Check, Line, duration, interleaved, median, rate, seconds_of, short, spread
from benchmarks.pools import pools

ROW = "growth"
RESULT = Path(__file__).parent.parent / "growth.json"


@dataclass(frozen=True)
class Curve:
    """What was timed at each of some sizes."""

    name: str
    along: str
    """What the sizes count."""
    unit: str
    """What is done in a second."""
    sizes: Sequence[int]
    work: Sequence[int]
    """How much is done in a run of each."""
    runs: Sequence[list[float]]

    def lines(self) -> Iterator[Line]:
        """One for each size; the ratio is of its pace to that of the first."""
        first = self.work[0] / median(self.runs[0])
        for size, work, taken in zip(self.sizes, self.work, self.runs, strict=True):
            shown = f"{duration(median(taken))}, {rate(work, median(taken), self.unit)}"
            what = f"{self.name}, {self.along}: {short(size)}"
            beside = f"the pace of {short(self.sizes[0])}: {short(first)} {self.unit}"
            yield Line(ROW, what, shown, beside, work / median(taken) / first, runs=(taken,))

    def plain(self) -> dict[str, Any]:
        """As plain values."""
        points = [
            {
                "size": size,
                "work": work,
                "seconds": median(taken),
                "pace": work / median(taken),
                "spread": spread(taken),
            }
            for size, work, taken in zip(self.sizes, self.work, self.runs, strict=True)
        ]
        return {"name": self.name, "along": self.along, "unit": self.unit, "points": points}


def run(bench: Bench) -> Iterator[Line | Check]:
    """Sizes of a curve are run in turns."""
    curves: list[Curve] = []
    for measure in (_bars, _assets, _processes, _services):
        curve = measure(bench)
        curves.append(curve)
        yield from curve.lines()
    if not bench.quick:
        told = {**table.surroundings(), "curves": [curve.plain() for curve in curves]}
        part = RESULT.with_suffix(".part")
        part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        part.replace(RESULT)
        bench.say(f"{RESULT.name} is written; make pages draws it")


def _timed(bench: Bench, what: str, repeats: int, works: Sequence[Callable[[], Any]]) -> list[list[float]]:
    bench.say(f"{repeats} times in turns: {what}")
    return interleaved(repeats, *(lambda work=work: seconds_of(work) for work in works))


def first_rows(panel: Panel, rows: int) -> Panel:
    """The first rows of a panel."""
    return Panel(replace(panel.layout, rows=rows), panel.block.rows(0, rows))


def _bars(bench: Bench) -> Curve:
    sizes = [size // bench.pick(1, 10) for size in (100_000, 1_000_000, 10_000_000)]
    whole = prices.make_panel(sizes[-1])
    taken = _timed(bench, "one run", bench.pick(7, 1), [Run(first_rows(whole, size), job()) for size in sizes])
    return Curve("one run", "minute bars", "bars/s", sizes, sizes, taken)


def _assets(bench: Bench) -> Curve:
    rows, sizes = bench.pick(2520, 504), [1, 10, 100, 500]
    plain = job().plain()
    rich = Job.parse({**plain, "portfolio": {**plain["portfolio"], "cash": 1e9}})
    taken = _timed(
        bench, "one run of many assets", bench.pick(9, 1), [Run(prices.make_wide(rows, size), rich) for size in sizes]
    )
    return Curve("one run", f"assets × {rows} days", "bars/s", sizes, [rows * size for size in sizes], taken)


def _processes(bench: Bench) -> Curve:
    rows, points, sizes = bench.pick(5000, 500), bench.pick(20_000, 1000), [1, 2, 3, 4]
    with pools(prices.make_panel(rows, daily=True), points, sizes) as works:
        for work in works:
            work()  # all of its processes are ready
        taken = _timed(bench, "a sweep by processes", bench.pick(5, 1), works)
    return Curve(f"a sweep of {short(points)} points", "processes", "points/s", sizes, [points] * len(sizes), taken)


def _services(bench: Bench) -> Curve:
    sizes = [size // bench.pick(1, 10) for size in (100_000, 1_000_000, 3_000_000)]
    whole, stack = prices.make_panel(sizes[-1]), bench.stack()
    panels = [first_rows(whole, size) for size in sizes]
    for panel in panels:
        stack.run(job(), panel)  # inputs are fetched and everything is loaded
    repeats = bench.pick(5, 1)
    bench.say(f"{repeats} times in turns: the services")
    taken = interleaved(repeats, *(lambda panel=panel: stack.run(job(), panel).seconds for panel in panels))
    return Curve("the services", "minute bars", "bars/s", sizes, sizes, taken)
