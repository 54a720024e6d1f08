"""Where a trailing stop is met at worst in a bar that does not tell which price came first, as ``execution.path =
"worst"`` takes it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.trading.codes import OrderType
from backbus.trading.groups import OrderLists
from backbus.trading.lots import on_tick
from backbus.trading.open_orders import after, first, works
from backbus.trading.order_states import OrderState
from backbus.trading.trailing import Trail, behind_begun, behind_waiting, better, follow, has_begun, reaches


class Prices(NamedTuple):
    """One asset's bar."""

    open: float
    high: float
    low: float
    close: float


class Seen(NamedTuple):
    """What a trailing stop may have seen of a bar: the best price for certain, the best possible one, and how far the
    bar went against it."""

    sure: float
    possible: float
    against: float


class Beside(NamedTuple):
    """What a trailing stop that begins has to know beside its bar."""

    target: bool
    """Whether a target stands before the price at which it begins."""
    last: float
    """The run's last close; NaN in rows before."""


@step
def _worst_of_beginning(instrument: Any, terms: Any, buys: bool, seen: Seen, beside: Beside) -> tuple[float, float]:
    """Of a trailing stop that has not begun before this bar, as far as is known: where it is met at worst, and how much
    worse it may come to be filled; NaN where it goes on.

    Once it has begun it never stands beyond ``least``. If it may have begun, and not for certain, it may have been met
    by now, at ``least`` or better, or still wait and lose more: it goes on as one that waits, and is filled at
    ``least`` where it begins for certain, or at the run's end if the price is better then."""
    sure, possible, against = seen
    least = on_tick(instrument, behind_begun(terms, terms["begins"], buys), buys)
    before = better(possible, terms["begins"], not buys)
    waiting = on_tick(instrument, behind_waiting(terms, before, buys), buys)
    begun = on_tick(instrument, behind_begun(terms, possible, buys), buys)
    began = has_begun(terms)
    may = began or not beside.target
    met_waiting = not began and (against >= waiting if buys else against <= waiting)
    met_begun = may and reaches(terms, possible, buys) and (against >= begun if buys else against <= begun)
    perhaps = terms["begun"] == Trail.PERHAPS_MET
    if began or reaches(terms, sure, buys):
        bound = on_tick(instrument, behind_begun(terms, sure, buys), buys)
        if perhaps:
            bound = better(bound, least, not buys)
        if met_waiting:
            return against, bound
        if met_begun or perhaps:
            return better(against, least, buys), bound
        return np.nan, np.nan
    if met_waiting:
        return against, on_tick(instrument, behind_waiting(terms, sure, buys), buys)
    if met_begun:
        terms["begun"] = Trail.PERHAPS_MET
    if terms["begun"] == Trail.PERHAPS_MET and (beside.last < least if buys else beside.last > least):
        return better(against, least, buys), least
    return np.nan, np.nan


@step
def worst_of_trail(instrument: Any, terms: Any, buys: bool, bar: Prices, beside: Beside) -> float:
    """Where a trailing stop is met at worst, after any of the prices that it may have followed; NaN where it cannot be.
    One that goes on has followed them.

    At worst the price goes against the order first: it is met at the far extreme. If what it follows may have come
    before the order did, it may as well not be met here, and later where it surely stands after this bar: what is
    ``hidden`` is how much worse that is."""
    ahead, against = (bar.low, bar.high) if buys else (bar.high, bar.low)
    sure = copied(terms["stop"])
    if terms["state"] != OrderState.PERHAPS_AWAKE:
        sure = better(sure, bar.close if terms["state"] == OrderState.JUST_AWAKE else ahead, buys)
    possible = better(terms["possible"], better(sure, ahead, buys), buys)
    met, bound = np.nan, np.nan
    if terms["begun"] != Trail.BEGUN:
        met, bound = _worst_of_beginning(instrument, terms, buys, Seen(sure, possible, against), beside)
    else:
        level = on_tick(instrument, behind_begun(terms, possible, buys), buys)
        if against >= level if buys else against <= level:
            met, bound = against, on_tick(instrument, behind_begun(terms, sure, buys), buys)
    if met == met:  # noqa: PLR0124
        terms["hidden"] = max(bound - met, 0.0) if buys else max(met - bound, 0.0)
        return met
    terms["possible"] = possible
    follow(terms, sure, buys)
    return np.nan


@step
def target_before(orders: OrderLists, asset: int, node: int, buys: bool) -> bool:
    """Whether a target of the same group stands before the price at which a trailing stop begins: no path comes there
    without it."""
    group, begins = orders.terms[node]["group"], copied(orders.terms[node]["begins"])
    other = first(orders, asset) if group != 0 and begins == begins else -1  # noqa: PLR0124
    while other >= 0:
        terms = orders.terms[other]
        if works(orders, other) and terms["group"] == group and terms["type"] == OrderType.LIMIT:
            if terms["limit"] >= begins if buys else terms["limit"] <= begins:
                return True
        other = after(orders, other)
    return False
