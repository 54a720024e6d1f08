"""A draw of changes against the tests that run the changed statements: what each came to.

It is a plugin of pytest, which collects the tests and so imports all that they need; then, in place of running them,
children are forked. First every test runs once, and tells which statements it runs. Then each change is made in a
child, and its tests run until one fails: those that have failed for changes nearby first, then the quickest, of each
test one case before the second of any.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

import pytest

from tools.mutants.changes import Change
from tools.mutants.children import LEAST_S, TIMES, Child, Failures, Family, Said, fork
from tools.mutants.code import Loaded
from tools.mutants.touch import NOTED, Notes, noting

KILLED, HUNG, SURVIVED, UNREACHED = "killed", "hung", "survived", "unreached"
TOO_LONG_S = 20.0
"""A test that takes longer in plain Python is not run against changes."""
IDLE_S = 2.0
"""A test that has run no statement of the rules for so long has nothing to do with them."""

Result = dict[str, Any]
"""Of one change: what it is, ``result``, ``by`` (the test that failed), ``tests`` (how many there were) and ``s``."""


class Trial:
    """What is asked of pytest in place of a run of its tests."""

    def __init__(
        self,
        root: Path,
        trees: dict[str, Any],
        work: Path,
        processes: int,
        try_these: Callable[[Trial], None],
    ) -> None:
        self.root, self.trees, self.work, self._processes = root, trees, work, processes
        self._try_these = try_these
        self._failures = Failures()
        self.items: dict[str, pytest.Item] = {}
        self.seconds: dict[str, float] = {}
        self.touching: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.left_out: dict[str, str] = {}
        """Tests that are not run against changes, and why."""
        self._digests: dict[str, str] = {}
        self._killers: dict[str, Counter[str]] = defaultdict(Counter)

    # --- what pytest calls ---------------------------------------------------------------------------------------

    def pytest_configure(self, config: pytest.Config) -> None:
        """Be told of failures; let random tests be the same each time."""
        config.pluginmanager.register(self._failures)
        from hypothesis import HealthCheck, Phase, settings

        settings.register_profile(
            "mutants",
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=25,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutants")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Show what could not be collected."""
        if report.failed:
            print(f"{report.nodeid} cannot be collected:\n{report.longreprtext}", file=sys.stderr)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try changes in place of running tests."""
        if session.testsfailed:
            raise session.Interrupted("some tests could not be collected")
        self.items = {item.nodeid: item for item in session.items}
        self._loaded = Loaded({str(self.root / file) for file in self.trees})
        self._learn()
        self._try_these(self)
        return True

    def digest_of(self, nodeid: str) -> str:
        """A name for the file of a test as it is now; of all files of tests where none is named."""
        file = nodeid.split("::", maxsplit=1)[0]
        if file not in self._digests:
            files = {self.root / nodeid.split("::")[0] for nodeid in self.items}
            self._digests[file] = digest_of(sorted(files) if not file else [self.root / file])
        return self._digests[file]

    # --- which tests run which statements ------------------------------------------------------------------------

    def _learn(self) -> None:
        """Run each test once, and know from now on what it runs."""
        kept = self.work / "touching.jsonl"
        lines = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
        lines = [line for line in lines if line["of"] == self.digest_of(line["test"])]
        missing = [nodeid for nodeid in self.items if nodeid not in {line["test"] for line in lines}]
        if missing:
            with kept.open("a") as file:
                lines += self._run_each(missing, file)
        for line in lines:
            if line["test"] not in self.items:
                continue
            if line["failed"]:
                self.left_out[line["test"]] = line["failed"] if isinstance(line["failed"], str) else "it fails"
                continue
            self.seconds[line["test"]] = line["s"]
            for file, numbers in line["ran"].items():
                for number in numbers:
                    self.touching[file, number].add(line["test"])

    def _run_each(self, nodeids: list[str], file: TextIO) -> list[Result]:
        notes = Notes()

        def look(*_: object) -> None:
            if notes.empty:
                pytest.skip("it runs no rules")

        def prepare() -> None:
            signal.signal(signal.SIGVTALRM, look)
            for name in self.trees:
                path = self.root / name
                tree, count = noting(str(path), path.read_bytes())
                for names in self._loaded.globals_of(str(path)):
                    names[NOTED] = notes.array(name, count)
                self._loaded.replace(str(path), tree)

        def limit(_: pytest.Item) -> float:
            signal.setitimer(signal.ITIMER_VIRTUAL, IDLE_S)
            return TOO_LONG_S

        def ran() -> Said:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
            return {"ran": notes.take()}

        def child(these: list[str]) -> Child:
            items = [self.items[nodeid] for nodeid in these]
            return fork(prepare, items, limit, self._failures, ran, until_failure=False)

        family = Family(self._processes)
        found: list[Result] = []
        waiting = [nodeids[start : start + 40] for start in range(0, len(nodeids), 40)]
        try:
            while waiting or not family.is_empty:
                while waiting and family.has_room:
                    family.add(child(waiting[0]), waiting.pop(0))
                for one, these, ended_by in family.ended():
                    done = [line for line in one.said if "test" in line]
                    rest = these[len(done) :]
                    if rest:
                        why = (
                            f"it takes more than {TOO_LONG_S:g} s"
                            if ended_by == signal.SIGPROF
                            else "its process ended"
                        )
                        done.append({"test": rest[0], "s": TOO_LONG_S, "failed": why, "ran": {}})
                        if rest[1:]:
                            waiting.append(rest[1:])
                    for line in done:
                        line["of"] = self.digest_of(line["test"])
                        file.write(json.dumps(line) + "\n")
                    file.flush()
                    found += done
                    show(f"which tests run what: {len(found)} of {len(nodeids)}")
        finally:
            family.end()
        show("")
        return found

    # --- changes -------------------------------------------------------------------------------------------------

    def tests_of(self, change: Change, first: Iterable[str] = ()) -> list[str]:
        """The tests that run a change's statement, those first that may fail soonest."""
        tests = self.touching.get((change.file, change.statement), set())
        nearby, near = self._killers[f"{change.file} {change.function}"], self._killers[change.file]
        known = {nodeid: 2 for nodeid, _ in near.most_common(4)} | {nodeid: 1 for nodeid, _ in nearby.most_common(4)}
        known |= dict.fromkeys(first, 0)
        cases: Counter[str] = Counter()
        order = []
        for nodeid in sorted(tests, key=lambda nodeid: self.seconds[nodeid]):
            function = nodeid.split("[")[0]
            order.append((known.get(nodeid, 3), cases[function], self.seconds[nodeid], nodeid))
            cases[function] += 1
        return [nodeid for *_, nodeid in sorted(order)]

    def run(self, changes: Iterable[tuple[Change, list[str] | None]], done: Callable[[Change, Result], None]) -> None:
        """Try changes, each against the tests that are named or else against all that run it."""
        family = Family(self._processes)
        waiting = iter(changes)
        more = True
        try:
            while more or not family.is_empty:
                while more and family.has_room:
                    change, tests = next(waiting, (None, None))
                    if change is None:
                        more = False
                        break
                    tests = self.tests_of(change) if tests is None else tests
                    if not tests:
                        done(change, {"result": UNREACHED, "by": "", "tests": 0, "s": 0.0})
                        continue
                    family.add(self._child(change, tests), (change, tests))
                for child, (change, tests), ended_by in family.ended():
                    done(change, self._result(change, tests, child, ended_by))
        finally:
            family.end()

    def _child(self, change: Change, tests: list[str]) -> Child:
        def prepare() -> None:
            change.edit.make()
            self._loaded.replace(str(self.root / change.file), self.trees[change.file])

        return fork(
            prepare,
            [self.items[nodeid] for nodeid in tests],
            lambda item: LEAST_S + TIMES * self.seconds.get(item.nodeid, 0.0),
            self._failures,
            dict,
            until_failure=True,
        )

    def _result(self, change: Change, tests: list[str], child: Child, ended_by: int) -> Result:
        ran = [line for line in child.said if "test" in line]
        result: Result = {"tests": len(tests), "s": round(sum(line["s"] for line in ran), 2)}
        if len(ran) == len(tests) and not ran[-1]["failed"]:
            return result | {"result": SURVIVED, "by": ""}
        if ran and ran[-1]["failed"]:
            by = ran[-1]["test"]
        else:  # its process ended in the test after the last that it told of
            by = tests[len(ran)]
        hung = ended_by in (signal.SIGPROF, signal.SIGKILL)
        for place in (f"{change.file} {change.function}", change.file):
            self._killers[place][by] += 1
        return result | {"result": HUNG if hung else KILLED, "by": by}


def digest_of(paths: Iterable[Path]) -> str:
    """A name for what files hold."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(paths):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def show(text: str) -> None:
    """One line of progress that the next one replaces, where somebody looks on."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
