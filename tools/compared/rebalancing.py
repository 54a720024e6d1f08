"""What bt's and vectorbt's tables share: prices of a few rows, at whose closes target weights are asked for and met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.compared.playing import Played, play


def frames(prices: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Daily bars of one price each, by symbol."""
    import pandas as pd

    days = pd.date_range("2020-01-01", periods=len(next(iter(prices.values()))))
    columns = ("open", "high", "low", "close")
    return {
        symbol: pd.DataFrame({field: [float(one) for one in series] for field in columns}, index=days)
        for symbol, series in prices.items()
    }


def rebalanced(prices: Mapping[str, Sequence[float]], weights: Sequence[float], **changes: Any) -> Played:
    """The same weights at each close, in the order of the symbols."""
    strategy = {"use": "weights.py:Weights", "weights": list(weights)}
    return play("rebalance", bars=frames(prices), **{"strategy": strategy, **changes})
