"""``python -m benchmarks``: run the rows, print the table, keep it in ``RESULTS.md``.

Exit status 1 where a check failed, which means that something did not do the work that its figure stands for. A bound
that is missed is a figure like any other: the table says by how much.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from backbus.errors import BackbusError
from benchmarks import table
from benchmarks.bench import Bench
from benchmarks.environments import Absent
from benchmarks.measure import Check, Line
from benchmarks.rows import LONG, ROWS

RESULTS = Path(__file__).parent / "RESULTS.md"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Time backbus beside other engines.")
    parser.add_argument("--rows", help=f"which, with commas: {', '.join(ROWS)}; all but {', '.join(LONG)} if left out")
    parser.add_argument("--long", action="store_true", help=f"also {', '.join(LONG)}: takes minutes and 17 GB of disk")
    parser.add_argument("--quick", action="store_true", help="fewer bars and repeats; nothing is kept")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    default = [name for name in ROWS if arguments.long or name not in LONG]
    arguments.chosen = arguments.rows.split(",") if arguments.rows else default
    unknown = [name for name in arguments.chosen if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return arguments


def main() -> int:
    """Run what was asked for."""
    arguments = _arguments()
    lines: list[Line] = []
    checks: list[Check] = []
    with Bench(quick=arguments.quick) as bench:
        for name in arguments.chosen:
            bench.say(f"row {name}")
            try:
                for found in ROWS[name](bench):
                    (lines if isinstance(found, Line) else checks).append(found)  # type: ignore[arg-type]
            except (Absent, BackbusError, RuntimeError, subprocess.SubprocessError) as error:
                # the rows that are done are worth showing
                checks.append(Check(name, f"the row could not be finished: {error}", False))
    if arguments.json:
        sys.stdout.write(json.dumps(table.plain(lines, checks)) + "\n")
    else:
        table.show(lines, checks)
    if not arguments.quick and not arguments.rows:
        table.write(RESULTS, lines, checks)
    return 0 if all(check.passed for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
