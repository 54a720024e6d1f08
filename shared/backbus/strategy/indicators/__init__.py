"""Indicators: each file is one, and here they are put together, those of bars and those of streams.

Every loop takes its input, its output and its state as arrays and returns nothing. The state is all that it remembers
between two blocks, so that cutting a stream elsewhere changes no byte. A value that is not finite (a hole, or a warm-up
row of another indicator) is skipped: the output there is NaN and the state does not move.
"""

from __future__ import annotations

import inspect
from typing import Any

from backbus.strategy.indicators.atr import Atr
from backbus.strategy.indicators.bollinger import Bollinger
from backbus.strategy.indicators.change import Change
from backbus.strategy.indicators.cross import Cross
from backbus.strategy.indicators.ema import Ema
from backbus.strategy.indicators.extremes import Extremes
from backbus.strategy.indicators.indicated import S
from backbus.strategy.indicators.macd import Macd
from backbus.strategy.indicators.rank import Rank
from backbus.strategy.indicators.rolling import Rolling
from backbus.strategy.indicators.rsi import Rsi
from backbus.strategy.indicators.shift import Shift
from backbus.strategy.indicators.sma import Sma
from backbus.strategy.indicators.zscore import ZScore


class OfBoth(Bollinger[S], Change[S], Extremes[S], Macd[S], Ema[S], Rsi[S], Sma[S], ZScore[S]):
    """What streams have, and bars of their closes, highs or lows."""

    __slots__ = ()


class OfBars(Atr[S], OfBoth[S]):
    """What bars have."""

    __slots__ = ()


class OfStreams(Cross[S], Rank[S], Rolling[S], Shift[S], OfBoth[S]):
    """What streams have."""

    __slots__ = ()


def call_each(of: OfBars[Any] | OfStreams[Any]) -> None:
    """Call every indicator that there is, so that its loop is compiled before anybody waits for it."""
    for name in dir(OfBars if isinstance(of, OfBars) else OfStreams):
        if not name.startswith("_"):
            method = getattr(of, name)
            wanted = inspect.signature(method).parameters.values()
            needed = [one for one in wanted if one.default is one.empty]
            method(*(max if "Callable" in str(one.annotation) else 3 for one in needed))
