"""What the rows share: prices, peers and the stack, each made when it is first asked for and ended with the bench."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

from backbus.market.panel import Panel
from benchmarks import prices
from benchmarks.environments import Absent
from benchmarks.measure import median
from benchmarks.peer import Peer
from benchmarks.stack import Stack

YARDSTICK = 12.5e6


class Bench:
    """One run of the bench. ``quick`` asks rows for fewer bars and repeats, to see that they work."""

    def __init__(self, *, quick: bool = False) -> None:
        self.quick = quick
        self._stack: Stack | None = None
        self._scale: float | None = None
        self.yardstick: float | None = None
        """Bar-points a second that raptorbt sweeps here; None where it was not asked, or cannot be had."""
        self.yardstick_runs: list[float] = []
        """Seconds of the runs that it is the median of."""
        self._folders: dict[tuple[int, int], Path] = {}
        self._ends = ExitStack()
        self.panel = lru_cache(2)(self._panel)
        self.wide = lru_cache(1)(prices.make_wide)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def say(self, text: str) -> None:
        """Progress, on standard error."""
        sys.stderr.write(f"bench: {text}\n")

    def pick(self, whole: int, quick: int) -> int:
        """A number of bars or repeats."""
        return quick if self.quick else whole

    def _panel(self, rows: int, daily: bool = False) -> Panel:
        return prices.make_panel(rows, daily=daily)

    def peer(self, name: str, rows: int, work: str = "sma", *, daily: bool = False) -> Peer | Absent:
        """A warm peer over the first ``rows`` bars, or why there is none. Close it when its row is done."""
        return self._warm(name, work, rows, (rows, daily), lambda: self.panel(rows, daily))

    def wide_peer(self, name: str, rows: int, assets: int, work: str = "rebalance") -> Peer | Absent:
        """A warm peer over many assets, or why there is none. Close it when its row is done."""
        return self._warm(name, work, rows, (rows, assets), lambda: self.wide(rows, assets))

    def _warm(self, name: str, work: str, rows: int, key: tuple[int, int], make: Callable[[], Panel]) -> Peer | Absent:
        if key not in self._folders:
            folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory(prefix="backbus-bench-")))
            prices.save(make(), folder)
            self._folders[key] = folder
        self.say(f"warming {name}")
        try:
            return Peer(name, work, self._folders[key], rows, self.say)
        except Absent as reason:
            self.say(f"{name} is absent: {reason}")
            return reason

    def scale(self) -> float:
        """How fast this machine is beside the one on which bounds in bars a second were set: there raptorbt sweeps
        ``YARDSTICK`` bar-points a second on one thread. 1 where it cannot be had. Measured once, before all rows of
        a series."""
        if self._scale is None:
            self._scale = self._measured()
        return self._scale

    def begin_series(self) -> None:
        """Have the yardstick measured anew: minutes have passed, and the machine may be another one."""
        self._scale = None

    def _measured(self) -> float:
        peer = self.peer("raptorbt", self.pick(5000, 1000), "sweep", daily=True)
        if isinstance(peer, Absent):
            return 1.0
        self.yardstick_runs = [peer.run() for _ in range(self.pick(5, 1))]
        self.yardstick = float(peer.last["pace"]) / median(self.yardstick_runs)
        peer.close()
        return self.yardstick / YARDSTICK

    def stack(self) -> Stack:
        """The running stack."""
        if self._stack is None:
            self.say("starting a stack")
            self._stack = Stack()
            self._ends.callback(self._stack.close)
        return self._stack
