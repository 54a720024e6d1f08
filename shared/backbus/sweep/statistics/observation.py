"""What is kept of a point when its returns are gone: moments of its own, and maxima over all points.

A worker makes one ``Observer`` for a chunk. The rows it leaves are one per point; the maxima are the same few numbers
for one point as for a million, and maxima of chunks merge to the maxima of all of them whatever the cut and the order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop, step
from backbus.jit.lanes import LANES
from backbus.market.panel import Floats, Ints
from backbus.performance.lanes import ACTIVE, FOURTH, HIGHEST, LOWEST, SECOND, THIRD, TOTAL, SeenSums, Sight
from backbus.sweep.statistics.resamples import BLOCKS, Indexes, Plan
from backbus.trading.records import Records

POINT = np.dtype(
    [
        ("sessions", "<i8"),
        ("cold", "<i8"),
        ("mean", "<f8"),
        ("deviation", "<f8"),
        ("skewness", "<f8"),
        ("kurtosis", "<f8"),
        ("sums", "<f8", (BLOCKS,)),
        ("squares", "<f8", (BLOCKS,)),
    ]
)
"""Of a point's returns less the rate. ``sessions`` 0: it failed, or was never observed. ``cold`` is how many sessions
passed before its strategy could know all that it asks for. ``deviation`` has ddof 1 and is 0 where the returns do not
vary; kurtosis is 3 for the normal. ``sums`` and ``squares`` are those of each block."""

WHITE, LOWER, CONSISTENT, UPPER = 0, 1, 2, 3
"""Rows of the maxima: White's √T × mean, and Hansen's studentised ones under his three ideas of the null."""

_LEAST_SPREAD = 1e-13
"""Differences from the benchmark that spread less than this part of the returns are rounding, not performance."""


@step
def _describe(row: Any, size: int, mean: float, second: float, third: float, fourth: float, spreads: bool) -> None:
    """Fill a row from the sums of powers of its returns' deviations."""
    row["sessions"] = size
    row["mean"] = mean
    row["deviation"] = 0.0
    row["skewness"] = 0.0
    row["kurtosis"] = 0.0
    if spreads and size > 1 and second > 0.0:
        variance = second / size
        row["deviation"] = np.sqrt(second / (size - 1))
        row["skewness"] = third / size / (variance * np.sqrt(variance))
        row["kurtosis"] = fourth / size / (variance * variance)


@step
def _observe(  # noqa: PLR0913  (what one loop over points hands on, of arrays that it keeps)
    returns: Floats,
    benchmark: Floats,
    rate: float,
    threshold: float,
    bounds: Ints,
    begins: Indexes,
    ends: Indexes,
    pieces: Ints,
    rows: Records,
    index: int,
    maxima: Floats,
    prefix: Floats,
    resampled: Floats,
) -> bool:
    """Fill ``rows[index]`` and raise ``maxima``; False, and the row zero, where a return is not finite.

    ``prefix`` [sessions + 1] and ``resampled`` [resamples] are scratch. A resample's sum is made of differences of
    prefix sums, so the cost is some resamples × sessions / block length additions.
    """
    size = len(returns)
    row = rows[index]
    total = 0.0
    active_total = 0.0
    for block in range(len(bounds) - 1):
        block_sum = 0.0
        block_squares = 0.0
        for session in range(bounds[block], bounds[block + 1]):
            value = returns[session] - rate
            block_sum += value
            block_squares += value * value
            active_total += returns[session] - benchmark[session]
        row["sums"][block] = block_sum
        row["squares"][block] = block_squares
        total += block_sum
    mean = total / size
    active_mean = active_total / size
    if not (np.isfinite(mean) and np.isfinite(active_mean)):
        row["sessions"] = 0
        for block in range(len(bounds) - 1):
            row["sums"][block] = 0.0
            row["squares"][block] = 0.0
        return False
    second = 0.0
    third = 0.0
    fourth = 0.0
    least = returns[0]
    greatest = returns[0]
    for session in range(size):
        value = returns[session]
        deviation = value - rate - mean
        square = deviation * deviation
        second += square
        third += square * deviation
        fourth += square * square
        least = min(least, value)
        greatest = max(greatest, value)
    scale = max(greatest, -least)
    _describe(row, size, mean, second, third, fourth, greatest - least > _LEAST_SPREAD * scale)
    # Adding 0.0 makes -0.0 to 0.0, so that the greater of two zeros is the same bytes in any order.
    resamples = len(resampled)
    root = np.sqrt(float(size))
    observed = root * active_mean + 0.0
    maxima[0, resamples] = max(maxima[0, resamples], observed)
    if resamples == 0:
        return True
    running = 0.0
    active_second = 0.0
    active_least = returns[0] - benchmark[0]
    active_greatest = active_least
    prefix[0] = 0.0
    for session in range(size):
        active = returns[session] - benchmark[session]
        active_deviation = active - active_mean
        active_second += active_deviation * active_deviation
        running += active_deviation
        prefix[session + 1] = running
        active_least = min(active_least, active)
        active_greatest = max(active_greatest, active)
    if not active_greatest - active_least > _LEAST_SPREAD * scale:
        for resample in range(resamples):
            maxima[0, resample] = max(maxima[0, resample], 0.0)
        return True
    squares = 0.0
    for resample in range(resamples):
        first = 0.0
        other = 0.0
        another = 0.0
        last = 0.0
        for piece in range(pieces[resample], pieces[resample + 1], 4):
            first += prefix[ends[piece]] - prefix[begins[piece]]
            other += prefix[ends[piece + 1]] - prefix[begins[piece + 1]]
            another += prefix[ends[piece + 2]] - prefix[begins[piece + 2]]
            last += prefix[ends[piece + 3]] - prefix[begins[piece + 3]]
        value = ((first + other) + (another + last)) / root + 0.0
        resampled[resample] = value
        squares += value * value
        maxima[0, resample] = max(maxima[0, resample], value)
    # Both sides are scaled by the plain deviation. Hansen's long-run one rests on few blocks, and the greatest ratio
    # would be that of a point whose one came out too small. It still decides which points are poor.
    spread = np.sqrt(active_second / size)
    if not spread > 0.0:
        return True
    studentised = observed / spread + 0.0
    lower = min(studentised, 0.0)
    consistent = studentised if observed < -threshold * np.sqrt(squares / resamples) else 0.0
    for row_index in range(1, 4):
        maxima[row_index, resamples] = max(maxima[row_index, resamples], studentised)
    for resample in range(resamples):
        value = resampled[resample] / spread + 0.0
        maxima[1, resample] = max(maxima[1, resample], value + lower)
        maxima[2, resample] = max(maxima[2, resample], value + consistent)
        maxima[3, resample] = max(maxima[3, resample], value)
    return True


@loop
def observe_returns(  # noqa: PLR0913  (a loop's door)
    returns: Floats,
    indexes: Ints,
    benchmark: Floats,
    rate: float,
    threshold: float,
    bounds: Ints,
    begins: Indexes,
    ends: Indexes,
    pieces: Ints,
    rows: Records,
    maxima: Floats,
    prefix: Floats,
    resampled: Floats,
) -> int:
    """Take points, [points, sessions], one after the other into ``rows[indexes]``; returns how many were finite."""
    finite = 0
    for point in range(len(indexes)):
        if _observe(
            returns[point],
            benchmark,
            rate,
            threshold,
            bounds,
            begins,
            ends,
            pieces,
            rows,
            indexes[point],
            maxima,
            prefix,
            resampled,
        ):
            finite += 1
    return finite


@loop
def take_sums(
    indexes: Ints, size: int, blocks: Floats, squares: Floats, sums: Floats, rows: Records, maxima: Floats
) -> int:
    """What ``observe_returns`` does where there are no resamples, of points whose returns over ``size`` sessions were
    summed side by side, in the groups of eight that ``SeenSums`` has: ``indexes`` [points] are their rows, below zero
    for one that is not taken."""
    finite = 0
    for point in range(len(indexes)):
        if indexes[point] < 0:
            continue
        eight, lane = point // LANES, point % LANES
        row = rows[indexes[point]]
        mean, active_mean = sums[eight, TOTAL, lane] / size, sums[eight, ACTIVE, lane] / size
        row["sessions"] = 0
        if not (np.isfinite(mean) and np.isfinite(active_mean)):
            continue
        for block in range(blocks.shape[1]):
            row["sums"][block] = blocks[eight, block, lane]
            row["squares"][block] = squares[eight, block, lane]
        lowest, highest = sums[eight, LOWEST, lane], sums[eight, HIGHEST, lane]
        spreads = highest - lowest > _LEAST_SPREAD * max(highest, -lowest)
        second, third, fourth = sums[eight, SECOND, lane], sums[eight, THIRD, lane], sums[eight, FOURTH, lane]
        _describe(row, size, mean, second, third, fourth, spreads)
        maxima[0, 0] = max(maxima[0, 0], np.sqrt(float(size)) * active_mean + 0.0)
        finite += 1
    return finite


def no_maxima(plan: Plan) -> Floats:
    """Maxima over no point: [4, resamples + 1], the last column for the statistic itself. Neutral in ``merge``."""
    return np.full((4, plan.resamples + 1), -math.inf)


def merge(maxima: Floats, other: Floats) -> Floats:
    """Maxima over the points of both: exact, commutative and associative."""
    return np.maximum(maxima, other)


class Observer:
    """Takes the returns of a chunk's points, one or some at a time."""

    __slots__ = ("_plan", "_prefix", "_resampled", "maxima", "rows")

    def __init__(self, plan: Plan, points: int) -> None:
        self._plan = plan
        self._prefix = np.empty(plan.sessions + 1)
        self._resampled = np.empty(plan.resamples)
        self.rows: Records = np.zeros(points, dtype=POINT)
        """[points] ``POINT``: what is known of each."""
        self.maxima = no_maxima(plan)
        """Over all points observed so far."""

    def observe(self, index: int, returns: Floats) -> bool:
        """Take point ``index`` of the chunk; False, and the point counts as failed, where a return is not finite."""
        return self.observe_some(np.array([index]), returns[None]) == 1

    @property
    def sight(self) -> Sight | None:
        """What is summed of returns wherever they are made, so that nobody need keep them; None where resamples ask for
        the returns themselves."""
        plan = self._plan
        return None if plan.resamples else Sight(plan.benchmark, plan.settings.rate, plan.bounds)

    def observe_sums(self, indexes: Ints, seen: SeenSums) -> int:
        """The same of points of which these are the sums; those whose index is below zero are not taken."""
        if self._plan.resamples:
            raise ValueError(f"{self._plan.resamples} resamples are made of returns, not of their sums")
        return take_sums(read_only(indexes), self._plan.sessions, *seen, self.rows, self.maxima)

    def observe_some(self, indexes: Ints, returns: Floats) -> int:
        """Take these points of the chunk, [points, sessions]; those with a return that is not finite count as failed.

        How many are finite is returned.
        """
        plan = self._plan
        if returns.shape != (len(indexes), plan.sessions):
            raise ValueError(f"{returns.shape[1]} returns for a plan of {plan.sessions} sessions")
        return observe_returns(
            read_only(returns),
            read_only(indexes),
            plan.benchmark,
            plan.settings.rate,
            plan.threshold,
            plan.bounds,
            plan.begins,
            plan.ends,
            plan.pieces,
            self.rows,
            self.maxima,
            self._prefix,
            self._resampled,
        )
