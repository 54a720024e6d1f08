"""Which fills opened and closed each trade of a run: the tables name their rows alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbus.market.panel import Ints
from backbus.runs.tables import Tables

NONE = -1
_ROUNDING = 1e-9
"""What is left of a position, beside what was traded, when only rounding is left."""


class TradeFills(NamedTuple):
    """[trades] places in the table of fills; -1 where there is none."""

    entry: Ints
    exit: Ints
    """None of an open trade, nor of one that a delisting or a split ended."""


def trade_fills(tables: Tables) -> TradeFills:
    """Follows each asset's position through its fills, and through splits, from flat to flat."""
    symbols = tables.column("trades", "symbol").astype(str)
    of_asset: dict[str, list[int]] = {}
    for place, symbol in enumerate(symbols.tolist()):
        of_asset.setdefault(symbol, []).append(place)
    entry, exit_ = np.full(len(symbols), NONE), np.full(len(symbols), NONE)
    found: dict[str, list[list[int]]] = {}
    position: dict[str, float] = {}
    for _, _, place, symbol, number in _events(tables):
        before = position.get(symbol, 0.0)
        if place == NONE:  # a split or a delisting says what is held after it
            position[symbol] = number
            continue
        after = before + number
        if abs(after) <= _ROUNDING * max(abs(before), abs(number)):
            after = 0.0
        trades = found.setdefault(symbol, [])
        if before != 0.0 and (after == 0.0 or (after > 0.0) != (before > 0.0)):
            trades[-1][1] = place
        if after != 0.0 and (before == 0.0 or (after > 0.0) != (before > 0.0)):
            trades.append([place, NONE])
        position[symbol] = after
    for symbol, places in of_asset.items():
        for where, (first, last) in zip(places, found.get(symbol, []), strict=False):
            entry[where], exit_[where] = first, last
    return TradeFills(entry, exit_)


def _events(tables: Tables) -> list[tuple[int, int, int, str, float]]:
    """Logical time, order within it, place among the fills or -1, asset, and units filled or held from there on."""
    names = ("logical_time", "symbol", "quantity")
    ticks, symbols, units = (tables.column("fills", name).tolist() for name in names)
    events = [
        (tick, 1, place, str(symbol), unit)
        for place, (tick, symbol, unit) in enumerate(zip(ticks, symbols, units, strict=True))
    ]
    if "account_activity" in tables and tables.rows("account_activity"):
        kinds = tables.column("account_activity", "kind").astype(str)
        changes = np.flatnonzero((kinds == "split") | (kinds == "delisting"))
        ticks, symbols, units = (tables.column("account_activity", name)[changes].tolist() for name in names)
        for kind, tick, symbol, unit in zip(kinds[changes].tolist(), ticks, symbols, units, strict=True):
            events.append((tick, 0, NONE, str(symbol), unit if kind == "split" else 0.0))
    return sorted(events, key=lambda one: one[:2])
