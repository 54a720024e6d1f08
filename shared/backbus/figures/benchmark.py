"""What a run is measured against: the closes of its ``performance.benchmark``, by rows and by sessions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbus.figures.price import bars_of
from backbus.figures.registry import NothingToShow
from backbus.market.forward_adjusted import Adjusting
from backbus.market.panel import Floats, Ints
from backbus.runs.shown import RunShown


class BenchmarkLevels(NamedTuple):
    """A benchmark in prices that corporate actions do not move, NaN before its first bar."""

    symbol: str
    rows: Floats
    """[rows] of the account: its last close."""
    base: float
    """Its last close before the first of these rows; NaN where there is none."""

    def worth(self, cash: float) -> Floats:
        """[rows] what ``cash`` would be worth, had it been put into the benchmark at ``base``, or at its first close
        where there is none."""
        known = self.rows[np.isfinite(self.rows)]
        base = self.base if np.isfinite(self.base) else known[0] if len(known) else np.nan
        found: Floats = cash * self.rows / base
        return found

    def session_returns(self, ends: Ints) -> Floats:
        """[sessions] simple returns, by the rows that end sessions; NaN where it did not trade before and after."""
        closes = self.rows[ends]
        found: Floats = closes / np.append(self.base, closes[:-1]) - 1.0
        return found


def benchmark_of(run: RunShown) -> tuple[BenchmarkLevels | None, str]:
    """The run's benchmark; none where its job names none. Where it cannot be had, words that say so for a title."""
    symbol = run.settings.get("performance", {}).get("benchmark")
    if symbol is None:
        return None, ""
    try:
        panel = bars_of(run)
    except NothingToShow as said:
        return None, f" (without its benchmark: {said})"
    if symbol not in panel.symbols:
        return None, f" (without its benchmark: the bars have no {symbol})"
    place, adjusting = panel.symbols.index(symbol), Adjusting(panel.layout)
    block = adjusting.take(panel.block).block if adjusting.acts else panel.block
    closes = block.close[:, place]
    known = np.maximum.accumulate(np.where(np.isnan(closes), -1, np.arange(len(closes))))
    last = np.where(known >= 0, closes[known], np.nan)
    rows = run.column("equity", "row")
    first = int(rows[0])
    return BenchmarkLevels(symbol, last[rows], float(last[first - 1]) if first else float("nan")), ""
