"""What is kept of each open order: its slot, its terms, and the terms of what is asked for before it is an order."""

from __future__ import annotations

import numpy as np

SLOT = np.dtype(
    [
        ("order", "<i8"),
        ("quantity", "<f8"),
        ("wanted", "<f8"),
        ("value", "<f8"),
        ("flags", "<i4"),
        ("kind", "<i4"),
        ("waits", "<i4"),
        ("next", "<i4"),
    ]
)
"""``order`` is NO_ORDER where none works. ``kind`` and ``value`` are the signal that the order came from, or, while
``waits`` is 1, the one that is still to be decided. ``next`` is the next node of the asset's list, -1 at its end."""

TERMS = np.dtype(
    [
        ("type", "<i4"),
        ("in_force", "<i4"),
        ("limit", "<f8"),
        ("stop", "<f8"),
        ("start", "<f8"),
        ("trail", "<f8"),
        ("until", "<i8"),
        ("parent", "<i8"),
        ("group", "<i8"),
        ("filled", "<f8"),
        ("value", "<f8"),
        ("rated", "<f8"),
        ("charged", "<f8"),
        ("nearest", "<f8"),
        ("possible", "<f8"),
        ("hidden", "<f8"),
        ("beyond", "<f8"),
        ("live_from", "<i8"),
        ("session", "<i8"),
        ("state", "<i4"),
        ("bound", "<i4"),
        ("tried", "<i8"),
        ("begins", "<f8"),
        ("gain", "<f8"),
        ("then", "<f8"),
        ("begun", "<i8"),
    ]
)
"""Beside each slot: its terms as in ORDER, and how far it has come. ``filled``, ``value`` (quantity × price), ``rated``
(fees per share before their bounds, where there are tiers) and ``charged`` (fees, in the asset's currency) sum its
fills, ``nearest`` is the best price that it saw, ``live_from`` the first logical time at which it may fill, ``session``
the first session that it lived in, ``state`` its ``OrderState``, ``bound`` the cap that held it back. ``stop`` of a
trailing stop is the extreme that it follows, ``start`` the one that it began with, ``possible`` one that it may have
seen already, in a bar of which nobody knows whether it came before the order, ``hidden`` by how much worse than the
bar's prices it fills, because of that, ``beyond`` by how much beyond its own price a stop is met at worst that woke
within the bar, while the market's other side is quoted. ``tried`` is the logical time at which it was last filled or
found unfillable, ``begun`` how far it has come: a ``Trail``."""

INTENT = np.dtype(
    [
        ("type", "<i4"),
        ("in_force", "<i4"),
        ("limit", "<f8"),
        ("stop", "<f8"),
        ("start", "<f8"),
        ("trail", "<f8"),
        ("until", "<i8"),
        ("take_profit", "<f8"),
        ("stop_loss", "<f8"),
        ("trailing_loss", "<f8"),
        ("trailing_begins", "<f8"),
        ("trailing_gain", "<f8"),
        ("trailing_then", "<f8"),
        ("begins", "<f8"),
        ("gain", "<f8"),
        ("then", "<f8"),
        ("begun", "<i8"),
        ("fractions", "<i4"),
        ("reduce", "<i4"),
        ("state", "<i4"),
        ("at_row", "<i8"),
        ("at_asset", "<i8"),
        ("group_of", "<i8"),
        ("instead_of", "<i8"),
    ]
)
"""The terms of a signal, or of an order that is asked for, before it is one. Exits are 0 where there is none;
``fractions`` has a bit for each exit that is a fraction of the entry's price: 1 take profit, 2 stop loss, 4 trailing
loss. ``group_of`` and ``instead_of`` are order ids. ``state`` is LIVE, as that of an order that begins."""
