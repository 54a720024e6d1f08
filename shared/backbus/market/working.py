"""What waits, per asset: the order that works in the market, and the signal whose decision has to wait for a bar."""

from __future__ import annotations

import numpy as np

from backbus.market.records import NO_ORDER, Records

WORKING = np.dtype(
    [
        ("order", "<i8"),
        ("quantity", "<f8"),
        ("wanted", "<f8"),
        ("value", "<f8"),
        ("flags", "<i4"),
        ("kind", "<i4"),
        ("waits", "<i4"),
        ("reserved", "<i4"),
    ]
)
"""``order`` is NO_ORDER where none works. ``kind`` and ``value`` are the signal that the order came from, or, while
``waits`` is 1, the one that is still to be decided."""


def no_orders(assets: int) -> Records:
    """The state before the first row: [assets], nothing works, nothing waits."""
    working = np.zeros(assets, dtype=WORKING)
    working["order"] = NO_ORDER
    return working
