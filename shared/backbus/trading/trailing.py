"""Trailing stops: which price they follow, from where on, and by how much.

One that has a price at which it ``begins`` keeps ``then`` away from the best price once that has been reached, and
``trail`` before; without ``then`` it sleeps before, and has no stop at all. What it follows is the best price since it
was asked for, or since its entry filled. ``terms`` are TERMS or INTENT records; ``buys`` says which way the order goes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.trading.codes import OrderType


class _Trail(NamedTuple):
    """How far a trailing stop has come."""

    BEGUN: int = 0
    """It trails; every other order too."""
    WAITS: int = 1
    """The price from which it trails has not been reached."""
    PERHAPS_MET: int = 2
    """In a bar whose path is not known it may have begun, and been met."""
    JUST_BEGUN: int = 3
    """It has begun, which was not said yet."""


Trail = _Trail()


@step
def has_begun(terms: Any) -> bool:
    """Whether a trailing stop trails by the distance that it has for good."""
    return bool(terms["begun"] in (Trail.BEGUN, Trail.JUST_BEGUN))


@step
def better(one: float, other: float, buys: bool) -> float:
    """The more extreme of two prices that a trailing stop follows."""
    return min(one, other) if buys else max(one, other)


@step
def reaches(terms: Any, price: float, buys: bool) -> bool:
    """Whether a price is the one from which a trailing stop trails, or beyond it; never where it has none."""
    return bool(price <= terms["begins"] if buys else price >= terms["begins"])


@step
def _away(terms: Any, extreme: float, distance: float, buys: bool) -> float:
    if terms["type"] == OrderType.TRAIL_PERCENT:
        return extreme * (1.0 + distance if buys else 1.0 - distance)
    return extreme + distance if buys else extreme - distance


@step
def behind_begun(terms: Any, extreme: float, buys: bool) -> float:
    """Where a trailing stop that has begun stands, following ``extreme``; before the grid."""
    sleeps = terms["then"] != terms["then"]
    return _away(terms, extreme, terms["trail"] if sleeps else terms["then"], buys)


@step
def behind_waiting(terms: Any, extreme: float, buys: bool) -> float:
    """Where one stands that has not begun, if ``extreme`` is the best price that there was; NaN while it sleeps."""
    sleeps = terms["then"] != terms["then"]
    return np.nan if sleeps else _away(terms, extreme, terms["trail"], buys)


@step
def behind(terms: Any, extreme: float, buys: bool) -> float:
    """Where a trailing stop stands that follows ``extreme``, as far as it has come; before the grid."""
    return behind_begun(terms, extreme, buys) if has_begun(terms) else behind_waiting(terms, extreme, buys)


@step
def behind_any(terms: Any, entry: float, extreme: float, buys: bool) -> float:
    """The nearest that an exit may stand which is asleep, if its entry fills at ``entry`` and ``extreme`` follows, as
    far as that is a loss; NaN where it has no stop."""
    if terms["begins"] != terms["begins"] and terms["gain"] != terms["gain"]:
        return behind_begun(terms, extreme, buys)
    begins = beginning(terms, entry, buys)
    if entry <= begins if buys else entry >= begins:
        return behind_begun(terms, extreme, buys)
    return behind_waiting(terms, max(extreme, begins) if buys else min(extreme, begins), buys)


@step
def beginning(terms: Any, entry: float, buys: bool) -> float:
    """The price from which an exit trails whose entry filled at ``entry``."""
    if terms["gain"] == terms["gain"]:
        return entry * (1.0 - terms["gain"] if buys else 1.0 + terms["gain"])
    return copied(terms["begins"])


@step
def begin_trail(terms: Any, buys: bool) -> None:
    """Say how far a trailing stop has come that starts at ``start``."""
    terms["begun"] = Trail.BEGUN
    if terms["begins"] == terms["begins"] or terms["gain"] == terms["gain"]:
        terms["begun"] = Trail.JUST_BEGUN if reaches(terms, terms["start"], buys) else Trail.WAITS


@step
def follow(terms: Any, price: float, buys: bool) -> None:
    """Let a trailing stop know a price. One that may have been met is met where the bar is looked at."""
    terms["stop"] = better(terms["stop"], price, buys)
    if terms["begun"] == Trail.WAITS and reaches(terms, terms["stop"], buys):
        terms["begun"] = Trail.JUST_BEGUN


@step
def wake_trail(terms: Any, price: float, buys: bool) -> None:
    """Let a trailing exit follow from its entry's price on. Where its entry may have filled before, in a bar whose path
    is not known, it may have begun by now, and been met."""
    terms["stop"] = price
    seen = terms["possible"]
    terms["possible"] = better(seen, price, buys) if seen == seen else price  # noqa: PLR0124
    terms["begins"] = beginning(terms, price, buys)
    if terms["begins"] == terms["begins"]:
        terms["begun"] = Trail.WAITS
        if reaches(terms, price, buys):
            terms["begun"] = Trail.JUST_BEGUN
        elif reaches(terms, terms["possible"], buys):
            terms["begun"] = Trail.PERHAPS_MET


@step
def nearest_ever(terms: Any, buys: bool) -> float:
    """The furthest from its start that a trailing stop may stand, as far as is known without the prices that it has
    followed; NaN while it sleeps for certain. To buy there costs most."""
    start = copied(terms["start"])
    if terms["begins"] == terms["begins"] and (has_begun(terms) or terms["then"] != terms["then"]):
        return behind_begun(terms, better(start, terms["begins"], buys), buys)
    return behind(terms, start, buys)
