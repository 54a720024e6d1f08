"""Intents: the terms of a signal, or of an order that is asked for, put together before it is one."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import step
from backbus.trading.codes import InForce, OrderType, Term
from backbus.trading.order_states import OrderState
from backbus.trading.order_types import take_own_term
from backbus.trading.records import ASSET_SCALE, NO_ORDER, ROW_SCALE
from backbus.trading.trailing import Trail

TAKE_FRACTION, LOSS_FRACTION, TRAILING_FRACTION = 1, 2, 4
"""Bits of an intent's ``fractions``."""


@step
def no_terms(intent: Any) -> None:
    """Forget the terms of the intent before."""
    intent["type"] = OrderType.MARKET
    intent["in_force"] = InForce.GOOD_TILL_CANCELLED
    intent["limit"] = np.nan
    intent["stop"] = np.nan
    intent["start"] = np.nan
    intent["trail"] = np.nan
    intent["until"] = 0
    intent["take_profit"] = 0.0
    intent["stop_loss"] = 0.0
    intent["trailing_loss"] = 0.0
    intent["trailing_begins"] = np.nan
    intent["trailing_gain"] = np.nan
    intent["trailing_then"] = np.nan
    intent["begins"] = np.nan
    intent["gain"] = np.nan
    intent["then"] = np.nan
    intent["begun"] = Trail.BEGUN
    intent["fractions"] = 0
    intent["reduce"] = 0
    intent["state"] = OrderState.LIVE
    intent["at_row"] = -1
    intent["at_asset"] = -1
    intent["group_of"] = NO_ORDER
    intent["instead_of"] = NO_ORDER


@step
def int_of(value: float) -> int:
    """A whole number that came as a float; 0 where it is none."""
    if value > -9e15 and value < 9e15:
        whole: int = np.int64(value)  # type: ignore[assignment]
        return whole
    return 0


@step
def named_order(intent: Any, asset: int, ordinal: float) -> int:
    """The id of the order that an intent of ``asset`` names."""
    of = intent["at_asset"] if intent["at_asset"] >= 0 else asset
    return intent["at_row"] * ROW_SCALE + of * ASSET_SCALE + int_of(ordinal)


@step
def take_term(intent: Any, asset: int, kind: int, value: float) -> None:
    """Take one term of an intent of ``asset``."""
    take_own_term(intent, kind, value)
    if kind == Term.IN_FORCE:
        intent["in_force"] = int_of(value)
    elif kind == Term.UNTIL:
        intent["until"] = int_of(value)
    elif kind in (Term.TAKE_PROFIT, Term.TAKE_PROFIT_FRACTION):
        intent["take_profit"] = value
        intent["fractions"] = intent["fractions"] | (TAKE_FRACTION if kind == Term.TAKE_PROFIT_FRACTION else 0)
    elif kind in (Term.STOP_LOSS, Term.STOP_LOSS_FRACTION):
        intent["stop_loss"] = value
        intent["fractions"] = intent["fractions"] | (LOSS_FRACTION if kind == Term.STOP_LOSS_FRACTION else 0)
    elif kind in (Term.TRAILING_LOSS, Term.TRAILING_LOSS_FRACTION):
        intent["trailing_loss"] = value
        intent["fractions"] = intent["fractions"] | (TRAILING_FRACTION if kind == Term.TRAILING_LOSS_FRACTION else 0)
    elif kind == Term.TRAILING_FROM:
        intent["trailing_begins"] = value
    elif kind == Term.TRAILING_FROM_FRACTION:
        intent["trailing_gain"] = value
    elif kind == Term.TRAILING_THEN:
        intent["trailing_then"] = value
    elif kind == Term.REDUCE:
        intent["reduce"] = 1
    elif kind == Term.ROW:
        intent["at_row"] = int_of(value)
    elif kind == Term.GROUP:
        intent["group_of"] = named_order(intent, asset, value)
    elif kind == Term.INSTEAD_OF:
        intent["instead_of"] = named_order(intent, asset, value)
    elif kind == Term.ASSET:
        intent["at_asset"] = int_of(value)
