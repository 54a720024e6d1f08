"""Whole lots: what quantities are multiples of."""

from __future__ import annotations

import numpy as np

from backbus.compiled import step

LOT_TOLERANCE = 1e-9
"""Lots by which a size may miss the next whole one and still count as it: 0.1 × 100 000 / 10 must give 1000 shares."""


@step
def whole_lots(lot: float, quantity: float) -> float:
    """The largest multiple of the lot that is not above ``quantity`` ≥ 0; any fraction where the lot is 0."""
    if lot > 0.0:
        lots: float = np.floor(quantity / lot + LOT_TOLERANCE) * lot
        return lots
    return quantity
