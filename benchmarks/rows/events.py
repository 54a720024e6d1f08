"""Strategies in plain Python, bar by bar, in the engine."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.cross import Run, job
from benchmarks.measure import Check, Hold, Line, interleaved, median, seconds_of, short
from benchmarks.rows.engine import speed

ROW = "events"
FILE = "sma_by_hand.py"


def run(bench: Bench) -> Iterator[Line | Check]:
    """The cross by hand, without and with the book."""
    rows, repeats = bench.pick(300_000, 50_000), bench.pick(5, 3)
    panel = bench.panel(rows)
    by_hand, by_book = Run(panel, job(f"{FILE}:SmaByHand")), Run(panel, job(f"{FILE}:SmaByBook"))
    bench.say(f"{repeats} runs of {short(rows)} bars in turns")
    plain, book = interleaved(repeats, lambda: seconds_of(by_hand), lambda: seconds_of(by_book))
    what = f"event-style strategy, SMA 10/30 by hand on {short(rows)} bars"
    pace = rows / median(plain)
    yield Line(ROW, what, speed(rows, plain), hold=Hold(pace, 100_000, "bars/s"), runs=(plain,))
    scale = bench.scale()
    hold = Hold(rows / median(book), 60e3 * scale, "bars/s", goal=100e3 * scale)
    yield Line(ROW, f"{what}, reading the book", speed(rows, book), hold=hold, runs=(book,))
    compiled = Run(panel, job()).report.counts.fills
    found = by_hand.report.counts.fills, by_book.report.counts.fills
    yield Check(ROW, f"fills: by hand {found[0]}, by book {found[1]}, array style {compiled}", set(found) == {compiled})
