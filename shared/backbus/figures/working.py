"""What worked in the market, and at which price: an asset's orders as lines from their begin to their end."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.runs.shown import RunShown

TRAILS = ("trail", "trail_percent")
_READ = (
    *("row", "order", "kind", "quantity", "type", "limit", "stop", "trail", "parent"),
    *("trail_from", "trail_from_fraction", "trail_then"),
)
_TOUCHED = ("limit order: the price came to its limit", "stop order: the price came to its stop")


class WorkingOrder(NamedTuple):
    """One price of an order, while the order worked."""

    order: int
    what: str
    """``limit``, ``stop``, ``trailing stop``; of exits ``take profit``, ``stop loss``, ``trailing loss``."""
    begin: int
    """The row that it worked from: in which it was placed; of an exit, in which its entry filled first."""
    end: int
    """The row in which it filled whole, ended or was taken back; the last one of the run where it did not."""
    level: float
    """Its limit or stop; of a trailing stop the price that it started from, NaN of one that sleeps at first."""
    last: float
    """The same at its end: another price of a trailing stop alone."""


def working_orders(run: RunShown, symbol: str) -> list[WorkingOrder]:
    """Those of an asset that waited for a price, in the order in which they were placed. Exits whose entry never filled
    never worked."""
    fills, ends, taken_back = _fills(run, symbol), _ends(run, symbol), {}
    orders = _columns(run, "orders", symbol, *_READ)
    for row, order, kind, *_ in orders:
        if kind == "cancel":
            taken_back[order] = row
    last_row = int(run.column("equity", "row")[-1]) if run.count("equity") else 0
    found = []
    for row, order, kind, quantity, type_, limit, stop, share, parent, sleeps_to, sleeps, then in orders:
        if kind != "place" or "market" in type_ or type_ == "limit_on_close":
            continue
        begin, price = row, np.nan
        if parent == parent:  # noqa: PLR0124  (NaN: it is no exit)
            if parent not in fills:
                continue
            begin, price = fills[parent].first, fills[parent].price
        own, ended = fills.get(order), ends.get(order)
        end = last_row
        if own is not None and own.left == 0.0:
            end = own.last
        elif ended is not None:
            end = ended[0]
        elif order in taken_back:
            end = taken_back[order]
        met = np.nan
        if own is not None and (type_ in TRAILS or own.rule in _TOUCHED):
            met = own.reference
        elif ended is not None:
            met = ended[1]
        exit_ = price == price  # noqa: PLR0124
        side = 1.0 if quantity > 0.0 else -1.0
        if type_ in TRAILS:
            what = "trailing loss" if exit_ else "trailing stop"
            asleep = (sleeps_to == sleeps_to or sleeps == sleeps) and then != then  # noqa: PLR0124
            if stop != stop and exit_ and not asleep:  # noqa: PLR0124
                stop = price + side * share * (price if type_ == "trail_percent" else 1.0)  # noqa: PLW2901
            level = np.nan if asleep else stop
            found.append(WorkingOrder(order, what, begin, max(begin, end), level, met if met == met else level))  # noqa: PLR0124
            continue
        for name, level, sign in (("limit", limit, -1.0), ("stop", stop, 1.0)):
            if name not in type_:
                continue
            if level != level and exit_:  # noqa: PLR0124
                level = met if met == met else price * (1.0 + side * sign * share)  # noqa: PLR0124, PLW2901
            what = {"limit": "take profit", "stop": "stop loss"}[name] if exit_ else name
            found.append(WorkingOrder(order, what, begin, max(begin, end), level, level))
    return found


class _Filled(NamedTuple):
    first: int
    last: int
    price: float
    """Of the first fill."""
    left: float
    reference: float
    rule: str


def _fills(run: RunShown, symbol: str) -> dict[float, _Filled]:
    found: dict[float, _Filled] = {}
    for row, order, price, left, reference, rule in _columns(
        run, "fills", symbol, "row", "order", "price", "left", "reference", "rule"
    ):
        before = found.get(order)
        first, paid = (row, price) if before is None else (before.first, before.price)
        found[order] = _Filled(first, row, paid, left, reference, rule)
    return found


def _ends(run: RunShown, symbol: str) -> dict[int, tuple[int, float]]:
    return {order: (row, level) for row, order, level in _columns(run, "order_ends", symbol, "row", "order", "level")}


def _columns(run: RunShown, table: str, symbol: str, *names: str) -> list[tuple[Any, ...]]:
    """The rows of a table that are of an asset."""
    mine = np.flatnonzero(run.column(table, "symbol").astype(str) == symbol)
    return list(zip(*(run.column(table, name)[mine].tolist() for name in names), strict=True))


def polyline(
    orders: list[WorkingOrder], first_row: int, splits: dict[int, float]
) -> tuple[list[int | None], list[float]]:
    """Rows, counted from ``first_row``, and prices of lines with a break between any two. ``splits`` are ratios by row:
    from there on a price is another one."""
    rows: list[int | None] = []
    prices: list[float] = []
    for one in orders:
        level, last = one.level, one.last
        if level != level:  # noqa: PLR0124
            continue
        rows.append(max(one.begin - first_row, 0))
        prices.append(level)
        for row in sorted(row for row in splits if one.begin < row <= one.end):
            rows += [row - 1 - first_row, row - first_row]
            prices += [prices[-1], prices[-1] / splits[row]]
        rows += [one.end - first_row, None]
        prices += [last if last != level and last == last else prices[-1], np.nan]  # noqa: PLR0124
    return rows, prices
