"""From moves to bars: a bar's high and low are those of its path, its volume follows how much the price moved."""

from __future__ import annotations

import math

import numpy as np

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop
from backbus.market.panel import Floats
from backbus.simulator.maths import log_of
from backbus.simulator.scratch import Words

SPACING = 2.0**-32
"""Of random words as fractions."""
_BITS = 12
_LOWER, _UPPER = np.uint32(2**_BITS - 1), np.uint32(32 - _BITS)
EXPONENTIALS = read_only(np.array([-log_of((at + 0.5) / 2**_BITS) for at in range(2**_BITS)]))
"""As many values of a standard exponential, each as likely as any other: looked up, they cost a fourth of a logarithm,
and the processor keeps them at hand."""

HIGH, LOW, CLOSE, OPEN = range(4)
"""Lines of a path's outline: the open last, since most bars open where the one before has closed."""


@loop
def reach(changes: Floats, wander: Floats, words: Words, up: Floats, down: Floats) -> None:
    """How far above and below its begin each move comes on its way, ``up`` and ``down`` [steps, rows].

    A price that moves all the time passes every price up to these, so that an order fills where it says, and earns
    nothing by that. ``changes`` [1 + steps, rows] are the moves, from its line 1 on, ``wander`` [steps, rows] their
    deviations, ``words`` [steps, rows] random: some bits of each for either. The extremes of a Brownian bridge:
    Karatzas and Shreve, Brownian Motion and Stochastic Calculus, 2.8.
    """
    for k in range(wander.shape[0]):
        for row in range(wander.shape[1]):
            change, deviation = changes[1 + k, row], wander[k, row]
            square, twice = change * change, 2.0 * (deviation * deviation)
            word = words[k, row]
            above, below = EXPONENTIALS[word & _LOWER], EXPONENTIALS[word >> _UPPER]
            up[k, row] = 0.5 * (change + math.sqrt(square + twice * above))
            down[k, row] = 0.5 * (change - math.sqrt(square + twice * below))


@loop
def reach_of_leaps(changes: Floats, wander: Floats, words: Words, up: Floats, down: Floats) -> None:
    """The same of moves that are all one step long: the price wanders until it is so far away."""
    for k in range(wander.shape[0]):
        for row in range(wander.shape[1]):
            share = (float(words[k, row]) + 0.5) * SPACING
            other_way = wander[k, row] * (1.0 - share) / (1.0 + share)
            rises = changes[1 + k, row] > 0.0
            up[k, row] = changes[1 + k, row] if rises else other_way
            down[k, row] = -other_way if rises else changes[1 + k, row]


@loop
def outline(changes: Floats, up: Floats, down: Floats, place: Floats, out: Floats, moved: Floats) -> bool:
    """What bars are made of, ``out`` [4, rows]: its ends, where it closes and opens; and how far each moved.
    Whether any of them opens where the one before has not closed is returned.

    ``changes`` [1 + steps, rows] are those of the price's logarithm, which ``place`` [0] holds as a difference from
    that of the asset's first price; ``up`` and ``down`` [steps, rows] how far each came on its way.
    """
    x = place[0]
    gaps = False
    for row in range(changes.shape[1]):
        x += changes[0, row]
        gaps |= changes[0, row] != 0.0
        out[OPEN, row] = x
        greatest = least = x
        way = 0.0
        for k in range(1, changes.shape[0]):
            greatest = max(greatest, x + up[k - 1, row])
            least = min(least, x + down[k - 1, row])
            x += changes[k, row]
            way += abs(changes[k, row])
            greatest = max(greatest, x)
            least = min(least, x)
        out[HIGH, row] = greatest
        out[LOW, row] = least
        out[CLOSE, row] = x
        moved[row] = way
    place[0] = x
    return gaps


@loop
def fill_bars(  # noqa: PLR0913  (a loop's door)
    parts: Floats,
    moved: Floats,
    activity: Floats,
    gaps: bool,
    price: float,
    last: Floats,
    expected: float,
    asset: int,
    first: int,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
) -> None:
    """Bars of one asset into its column of the five [rows, assets] fields, from row ``first`` on.

    ``parts`` [4, rows] are prices as parts of ``price``, without opens where there are no ``gaps``; ``last`` [0] is
    the part of the last close. ``activity`` [rows] is the volume, times how far the price
    ``moved`` compared with what is ``expected``, where that is above zero.
    """
    before = last[0]
    for row in range(parts.shape[1]):
        open_[first + row, asset] = price * (parts[OPEN, row] if gaps else before)
        before = parts[CLOSE, row]
        high[first + row, asset] = price * parts[HIGH, row]
        low[first + row, asset] = price * parts[LOW, row]
        close[first + row, asset] = price * parts[CLOSE, row]
    last[0] = before
    for row in range(parts.shape[1]):
        share = moved[row] / expected if expected > 0.0 else 1.0
        volume[first + row, asset] = activity[row] * share
