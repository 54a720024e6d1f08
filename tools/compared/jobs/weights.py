"""The same target weights again and again: on every row, or on one day of the week."""

from __future__ import annotations

from typing import Any

from backbus import Strategy, param


class Weights(Strategy):
    """``weights`` in the order of the assets, asked for at each close of ``weekday`` (0 is Monday, -1 every day)."""

    weights: list[float]
    weekday: int = param(-1, ge=-1, le=6)

    def on_bar(self, bar: Any) -> None:
        """1970-01-01, the day from which sessions count, was a Thursday."""
        if self.weekday in (-1, (bar.session + 3) % 7):
            self.target_weight(self.weights[bar.asset])
