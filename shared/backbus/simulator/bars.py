"""From moves to bars: a bar's high and low are those of its path, its volume follows how much the price moved."""

from __future__ import annotations

from backbus.jit.decorators import loop
from backbus.market.panel import Floats

HIGH, LOW, CLOSE, OPEN = range(4)
"""Lines of a path's outline: the open last, since most bars open where the one before has closed."""


@loop
def outline(changes: Floats, place: Floats, out: Floats, moved: Floats) -> bool:
    """What bars are made of, ``out`` [4, rows]: its ends, where it closes and opens; and how far each moved.
    Whether any of them opens where the one before has not closed is returned.

    ``changes`` [1 + steps, rows] are those of the price's logarithm, which ``place`` [0] holds as a difference from
    that of the asset's first price.
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
def fill_bars(
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
