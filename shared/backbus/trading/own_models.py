"""A user's own models as loops call them: what each is told, in which order, and what is done with its answer.

What goes wrong inside is kept by whoever made the function callable, and told after the loop: here such an answer is
NaN, and the loop goes on with a harmless one to where it comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from backbus.jit.calls import called, stay_apart
from backbus.jit.decorators import part, step


class Deal(NamedTuple):
    """What slippage is told of an order that fills, or would."""

    quantity: float
    """Units, below zero for a sale."""
    price: float
    """Where the market stands."""
    share: float
    """The part of the bar's volume that it takes, at most the model's ``limit``; what the account reckons with is the
    limit itself. 0 without one."""


class Charged(NamedTuple):
    """What commission is told of a fill. What has been filled and charged before is of the same order."""

    quantity: float
    """Units, below zero for a sale."""
    price: float
    value: float
    """Worth of the fill, in the asset's currency."""
    filled: float
    """Units that filled before."""
    filled_value: float
    charged: float
    resting: float
    """1 of a limit order that was met while it waited, 0 of all others."""


class Wish(NamedTuple):
    """What sizing is told of a signal, and of the account that it is for."""

    signal: float
    """Direction times strength: above zero for long, below for short."""
    price: float
    worth: float
    """Of one unit, in the account's currency."""
    equity: float
    """Without the cash buffer."""
    cash: float
    position: float
    """Units that are held, below zero where short."""
    deviation: float
    """Of the last ``lookback`` returns; NaN while there are fewer, 0 without one."""
    assets: float
    """How many there are; in a universe, how many are in it, at least 1."""
    bars_per_year: float


class Holding(NamedTuple):
    """What margin is told of a position, as it is or would be."""

    quantity: float
    """Units, below zero where short."""
    price: float
    value: float
    """Worth of the position in the asset's currency, above zero either way."""


class Beforehand(NamedTuple):
    """What every model is told of the asset and of its market, as it was known before the bar."""

    asset: float
    """Its place among the job's symbols, from 0."""
    time: float
    """The end of the bar that the model is asked in: seconds since 1970, UTC."""
    close: float
    """Of the bar before; NaN before the first one."""
    volume: float
    """Of the bar before."""
    mean_volume: float
    """Of the bars that slippage looks back on."""
    deviation: float
    """Of their returns; 0 as long as nothing is known, as all of these."""
    spread: float
    """The last one in the column of the data that slippage names."""
    multiplier: float
    lot: float
    tick: float


SEEN = len(Beforehand._fields)


class Question(NamedTuple):
    """What a kind of model is asked."""

    given: Callable[..., Any]
    """What it is told first."""
    numbers: int
    """How many numbers that has."""
    gives: str
    """What its answer must be, in words."""


KINDS = {
    "slippage": Question(Deal, len(Deal._fields), "a price is a finite number, and not below 0"),
    "commission": Question(Charged, len(Charged._fields), "a fee is a finite number"),
    "sizing": Question(Wish, len(Wish._fields), "a size is a finite number, on the signal's side or 0"),
    "margin": Question(
        Holding,
        len(Holding._fields),
        "a margin is two numbers: what opening needs, and no more to keep",
    ),
}


@step
def _seen(instrument: Any, state: Any) -> tuple[float, ...]:
    """What ``Beforehand`` has."""
    return (
        instrument["asset"],
        state["time"],
        state["last"],
        state["volume"],
        state["mean_volume"],
        state["deviation"],
        state["spread"],
        instrument["multiplier"],
        instrument["lot"],
        instrument["tick"],
    )


@part
def own_price(instrument: Any, state: Any, reference: float, quantity: float, share: float) -> float:
    """The price that a user's function says, of ``quantity`` (signed) units where the market stands at
    ``reference``."""
    stay_apart()
    if reference != reference or not abs(quantity) > 0.0:  # noqa: PLR0124  (no price yet, or nothing to fill)
        return reference
    price = called(
        instrument["own_slippage"],
        instrument["slippage_context"],
        (quantity, reference, share) + _seen(instrument, state),  # noqa: RUF005  (numba has no other)
    )
    return price if price == price else reference  # noqa: PLR0124


@part
def own_fee(instrument: Any, state: Any, quantity: float, price: float, before: Any, resting: float) -> float:
    """The fee that a user's function says, in the asset's currency; ``before`` is what the order's fills before were:
    units, worth, fees."""
    stay_apart()
    value = abs(quantity) * price * instrument["multiplier"]
    fee = called(
        instrument["own_fee"],
        instrument["fee_context"],
        (quantity, price, value, before[0], before[1], before[2], resting) + _seen(instrument, state),  # noqa: RUF005
    )
    return fee if fee == fee else 0.0  # noqa: PLR0124


@step
def most_of_own_fee(instrument: Any, state: Any, quantity: float, price: float) -> float:
    """The most that a user's function says of an order that fills whole, whether it waited or not."""
    nothing = (0.0, 0.0, 0.0)
    taken = own_fee(instrument, state, quantity, price, nothing, 0.0)
    return max(taken, own_fee(instrument, state, quantity, price, nothing, 1.0), 0.0)


@part
def own_size(rules: Any, instrument: Any, state: Any, wish: Any) -> float:
    """The signed position that a user's function says; ``wish`` is what ``Wish`` has, without its last."""
    stay_apart()
    year = (instrument["bars_per_year"],)
    units = called(rules["own_sizing"], rules["sizing_context"], wish + year + _seen(instrument, state))
    return units if units == units else 0.0  # noqa: PLR0124


@part
def own_margin(rules: Any, instrument: Any, state: Any, quantity: float, price: float, keep: float) -> float:
    """What a user's function says that a position needs, in the account's currency: to be opened, or to be kept where
    ``keep`` is 1."""
    stay_apart()
    if quantity == 0.0:
        return 0.0
    value = abs(quantity) * price * instrument["multiplier"]
    needed = called(
        rules["own_margin"],
        rules["margin_context"],
        (quantity, price, value) + _seen(instrument, state) + (keep,),  # noqa: RUF005
    )
    return needed * state["rate"] if needed == needed else 0.0  # noqa: PLR0124
