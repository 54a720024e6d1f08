"""Whole lots, and the grid of prices: what quantities and prices are multiples of."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import step

LOT_TOLERANCE = 1e-9
"""Lots by which a size may miss the next whole one and still count as it: 0.1 × 100 000 / 10 must give 1000 shares."""
TICK_TOLERANCE = 1e-9
"""Price steps by which a price may miss one and still count as it."""


@step
def whole_lots(lot: float, quantity: float) -> float:
    """The largest multiple of the lot that is not above ``quantity`` ≥ 0; any fraction where the lot is 0."""
    if lot > 0.0:
        lots: float = np.floor(quantity / lot + LOT_TOLERANCE) * lot
        return lots
    return quantity


@step
def on_tick(instrument: Any, price: float, up: bool) -> float:
    """The next price of an instrument's grid, upwards or downwards; the price itself where there is no grid."""
    tick, per = instrument["tick"], instrument["per_tick"]
    if tick > 0.0:
        ticks = price * per if per > 0.0 else price / tick
        whole = np.ceil(ticks - TICK_TOLERANCE) if up else np.floor(ticks + TICK_TOLERANCE)
        return whole / per if per > 0.0 else whole * tick
    return price
