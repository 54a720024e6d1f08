"""The records that streams are made of, as packed little-endian structs.

One place says what a signal, an order and a fill look like: step functions write these records, the bus carries their
bytes, and the report tabulates them. Ids are derived, never random.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIGNAL = np.dtype([("tick", "<i8"), ("asset", "<i4"), ("kind", "<i4"), ("value", "<f8")])
"""``kind`` DIRECTION: the sign of ``value`` is the side (0: flat), its size the strength.
``kind`` WEIGHT: ``value`` is the share of equity to hold, negative for short."""

ORDER = np.dtype(
    [
        ("tick", "<i8"),
        ("order", "<i8"),
        ("asset", "<i4"),
        ("kind", "<i4"),
        ("quantity", "<f8"),
        ("wanted", "<f8"),
        ("flags", "<i4"),
        ("reason", "<i4"),
    ]
)
"""``quantity`` is signed (buy > 0) and is what may fill; ``wanted`` was asked for before cash or risk cut it."""

FILL = np.dtype(
    [
        ("tick", "<i8"),
        ("order", "<i8"),
        ("asset", "<i4"),
        ("reserved", "<i4"),
        ("quantity", "<f8"),
        ("price", "<f8"),
        ("reference", "<f8"),
        ("fee", "<f8"),
    ]
)
"""``reference`` is the market's price, ``price`` the one paid (slippage included), ``fee`` the commission."""

Records = NDArray[np.void]

DIRECTION, WEIGHT = 0, 1
SIGNAL_KINDS = ("direction", "weight")

PLACE, RESIZE, CANCEL, REFUSE = 0, 1, 2, 3
ORDER_KINDS = ("place", "resize", "cancel", "refuse")

REDUCES, ON_CLOSE, SIZE_AT_OPEN = 1, 2, 4
"""Order flags: it only lessens a position; it fills at this row's close; its size is decided at the open."""

NO_REASON, BUYING_POWER, REPLACED, BELOW_ONE_LOT, NOT_LISTED, SHORTS_NOT_ALLOWED, NO_VOLATILITY = range(7)
REASONS = (
    "",
    "not enough buying power",
    "replaced by a newer signal",
    "less than one lot",
    "no bar of this asset yet",
    "short positions are not allowed",
    "too few bars to know its volatility",
)

NO_ORDER = -1
_ASSET_BITS, _ORDINAL_BITS = 20, 11
MAX_ASSETS = 1 << _ASSET_BITS


def order_id(row: int, asset: int, ordinal: int) -> int:
    """The id of an order: the row it was decided in, its asset, its ordinal among that asset's orders of the row."""
    return (row << (_ASSET_BITS + _ORDINAL_BITS)) | (asset << _ORDINAL_BITS) | ordinal


def order_parts(order: int) -> tuple[int, int, int]:
    """The row, asset and ordinal that an order id is made of."""
    return (
        order >> (_ASSET_BITS + _ORDINAL_BITS),
        (order >> _ORDINAL_BITS) & (MAX_ASSETS - 1),
        order & ((1 << _ORDINAL_BITS) - 1),
    )


def empty(dtype: np.dtype[np.void], size: int = 0) -> Records:
    """An array of ``size`` zeroed records."""
    return np.zeros(size, dtype=dtype)


def frozen(records: Records) -> Records:
    """A read-only copy, made by way of bytes: numpy copies an array of records field by field."""
    return np.frombuffer(records.tobytes(), dtype=records.dtype)


def joined(parts: Sequence[Records]) -> Records:
    """The records of at least one part, one after the other; read-only where there are several.

    By way of bytes: numpy takes 8 µs to compare the fields of two arrays of records before it joins them.
    """
    if len(parts) == 1:
        return parts[0]
    return np.frombuffer(b"".join([part.tobytes() for part in parts]), dtype=parts[0].dtype)
