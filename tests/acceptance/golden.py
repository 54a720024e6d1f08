"""The answers of all examples, written down: what a change of the code must not move.

``golden.json`` holds, for each example, the fingerprint of its run and, where it searches, a digest of each part of
what the search came to: its summary (statistics, seeds, best point) and each of its tables (points with parameters,
figures and fingerprints, folds, paths, splits). Digests are over values in their order, not over the names of columns
and keys: a renamed column moves nothing.

``python -P tests/acceptance/golden.py`` writes the file anew, and prints what moved.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from backbus import Job, run, run_sweep
from backbus.api.sweep_result import SweepResult
from backbus.engine.handlers import run_handlers
from backbus.engine.inputs import complete, load_inputs
from backbus.performance.report import Report

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
FILE = Path(__file__).with_name("golden.json")
NAMES = sorted(str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.toml"))
SEARCHES = [name for name in NAMES if Job.load(EXAMPLES / name).sweep is not None]
OF_THIS_PLACE = ("job", "folder")
"""What a summary says of the job and where it lay, which is no answer."""
OF_EARLIER_SEARCHES = "family"
"""What statistics say of the searches before this one has this word in its name."""

Answer = dict[str, Any]


def expected() -> dict[str, Answer]:
    """What is written down, by example."""
    answers: dict[str, Answer] = json.loads(FILE.read_text(encoding="utf-8"))
    return answers


@functools.cache
def report_here(name: str) -> Report:
    """Of the run in one process."""
    return run(EXAMPLES / name, tables=False).summary


def fingerprint_of_handlers(name: str) -> str:
    """Of the run through the five handlers, every event encoded and decoded."""
    job = complete(Job.load(EXAMPLES / name))
    job, inputs, strategy = load_inputs(job)
    return run_handlers(job, inputs.panel, strategy, block=256, window=1024).fingerprint


def search_here(name: str, folder: Path, workers: int) -> Answer:
    """Digests of a search on this machine; by this process alone where there are no ``workers``."""
    return digests(run_sweep(EXAMPLES / name, folder=folder / "search", workers=workers))


def digests(result: SweepResult) -> Answer:
    """A digest of a search's summary and of each of its tables, by the names of the files."""
    summary = {key: value for key, value in result.summary.items() if key not in OF_THIS_PLACE}
    tables = sorted({path.name: path for path in result.artifacts.values() if path.suffix == ".parquet"}.items())
    return {"summary": _digest(_values(summary)), **{name: _digest(_cells(path)) for name, path in tables}}


def _values(node: Any) -> Iterator[str]:
    """All values of nested mappings and lists, in their order."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if OF_EARLIER_SEARCHES not in key:
                yield from _values(value)
    elif isinstance(node, list | tuple):
        yield f"[{len(node)}]"
        for value in node:
            yield from _values(value)
    else:
        yield json.dumps(node)


def _cells(path: Path) -> Iterator[str]:
    """All values of a table, column by column."""
    import pyarrow.parquet as pq

    for column in pq.read_table(path).columns:
        yield from map(repr, column.to_pylist())


def _digest(values: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        digest.update(value.encode() + b"\n")
    return digest.hexdigest()


def answers() -> dict[str, Answer]:
    """The answers of all examples as they are now; AssertionError where two ways to compute one differ."""
    found: dict[str, Answer] = {}
    for name in NAMES:
        sys.stderr.write(f"{name}\n")
        found[name] = {"fingerprint": report_here(name).fingerprint}
        assert fingerprint_of_handlers(name) == found[name]["fingerprint"], f"{name}: five handlers say otherwise"
        if name in SEARCHES:
            with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as two:
                found[name]["search"] = search_here(name, Path(alone), 0)
                assert search_here(name, Path(two), 2) == found[name]["search"], f"{name}: two processes say otherwise"
    return found


def moved(before: Mapping[str, Answer], after: Mapping[str, Answer]) -> Iterator[str]:
    """A line for each answer that differs."""
    for name in sorted({*before, *after}):
        was, now = before.get(name, {}), after.get(name, {})
        if was.get("fingerprint") != now.get("fingerprint"):
            yield f"{name}: fingerprint {was.get('fingerprint')} -> {now.get('fingerprint')}"
        parts, others = was.get("search", {}), now.get("search", {})
        for part in sorted({*parts, *others}):
            if parts.get(part) != others.get(part):
                yield f"{name}: {part} {parts.get(part)} -> {others.get(part)}"


def main() -> None:
    """Write the file anew and print what moved."""
    before = expected() if FILE.is_file() else {}
    after = answers()
    FILE.write_text(json.dumps(after, indent=1) + "\n", encoding="utf-8")
    lines = list(moved(before, after))
    print("\n".join(lines) if lines else "nothing moved")


if __name__ == "__main__":
    main()
