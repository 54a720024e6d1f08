"""What a row of the table is made of: medians of interleaved repeats, figures, and the verdict over a bound."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

NOISY = 0.15
"""A spread beyond it says that the machine did other things too: the median is then worth little."""


@dataclass(frozen=True)
class Hold:
    """A bound and what was measured against it."""

    measured: float
    limit: float
    unit: str
    at_most: bool = False
    goal: float | None = None
    """What is aimed at beyond it."""

    @property
    def met(self) -> bool:
        """Whether the bound is held."""
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {short(self.limit)} {self.unit}".rstrip()

    @property
    def wanted(self) -> str:
        """The goal, as the bound is written; empty where there is none."""
        return "" if self.goal is None else f"{'≤' if self.at_most else '≥'} {short(self.goal)} {self.unit}".rstrip()

    @property
    def reached(self) -> bool:
        """Whether the goal is reached, where there is one."""
        return self.goal is not None and (self.measured <= self.goal if self.at_most else self.measured >= self.goal)

    @property
    def verdict(self) -> str:
        """``met``, ``goal`` where that is reached, or by how much the bound was missed."""
        if self.met:
            return "goal" if self.reached else "met"
        return f"missed by {abs(self.measured - self.limit) / self.limit:.0%} ({short(self.measured)} {self.unit})"


@dataclass(frozen=True)
class Line:
    """One line of the table. Without a ``hold`` it is shown for comparison."""

    row: str
    what: str
    ours: str
    peer: str = ""
    ratio: float | None = None
    hold: Hold | None = None
    note: str = ""
    runs: tuple[Sequence[float], ...] = ()
    """What each run took: of ours, and then of what stands beside it. Empty where nothing was timed."""
    series: int | None = None
    """Which of the series it is of, where a row is measured in several."""

    @property
    def spreads(self) -> list[float | None]:
        """The spread of each of ``runs``."""
        return [spread(each) for each in self.runs]

    @property
    def noisy(self) -> bool:
        """Whether any of them is beyond ``NOISY``."""
        return any(each is not None and each > NOISY for each in self.spreads)

    @property
    def steadiness(self) -> str:
        """The spreads as one reads them: ours, and after a stroke that of what stands beside it."""
        told = " / ".join("one run" if each is None else f"{each:.0%}" for each in self.spreads)
        return f"{told} noisy" if self.noisy else told

    def plain(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        fields = {**asdict(self), "spreads": self.spreads, "noisy": self.noisy}
        if self.hold is not None:
            fields["hold"] = {**fields["hold"], "met": self.hold.met}
        return fields


@dataclass(frozen=True)
class Check:
    """Something that must be true for the table to mean anything: all did the same work."""

    row: str
    what: str
    passed: bool


def interleaved(repeats: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Seconds of each measure, taken in turns (A B A B …), so that a slow minute of the machine meets all of them."""
    taken: list[list[float]] = [[] for _ in measures]
    for _ in range(repeats):
        for seconds, measure in zip(taken, measures, strict=True):
            seconds.append(measure())
    return taken


def seconds_of(work: Callable[[], Any]) -> float:
    """How long ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> float | None:
    """How far the middle half of the runs lies apart, over their median; None for fewer than two.

    One slow run among five leaves it as it is, two do not. The distance of the slowest from the fastest would be that
    of the one slow run, and grow with the number of runs.
    """
    if len(values) < 2:
        return None
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / median(values)


def short(value: float) -> str:
    """A number as one reads it: three figures, thousands by letter."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / {"G": 1e9, "M": 1e6, "k": 1e3}[letter]
            return f"{scaled:.3g} {letter}" if scaled < 1000 else f"{scaled:.0f} {letter}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def rate(count: float, seconds: float, unit: str = "bars/s") -> str:
    """So many a second."""
    return f"{short(count / seconds)} {unit}"


def duration(seconds: float) -> str:
    """Seconds, milliseconds or microseconds."""
    if seconds >= 1.0:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"
