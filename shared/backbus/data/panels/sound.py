"""Whether bars are sound at a glance: what looks for mistakes one by one need not, where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backbus.market.columns import PRICES
from backbus.market.panel import Floats

_TOLD_BY = (*PRICES, "volume")
_STRETCH_ROWS = 1 << 15
"""So many bars stay in a processor's cache while all passes look at them."""


def sound(numbers: Mapping[str, Floats]) -> bool:
    """Whether no bar has anything missing, negative or impossible: told in few passes, as nearly no file has."""
    stretches = range(0, len(numbers["volume"]), _STRETCH_ROWS)
    return all(_sound({role: numbers[role][at : at + _STRETCH_ROWS] for role in _TOLD_BY}) for at in stretches)


def _sound(numbers: Mapping[str, Floats]) -> bool:
    opened, high, low, close = (numbers[role] for role in PRICES)
    volume = numbers["volume"]
    with np.errstate(invalid="ignore"):  # a comparison with NaN is false
        good = low > 0.0
        for one, other in ((opened, low), (high, opened), (close, low), (high, close)):
            good &= one >= other
        good &= high < np.inf
        good &= volume >= 0.0
        good &= volume < np.inf
    return bool(good.all())
