"""The terms of orders and signals as strategies write them: checked, and put into the records that say them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from backbus import renamed
from backbus.errors import StrategyError
from backbus.trading.codes import TIMES_IN_FORCE, Flag, InForce, OrderType, Term

Said = tuple[int, float]
"""Kind and value of a SIGNAL record."""

_EXITS = {
    "take_profit": Term.TAKE_PROFIT,
    "take_profit_fraction": Term.TAKE_PROFIT_FRACTION,
    "stop_loss": Term.STOP_LOSS,
    "stop_loss_fraction": Term.STOP_LOSS_FRACTION,
    "trailing_loss": Term.TRAILING_LOSS,
    "trailing_loss_fraction": Term.TRAILING_LOSS_FRACTION,
    "trailing_from": Term.TRAILING_FROM,
    "trailing_from_fraction": Term.TRAILING_FROM_FRACTION,
    "trailing_then": Term.TRAILING_THEN,
    "trailing_then_fraction": Term.TRAILING_THEN,
}
_PRICES = {"limit": Term.LIMIT, "stop": Term.STOP, "trail": Term.TRAIL, "trail_fraction": Term.TRAIL_FRACTION}
_BEGINNINGS = {
    "trail_from": Term.TRAIL_FROM,
    "trail_from_fraction": Term.TRAIL_FROM_FRACTION,
    "trail_then": Term.TRAIL_THEN,
    "trail_then_fraction": Term.TRAIL_THEN,
}
_FRACTIONS = (
    "trail_fraction",
    "stop_loss_fraction",
    "trailing_loss_fraction",
    "trail_then_fraction",
    "trailing_then_fraction",
)
_OF_ORDERS = tuple(name for name in (*_PRICES, *_BEGINNINGS) if name != "trail_from_fraction")
TERMS = (*_OF_ORDERS, *_EXITS, "time_in_force", "until", "at", "reduce_only", "group")
"""What an order, or a signal, can be given beside what it wants."""
_EITHER = tuple((name, f"{name}_fraction") for name in ("take_profit", "stop_loss", "trailing_loss", "trailing_from"))
_TRAILS = {"trail": "trail", "trailing": "trailing_loss"}
"""How the terms of each trailing stop begin, and which of them is its distance."""


_PER_UNIT = {
    Term.LIMIT, Term.STOP, Term.TRAIL, Term.TRAIL_FROM, Term.TAKE_PROFIT, Term.STOP_LOSS, Term.TRAILING_LOSS,
    Term.TRAILING_FROM,
}  # fmt: skip
"""Terms that are prices of one unit, or distances between such."""
_CLOSER = {Term.TRAIL_THEN: Term.TRAIL, Term.TRAILING_THEN: Term.TRAILING_LOSS}
"""Of a second distance what says that it is one of prices, and no fraction."""
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0.0:
        raise StrategyError(f"{name} must be a number above 0, not {value!r}")
    if name in _FRACTIONS and value >= 1.0:
        raise StrategyError(f"{name} is a fraction of the price, 0.05 for 5 %; {value!r} is not below 1")
    return float(value)


def _order_type(terms: Mapping[str, Any]) -> None:
    given = [name for name in _PRICES if name in terms]
    if len(given) > 1 and given != ["limit", "stop"]:
        raise StrategyError(f"{' and '.join(given)} do not go together; a stop-limit order has stop and limit")
    force, at = terms.get("time_in_force", "gtc"), terms.get("at")
    if force not in TIMES_IN_FORCE or force in ("gtd", "gtt"):
        raise StrategyError(f"time_in_force is one of gtc, day, ioc, fok and open, not {force!r}; for a date: until")
    if at not in (None, "open", "close"):
        raise StrategyError(f'at is "open" or "close", not {at!r}')
    if "until" in terms and ("time_in_force" in terms or at is not None):
        raise StrategyError("until does not go with time_in_force or at")
    if at is not None and "time_in_force" in terms:
        raise StrategyError("at does not go with time_in_force")
    if at == "close" and [name for name in given if name != "limit"]:
        raise StrategyError('at = "close" is for market and limit orders; leave out ' + " and ".join(given))
    if (at == "open" or force in ("ioc", "fok", "open")) and [name for name in given if name != "limit"]:
        raise StrategyError("an order that is filled at once or not at all is a market or a limit order")


def _sides(buys: bool, terms: Mapping[str, Any], close: float) -> None:
    """Take profit lies beyond the entry, stop loss before it."""
    entry = terms.get("limit", terms.get("stop", close))
    where = "its limit" if "limit" in terms else "its stop" if "stop" in terms else "the last close"
    for name, beyond in (("take_profit", True), ("stop_loss", False), ("trailing_from", True)):
        level = terms.get(name)
        if level is not None and entry == entry and ((level > entry) != (buys == beyond) or level == entry):  # noqa: PLR0124
            side = "above" if buys == beyond else "below"
            raise StrategyError(
                f"{name} {level} is on the wrong side: an order to {'buy' if buys else 'sell'} takes one {side} "
                f"{where}, {entry}"
            )


def _beginnings(given: Mapping[str, Any]) -> None:
    """A trailing stop that begins at a profit has a distance, and one for then that is closer, in the same unit."""
    for prefix, trail in _TRAILS.items():
        begins = next((name for name in (f"{prefix}_from", f"{prefix}_from_fraction") if name in given), None)
        unit = "_fraction" if f"{trail}_fraction" in given else ""
        if begins is not None and trail + unit not in given:
            raise StrategyError(f"{begins} is of a trailing stop: give {trail} or {trail}_fraction too")
        for then in (f"{prefix}_then", f"{prefix}_then_fraction"):
            if then not in given:
                continue
            if begins is None:
                raise StrategyError(f"{then} needs {prefix}_from: from where on it holds")
            if then != f"{prefix}_then{unit}":
                raise StrategyError(f"{then} does not go with {trail}{unit}: give {prefix}_then{unit}")
            if given[then] >= given[trail + unit]:
                raise StrategyError(
                    f"{then} {given[then]} must be closer than {trail}{unit} {given[trail + unit]}; "
                    f"for a stop that sleeps until {begins} leave {then} out"
                )


def said_of(terms: Mapping[str, Any], *, buys: bool | None, close: float, moved: bool = False) -> list[Said]:
    """The SIGNAL records that say these terms, all but ``group``. ``buys`` is None where the side is not known yet;
    ``moved`` says that they are of what takes an exit's place.

    Raises StrategyError for terms that no order can have."""
    for name in terms:
        if name in renamed.TERMS:
            raise StrategyError(renamed.is_now(name, renamed.TERMS[name]))
    for name in _PRICES:
        if name in terms and terms[name] is None:
            raise StrategyError(f"{name} has no price (it is None); for an order without one leave {name} out")
    given = {name: value for name, value in terms.items() if value is not None}
    for name in given:
        if name not in TERMS and not (moved and name in _BEGINNINGS):
            raise StrategyError(f"an order has no {name!r}; it has {', '.join(TERMS)}")
    for one, other in _EITHER:
        if one in given and other in given:
            raise StrategyError(f"give {one} or {other}, not both")
    _order_type(given)
    kinds = _PRICES | _BEGINNINGS | _EXITS
    said = [(kind, _number(name, given[name])) for name, kind in kinds.items() if name in given]
    _beginnings(given)
    if buys is not None:
        _sides(buys, given, close)
    if "until" in given:
        said += _until(given["until"])
    elif given.get("at") == "open" or "time_in_force" in given:
        force = "open" if given.get("at") == "open" else given["time_in_force"]
        said.append((Term.IN_FORCE, float(TIMES_IN_FORCE.index(force))))
    if given.get("at") == "close":
        said.append((Term.AT_CLOSE, 1.0))
    if given.get("reduce_only"):
        said.append((Term.REDUCE, 1.0))
    return said


def after_split(said: Iterable[Said], ratio: float) -> list[Said]:
    """Terms as they would be had they been said after a split."""
    said = list(said)
    divided = {*_PER_UNIT, *(term for term, of in _CLOSER.items() if any(kind == of for kind, _ in said))}
    return [(kind, value / ratio if kind in divided else value) for kind, value in said]


def _until(until: Any) -> list[Said]:
    if isinstance(until, str):
        try:
            until = (datetime.date if len(until) <= 10 else datetime.datetime).fromisoformat(until)
        except ValueError:
            raise StrategyError(f"until is a date, or a date and time with its zone, not {until!r}") from None
    if isinstance(until, datetime.datetime):
        if until.tzinfo is None:
            raise StrategyError(f"until {until} has no zone; give it one, or a date")
        micros = (until - _EPOCH) // datetime.timedelta(microseconds=1)
        return [(Term.IN_FORCE, float(InForce.GOOD_TILL_TIME)), (Term.UNTIL, float(micros))]
    if isinstance(until, datetime.date):
        return [(Term.IN_FORCE, float(InForce.GOOD_TILL_DATE)), (Term.UNTIL, float((until - _EPOCH.date()).days))]
    raise StrategyError(f"until is a date, or a date and time with its zone, not {until!r}")


def terms_of(record: Any) -> dict[str, float]:
    """Prices and distances of an order that was made by a signal, or came with an entry."""
    kind = int(record["type"])
    relative = int(record["flags"]) & Flag.RELATIVE != 0
    trail = float(record["trail"])
    if relative:
        return {"take_profit_fraction" if kind == OrderType.LIMIT else "stop_loss_fraction": trail}
    if kind in (OrderType.TRAIL, OrderType.TRAIL_PERCENT):
        unit = "" if kind == OrderType.TRAIL else "_fraction"
        own = {"trail_from": "begins", "trail_from_fraction": "gain", f"trail_then{unit}": "then"}
        more = {name: float(record[field]) for name, field in own.items()}
        return {f"trail{unit}": trail, **{name: value for name, value in more.items() if not math.isnan(value)}}
    found = {name: float(record[name]) for name in ("limit", "stop")}
    return {name: price for name, price in found.items() if not math.isnan(price)}


_OF_ROLES: Mapping[str, tuple[str, ...]] = {
    "take_profit": ("limit",),
    "stop_loss": ("stop",),
    "trailing_loss": ("trail", "trail_fraction", *_BEGINNINGS),
}
_TRAILING = {
    "trail": "trailing_loss",
    "trail_fraction": "trailing_loss_fraction",
    "trail_from": "trailing_from",
    "trail_from_fraction": "trailing_from_fraction",
    "trail_then": "trailing_then",
    "trail_then_fraction": "trailing_then_fraction",
}
"""What an entry calls the terms of its trailing stop."""
_BESIDE_PRICES = ("time_in_force", "until")


def exit_terms(role: str, before: Mapping[str, Any], terms: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of what takes an exit's place, which had those of ``before``: its own price, and how long it works.
    Raises StrategyError for others, and where it has no price yet, since its entry has not filled."""
    prices = _OF_ROLES[role]
    given = {name: value for name, value in terms.items() if name != f"{role}_fraction"}
    share = "trail_from_fraction"
    if share in given and given[share] != before.get(share):
        raise StrategyError(f"{share} is of an entry's price: move this exit by trail_from, a price")
    for name in ("trail", "trail_then", "trail_from"):
        if name in given and f"{name}_fraction" in given:
            old = f"{name}_fraction" if f"{name}_fraction" in before else name
            given.pop(old)
    wrong = [name for name in given if name not in (*prices, *_BESIDE_PRICES)]
    if wrong:
        raise StrategyError(f"a {role} has no {wrong[0]}: it is moved by its {' or '.join(prices[:2])}")
    if not any(name in given for name in prices):
        raise StrategyError(f"this {role} has no price before its entry fills: give it one by {prices[0]}")
    return given


def entry_terms(exits: Iterable[tuple[str, Mapping[str, Any]]], given: Collection[str]) -> dict[str, Any]:
    """The terms by which an entry brings exits with it: of exits, by role and their own terms, all whose kind is not
    among the names of ``given``."""
    found: dict[str, Any] = {}
    for role, terms in exits:
        if any(name in (role, f"{role}_fraction") for name in given):
            continue
        share = terms.get(f"{role}_fraction")
        if role == "trailing_loss":
            found |= {_TRAILING[name]: value for name, value in terms.items() if name in _TRAILING}
        elif share is not None:
            found[f"{role}_fraction"] = share
        elif _OF_ROLES[role][0] in terms:
            found[role] = terms[_OF_ROLES[role][0]]
    return found


def begun_terms(terms: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of a trailing stop once it has begun: it trails, by the distance that it has from then on."""
    left = {name: value for name, value in terms.items() if name not in _BEGINNINGS}
    for unit in ("", "_fraction"):
        if terms.get(f"trail_then{unit}") is not None:
            left[f"trail{unit}"] = terms[f"trail_then{unit}"]
    return left
