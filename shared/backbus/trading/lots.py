"""Whole lots, and the grid of prices: what quantities and prices are multiples of."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import step

LOT_TOLERANCE = 1e-9
"""Lots by which a size may miss the next whole one and still count as it: 0.1 × 100 000 / 10 must give 1000 shares."""
ULPS = 1e-15
"""The same of large sizes, as a part of them: 1.5 in lots of 1e-8 are 150 million of them, and not one less."""
DUST = 1e-6
"""Lots by which a sum may miss a whole one and still be it: 0.1 + 0.2 − 0.1 − 0.1 − 0.1 must be nothing."""
FINE_DUST = 1e-12
"""What is left of a sum where any fraction can be held, as a part of what was added, that is nothing."""
TICK_TOLERANCE = 1e-9
"""Price steps by which a price may miss one and still count as it."""


@step
def whole_lots(lot: float, quantity: float) -> float:
    """The largest multiple of the lot that is not above ``quantity`` ≥ 0; any fraction where the lot is 0."""
    if lot > 0.0:
        lots = quantity / lot
        whole: float = np.floor(lots + LOT_TOLERANCE + ULPS * lots) * lot
        return whole
    return quantity


@step
def plus(lot: float, size: float, more: float) -> float:
    """The sum of two signed sizes, without what rounding leaves: whole lots stay whole, and nothing is 0."""
    total = size + more
    if lot > 0.0:
        lots = total / lot
        whole = np.floor(lots + 0.5)
        return whole * lot + 0.0 if abs(lots - whole) < DUST else total
    return total if abs(total) > FINE_DUST * max(abs(size), abs(more)) else 0.0


@step
def on_tick(instrument: Any, price: float, up: bool) -> float:
    """The next price of an instrument's grid, upwards or downwards; the price itself where there is no grid."""
    tick, per = instrument["tick"], instrument["per_tick"]
    if tick > 0.0:
        ticks = price * per if per > 0.0 else price / tick
        whole = np.ceil(ticks - TICK_TOLERANCE) if up else np.floor(ticks + TICK_TOLERANCE)
        return whole / per if per > 0.0 else whole * tick
    return price
