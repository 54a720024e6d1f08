"""Jobs with functions of the user's own, and functions that repeat the models that are built in."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from backbus.job.job import Job
from backbus.models.functions import OwnFunction


def given(job: Job, *functions: Callable[..., Any]) -> Job:
    """The job with functions that its own models name."""
    return job.given({function.__name__: _known(function) for function in functions})


@functools.cache
def _known(function: Callable[..., Any]) -> OwnFunction:
    """The function as it is loaded once: it is compiled once, too."""
    return OwnFunction(function.__name__, "mine.py", function)


def own(function: Callable[..., Any], **more: Any) -> dict[str, Any]:
    """A table of a job that names a function."""
    return {"model": "own", "use": function.__name__, **more}


# --- slippage ------------------------------------------------------------------------------------------------------


def basis_points(order: Any, market: Any, parameters: Any) -> Any:
    """``bps``."""
    if order.quantity > 0.0:
        return order.price * (1.0 + parameters.bps / 10_000.0)
    return order.price * (1.0 - parameters.bps / 10_000.0)


def half_spread(order: Any, market: Any, parameters: Any) -> Any:
    """``half_spread`` of one spread for all."""
    by = parameters.spread / 2.0
    return order.price + by if order.quantity > 0.0 else max(order.price - by, 0.0)


def spread_seen(order: Any, market: Any, parameters: Any) -> Any:
    """``half_spread`` of a column."""
    by = 0.5 * market.spread
    return order.price + by if order.quantity > 0.0 else max(order.price - by, 0.0)


def volume_share(order: Any, market: Any, parameters: Any) -> Any:
    """``volume_share``."""
    by = order.price * parameters.impact * order.share * order.share
    return order.price + by if order.quantity > 0.0 else max(order.price - by, 0.0)


def square_root(order: Any, market: Any, parameters: Any) -> Any:
    """``square_root``."""
    if not market.mean_volume > 0.0:
        return order.price
    by = order.price * parameters.impact * market.deviation * math.sqrt(abs(order.quantity) / market.mean_volume)
    return order.price + by if order.quantity > 0.0 else max(order.price - by, 0.0)


# --- commission ----------------------------------------------------------------------------------------------------


def per_share(fill: Any, market: Any, parameters: Any) -> Any:
    """``per_share`` with a floor, and a ceiling of one per cent."""
    value = fill.filled_value + fill.value
    fee = max((fill.filled + abs(fill.quantity)) * parameters.fee, parameters.minimum)
    return min(fee, value * 0.01) - fill.charged


def maker_taker(fill: Any, market: Any, parameters: Any) -> Any:
    """``maker_taker``."""
    return fill.value * ((parameters.maker if fill.resting > 0.0 else parameters.taker) / 10_000.0)


# --- sizing --------------------------------------------------------------------------------------------------------


def percent_of_equity(signal: Any, market: Any, parameters: Any) -> Any:
    """``percent_of_equity``."""
    if signal.signal * signal.position > 0.0:
        return signal.position
    weight = signal.signal * (parameters.percent / 100.0)
    side = 1.0 if weight > 0.0 else -1.0
    return side * (max(abs(weight) * signal.equity, 0.0) / signal.worth)


def volatility_target(signal: Any, market: Any, parameters: Any) -> Any:
    """``volatility_target``, which holds what it holds while there are too few returns."""
    if signal.signal * signal.position > 0.0:
        return signal.position
    if not signal.deviation >= 0.0:
        return 0.0
    size, share = parameters.target / signal.assets, parameters.most
    yearly = signal.deviation * math.sqrt(signal.bars_per_year)
    if yearly * share > size:
        share = size / yearly
    weight = signal.signal * share
    side = 1.0 if weight > 0.0 else -1.0
    return side * (max(abs(weight) * signal.equity, 0.0) / signal.worth)


# --- margin --------------------------------------------------------------------------------------------------------


def shares_of_value(position: Any, market: Any, parameters: Any) -> Any:
    """What ``leverage`` and ``margin.maintenance`` come to."""
    return position.value * parameters.initial, position.value * parameters.kept
