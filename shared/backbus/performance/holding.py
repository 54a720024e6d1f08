"""What the market itself did while a strategy traded it: each asset bought for equal parts of the account at its first
close, and held to its last, without costs."""

from __future__ import annotations

import numpy as np

from backbus.jit.arrays import read_only
from backbus.market.panel import Floats
from backbus.performance.sessions import mark_closes
from backbus.trading.records import Records


class HeldThroughout:
    """First and last closes of a run's assets; ``instruments`` are its INSTRUMENT records."""

    __slots__ = ("_first", "_last", "_tells")

    def __init__(self, instruments: Records) -> None:
        self._first, self._last = (np.full(len(instruments), np.nan) for _ in range(2))
        self._tells = not (instruments["settles"] != 0).any() and not (instruments["rate_of"] >= 0).any()
        """Whether prices alone say what holding brings: futures need margin, and currencies have rates."""

    def add(self, close: Floats) -> None:
        """Take the next traded rows, [rows, assets], in prices that corporate actions do not move."""
        unknown = np.isnan(self._first)
        if unknown.any():
            there = ~np.isnan(close)
            begins = np.flatnonzero(unknown & there.any(axis=0))
            self._first[begins] = close[there[:, begins].argmax(axis=0), begins]
        mark_closes(read_only(close), self._last)

    def total_return(self) -> float | None:
        """The mean of what the assets that traded have risen by; None where none did, or prices do not say."""
        traded = ~np.isnan(self._first)
        if not self._tells or not traded.any():
            return None
        found = float((self._last[traded] / self._first[traded] - 1.0).mean())
        return found if np.isfinite(found) else None
