"""``python -m benchmarks``: run the rows, print the table, keep it in ``RESULTS.md``.

Exit status 1 where a check failed, which means that something did not do the work that its figure stands for. A bound
that is missed is a figure like any other: the table says by how much.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backbus.errors import BackbusError
from benchmarks import table
from benchmarks.bench import Bench
from benchmarks.environments import Absent
from benchmarks.measure import Check, Line
from benchmarks.rows import GROWTH, LONG, ROWS, SERIES, TIMES, Row

RESULTS = Path(__file__).parent / "RESULTS.md"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Time backbus beside other engines.")
    parser.add_argument(
        "--rows", help=f"which, with commas: {', '.join(ROWS)}; all but {', '.join((*LONG, GROWTH))} if left out"
    )
    parser.add_argument("--long", action="store_true", help=f"also {', '.join(LONG)}: takes minutes and 17 GB of disk")
    parser.add_argument("--growth", action="store_true", help=f"also {GROWTH}: how all grows; takes minutes")
    parser.add_argument("--quick", action="store_true", help="fewer bars and repeats; nothing is kept")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    left_out = (*(() if arguments.long else LONG), *(() if arguments.growth else (GROWTH,)))
    default = [name for name in ROWS if name not in left_out]
    arguments.chosen = arguments.rows.split(",") if arguments.rows else default
    unknown = [name for name in arguments.chosen if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return arguments


class Found:
    """What the rows have yielded so far."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.checks: list[Check] = []

    def take(self, name: str, row: Row, bench: Bench, series: int | None = None) -> None:
        """All of a row, or what it measures in one of the series."""
        try:
            for found in row(bench):
                if isinstance(found, Line):
                    self.lines.append(replace(found, series=series))
                else:
                    self._check(found)
        except (Absent, BackbusError, RuntimeError, subprocess.SubprocessError) as error:
            # the rows that are done are worth showing
            place = "" if series is None else f"series {series} of "
            self._check(Check(name, f"{place}the row could not be finished: {error}", False))

    def _check(self, check: Check) -> None:
        if check not in self.checks:  # each series makes it
            self.checks.append(check)


def measure(bench: Bench, chosen: Sequence[str], found: Found) -> None:
    """All chosen rows, and then what is measured in several series again, from the first row to the last: a slow
    stretch of the machine meets one series and leaves the others."""
    for series in range(1, TIMES + 1):
        bench.begin_series()
        for name in chosen:
            if name in SERIES:
                bench.say(f"row {name}, series {series} of {TIMES}")
                found.take(name, SERIES[name], bench, series)
            if series == 1:
                bench.say(f"row {name}")
                found.take(name, ROWS[name], bench)


def main() -> int:
    """Run what was asked for."""
    arguments = _arguments()
    found = Found()
    with Bench(quick=arguments.quick) as bench:
        measure(bench, arguments.chosen, found)
    lines, checks = found.lines, found.checks
    if arguments.json:
        sys.stdout.write(json.dumps(table.plain(lines, checks)) + "\n")
    else:
        table.show(lines, checks)
    if not arguments.quick and not arguments.rows:
        table.write(RESULTS, lines, checks)
    return 0 if all(check.passed for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
