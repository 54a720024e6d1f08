"""Tests in processes of their own, forked from one that has imported everything: a change costs its tests alone.

A child runs tests one after the other and says of each what came of it. A test that takes many times what it took
without a change is ended by the system, on its processor's time and not on the clock's, since others work beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

Said = dict[str, Any]
Item = pytest.Item

LEAST_S, TIMES = 2.0, 6.0
"""Processor time that a test may take: so many seconds, and so many times what it takes by itself."""
SILENT_S = 300.0
"""A child that says nothing for so long, by the clock, waits for something that never comes."""


@dataclass
class Child:
    """A process that runs tests."""

    pid: int
    pipe: int
    heard: float = field(default_factory=time.monotonic)
    buffer: bytes = b""
    said: list[Said] = field(default_factory=list)


class Failures:
    """Hears, as a plugin of pytest, whether the test that runs now has failed."""

    def __init__(self) -> None:
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure in any part of a test."""
        self.failed = self.failed or report.failed


def fork(
    prepare: Callable[[], None],
    items: Sequence[Item],
    limit: Callable[[Item], float],
    failures: Failures,
    also: Callable[[], Said],
    *,
    until_failure: bool,
) -> Child:
    """A child that is prepared, then runs ``items``, and says of each its name, seconds and whether it failed."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writes)
        return Child(pid, reads)
    status = 1
    try:
        os.setsid()
        os.close(reads)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        prepare()
        for item, after in zip(items, [*items[1:], None], strict=True):
            os.write(writes, json.dumps({"begins": item.nodeid}).encode() + b"\n")
            failures.failed = False
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, limit(item))
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            said = {"test": item.nodeid, "s": time.process_time() - began, "failed": failures.failed, **also()}
            _write(writes, json.dumps(said).encode() + b"\n")
            if failures.failed and until_failure:
                break
        status = 0
    finally:
        os._exit(status)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


class Family:
    """Children that run at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._children: dict[int, tuple[Child, Any]] = {}
        self._selector = selectors.DefaultSelector()

    @property
    def has_room(self) -> bool:
        """Whether another child may be added."""
        return len(self._children) < self._most

    @property
    def is_empty(self) -> bool:
        """Whether no child runs."""
        return not self._children

    def add(self, child: Child, what_for: Any) -> None:
        """Listen to a child; ``what_for`` is given back with what it says."""
        self._children[child.pipe] = (child, what_for)
        self._selector.register(child.pipe, selectors.EVENT_READ)

    def ended(self) -> Iterator[tuple[Child, Any, int]]:
        """Wait until children say something; those that have ended, what for, and by which signal (0 for none)."""
        for key, _ in self._selector.select(timeout=1.0):
            child, what_for = self._children[key.fd]
            data = os.read(key.fd, 1 << 20)
            child.heard = time.monotonic()
            *lines, child.buffer = (child.buffer + data).split(b"\n")
            child.said += map(json.loads, lines)
            if not data:
                yield child, what_for, self._bury(child)
        for child, what_for in list(self._children.values()):
            if time.monotonic() - child.heard > SILENT_S:
                yield child, what_for, self._bury(child) or signal.SIGKILL

    def _bury(self, child: Child) -> int:
        """End what is left of a child and of all that it has started."""
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        del self._children[child.pipe]
        done, status = os.waitpid(child.pid, os.WNOHANG)
        for _ in range(100):
            if done:
                break
            time.sleep(0.01)
            done, status = os.waitpid(child.pid, os.WNOHANG)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        if not done:
            _, status = os.waitpid(child.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return -code if code < 0 else 0

    def end(self) -> None:
        """End all children."""
        for child, _ in list(self._children.values()):
            os.killpg(child.pid, signal.SIGKILL)
            self._bury(child)
