"""The signals that an event-style strategy utters, collected bar by bar and turned into records.

The last signal for an asset in a row counts. One for an asset without a bar in that row waits for the asset's next
bar; one uttered in a warm-up row is dropped.
"""

from __future__ import annotations

import difflib
import math

import numpy as np

from backbus.errors import StrategyError
from backbus.market.panel import Layout
from backbus.market.records import DIRECTION, SIGNAL, WEIGHT, Records
from backbus.market.ticks import CLOSE_SIGNAL, PHASES

_SILENCE = np.empty(0, SIGNAL)


class Emission:
    """What has been said in the current row, and the records of the rows before it."""

    __slots__ = ("_assets", "_records", "_symbols", "asset", "said", "speaking")

    def __init__(self, layout: Layout) -> None:
        self._symbols = layout.symbols
        self._assets: dict[str, int] = {}
        self.asset = 0
        """The asset whose bar is being worked on."""
        self.speaking = False
        """Whether a bar is being worked on: signals outside ``on_bar`` are mistakes."""
        self.said: dict[int, tuple[int, float]] = {}
        self._records: list[tuple[int, int, int, float]] = []

    def find(self, symbol: str | None) -> int:
        """Number of an asset; the current bar's for None."""
        if symbol is None:
            return self.asset
        if not self._assets:
            self._assets = {symbol: index for index, symbol in enumerate(self._symbols)}
        asset = self._assets.get(symbol)
        if asset is None:
            close = difflib.get_close_matches(str(symbol), self._symbols, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(self._symbols[:8])}"
            raise StrategyError(f"the data has no symbol {symbol!r}; {hint}")
        return asset

    def direction(self, side: float, strength: float, symbol: str | None) -> None:
        """Want a side with a strength in (0, 1]; side 0 is flat."""
        self._expect_bar()
        if not 0.0 < strength <= 1.0:
            raise StrategyError(f"strength must be above 0 and at most 1, not {strength!r}")
        self.said[self.find(symbol)] = (DIRECTION, side * float(strength) if side else 0.0)

    def weight(self, value: float, symbol: str | None) -> None:
        """Want a share of equity, negative for short."""
        self._expect_bar()
        if not math.isfinite(value):
            raise StrategyError(f"a target weight must be a finite number, not {value!r}")
        self.said[self.find(symbol)] = (WEIGHT, float(value) + 0.0)

    def _expect_bar(self) -> None:
        if not self.speaking:
            raise StrategyError("signals can only be given inside on_bar")

    def end_row(self, row: int, trading: bool, present: list[bool]) -> None:
        """Close a row in which something was said, or is still waiting."""
        if not trading:
            self.said.clear()
            return
        tick = PHASES * row + CLOSE_SIGNAL
        for asset in sorted(self.said):
            if present[asset]:
                self._records.append((tick, asset, *self.said.pop(asset)))

    def take(self) -> Records:
        """The records since the last call, in (row, asset) order."""
        if not self._records:
            return _SILENCE
        records = np.array(self._records, dtype=SIGNAL)
        self._records.clear()
        return records
