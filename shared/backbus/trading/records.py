"""The records that streams are made of, as packed little-endian structs.

One place says what a signal, an order and a fill look like: step functions write these records, the bus carries their
bytes, and the report tabulates them. ``codes`` has what their numbers mean. Ids are derived, never random.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIGNAL = np.dtype([("tick", "<i8"), ("asset", "<i4"), ("kind", "<i4"), ("value", "<f8")])
"""A signal or an order that is asked for, or one of its terms, which come before it: ``SignalKind``, ``Term``."""

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
        ("type", "<i4"),
        ("in_force", "<i4"),
        ("limit", "<f8"),
        ("stop", "<f8"),
        ("trail", "<f8"),
        ("until", "<i8"),
        ("parent", "<i8"),
        ("group", "<i8"),
        ("begins", "<f8"),
        ("gain", "<f8"),
        ("then", "<f8"),
    ]
)
"""``quantity`` is signed (buy > 0) and is what may fill; ``wanted`` was asked for before cash or risk cut it.

``stop`` of a trailing stop is the price that it starts from. With the flag RELATIVE, ``limit`` or ``stop`` is worked
out when ``parent`` fills, and ``trail`` is the fraction of that price that it lies away; a TRAIL_PERCENT's ``trail`` is
the fraction that it follows by. ``begins`` is the price from which a trailing stop keeps ``then`` away instead, or,
where that is NaN, until which it sleeps. ``gain`` is how far beyond its parent's price that lies, as a fraction of it,
where ``begins`` follows from that. ``until`` is a session, or an instant in microseconds.
``group`` is 0 for an order by itself, the id + 1 of the group's first order, and for exits -1 less their parent's
id."""

FILL = np.dtype(
    [
        ("tick", "<i8"),
        ("order", "<i8"),
        ("asset", "<i4"),
        ("rule", "<i2"),
        ("cap", "<i2"),
        ("quantity", "<f8"),
        ("price", "<f8"),
        ("reference", "<f8"),
        ("fee", "<f8"),
        ("unit", "<f8"),
        ("left", "<f8"),
    ]
)
"""What the market did to an order: a fill, or without a quantity what else became of it; with a ``rule`` from ENDS on
it has ended.

``reference`` is the market's price, ``price`` the one paid (slippage included), ``fee`` the commission in the account's
currency; ``unit`` is what one unit of price is worth in it; ``left`` may still fill. ``cap`` says what lessened a fill.
In an end, ``price`` is the order's own and ``reference`` the nearest that the market came to it."""

BOOKING = np.dtype(
    [
        ("tick", "<i8"),
        ("asset", "<i4"),
        ("kind", "<i4"),
        ("amount", "<f8"),
        ("quantity", "<f8"),
        ("basis", "<f8"),
    ]
)
"""What changed the book and was no fill. ``amount`` goes to cash, in the account's currency. ``quantity`` and ``basis``
are what it came from: days and money for INTEREST, FINANCING and BORROW (``asset`` is -1 for the first two); the
position and cash per unit for DIVIDEND and DELISTING; for SPLIT, the position after it, and its ratio."""

Records = NDArray[np.void]

NO_ORDER = -1
NO_SESSION = int(np.iinfo(np.int64).min)
_ASSET_BITS, _ORDINAL_BITS = 20, 11
MAX_ASSETS = 1 << _ASSET_BITS
MAX_ORDINAL = (1 << _ORDINAL_BITS) - 1
EXITS = 3
ORDINALS_OF_ONE = 1 + EXITS
"""Ordinals that an order takes with its exits: its own, take profit, stop loss, trailing loss."""
ROW_SCALE, ASSET_SCALE = 1 << (_ASSET_BITS + _ORDINAL_BITS), 1 << _ORDINAL_BITS


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


def read_only_copy(records: Records) -> Records:
    """A read-only copy, made by way of bytes: numpy copies an array of records field by field."""
    return np.frombuffer(records.tobytes(), dtype=records.dtype)


def joined(parts: Sequence[Records]) -> Records:
    """The records of at least one part, one after the other; read-only where there are several.

    By way of bytes: numpy takes 8 µs to compare the fields of two arrays of records before it joins them.
    """
    if len(parts) == 1:
        return parts[0]
    return np.frombuffer(b"".join([part.tobytes() for part in parts]), dtype=parts[0].dtype)
