"""Bars for tests of figures: frames of days, or of five minutes with nights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def frame(index: pd.DatetimeIndex, seed: int, move: float) -> pd.DataFrame:
    """A walk of closes; each bar opens at the close before."""
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0003, move, len(index))))
    open_ = np.append(100.0, close[:-1])
    high, low = np.maximum(open_, close) * (1.0 + move / 2), np.minimum(open_, close) * (1.0 - move / 2)
    return pd.DataFrame({"open": open_, "high": high, "low": low, "close": close, "volume": 1e6}, index=index)


def days(count: int, symbols: Sequence[str] = ("A",), seed: int = 3) -> dict[str, pd.DataFrame]:
    """Business days from 2020-01-01."""
    index = pd.bdate_range("2020-01-01", periods=count)
    return {symbol: frame(index, seed + place, 0.02) for place, symbol in enumerate(symbols)}


def minutes(sessions: int = 5, seed: int = 5) -> dict[str, pd.DataFrame]:
    """Five minutes each, begun 14:35 to 21:00 UTC, of business days from 2024-03-04."""
    spans = [
        pd.date_range(day + pd.Timedelta("14:35:00"), periods=78, freq="5min")
        for day in pd.bdate_range("2024-03-04", periods=sessions)
    ]
    return {"A": frame(pd.DatetimeIndex(np.concatenate(spans)), seed, 0.001)}
