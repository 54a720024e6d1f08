"""The rows of the table, one file each: ``run(bench)`` yields lines, and checks that the lines mean something.

What is to hold in each of three series is yielded by ``series(bench)`` instead, once in each.
A new row is a file here and a line in ``MODULES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.bench import Bench
from benchmarks.measure import Check, Line
from benchmarks.rows import (
    assets,
    book,
    commands,
    compiling,
    data,
    dense,
    engine,
    events,
    fleet,
    growth,
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
    assets,
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
    compiling,
    growth,
)
ROWS: dict[str, Row] = {module.ROW: module.run for module in MODULES}
SERIES: dict[str, Row] = {module.ROW: module.series for module in (yardstick, engine, sweep, dense)}
TIMES = 3
"""How many series there are: a pass over all rows, then the others over those of ``SERIES`` alone."""
LONG = (streamed.ROW, many.ROW, compiling.ROW)
"""Left out unless asked for: they take minutes and much disk."""
GROWTH = growth.ROW
"""Left out unless asked for: it takes minutes, and holds nothing against a bound."""
