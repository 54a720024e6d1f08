"""A report's page of the dense run, all of its orders in its tables: how long it takes to write and to open, and how
large it is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backbus import run as run_here
from backbus.api.result import Result
from benchmarks.bench import Bench
from benchmarks.cross import job
from benchmarks.measure import Check, Hold, Line, duration, median, seconds_of, short
from tests.browser.chromium import ABSENT, Browser, executable

ROW = "report"
LIMIT_S, LIMIT_MB, PAINT_S = 4.0, 10.0, 2.0


def run(bench: Bench) -> Iterator[Line | Check]:
    """Writing, size, first paint, and a zoom to an hour beside the run's own equity."""
    rows, repeats = bench.pick(1_000_000, 100_000), bench.pick(5, 2)
    with tempfile.TemporaryDirectory(prefix="backbus-bench-") as name:
        folder = Path(name)
        result = run_here(job(), bench.panel(rows), folder=folder / "run")
        page = folder / "page.html"
        result.report(page)  # everything is loaded
        bench.say(f"{repeats} reports of {short(rows)} bars")
        taken = [seconds_of(lambda: result.report(page)) for _ in range(repeats)]
        size = page.stat().st_size / 1e6
        orders = result.summary.counts.orders
        yield Line(
            ROW,
            f"backbus report of {short(rows)} minute bars, {orders} orders",
            duration(median(taken)),
            hold=Hold(median(taken), LIMIT_S, "s", at_most=True),
            runs=(taken,),
        )
        yield Line(ROW, "its page", f"{size:.1f} MB", hold=Hold(size, LIMIT_MB, "MB", at_most=True))
        yield from _opened(page, result, repeats)


def _opened(page: Path, result: Result, repeats: int) -> Iterator[Line | Check]:
    if executable() is None:
        yield Check(ROW, ABSENT, False)
        return
    browser = Browser()
    try:
        browser.look(width=1440)
        paints = []
        for _ in range(repeats):
            browser.open(page)
            paints.append(browser.run("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1e3)
        yield Line(
            ROW,
            "its first paint in Chromium",
            duration(median(paints)),
            hold=Hold(median(paints), PAINT_S, "s", at_most=True),
            runs=(paints,),
        )
        tables = json.loads(browser.run("JSON.stringify(backbus.told.tables.map((one) => [one.name, one.rows]))"))
        held = dict(tables).get("orders")
        yield Check(ROW, f"orders in the page: {held}", held == result.count("orders"))
        equity, time = result.column("equity", "equity"), result.column("equity", "time").astype("M8[ms]")
        first = len(equity) // 2
        begin, end = time[first].astype(int), time[first + 60].astype(int)
        browser.run(f"backbus.zoom([{begin}, {end}], null).then(() => true)")
        drawn = json.loads(
            browser.run("JSON.stringify(backbus.shown.find((one) => one.spec.name === 'equity').data[0].y)")
        )
        low, high = float(equity[first - 1 : first + 62].min()), float(equity[first - 1 : first + 62].max())
        near = abs(min(drawn) - low) < 0.05 and abs(max(drawn) - high) < 0.05
        said = f"an hour's equity: {min(drawn):,.2f} to {max(drawn):,.2f} drawn, {low:,.2f} to {high:,.2f} in the run"
        yield Check(ROW, said, near)
        yield Check(ROW, f"asked of other hosts: {browser.asked() or 'nothing'}", not browser.asked())
    finally:
        browser.close()
