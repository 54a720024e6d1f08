"""From moves to bars: a bar's high and low are those of its path, its volume follows how much the price moved."""

from __future__ import annotations

from backbus.compiled import loop
from backbus.market.panel import Floats
from backbus.simulator.maths import exp


@loop
def make_bars(
    changes: Floats,
    activity: Floats,
    size: float,
    asset: int,
    first: int,
    place: Floats,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
) -> None:
    """Bars of one asset into its column of the five [rows, assets] fields, from row ``first`` on.

    ``changes`` [1 + steps, rows] are those of the price's logarithm, which ``place`` [0] holds; place [1] is the price.
    ``activity`` [rows] becomes volume, times how much the price moved within the bar where ``size``, the mean of a
    move, is above zero.
    """
    x, price = place[0], place[1]
    steps = changes.shape[0] - 1
    expected = 1.0 / (steps * size) if size > 0.0 else 0.0
    for row in range(changes.shape[1]):
        if changes[0, row] != 0.0:
            x += changes[0, row]
            price = exp(x)
        opened = price
        begun = x
        greatest = least = x
        moved = 0.0
        for k in range(1, steps + 1):
            x += changes[k, row]
            moved += abs(changes[k, row])
            greatest = max(greatest, x)
            least = min(least, x)
        if x != begun:
            price = exp(x)
        open_[first + row, asset] = opened
        close[first + row, asset] = price
        high[first + row, asset] = max(exp(greatest) if greatest != begun else opened, opened, price)
        low[first + row, asset] = min(exp(least) if least != begun else opened, opened, price)
        volume[first + row, asset] = activity[row] * (moved * expected if size > 0.0 else 1.0)
    place[0] = x
    place[1] = price
