"""How often the best of one half of the sessions is a poor one in the other: CSCV, over all 12 870 splits, exactly.

D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, The Probability of Backtest Overfitting, Journal of
Computational Finance 20 (2017). Performance is the Sharpe ratio.

Two passes over the points: the first finds each split's best point in sample, the second ranks it out of sample. What
is held is a few numbers per split, so memory does not grow with points. A point's 12 870 ratios are made afresh in
each pass, from sums over the 256 subsets of the first eight blocks and of the last eight.

Splits are numbered so that the complement of split k is split 12 869 - k.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop, step
from backbus.market.panel import Floats, Ints
from backbus.sweep.statistics.resamples import BLOCKS, Plan
from backbus.trading.records import Records

_HALF = BLOCKS // 2
_SUBSETS = 1 << _HALF
SPLITS = 12_870


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What all splits say."""

    probability: float
    """Share of splits whose best point in sample is below the median out of sample; at the median counts half."""
    loss_probability: float
    """Share of splits whose best point in sample has a Sharpe ratio below zero out of sample."""
    splits: int


@step
def _subset_sums(values: Floats, begin: int, out: Floats) -> None:
    """Sums over all subsets of the eight values from ``begin`` on, subset bits as index."""
    out[0] = 0.0
    size = 1
    for block in range(8):
        for subset in range(size):
            out[size + subset] = out[subset] + values[begin + block]
        size *= 2


@step
def _split_ratios(
    sums: Floats,
    squares: Floats,
    members: Ints,
    classes: Ints,
    sizes: Ints,
    shares: Floats,
    subsets: Floats,
    ratios: Floats,
) -> None:
    """One point's ordering of splits: sign × square of its Sharpe ratio, up to a factor that is the split's own.

    Where the returns of a half do not vary, the ratio is a large number with the sign of their sum: 0 for cash.
    """
    _subset_sums(sums, 0, subsets[0])
    _subset_sums(squares, 0, subsets[1])
    _subset_sums(sums, 8, subsets[2])
    _subset_sums(squares, 8, subsets[3])
    for place in range(256):
        subsets[4, place] = subsets[0, members[place]]
        subsets[5, place] = subsets[1, members[place]]
    split = 0
    for high in range(256):
        high_sum = subsets[2, high]
        high_squares = subsets[3, high]
        begin, end = classes[8 - sizes[high]], classes[9 - sizes[high]]
        # Views that are indexed from 0 let the compiler leave out its care for negative indexes, and use vectors.
        low_sum, low_squares = subsets[4, begin:end], subsets[5, begin:end]
        share, out = shares[split : split + end - begin], ratios[split : split + end - begin]
        for place in range(len(out)):
            total = high_sum + low_sum[place]
            squared = high_squares + low_squares[place]
            varied = squared - total * total * share[place]
            least = squared * 1e-12
            varied = varied if varied > least else least
            out[place] = total * abs(total) / (varied + 1e-300)
        split += end - begin


@loop
def choose_points(
    rows: Records,
    members: Ints,
    classes: Ints,
    sizes: Ints,
    shares: Floats,
    subsets: Floats,
    ratios: Floats,
    chosen: Floats,
    outside: Floats,
) -> int:
    """Each split's best ratio in sample, and the same point's out of sample; of equals the first. Returns points."""
    points = 0
    splits = len(ratios)
    for index in range(len(rows)):
        if rows[index]["sessions"] > 0:
            points += 1
            _split_ratios(rows[index]["sums"], rows[index]["squares"], members, classes, sizes, shares, subsets, ratios)
            for split in range(splits):
                better = ratios[split] > chosen[split]
                chosen[split] = ratios[split] if better else chosen[split]
                outside[split] = ratios[splits - 1 - split] if better else outside[split]
    return points


@loop
def rank_points(
    rows: Records,
    members: Ints,
    classes: Ints,
    sizes: Ints,
    shares: Floats,
    subsets: Floats,
    ratios: Floats,
    outside: Floats,
    surplus: Ints,
) -> None:
    """For each split, points below the chosen one out of sample less points above it, into ``surplus``."""
    splits = len(ratios)
    for index in range(len(rows)):
        if rows[index]["sessions"] > 0:
            _split_ratios(rows[index]["sums"], rows[index]["squares"], members, classes, sizes, shares, subsets, ratios)
            for split in range(splits):
                other = ratios[splits - 1 - split]
                surplus[split] += (1 if other < outside[split] else 0) - (1 if other > outside[split] else 0)


@cache
def _subsets() -> tuple[Ints, Ints, Ints]:
    """Subsets of eight blocks: [256] as bits by size, [10] where each size begins there, [256] the size of each."""
    bits = np.arange(_SUBSETS, dtype=np.int64)
    sizes = np.array([int(subset).bit_count() for subset in bits], dtype=np.int64)
    members = bits[np.argsort(sizes, kind="stable")]
    classes = np.concatenate(([0], np.cumsum(np.bincount(sizes)))).astype(np.int64)
    return read_only(members), read_only(classes), read_only(sizes)


def split_blocks() -> NDArray[np.bool_]:
    """[SPLITS, BLOCKS] whether a block is in sample, in the order of splits."""
    members, classes, sizes = _subsets()
    masks = np.concatenate(
        [high << _HALF | members[classes[8 - sizes[high]] : classes[9 - sizes[high]]] for high in range(_SUBSETS)]
    )
    inside: NDArray[np.bool_] = (masks[:, None] >> np.arange(BLOCKS)) & 1 == 1
    return inside


def overfitting(plan: Plan, rows: Records) -> Overfitting | str:
    """The probability of backtest overfitting of [points] ``POINT`` rows, or why there is none.

    Nothing is sampled: every split of every point counts, in time proportional to points.
    """
    if plan.sessions < BLOCKS:
        return f"{BLOCKS} blocks need at least {BLOCKS} sessions"
    rows = read_only(rows)
    members, classes, sizes = _subsets()
    shares = read_only(1.0 / (split_blocks() @ np.diff(plan.bounds)))
    subsets, ratios = np.empty((6, _SUBSETS)), np.empty(SPLITS)
    chosen, outside = np.full(SPLITS, -np.inf), np.zeros(SPLITS)
    surplus = np.zeros(SPLITS, dtype=np.int64)
    points = choose_points(rows, members, classes, sizes, shares, subsets, ratios, chosen, outside)
    if points < 2:
        return "ranking needs at least two points"
    rank_points(rows, members, classes, sizes, shares, subsets, ratios, read_only(outside), surplus)
    return Overfitting(
        probability=float(np.count_nonzero(surplus < 0) + 0.5 * np.count_nonzero(surplus == 0)) / SPLITS,
        loss_probability=float(np.count_nonzero(outside < 0.0)) / SPLITS,
        splits=SPLITS,
    )
