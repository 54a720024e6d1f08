"""What the market takes beside its price: codes, arithmetic, numbers and flags of the models of slippage.

Slippage knows what was known before the bar that fills: the spread last seen, the deviation of returns and the mean
volume. A share of the bar's own volume is known to the market alone; the portfolio reckons with the largest that may
be.
"""

from __future__ import annotations

from typing import Any, NamedTuple, assert_never

import numpy as np

from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.job import costs as c
from backbus.job.own_models import OwnSlippage
from backbus.trading.lots import on_tick
from backbus.trading.own_models import own_price
from backbus.trading.records import Records
from backbus.trading.rules import INSTRUMENT


class _SlippageModel(NamedTuple):
    """The models, as INSTRUMENT records say them."""

    NONE: int = 0
    BASIS_POINTS: int = 1
    HALF_SPREAD: int = 2
    SPREAD_SEEN: int = 3
    VOLUME_SHARE: int = 4
    SQUARE_ROOT: int = 5
    OWN: int = 6


SlippageModel = _SlippageModel()
FOLLOWING_THE_MARKET = (SlippageModel.SPREAD_SEEN, SlippageModel.SQUARE_ROOT, SlippageModel.OWN)
"""Models whose costs change with what was seen, so that no order may be left alone."""
CAPPING = (SlippageModel.VOLUME_SHARE, SlippageModel.OWN)
"""Models that let an order fill in part, where they have a limit."""
BY_VOLUME = (SlippageModel.SQUARE_ROOT,)
"""Models that look at volumes beside those that cap: a market that has none is refused."""


@step
def on_side(state: Any, price: float, quantity: float) -> float:
    """Where the market takes ``quantity`` (signed) at the moment that it is at: what is asked or bid where that is
    known, ``price`` otherwise. ``state`` is the asset's MARKET_STATE."""
    side = state["ask"] if quantity > 0.0 else state["bid"]
    return copied(side) if side == side else price  # noqa: PLR0124  (it is quoted)


@step
def fill_price(instrument: Any, state: Any, reference: float, quantity: float) -> float:
    """Price paid for ``quantity`` (signed) where the market stands at ``reference``; never below zero.

    The market fills by it, and the portfolio reckons with it. Of a share of the bar's volume it is the worst that may
    be. ``state`` is the asset's MARKET_STATE."""
    model = instrument["slippage_model"]
    if model == SlippageModel.NONE:
        return reference
    if model == SlippageModel.BASIS_POINTS:
        if quantity > 0.0:
            return on_tick(instrument, reference * (1.0 + instrument["slippage"]), True)
        return on_tick(instrument, reference * (1.0 - instrument["slippage"]), False)
    if model == SlippageModel.HALF_SPREAD:
        return _moved(instrument, reference, instrument["slippage"], quantity)
    if model == SlippageModel.SPREAD_SEEN:
        return _moved(instrument, reference, instrument["slippage"] * state["spread"], quantity)
    if model == SlippageModel.VOLUME_SHARE:
        return _moved(
            instrument,
            reference,
            reference * instrument["slippage"] * instrument["slippage_limit"] * instrument["slippage_limit"],
            quantity,
        )
    if model == SlippageModel.SQUARE_ROOT and state["mean_volume"] > 0.0:
        size = np.sqrt(abs(quantity) / state["mean_volume"])
        return _moved(instrument, reference, reference * instrument["slippage"] * state["deviation"] * size, quantity)
    if model == SlippageModel.OWN:
        return _own(instrument, state, reference, quantity, instrument["slippage_limit"])
    return reference


@step
def market_price(instrument: Any, state: Any, reference: float, quantity: float) -> float:
    """Price paid for ``quantity`` in a bar whose volume the market knows."""
    if instrument["slippage_model"] in CAPPING and state["bar_volume"] > 0.0:
        share = min(abs(quantity) / state["bar_volume"], instrument["slippage_limit"])
        if instrument["slippage_model"] == SlippageModel.OWN:
            return _own(instrument, state, reference, quantity, share)
        return _moved(instrument, reference, reference * instrument["slippage"] * share * share, quantity)
    return fill_price(instrument, state, reference, quantity)


@step
def _moved(instrument: Any, reference: float, by: float, quantity: float) -> float:
    """A price that is worse by so much, and by what is left to the next of the instrument's steps, if it has any."""
    if quantity > 0.0:
        return on_tick(instrument, reference + by, True)
    return max(on_tick(instrument, reference - by, False), 0.0)


@step
def _own(instrument: Any, state: Any, reference: float, quantity: float, share: float) -> float:
    """The price of a user's function, on the instrument's grid: not better than it said."""
    price = own_price(instrument, state, reference, quantity, share)
    if quantity > 0.0:
        return on_tick(instrument, price, True)
    return max(on_tick(instrument, price, False), 0.0)


@step
def caps(instrument: Any) -> bool:
    """Whether slippage lets an order fill in part."""
    model = instrument["slippage_model"]
    return bool(model in CAPPING and instrument["slippage_limit"] > 0.0)


def any_caps(lines: Records) -> bool:
    """The same of any of the ``INSTRUMENT`` records."""
    return bool((np.isin(lines["slippage_model"], CAPPING) & (lines["slippage_limit"] > 0.0)).any())


def looks_at_volume(slippage: c.Slippage) -> bool:
    """Whether a model needs a market that has volumes."""
    line = np.zeros(1, dtype=INSTRUMENT)
    set_slippage(line, slippage)
    return bool(np.isin(line["slippage_model"], BY_VOLUME)[0]) or any_caps(line)


def set_slippage(lines: Records, slippage: c.Slippage) -> None:
    """Put a slippage model into ``INSTRUMENT`` records, whose tick may not be known yet."""
    match slippage:
        case c.NoSlippage():
            lines["slippage_model"] = SlippageModel.NONE
        case c.BasisPointsSlippage(bps=bps):
            lines["slippage_model"], lines["slippage"] = SlippageModel.BASIS_POINTS, bps / 10_000.0
        case c.HalfSpread(spread=spread):
            lines["slippage_model"] = SlippageModel.SPREAD_SEEN if spread is None else SlippageModel.HALF_SPREAD
            lines["slippage"] = 0.5 if spread is None else spread / 2.0
        case c.VolumeShare(impact=impact, limit=limit):
            lines["slippage_model"], lines["slippage"], lines["slippage_limit"] = (
                SlippageModel.VOLUME_SHARE,
                impact,
                limit,
            )
        case c.SquareRoot(impact=impact):
            lines["slippage_model"], lines["slippage"] = SlippageModel.SQUARE_ROOT, impact
        case OwnSlippage(limit=limit):
            lines["slippage_model"], lines["slippage_limit"] = SlippageModel.OWN, limit or 0.0
        case _:
            assert_never(slippage)
