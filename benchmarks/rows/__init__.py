"""The rows of the table, one file each: ``run(bench)`` yields lines, and checks that the lines mean something.

A new row is a file here and a line in ``ROWS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.bench import Bench
from benchmarks.measure import Check, Line
from benchmarks.rows import (
    book,
    commands,
    data,
    dense,
    engine,
    events,
    fleet,
    lists,
    many,
    ready,
    rebalance,
    report,
    simulate,
    sparse,
    streamed,
    sweep,
    yardstick,
)

Row = Callable[[Bench], Iterator[Line | Check]]

MODULES = (
    yardstick,
    engine,
    rebalance,
    sweep,
    fleet,
    simulate,
    data,
    events,
    commands,
    report,
    ready,
    dense,
    sparse,
    lists,
    book,
    streamed,
    many,
)
ROWS: dict[str, Row] = {module.ROW: module.run for module in MODULES}
LONG = (streamed.ROW, many.ROW)
"""Left out unless asked for: they take minutes and much disk."""
